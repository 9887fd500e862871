/**
 * The six hooks, each with the tapable class behind it, its event, the verdicts that a tap may return and what silence
 * means. Plugins get the registration side of each; the host calls them.
 */
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesHook, SyncHook } from 'tapable'
import type { Audience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import type { CommandInfo } from './commands.ts'
import type { LineInHand } from './line-event.ts'
import type { CommandVerdict, ConnectVerdict, LineVerdict, Refuse } from './verdicts.ts'

/** When a tap runs among the others of its hook. Within a stage the order is that of the plugins in the config. */
export const Stage = {
  /** Refuses what must not come any further. */
  Guard: -200,
  /** Drops, rewrites or narrows. */
  Filter: -100,
  /** Anything else; the default. */
  Normal: 0,
  /** Delivers what is left. */
  Deliver: 100,
} as const
export type Stage = (typeof Stage)[keyof typeof Stage]

export interface ConnectEvent {
  /** Not yet among the clients; what it is sent arrives ahead of the greeting. */
  readonly client: Client
}

export interface LineEvent {
  readonly client: Client
  /** What was typed, safe to show, never empty, without its line end. A tap may set it to another single line. */
  text: string
  /** Who is to see the line: at first everyone but the sender. A tap may narrow it; it never widens. */
  audience: Audience
}

export interface CommandEvent {
  readonly client: Client
  /** What was typed behind the slash, in lower case: a name or an alias, or a word that is no command. */
  readonly name: string
  /** What was typed behind the name, not split. */
  readonly input: string
  /** The registered command; undefined when there is none of that name. */
  readonly command: CommandInfo | undefined
}

/** What became of a connect, a line or a command. */
export type SettledEvent =
  | {
      readonly hook: 'connect'
      readonly event: ConnectEvent
      readonly verdict: ConnectVerdict
      readonly by: string
    }
  | {
      readonly hook: 'line'
      readonly event: Readonly<LineEvent>
      readonly verdict: LineVerdict
      readonly by: string
    }
  | {
      readonly hook: 'command'
      readonly event: CommandEvent
      readonly verdict: CommandVerdict
      readonly by: string
    }

/**
 * Why a client left. `quit`, `end of input` and `shutdown` are orderly: what is queued is still sent. A plugin may give
 * any other reason to `client.close`.
 */
export type CloseReason =
  | 'quit'
  | 'end of input'
  | 'shutdown'
  | 'connection error'
  | 'slow reader'
  | 'line without end'
  | 'protocol error'
  | 'not a chat client'
  | 'idle'
  | (string & {})

export interface CloseEvent {
  readonly client: Client
  readonly reason: CloseReason
  /** Whether the client can still be sent a last line. */
  readonly orderly: boolean
}

export interface ShutdownEvent {
  readonly reason: string
  /** Aborted when the time to shut down is over. */
  readonly signal: AbortSignal
}

/** What a deciding hook answers: a verdict, and the plugin that gave it. */
export interface Decision<Verdict> {
  readonly verdict: Verdict
  readonly by: string
}

/** The host's side of the hooks. A hook that no tap decides answers undefined. */
export interface Hooks {
  /**
   * A connection has come. Silence admits it; `refuse` sends it a message and closes it. No line of the client is read
   * until all taps have answered.
   */
  readonly connect: AsyncSeriesBailHook<[event: ConnectEvent], Decision<Refuse> | undefined>
  /**
   * A client has sent a line. The first verdict, `deliver` or `drop`, ends it; under silence of all the line is dropped.
   * The next line of the same client waits, those of others do not.
   */
  readonly line: AsyncSeriesBailHook<[event: LineInHand], Decision<LineVerdict> | undefined>
  /**
   * A client has typed a command. Silence runs it, behind all taps; `refuse` answers with a message instead. Also
   * called for a word that is no command, which silence answers with a hint.
   */
  readonly command: AsyncSeriesBailHook<[event: CommandEvent], Decision<Refuse> | undefined>
  /**
   * Called once for every connect, line and command that began, with its verdict and whose it was ('core' when no
   * plugin decided): ahead of a line or a refusal, behind a greeting or an answer. Changes nothing.
   */
  readonly settled: SyncHook<[event: SettledEvent]>
  /** A client that was admitted leaves; its state is freed behind this. All taps run at once. */
  readonly close: AsyncParallelHook<[event: CloseEvent]>
  /** Every connection is closed and the host is about to stop. Taps run in reverse order of the plugins. */
  readonly shutdown: AsyncSeriesHook<[event: ShutdownEvent]>
}

export type HookName = keyof Hooks

/** Tells the watchers, who can change nothing, what became of something. */
export function tellSettled(hooks: Hooks, settled: SettledEvent): void {
  Object.freeze(settled.verdict)
  hooks.settled.call(Object.freeze(settled))
}

export function createHooks(): Hooks {
  return {
    connect: new AsyncSeriesBailHook(['event']),
    line: new AsyncSeriesBailHook(['event']),
    command: new AsyncSeriesBailHook(['event']),
    settled: new SyncHook(['event']),
    close: new AsyncParallelHook(['event']),
    shutdown: new AsyncSeriesHook(['event']),
  }
}
