/**
 * Rejects connections with a message. Each gets a while to read it, which takes up a file descriptor that is reserved
 * for other uses; so only a few at a time get one.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../support/clock.ts'
import { LINGER } from './closing.ts'
import type { Session } from './session.ts'

/** Rejected connections at a time that get time to read why. */
const MOST_LINGERING = 16

export class Rejections {
  readonly #clock: Clock
  readonly #limits: { readonly reservedDescriptors: number }
  readonly #refused = new Set<Session>()
  #turnedAway = 0

  constructor(clock: Clock, limits: { readonly reservedDescriptors: number }) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Sessions that were refused and are not closed yet. */
  get size(): number {
    return this.#refused.size
  }

  /** Adds a refused session. Returns whether it gets time to read why. */
  add(session: Session): boolean {
    const lingers = this.#mayLinger
    this.#refused.add(session)
    return lingers
  }

  delete(session: Session): void {
    this.#refused.delete(session)
  }

  /** Sends a message to a stream that gets no session, then closes it with `destroy`, whatever that throws. */
  turnAway(stream: Duplex, message: string, destroy: () => void): void {
    stream.on('error', () => {})
    if (!this.#mayLinger) {
      stream.write(`${message}\r\n`)
      stream.destroy()
      return
    }
    // What it sends is read and discarded: closing on unread bytes could reset the connection before the message is
    // read.
    stream.resume()
    stream.end(`${message}\r\n`)
    const cancel = this.#clock.setTimeout(() => {
      gone()
      destroy()
    }, LINGER)
    let open = true
    const gone = (): void => {
      if (!open) return
      open = false
      cancel()
      this.#turnedAway--
    }
    stream.once('close', gone)
    this.#turnedAway++
  }

  get #mayLinger(): boolean {
    const most = Math.min(MOST_LINGERING, this.#limits.reservedDescriptors / 2)
    return this.#refused.size + this.#turnedAway < most
  }
}

/** Closes a stream that gets no session. Its errors no longer matter. */
export function discard(stream: Duplex): void {
  stream.on('error', () => {})
  stream.destroy()
}
