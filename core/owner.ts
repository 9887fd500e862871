/** Whose things are: a plugin in the host, and what it holds that goes with it. */
import type { Cancel } from './clock.ts'
import type { LogSink } from './log.ts'
import type { CheckedPlugin } from './check-plugins.ts'

export interface Owner {
  readonly name: string
  /** Its place in the order of plugins. */
  readonly index: number
  readonly checked: CheckedPlugin
  /** False from the moment it is disposed of: whatever is still under way for it is skipped. */
  active: boolean
  /** Whether it may have acquired something that it has to release. */
  started: boolean
  readonly abort: AbortController
  readonly starts: Array<() => unknown>
  readonly disposers: Array<() => unknown>
  /** Settles when it is gone; undefined while nobody has asked for that. */
  disposed: Promise<void> | undefined
  readonly timers: Set<Cancel>
  readonly sinks: LogSink[]
}

export function createOwner(checked: CheckedPlugin, index: number): Owner {
  return {
    name: checked.plugin.name,
    index,
    checked,
    active: true,
    started: false,
    abort: new AbortController(),
    starts: [],
    disposers: [],
    disposed: undefined,
    timers: new Set(),
    sinks: [],
  }
}
