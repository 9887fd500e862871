/**
 * The seven hooks: the tapable class of each, its event, the verdicts that a tap may return, and what silence means.
 * Plugins get the registration side of each; the host calls them.
 */
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesHook, SyncHook } from 'tapable'
import type { CurrentLine } from './current-line.ts'
import type {
  CloseEvent,
  CommandEvent,
  ConnectEvent,
  LineEvent,
  MessageEvent,
  SettledEvent,
  ShutdownEvent,
} from './events.ts'
import type { DecidingHook, TellingHook, WatchingHook } from './tap-options.ts'
import type { LineVerdict, Refuse } from './verdicts.ts'

/** The value of `by` when no plugin decided. */
export const CORE = 'core'

/** The answer of a deciding hook: a verdict, and the plugin that gave it. */
export interface Decision<Verdict> {
  readonly verdict: Verdict
  readonly by: string
}

/** The host's side of the hooks. A hook answers undefined when no tap decides. */
export interface Hooks {
  /**
   * A connection has been accepted. Silence admits it; `refuse` sends it a message and closes it. No line of the client
   * is read until all taps have answered.
   */
  readonly connect: AsyncSeriesBailHook<[event: ConnectEvent], Decision<Refuse> | undefined>
  /**
   * A client has sent a line. The first verdict, `deliver` or `drop`, settles it; if all taps are silent, the line is
   * dropped. The client's next line waits for it; other clients' lines do not.
   */
  readonly line: AsyncSeriesBailHook<[event: CurrentLine], Decision<LineVerdict> | undefined>
  /**
   * A client has typed a command. Silence runs it, after all taps; `refuse` answers with a message instead. Also called
   * for unknown commands, which silence answers with a hint.
   */
  readonly command: AsyncSeriesBailHook<[event: CommandEvent], Decision<Refuse> | undefined>
  /**
   * Called once for every connect, line and command that began, with its verdict and who gave it ('core' when no plugin
   * decided): before a line or a refusal is sent, after a greeting or an answer. Cannot change anything.
   */
  readonly settled: SyncHook<[event: SettledEvent]>
  /**
   * Called once for every line that was accepted for an audience, by whatever means, in order, before it is sent. What a
   * tap says comes after the message that it was called for. Cannot change anything.
   */
  readonly message: SyncHook<[event: MessageEvent]>
  /** An admitted client is leaving; its state is freed afterwards. All taps run at once. */
  readonly close: AsyncParallelHook<[event: CloseEvent]>
  /** Every connection is closed and the host is about to stop. Taps run in reverse order of the plugins. */
  readonly shutdown: AsyncSeriesHook<[event: ShutdownEvent]>
}

export type HookName = keyof Hooks

/** The hooks as plugins see them; `Hooks` states the contract of each. */
export interface PluginHooks {
  readonly connect: DecidingHook<ConnectEvent, Refuse>
  readonly line: DecidingHook<LineEvent, LineVerdict>
  readonly command: DecidingHook<CommandEvent, Refuse>
  readonly settled: WatchingHook<SettledEvent>
  readonly message: WatchingHook<MessageEvent>
  readonly close: TellingHook<CloseEvent>
  readonly shutdown: TellingHook<ShutdownEvent>
}

/** Notifies the `settled` taps, which can change nothing. */
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
    message: new SyncHook(['event']),
    close: new AsyncParallelHook(['event']),
    shutdown: new AsyncSeriesHook(['event']),
  }
}
