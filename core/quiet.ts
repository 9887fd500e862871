/** Tells when every line that was read has settled, and when nobody is under way out either. */
import type { Duplex } from 'node:stream'
import type { Connection } from './connection.ts'

interface Waiting {
  readonly done: () => void
  readonly isBusy: (connection: Connection) => boolean
}

export class Quiet {
  readonly #connections: ReadonlySet<Connection>
  #waiting: Waiting[] = []

  constructor(connections: ReadonlySet<Connection>) {
    this.#connections = connections
  }

  /** To be called whenever a line may have settled, a `close` hook have ended or a connection have left. */
  check(): void {
    if (this.#waiting.length === 0) return
    const over = this.#waiting.filter((one) => !this.#isAnyBusy(one.isBusy))
    this.#waiting = this.#waiting.filter((one) => !over.includes(one))
    for (const { done } of over) done()
  }

  /** Calls back as soon as every line has settled, or every one that came over one stream. */
  when(done: () => void, stream?: Duplex): void {
    const counts = (one: Connection): boolean => stream === undefined || one.stream === stream
    this.#wait({ done, isBusy: (one) => counts(one) && isBusy(one) })
  }

  /** Calls back as soon as every `close` hook has ended too. Returns what makes it wait no longer. */
  whenStill(done: () => void): () => void {
    const waiting = { done, isBusy: (one: Connection) => one.closing || isBusy(one) }
    this.#wait(waiting)
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== waiting)
    }
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.check()
  }

  #isAnyBusy(busy: (connection: Connection) => boolean): boolean {
    for (const connection of this.#connections) if (busy(connection)) return true
    return false
  }
}

function isBusy(connection: Connection): boolean {
  if (connection.abandon !== undefined) return true
  if (connection.left || connection.held) return false
  return connection.deferred || connection.reader.unread > 0
}
