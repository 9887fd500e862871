/**
 * Ends connections gracefully: what is queued is sent, the stream is ended, and the peer gets a while to end its side.
 * Clients that do not read in time lose what is queued.
 */
import type { Delivery } from '../delivery/delivery.ts'
import type { Cancel, Clock } from '../support/clock.ts'
import type { Session } from './session.ts'

/** Milliseconds for a client to take what is queued. */
const DRAIN = 10_000
/** Milliseconds for the peer to end its side of the stream, and for a destroyed stream to report its `close`. */
export const LINGER = 1000
/** The same when the host stops: `nc` on a terminal never ends its side. */
const STOP_LINGER = 200

/** Reasons after which nothing can be sent any more. */
export const AT_ONCE: ReadonlySet<string> = new Set(['connection error', 'slow reader'])

export class Closing {
  readonly #clock: Clock
  readonly #delivery: Delivery
  /** Called for a stream that never emitted `close`. */
  readonly #closed: (session: Session) => void
  /** The pending deadline of each leaving session. */
  readonly #timers = new Map<Session, Cancel>()
  #linger = LINGER

  constructor(clock: Clock, delivery: Delivery, closed: (session: Session) => void) {
    this.#clock = clock
    this.#delivery = delivery
    this.#closed = closed
  }

  /** From now on peers have less time to end their streams. */
  hurry(): void {
    this.#linger = STOP_LINGER
  }

  /** Sends what is queued and ends the stream. */
  end(session: Session): void {
    const { connection } = session
    connection.updateReading()
    this.#after(DRAIN, session, () => this.destroy(session))
    const linger = (): void => {
      if (this.#timers.has(session)) this.#after(this.#linger, session, () => this.destroy(session))
    }
    this.#delivery.whenFlushed(() => connection.outbox.whenEmpty(() => connection.end(linger)))
  }

  /** Destroys the stream. One that never emits `close` counts as closed after a while. */
  destroy(session: Session): void {
    if (session.connection.gone) return
    session.connection.destroy()
    this.#after(LINGER, session, () => this.#closed(session))
  }

  /** Cancels the deadline of a session. */
  forget(session: Session): void {
    this.#timers.get(session)?.()
    this.#timers.delete(session)
  }

  #after(milliseconds: number, session: Session, run: () => void): void {
    this.forget(session)
    this.#timers.set(session, this.#clock.setTimeout(run, milliseconds))
  }
}
