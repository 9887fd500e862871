/** Time as the host sees it, so that a test can drive it. */

export type Cancel = () => void

export interface Clock {
  /**
   * Milliseconds since the Unix epoch, counted on monotonically from the host's start: setting the system's clock does
   * not move it.
   */
  now(): number
  /** Milliseconds since the Unix epoch by the system's clock: the time of day. */
  date(): number
  /** Calls `run` once after some milliseconds; the returned function cancels it. */
  setTimeout(run: () => void, milliseconds: number): Cancel
}

/** Above this Node's timers fire immediately (nodejs.org/api/timers.html, setTimeout). */
const LONGEST = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  date: () => Date.now(),
  setTimeout(run, milliseconds) {
    let timer: NodeJS.Timeout
    const wait = (left: number): void => {
      timer = setTimeout(
        () => (left > LONGEST ? wait(left - LONGEST) : run()),
        Math.min(left, LONGEST),
      )
    }
    wait(milliseconds)
    return () => clearTimeout(timer)
  },
}
