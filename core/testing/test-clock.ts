/** A clock that stands still until a test moves it. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Cancel, Clock } from '../support/clock.ts'

export interface TestClock extends Clock {
  /** Moves it on by some milliseconds, and runs what comes due, one after the other. */
  advance(milliseconds: number): Promise<void>
}

export function createTestClock(start: number): TestClock {
  let now = start
  let isRunning = false
  const timers = new Set<{ readonly due: number; readonly run: () => void }>()
  return {
    now: () => now,
    date: () => now,
    setTimeout(run, milliseconds): Cancel {
      // One of no time that a timer sets is for the next millisecond: it may set itself anew for ever.
      const timer = { due: now + (isRunning ? Math.max(1, milliseconds) : milliseconds), run }
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
        isRunning = true
        next.run()
        await turn()
        isRunning = false
      }
      now = end
    },
  }
}
