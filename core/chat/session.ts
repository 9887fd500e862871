/** A session: a connection, and how far the chat is with what it has sent. */
import type { ChosenAudience } from '../clients/audience.ts'
import type { ConnectionEvents } from '../clients/connection-events.ts'
import type { Connection } from '../clients/connection.ts'

/** Called when something happens in a session. */
export interface SessionEvents {
  /** There may be lines to run: bytes have arrived, the input has ended, or a hold was released. */
  readable(session: Session): void
  /** The session is to end. Only the first reason counts. */
  leave(session: Session, reason: string): void
  /** The stream has reported an error. */
  failed(session: Session, cause: unknown): void
  /** The stream has thrown, or delivered something other than bytes; a stream that a plugin attached may do that. */
  broke(session: Session, cause: unknown): void
  /** The stream is closed. */
  closed(session: Session): void
}

export class Session implements ConnectionEvents {
  readonly connection: Connection
  /** Who sees its lines unless a tap narrows it: everyone but its own client. Created with its first line. */
  audience: ChosenAudience | undefined
  /**
   * Ends the connect, line or command that is under way, as if no plugin had answered; undefined when there is none.
   */
  abandon: (() => void) | undefined
  /** The same for each line that a plugin is saying for its client. */
  readonly saying = new Set<() => void>()
  /** Whether its next line waits for another turn of the event loop. */
  deferred = false
  /** The turn in which it last had a share of the pump's work. */
  turn = -1
  /** Whether the pump is working on it further up the stack. */
  pumping = false
  /** Whether its `close` hook is running. */
  closing = false
  readonly #events: SessionEvents

  constructor(events: SessionEvents, connect: (events: ConnectionEvents) => Connection) {
    this.#events = events
    this.connection = connect(this)
  }

  get busy(): boolean {
    return this.deferred || this.abandon !== undefined
  }

  /** Begins something; returns the function that ends it, which takes effect once, whoever calls it first. */
  begin<T>(end: (value: T) => void): (value: T) => void {
    let open = true
    return (value) => {
      if (!open) return
      open = false
      this.abandon = undefined
      end(value)
    }
  }

  readable(): void {
    this.#events.readable(this)
  }

  leave(reason: string): void {
    this.#events.leave(this, reason)
  }

  failed(cause: unknown): void {
    this.#events.failed(this, cause)
  }

  broke(cause: unknown): void {
    this.#events.broke(this, cause)
  }

  closed(): void {
    this.#events.closed(this)
  }
}

/** The connections of some sessions, as they are each time they are iterated over. */
export function connectionsOf(sessions: ReadonlySet<Session>): Iterable<Connection> {
  return {
    *[Symbol.iterator]() {
      for (const { connection } of sessions) yield connection
    },
  }
}
