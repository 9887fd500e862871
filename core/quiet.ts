/** Tells when every line that was read has settled. */
import type { Connection } from './connection.ts'

export class Quiet {
  readonly #connections: ReadonlySet<Connection>
  #waiting: Array<() => void> = []

  constructor(connections: ReadonlySet<Connection>) {
    this.#connections = connections
  }

  /** To be called whenever a line may have settled or a connection have left. */
  check(): void {
    if (this.#waiting.length === 0 || this.#isBusy()) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const done of waiting) done()
  }

  /** Calls back as soon as nothing is under way. */
  when(done: () => void): void {
    this.#waiting.push(done)
    this.check()
  }

  #isBusy(): boolean {
    for (const connection of this.#connections) if (isBusy(connection)) return true
    return false
  }
}

function isBusy(connection: Connection): boolean {
  if (connection.abandon !== undefined) return true
  return (
    !connection.left && (connection.deferred || (connection.reader.unread > 0 && !connection.held))
  )
}
