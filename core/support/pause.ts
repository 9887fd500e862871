/**
 * Pauses the chat until all plugins have started, and while they are replaced: no line begins, nobody arrives and nobody
 * leaves. All that waits goes on afterwards.
 */
export class Pause {
  #active = true
  #overForGood = false
  #waiting: Array<() => void> = []

  get active(): boolean {
    return this.#active
  }

  begin(): void {
    this.#active = !this.#overForGood
  }

  /** Runs what may not happen during a pause: now, or when it ends, in order. */
  whenOver(run: () => void): void {
    if (this.#active) this.#waiting.push(run)
    else run()
  }

  end(): void {
    if (!this.#active) return
    this.#active = false
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
  }

  /** The host stops: it is never paused again. */
  endForGood(): void {
    this.#overForGood = true
    this.end()
  }
}
