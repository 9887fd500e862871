/** Whose things are: a plugin in the host, and what it holds that goes with it. */
import type { Cancel } from './clock.ts'
import type { LogSink } from './log.ts'

/** A tap of a plugin, with how it fares. */
export interface Tap {
  readonly hook: string
  readonly owner: PluginInstance
  readonly name: string
  /** What the plugin calls it, where it does. */
  readonly label: string | undefined
  readonly stage: number
  readonly timeout: number
  readonly onFailure: unknown
  readonly run: (event: never) => unknown
  /** Times in a row that it has hung. */
  hangs: number
  /** Until when it is skipped, by the clock's milliseconds. */
  skippedUntil: number
}

/** `Validated` is what the plugin was made of; only the lifecycle of plugins knows more of it. */
export interface PluginInstance<Validated = unknown> {
  readonly name: string
  /** Its place in the order of plugins. */
  index: number
  readonly validated: Validated
  /** Whose place it takes; undefined once that one has gone. */
  before: PluginInstance<Validated> | undefined
  /** What the one before it kept. */
  readonly inherited: ReadonlyMap<string, unknown> | undefined
  /** True while it is set up: what it registers counts only once all that is set up with it goes live. */
  staged: boolean
  /** Whether a reload under way will take it out, so that its names are free for others. */
  leaving: boolean
  /** False from the moment it is taken out: whatever is still under way for it is skipped. One that has a place still has failed. */
  active: boolean
  /** True from the end of its start until it is taken out. Only then is it called for what clients do. */
  running: boolean
  /** Whether it may have acquired something that it has to release. */
  started: boolean
  readonly abort: AbortController
  /** In the order in which it tapped. */
  readonly taps: Tap[]
  /** What it asked for while it was staged and that begins when it goes live. */
  readonly deferred: Array<() => void>
  /** What it keeps over a reload, by name. */
  readonly kept: Map<string, unknown>
  readonly starts: Array<() => unknown>
  readonly disposers: Array<() => unknown>
  /** Settles when it is gone; undefined while nobody has asked for that. */
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
    started: false,
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

/** Does what an owner asks for, or, while it is staged, puts it off until it goes live. */
export function whenLive(owner: PluginInstance, run: () => void): void {
  if (owner.staged) owner.deferred.push(run)
  else run()
}

/** Whether a tap of it has an `onFailure`, which answers for it when it cannot. */
export function hasGuards(owner: PluginInstance): boolean {
  return owner.taps.some(({ onFailure }) => onFailure !== undefined)
}
