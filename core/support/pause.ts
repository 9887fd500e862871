/**
 * Holds the chat until all plugins have started, and while they change places: no line begins, nobody comes and nobody
 * leaves. All that waits goes on after.
 */
export class Gate {
  #closed = true
  #forGood = false
  #waiting: Array<() => void> = []

  get closed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#closed = !this.#forGood
  }

  /** Runs what may not happen while it is closed: now, or when it opens, in order. */
  pass(run: () => void): void {
    if (this.#closed) this.#waiting.push(run)
    else run()
  }

  open(): void {
    if (!this.#closed) return
    this.#closed = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
  }

  /** The host stops: it never closes again. */
  openForGood(): void {
    this.#forGood = true
    this.open()
  }
}
