/**
 * What becomes of a line: it is a command or is offered to the `line` hook, and the verdict is acted on, once, in one
 * synchronous step: watchers are told, and then the line is sent.
 */
import { sayTo, type ChosenAudience } from '../clients/audience.ts'
import { parseArguments, type Command, type CommandRegistry } from '../hooks/commands.ts'
import type { Connection } from '../clients/connection.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { errors, type ChatError } from '../support/errors.ts'
import { tellSettled, type Decision, type Hooks } from '../hooks/hooks.ts'
import type { Isolation } from '../hooks/isolation.ts'
import { LineInHand } from '../hooks/line-event.ts'
import { safeText } from '../support/safe-text.ts'
import { parseTyped } from '../hooks/parse-input.ts'
import { drop, refuse, type CommandVerdict, type LineVerdict } from '../hooks/verdicts.ts'

/** In `by`: no plugin decided. */
export const CORE = 'core'

const NOBODY_DELIVERS: Decision<LineVerdict> = { verdict: drop('no plugin delivered it'), by: CORE }
const SENDER_LEFT: Decision<LineVerdict> = { verdict: drop('its sender left'), by: CORE }
const CALLER_LEFT: Decision<CommandVerdict> = { verdict: refuse('the caller left'), by: CORE }

/** Milliseconds that a command has to end. */
const COMMAND_TIMEOUT = 5000

export interface LinesParts {
  readonly hooks: Hooks
  readonly commands: CommandRegistry
  readonly delivery: Delivery
  readonly everyone: ChosenAudience
  readonly isolation: Isolation
  readonly setting: () => { readonly unknownCommand: 'hint' | 'echo' }
}

export function createLines(parts: LinesParts) {
  const { hooks, commands, delivery, everyone, isolation, setting } = parts

  /** Runs a line of a client to its verdict; `done` is called once, before or after this returns. */
  return function run(connection: Connection, typed: string, done: () => void): void {
    const parsed = parseTyped(typed)
    if (parsed.kind === 'line') return say(connection, parsed.text, done)
    const command = commands.find(parsed.word)
    if (command === undefined && setting().unknownCommand === 'echo')
      return say(connection, typed, done)
    obey(connection, parsed.word, parsed.input, command, done)
  }

  function say(connection: Connection, text: string, done: () => void): void {
    connection.audience ??= everyone.without(connection.client) as ChosenAudience
    const event = new LineInHand(connection.client, text, connection.audience)
    const end = once<Decision<LineVerdict>>(connection, ({ verdict, by }) => {
      const { client, text: said, audience } = event
      tellSettled(hooks, {
        hook: 'line',
        event: Object.freeze({ client, text: said, audience }),
        verdict,
        by,
      })
      if (verdict.kind === 'deliver') {
        sayTo(audience, safeText((verdict.prefix ?? '') + said), delivery)
      }
      done()
    })
    connection.abandon = () => end(SENDER_LEFT)
    hooks.line.callAsync(event, (_error, decision) => end(decision ?? NOBODY_DELIVERS))
  }

  function obey(
    connection: Connection,
    name: string,
    input: string,
    command: Command | undefined,
    done: () => void,
  ): void {
    const { client } = connection
    const event = Object.freeze({ client, name, input, command: command?.info })
    const end = once<Decision<CommandVerdict>>(connection, ({ verdict, by }) => {
      tellSettled(hooks, { hook: 'command', event, verdict, by })
      if (verdict.kind !== 'done' && !connection.left) client.send(verdict.message)
      done()
    })
    connection.abandon = () => end(CALLER_LEFT)
    hooks.command.callAsync(event, (_error, decision) => {
      if (decision !== undefined) end(decision)
      else if (command?.owner.running !== true)
        end({ verdict: refuse(`there is no command /${name}`), by: CORE })
      else if (!connection.left) execute(connection, command, input, end)
    })
  }

  function execute(
    connection: Connection,
    command: Command,
    input: string,
    end: (decision: Decision<CommandVerdict>) => void,
  ): void {
    const { owner, info, spec } = command
    const { client } = connection
    const by = owner.name
    const done: Decision<CommandVerdict> = { verdict: { kind: 'done' }, by }
    const fail = (error: ChatError): void => {
      isolation.report(error)
      end({ verdict: { kind: 'failed', message: `/${info.name} failed` }, by })
    }
    const run = (): unknown => {
      // A schema is a plugin's too: it may throw.
      const parsed = parseArguments(command, input)
      if ('problem' in parsed) return end({ verdict: refuse(parsed.problem), by: CORE })
      // It has begun: a command that makes the client leave, as /quit does, is done by that.
      connection.abandon = () => end(done)
      return spec.run({ client, args: parsed.args, input })
    }
    isolation.call(owner, `/${info.name}`, COMMAND_TIMEOUT, run, {
      ok(answer) {
        try {
          // Throws at what is no text, or fails when it is looked at. A boolean is what client.send has returned.
          if (answer !== undefined && answer !== null && typeof answer !== 'boolean')
            client.send(answer as string)
        } catch {
          return fail(errors.commandAnswer(owner.name, info.name, answer))
        }
        end(done)
      },
      failed: (cause) => fail(errors.commandFailed(owner.name, info.name, cause)),
      late: fail,
    })
  }
}

/** Makes the end of what is under way for a connection: it happens once, whoever comes first. */
function once<T>(connection: Connection, end: (value: T) => void): (value: T) => void {
  let open = true
  return (value) => {
    if (!open) return
    open = false
    connection.abandon = undefined
    end(value)
  }
}
