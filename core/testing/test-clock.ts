/** A clock that only moves when a test advances it. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Cancel, Clock } from '../support/clock.ts'

export interface TestClock extends Clock {
  /** Advances it by some milliseconds, and runs the timers that come due, one at a time. */
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
      // A timer of 0 ms that is set by a timer fires in the next millisecond: it may set itself again forever.
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
