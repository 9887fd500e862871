/** A clock that stands still until a test moves it. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Cancel, Clock } from '../clock.ts'

export interface TestClock extends Clock {
  /** Moves it on by some milliseconds, and runs what comes due, one after the other. */
  advance(milliseconds: number): Promise<void>
}

export function createTestClock(start: number): TestClock {
  let now = start
  const timers = new Set<{ readonly due: number; readonly run: () => void }>()
  return {
    now: () => now,
    date: () => now,
    setTimeout(run, milliseconds): Cancel {
      // Like Node's own timers: one that sets itself anew each time moves on, too.
      const timer = { due: now + Math.max(1, milliseconds), run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async advance(milliseconds) {
      const end = now + milliseconds
      for (;;) {
        const [next] = [...timers].filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)
        if (next === undefined) break
        timers.delete(next)
        now = Math.max(now, next.due)
        next.run()
        await turn()
      }
      now = end
    },
  }
}
