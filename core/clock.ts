/** Time as the host sees it, so that a test can drive it. */

export type Cancel = () => void

export interface Clock {
  /** Milliseconds since the Unix epoch when the host started, counted on from there: setting the system's clock never moves it. */
  now(): number
  /** Calls `run` once after some milliseconds, and returns what cancels that. */
  setTimeout(run: () => void, milliseconds: number): Cancel
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  setTimeout(run, milliseconds) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}
