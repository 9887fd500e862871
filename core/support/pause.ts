/**
 * Pauses the chat until all plugins have started, and while they are replaced: no line is started, nobody arrives and
 * nobody leaves. Everything that waits continues afterwards.
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

  /** Runs what must not happen during a pause: now, or in order when the pause ends. */
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

  /** The host is stopping: it is never paused again. */
  endForGood(): void {
    this.#overForGood = true
    this.end()
  }
}
