/** Tells when every line that was read has settled, and when nobody is under way out either. */
import type { Duplex } from 'node:stream'
import type { Connection } from '../clients/connection.ts'

interface Waiting {
  readonly done: () => void
  readonly isBusy: (connection: Connection) => boolean
  /** Those that were busy when all were looked at: with thousands of them, all are looked at again only when these are done. */
  readonly busy: Set<Connection>
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
    const over = this.#waiting.filter((one) => !this.#isAnyBusy(one))
    this.#waiting = this.#waiting.filter((one) => !over.includes(one))
    for (const { done } of over) done()
  }

  /** Calls back as soon as every line has settled, or every one that came over one stream. */
  when(done: () => void, stream?: Duplex): void {
    const counts = (one: Connection): boolean => stream === undefined || one.stream === stream
    this.#wait({ done, isBusy: (one) => counts(one) && isBusy(one), busy: new Set() })
  }

  /** Calls back as soon as every `close` hook has ended too. Returns what makes it wait no longer. */
  whenStill(done: () => void): () => void {
    const waiting = {
      done,
      isBusy: (one: Connection) => one.closing || isBusy(one),
      busy: new Set<Connection>(),
    }
    this.#wait(waiting)
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== waiting)
    }
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.check()
  }

  #isAnyBusy({ isBusy: busyNow, busy }: Waiting): boolean {
    for (const connection of busy) {
      if (busyNow(connection)) return true
      busy.delete(connection)
    }
    for (const connection of this.#connections) if (busyNow(connection)) busy.add(connection)
    return busy.size > 0
  }
}

function isBusy(connection: Connection): boolean {
  if (connection.abandon !== undefined) return true
  if (connection.left || connection.held) return false
  return connection.deferred || connection.reader.unread > 0
}
