/**
 * Closes clients that have typed nothing for too long. By an own clock of each one's input: a socket's own timeout takes
 * what is sent to it for activity.
 */
import type { Cancel, Clock } from './clock.ts'
import type { Connection } from './connection.ts'

export interface IdleWatch {
  readonly connections: Iterable<Connection>
  /** Milliseconds. */
  readonly limit: number
  readonly clock: Clock
  close(connection: Connection): void
}

/** Returns what ends the watch. */
export function watchIdle({ connections, limit, clock, close }: IdleWatch): Cancel {
  const interval = Math.min(30_000, Math.max(100, limit / 10))
  let cancel = clock.setTimeout(look, interval)
  function look(): void {
    const since = clock.now() - limit
    for (const connection of connections) {
      if (connection.lastInputAt <= since && !connection.left) close(connection)
    }
    cancel = clock.setTimeout(look, interval)
  }
  return () => cancel()
}
