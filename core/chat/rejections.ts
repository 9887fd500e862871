/**
 * Those who may not join and are told why. Each is given a while to read it, and takes a descriptor for so long that is
 * reserved for other things; so only some of them at a time are.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../support/clock.ts'
import { LINGER } from './closing.ts'
import type { Session } from './session.ts'

/** Connections at a time that are given time to read why they may not join. */
const MOST_LINGERING = 16

export class Rejections {
  readonly #clock: Clock
  readonly #limits: { readonly reservedDescriptors: number }
  readonly #refused = new Set<Session>()
  #sentAway = 0

  constructor(clock: Clock, limits: { readonly reservedDescriptors: number }) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Sessions that were refused and are not gone. */
  get size(): number {
    return this.#refused.size
  }

  /** Adds a session that was refused. Returns whether it may have time to read why. */
  add(session: Session): boolean {
    const lingers = this.#mayLinger
    this.#refused.add(session)
    return lingers
  }

  delete(session: Session): void {
    this.#refused.delete(session)
  }

  /** Tells a stream for which there is no session. `destroy` closes it, whatever it throws then. */
  sendAway(stream: Duplex, message: string, destroy: () => void): void {
    stream.on('error', () => {})
    if (!this.#mayLinger) {
      stream.write(`${message}\r\n`)
      stream.destroy()
      return
    }
    // What it sends is read and thrown away: closing on unread bytes could reset it before it has read the message.
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
      this.#sentAway--
    }
    stream.once('close', gone)
    this.#sentAway++
  }

  get #mayLinger(): boolean {
    const most = Math.min(MOST_LINGERING, this.#limits.reservedDescriptors / 2)
    return this.#refused.size + this.#sentAway < most
  }
}

/** Closes a stream that gets no session. What is wrong with it is nobody's fault any more. */
export function discard(stream: Duplex): void {
  stream.on('error', () => {})
  stream.destroy()
}
