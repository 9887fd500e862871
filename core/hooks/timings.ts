/** How often each plugin was called and how long that took, measured from the moment somebody asks; and its faults. */

export interface Tally {
  calls: number
  /** Milliseconds until it had answered, those in which it waited for something included. */
  time: number
}

export class Timings {
  /** When measuring began, by the clock's milliseconds; undefined while nobody has asked. */
  since: number | undefined
  readonly #tallies = new Map<string, Tally>()
  readonly #faults = new Map<string, number>()

  /** Counted from the start of the host: faults are few. */
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

  /** A call of a plugin begins; what is returned is to be called at its end. Undefined while nobody has asked. */
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

/** A tap with its time taken. The clock is stopped ahead of `done`, which calls the next tap. */
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
