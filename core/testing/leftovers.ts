/** What is left in the process behind something that has been run many times: listeners, open handles, rejections. */
import { readdirSync } from 'node:fs'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe } from '../support/errors.ts'

/** How many there are of each thing, by its name. */
export type Census = ReadonlyMap<string, number>

/** Milliseconds that handles have to close. */
const CLOSING = 1000

/** Process events and how many listen to each. */
export function countListeners(): Census {
  const names = process.eventNames()
  return new Map(names.map((name) => [String(name), process.listenerCount(name)]))
}

/** What keeps the process alive, as `TCPServerWrap` or `Timeout`, and, where the system tells, open files. */
export function countHandles(): Census {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  try {
    counts.set('open file', readdirSync('/dev/fd').length)
  } catch {
    // Not on every system.
  }
  return counts
}

/** Of which things there are more than before, by at least so many, as `Timeout (20 more)`. */
export function grown(before: Census, after: Census, least: number): string[] {
  return [...after]
    .map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
    .filter(([, more]) => more >= least)
    .map(([name, more]) => `${name} (${more} more)`)
}

/** Handles close in their own time: returns those that are still too many after it. Timers are gone at once. */
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
  /** What nobody caught so far, in words, each once. */
  readonly seen: ReadonlySet<string>
  stop(): void
}

/** Collects what nobody catches, in place of the end of the process. */
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

/** How many of some objects are still there when all that can be has been collected. */
export async function countKept(references: ReadonlyArray<WeakRef<object>>): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A WeakRef keeps its target to the end of the turn in which it was looked at.
  for (let round = 0; round < 3; round++) {
    await turn()
    collect()
  }
  return references.filter((reference) => reference.deref() !== undefined).length
}
