/** Finds what code that ran many times leaves behind in the process: listeners, open handles, unhandled rejections. */
import { readdirSync } from 'node:fs'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe } from '../support/errors.ts'

/** The count of each thing, by its name. */
export type Census = ReadonlyMap<string, number>

/** Milliseconds for handles to close. */
const CLOSING = 1000

/** The number of listeners of each process event. */
export function countListeners(): Census {
  const names = process.eventNames()
  return new Map(names.map((name) => [String(name), process.listenerCount(name)]))
}

/**
 * The resources that keep the process alive, such as `TCPServerWrap` or `Timeout`, and, if the system tells, open
 * files.
 */
export function countHandles(): Census {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  try {
    counts.set('open file', readdirSync('/dev/fd').length)
  } catch {
    // Not available on every system.
  }
  return counts
}

/** The things of which there are at least `least` more than before, as `Timeout (20 more)`. */
export function grown(before: Census, after: Census, least: number): string[] {
  return [...after]
    .map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
    .filter(([, more]) => more >= least)
    .map(([name, more]) => `${name} (${more} more)`)
}

/** Handles close asynchronously: returns those that are still too many after a while. Timers are gone at once. */
export async function grownHandles(before: Census, least: number): Promise<string[]> {
  const timers = grown(before, countHandles(), least).filter((text) => text.startsWith('Timeout '))
  if (timers.length > 0) return timers
  const begun = performance.now()
  for (;;) {
    const more = grown(before, countHandles(), least)
    if (more.length === 0 || performance.now() - begun > CLOSING) return more
    await wait(20)
  }
}

export interface Uncaught {
  /** Descriptions of what was not caught so far, each once. */
  readonly seen: ReadonlySet<string>
  stop(): void
}

/** Collects uncaught errors and rejections, instead of letting them end the process. */
export function watchUncaught(): Uncaught {
  const seen = new Set<string>()
  const rejected = (reason: unknown): void => void seen.add(`rejected: ${describe(reason)}`)
  const thrown = (error: unknown): void => void seen.add(`thrown: ${describe(error)}`)
  process.on('unhandledRejection', rejected)
  process.on('uncaughtException', thrown)
  return {
    seen,
    stop() {
      process.off('unhandledRejection', rejected)
      process.off('uncaughtException', thrown)
    },
  }
}

/** How many of some objects remain after garbage collection. */
export async function countKept(references: ReadonlyArray<WeakRef<object>>): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A WeakRef keeps its target alive until the end of the turn in which it was read.
  for (let round = 0; round < 3; round++) {
    await turn()
    collect()
  }
  return references.filter((reference) => reference.deref() !== undefined).length
}
