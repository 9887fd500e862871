/** An acceptance figure: a promise with numbers, and how to measure it. */
import { startHost, startOther, type HostSetup, type RunningHost, type Server } from './host.ts'

export interface Measured {
  /** What was measured, in the order of the promise. */
  readonly measured: string
  readonly met: boolean
}

export interface Figure {
  /** Such as `A1`. */
  readonly id: string
  readonly title: string
  readonly promised: string
  /** Whether it can be measured with other servers too. */
  readonly ofOthers: boolean
  measure(stage: Stage): Promise<Measured>
}

/** Starts and stops the servers that are measured. */
export class Stage {
  /** The command of another server to measure. */
  readonly other: string | undefined
  readonly #ends: Array<() => Promise<void>> = []

  constructor(other: string | undefined) {
    this.other = other
  }

  /** The server that is measured: the host with this setup, or the other one. */
  async server(setup?: HostSetup): Promise<Server & { readonly host: RunningHost | undefined }> {
    const running =
      this.other === undefined
        ? await startHost(setup)
        : await startOther(this.other, setup?.before)
    this.later(() => running.kill())
    return Object.assign(running, { host: this.other === undefined ? running : undefined })
  }

  /** A host, whichever server is measured. */
  async host(setup?: HostSetup): Promise<RunningHost> {
    const host = await startHost(setup)
    this.later(() => host.kill())
    return host
  }

  /** Registers a cleanup; the last one runs first. */
  later(end: () => Promise<void>): void {
    this.#ends.push(end)
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end()
  }
}

export function ms(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(microseconds < 10_000 ? 2 : 1)} ms`
}

export function count(number: number): string {
  return number.toLocaleString('en')
}

/** Calls `sample` repeatedly, and returns a function that gives the largest number. */
export function peakOf(sample: () => number): () => number {
  let peak = sample()
  const timer = setInterval(() => {
    peak = Math.max(peak, sample())
  }, 100)
  return () => {
    clearInterval(timer)
    return Math.max(peak, sample())
  }
}
