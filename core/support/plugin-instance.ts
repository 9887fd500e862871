/** A plugin in the host, and everything that it owns and that is removed with it. */
import type { Cancel } from './clock.ts'
import type { LogSink } from './log.ts'

/** A tap of a plugin, and its recent timeouts. */
export interface Tap {
  readonly hook: string
  readonly owner: PluginInstance
  readonly name: string
  /** The plugin's name for it, if any. */
  readonly label: string | undefined
  readonly stage: number
  readonly timeout: number
  readonly onFailure: unknown
  readonly run: (event: never) => unknown
  /** Timeouts in a row. */
  hangs: number
  /** Until when it is skipped, by the clock's milliseconds. */
  skippedUntil: number
}

/** `Validated` is the plugin's checked definition; only the lifecycle knows its type. */
export interface PluginInstance<Validated = unknown> {
  readonly name: string
  /** Its index in the order of plugins. */
  index: number
  readonly validated: Validated
  /** The instance that it replaces; undefined once that one is gone. */
  before: PluginInstance<Validated> | undefined
  /** What the previous instance kept. */
  readonly inherited: ReadonlyMap<string, unknown> | undefined
  /** True during setup: what it registers only takes effect when everything set up together goes live. */
  staged: boolean
  /** Whether a reload in progress will remove it, so that its names are free for others. */
  leaving: boolean
  /**
   * False once it has been removed: whatever is still pending for it is skipped. An inactive instance that still has a
   * place has failed.
   */
  active: boolean
  /** True from the end of its start until it is removed. Only then is it called for what clients do. */
  running: boolean
  /** Whether it, or one set up with it, has begun to start: nothing that it asks for touches a disk before. */
  begun: boolean
  /** Whether it may have acquired something that must be released. */
  started: boolean
  /** True once it has released all of that: it cannot even store anything any more. */
  gone: boolean
  /** Whether it has used its store. */
  stores: boolean
  readonly abort: AbortController
  /** In order of registration. */
  readonly taps: Tap[]
  /** What it asked for in setup and that begins when it goes live. */
  readonly deferred: Array<() => void>
  /** What it keeps across a reload, by name. */
  readonly kept: Map<string, unknown>
  readonly starts: Array<() => unknown>
  readonly disposers: Array<() => unknown>
  /** Settles when it has been disposed of; undefined until that begins. */
  disposed: Promise<void> | undefined
  readonly timers: Set<Cancel>
  readonly sinks: LogSink[]
}

export function createInstance<Validated>(
  name: string,
  validated: Validated,
  before?: PluginInstance<Validated>,
): PluginInstance<Validated> {
  return {
    name,
    index: -1,
    validated,
    before,
    inherited: before?.kept,
    staged: true,
    leaving: false,
    active: true,
    running: false,
    begun: false,
    started: false,
    gone: false,
    stores: false,
    abort: new AbortController(),
    taps: [],
    deferred: [],
    kept: new Map(),
    starts: [],
    disposers: [],
    disposed: undefined,
    timers: new Set(),
    sinks: [],
  }
}

/** Runs what a plugin asks for: now, or, while it is staged, when it goes live. */
export function whenLive(owner: PluginInstance, run: () => void): void {
  if (owner.staged) owner.deferred.push(run)
  else run()
}

/** Whether one of its taps has an `onFailure`, which answers for it when it cannot. */
export function hasGuards(owner: PluginInstance): boolean {
  return owner.taps.some(({ onFailure }) => onFailure !== undefined)
}
