/**
 * Runs each line to its verdict: as a command, or through the `line` hook. The verdict is acted on once, synchronously:
 * watchers are notified, then the line is sent.
 */
import type { ChosenAudience } from '../clients/audience.ts'
import { type Command, type CommandRegistry, parseArguments } from '../commands/commands.ts'
import { parseInput } from '../commands/parse-input.ts'
import { CurrentLine } from '../hooks/current-line.ts'
import { CORE, tellSettled, type Decision, type Hooks } from '../hooks/hooks.ts'
import type { Isolation } from '../hooks/isolation.ts'
import type { Tags } from '../hooks/tags.ts'
import { drop, refuse, type CommandVerdict, type LineVerdict } from '../hooks/verdicts.ts'
import { errors, type ChatError } from '../support/errors.ts'
import type { Messages } from './messages.ts'
import type { Session } from './session.ts'

const NOBODY_DELIVERS: Decision<LineVerdict> = { verdict: drop('no plugin delivered it'), by: CORE }
const SENDER_LEFT: Decision<LineVerdict> = { verdict: drop('its sender left'), by: CORE }
const CALLER_LEFT: Decision<CommandVerdict> = { verdict: refuse('the caller left'), by: CORE }

/** Milliseconds for a command to finish. */
const COMMAND_TIMEOUT = 5000

export interface LinesParts {
  readonly hooks: Hooks
  readonly commands: CommandRegistry
  readonly messages: Messages
  readonly everyone: ChosenAudience
  readonly isolation: Isolation
  readonly setting: () => { readonly unknownCommand: 'hint' | 'echo' }
}

/** A line that a plugin says for a client. */
export interface SaidLine {
  readonly text: string
  readonly tags: Tags
  /** Narrows who sees it. */
  readonly audience: ChosenAudience | undefined
}

export interface Lines {
  /** Runs a line that a client typed to its verdict; `done` is called once, before or after this returns. */
  run(session: Session, typed: string, done: () => void): void
  /** The same for a line said for it. `done` is given whether it was delivered. */
  say(session: Session, line: SaidLine, done: (delivered: boolean) => void): void
}

export function createLines(parts: LinesParts): Lines {
  const { hooks, commands, messages, everyone, isolation, setting } = parts

  function runTyped(session: Session, typed: string, done: () => void): void {
    const parsed = parseInput(typed)
    if (parsed.kind === 'line') return runLine(session, parsed.text, done)
    const command = commands.find(parsed.word)
    if (command === undefined && setting().unknownCommand === 'echo')
      return runLine(session, typed, done)
    runCommand(session, parsed.word, parsed.input, command, done)
  }

  function runLine(session: Session, text: string, done: () => void): void {
    const line = lineOf(session, text)
    const end = session.begin<Decision<LineVerdict>>((decision) => {
      settle(line, decision)
      done()
    })
    session.abandon = () => end(SENDER_LEFT)
    hooks.line.callAsync(line, (_error, decision) => end(decision ?? NOBODY_DELIVERS))
  }

  function say(
    session: Session,
    { text, tags, audience }: SaidLine,
    done: (delivered: boolean) => void,
  ): void {
    const line = lineOf(session, text, tags)
    if (audience !== undefined) line.narrow(audience)
    let open = true
    const end = (decision: Decision<LineVerdict>): void => {
      if (!open) return
      open = false
      session.saying.delete(abandon)
      settle(line, decision)
      done(decision.verdict.kind === 'deliver')
    }
    const abandon = (): void => end(SENDER_LEFT)
    session.saying.add(abandon)
    hooks.line.callAsync(line, (_error, decision) => end(decision ?? NOBODY_DELIVERS))
  }

  function lineOf(session: Session, text: string, tags?: Tags): CurrentLine {
    const { client } = session.connection
    session.audience ??= everyone.without(client) as ChosenAudience
    return new CurrentLine(client, text, session.audience, tags)
  }

  function settle(
    { client, text, audience, tags }: CurrentLine,
    decision: Decision<LineVerdict>,
  ): void {
    const { verdict, by } = decision
    const event = Object.freeze({ client, text, audience, tags })
    tellSettled(hooks, { hook: 'line', event, verdict, by })
    if (verdict.kind !== 'deliver') return
    const author = { name: client.name, client }
    const { prefix = '' } = verdict
    messages.accept({ kind: 'line', author, prefix, text, audience, tags, plugin: by })
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

  return { run: runTyped, say }
}
