/** The host's side of a connection whose other end a test has in hand: what it takes, and when it ends. */
import { Duplex } from 'node:stream'

export interface PeerOptions {
  /** Whether it takes nothing of what it is sent. */
  readonly deaf?: boolean
  /** Whether it ends its side when the host has ended its own. */
  readonly ends?: boolean
  /** Whether it never tells that it is closed. */
  readonly silent?: boolean
}

export class Peer extends Duplex {
  /** What it has taken. */
  taken = ''
  readonly #deaf: boolean
  readonly #ends: boolean

  constructor({ deaf = false, ends = false, silent = false }: PeerOptions = {}) {
    super({ allowHalfOpen: true, emitClose: !silent })
    this.#deaf = deaf
    this.#ends = ends
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#deaf) return
    this.taken += String(chunk)
    done()
  }

  override _final(done: () => void): void {
    if (this.#ends && !this.readableEnded) this.push(null)
    done()
  }

  /** The lines that it has taken. */
  get lines(): string[] {
    return this.taken.split('\r\n').slice(0, -1)
  }
}
