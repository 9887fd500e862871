/**
 * Closes clients that have been idle for too long. Measured by each client's input: a socket's own timeout also counts
 * output as activity.
 */
import type { Cancel, Clock } from '../support/clock.ts'
import type { Pause } from '../support/pause.ts'
import type { Connection } from './connection.ts'

export interface IdleWatchParts {
  readonly connections: Iterable<Connection>
  /** Milliseconds; undefined for no limit. */
  readonly limit: () => number | undefined
  readonly clock: Clock
  readonly pause: Pause
  readonly close: (connection: Connection, seconds: number) => void
}

export class IdleWatch {
  readonly #parts: IdleWatchParts
  #cancel: Cancel | undefined

  constructor(parts: IdleWatchParts) {
    this.#parts = parts
  }

  /** Watches with the current limit. */
  renew(): void {
    this.stop()
    const limit = this.#parts.limit()
    if (limit !== undefined) this.#look(limit, Math.min(30_000, Math.max(100, limit / 10)))
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #look(limit: number, interval: number): void {
    const { clock, pause } = this.#parts
    this.#cancel = clock.setTimeout(() => {
      this.#look(limit, interval)
      pause.whenOver(() => this.#closeIdle())
    }, interval)
  }

  /** With the current limit, which may have changed during a pause. */
  #closeIdle(): void {
    const { connections, clock, limit, close } = this.#parts
    const most = limit()
    if (most === undefined) return
    const since = clock.now() - most
    for (const connection of connections) {
      if (connection.lastInputAt <= since && !connection.left && !connection.hasMoreToSay)
        close(connection, Math.round(most / 1000))
    }
  }
}
