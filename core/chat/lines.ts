/**
 * Runs each line to its verdict: as a command, or through the `line` hook. The verdict is acted on once, synchronously:
 * watchers are notified, then the line is sent.
 */
import { sayTo, type ChosenAudience } from '../clients/audience.ts'
import { parseArguments, type Command, type CommandRegistry } from '../commands/commands.ts'
import { parseInput } from '../commands/parse-input.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { CurrentLine } from '../hooks/current-line.ts'
import { CORE, tellSettled, type Decision, type Hooks } from '../hooks/hooks.ts'
import type { Isolation } from '../hooks/isolation.ts'
import { drop, refuse, type CommandVerdict, type LineVerdict } from '../hooks/verdicts.ts'
import { errors, type ChatError } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'
import type { Session } from './session.ts'

const NOBODY_DELIVERS: Decision<LineVerdict> = { verdict: drop('no plugin delivered it'), by: CORE }
const SENDER_LEFT: Decision<LineVerdict> = { verdict: drop('its sender left'), by: CORE }
const CALLER_LEFT: Decision<CommandVerdict> = { verdict: refuse('the caller left'), by: CORE }

/** Milliseconds for a command to finish. */
const COMMAND_TIMEOUT = 5000

export interface LinesParts {
  readonly hooks: Hooks
  readonly commands: CommandRegistry
  readonly delivery: Delivery
  readonly everyone: ChosenAudience
  readonly isolation: Isolation
  readonly setting: () => { readonly unknownCommand: 'hint' | 'echo' }
}

export function createLineRunner(parts: LinesParts) {
  const { hooks, commands, delivery, everyone, isolation, setting } = parts

  /** Runs a line of a client to its verdict; `done` is called once, before or after this returns. */
  return function run(session: Session, typed: string, done: () => void): void {
    const parsed = parseInput(typed)
    if (parsed.kind === 'line') return runLine(session, parsed.text, done)
    const command = commands.find(parsed.word)
    if (command === undefined && setting().unknownCommand === 'echo')
      return runLine(session, typed, done)
    runCommand(session, parsed.word, parsed.input, command, done)
  }

  function runLine(session: Session, text: string, done: () => void): void {
    const { client: sender } = session.connection
    session.audience ??= everyone.without(sender) as ChosenAudience
    const event = new CurrentLine(sender, text, session.audience)
    const end = session.begin<Decision<LineVerdict>>(({ verdict, by }) => {
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
    session.abandon = () => end(SENDER_LEFT)
    hooks.line.callAsync(event, (_error, decision) => end(decision ?? NOBODY_DELIVERS))
  }

  function runCommand(
    session: Session,
    name: string,
    input: string,
    command: Command | undefined,
    done: () => void,
  ): void {
    const { connection } = session
    const { client } = connection
    const event = Object.freeze({ client, name, input, command: command?.info })
    const end = session.begin<Decision<CommandVerdict>>(({ verdict, by }) => {
      tellSettled(hooks, { hook: 'command', event, verdict, by })
      if (verdict.kind !== 'done' && !connection.left) client.send(verdict.message)
      done()
    })
    session.abandon = () => end(CALLER_LEFT)
    hooks.command.callAsync(event, (_error, decision) => {
      if (decision !== undefined) end(decision)
      else if (command?.owner.running !== true)
        end({ verdict: refuse(`there is no command /${name}`), by: CORE })
      else if (!connection.left) execute(session, command, input, end)
    })
  }

  function execute(
    session: Session,
    command: Command,
    input: string,
    end: (decision: Decision<CommandVerdict>) => void,
  ): void {
    const { owner, info, spec } = command
    const { client } = session.connection
    const by = owner.name
    const done: Decision<CommandVerdict> = { verdict: { kind: 'done' }, by }
    const fail = (error: ChatError): void => {
      isolation.report(error)
      end({ verdict: { kind: 'failed', message: `/${info.name} failed` }, by })
    }
    const run = (): unknown => {
      // A schema is plugin code too: it may throw.
      const parsed = parseArguments(command, input)
      if ('problem' in parsed) return end({ verdict: refuse(parsed.problem), by: CORE })
      // From here on it has begun: a command that makes its client leave, as /quit does, counts as done.
      session.abandon = () => end(done)
      return spec.run({ client, args: parsed.args, input })
    }
    isolation.call(owner, `/${info.name}`, COMMAND_TIMEOUT, run, {
      ok(answer) {
        try {
          // Throws if it is not a text, or if reading it throws. A boolean is the result of client.send.
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
