/**
 * How often each plugin is called and how long that takes, measured once somebody has asked; and how often it has
 * failed.
 */

export interface Tally {
  calls: number
  /** Milliseconds until it answered, including those that it spent waiting. */
  time: number
}

export class Timings {
  /** When measuring began, by the clock's milliseconds; undefined until somebody asks. */
  since: number | undefined
  readonly #tallies = new Map<string, Tally>()
  readonly #faults = new Map<string, number>()

  /** Counted from the start of the host, since failures are rare. */
  fault(plugin: string | undefined): void {
    if (plugin !== undefined) this.#faults.set(plugin, this.faultsOf(plugin) + 1)
  }

  faultsOf(plugin: string): number {
    return this.#faults.get(plugin) ?? 0
  }

  of(plugin: string): Tally {
    const known = this.#tallies.get(plugin)
    if (known !== undefined) return known
    const tally = { calls: 0, time: 0 }
    this.#tallies.set(plugin, tally)
    return tally
  }

  /** Begins a call of a plugin; the returned function ends it. Undefined until somebody asks for timings. */
  begin(plugin: string): (() => void) | undefined {
    if (this.since === undefined) return undefined
    const tally = this.of(plugin)
    const begun = performance.now()
    return () => {
      tally.calls++
      tally.time += performance.now() - begun
    }
  }
}

type Done<Args extends unknown[]> = (...args: Args) => void

/** Measures a tap. The measurement ends before `done`, which calls the next tap. */
export function timed<Event, Args extends unknown[]>(
  plugin: string,
  timings: Timings,
  tap: (event: Event, done: Done<Args>) => void,
): (event: Event, done: Done<Args>) => void {
  return (event, done) => {
    const end = timings.begin(plugin)
    tap(event, (...args) => {
      end?.()
      done(...args)
    })
  }
}
