/**
 * The end of a connection: what is queued for it is sent, the stream is ended, and the peer has a while to end it from its
 * side. Whoever does not take what is queued in time loses it.
 */
import type { Delivery } from '../delivery/delivery.ts'
import type { Cancel, Clock } from '../support/clock.ts'
import type { Session } from './session.ts'

/** Milliseconds for what is queued to be taken. */
const DRAIN = 10_000
/** Milliseconds for the peer to end the stream from its side, and for a destroyed stream to say that it is closed. */
export const LINGER = 1000
/** The same when the host stops: `nc` on a terminal never ends the stream from its side. */
const STOP_LINGER = 200

export class Closing {
  readonly #clock: Clock
  readonly #delivery: Delivery
  /** Called when a stream has never said that it is closed. */
  readonly #closed: (session: Session) => void
  /** What becomes of those who leave, should their streams not come to an end by themselves. */
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

  /** Closes the stream. One that never says that it is closed counts as closed after a while. */
  destroy(session: Session): void {
    if (session.connection.gone) return
    session.connection.destroy()
    this.#after(LINGER, session, () => this.#closed(session))
  }

  /** It has come to an end. */
  forget(session: Session): void {
    this.#timers.get(session)?.()
    this.#timers.delete(session)
  }

  #after(milliseconds: number, session: Session, run: () => void): void {
    this.forget(session)
    this.#timers.set(session, this.#clock.setTimeout(run, milliseconds))
  }
}
