/** A TCP connection to a chat server: its input by lines, and its output. Waits for events, never for time. */
import { connect, type Socket } from 'node:net'
import { Failed } from './check.ts'

/** Milliseconds to wait for something that should happen at once. */
export const PATIENCE = 5000

export interface Address {
  readonly host: string
  readonly port: number
}

export interface PeerOptions {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Never reads until `resume` is called. */
  readonly paused?: boolean | undefined
}

interface Waiting {
  readonly look: () => boolean
  readonly done: () => void
}

export class Peer {
  readonly socket: Socket
  /** Complete lines so far, without their CR LF or LF. */
  readonly lines: string[] = []
  /** How the stream ended: by the peer, or with an error code. */
  end: string | undefined
  received = 0
  readonly #chunks: Buffer[] = []
  #rest: Buffer = Buffer.alloc(0)
  #waiting: Waiting[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => {
      this.#ended('end')
      // As telnet and nc do when the peer has ended.
      socket.end()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => this.#ended(error.code ?? error.message))
    socket.on('close', () => this.#ended('closed'))
  }

  /** Rejects if the connection is not accepted. */
  static connect(address: Address, options: PeerOptions = {}): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const { localAddress, localPort, paused } = options
      const socket = connect({
        ...address,
        allowHalfOpen: true,
        noDelay: true,
        ...(localAddress !== undefined && { localAddress }),
        ...(localPort !== undefined && { localPort }),
      })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        const peer = new Peer(socket)
        if (paused === true) socket.pause()
        resolve(peer)
      })
    })
  }

  /** `127.0.0.1:53362`, as the peer sees it. */
  get name(): string {
    const { localAddress, localPort } = this.socket
    return `${localAddress}:${localPort}`
  }

  /** Everything received so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** What was received after the last line end. */
  get unfinished(): Buffer {
    return this.#rest
  }

  /** Resolves once the kernel has taken the bytes; to false if the connection is closed. */
  send(bytes: string | Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.socket.destroyed || this.socket.writableEnded) return resolve(false)
      this.socket.write(bytes, (error) => resolve(error === null || error === undefined))
    })
  }

  say(line: string): Promise<boolean> {
    return this.send(`${line}\r\n`)
  }

  /** Sends many bytes as fast as they are taken; resolves to how many were taken before the connection was closed. */
  async pour(chunk: Uint8Array, most: number): Promise<number> {
    let sent = 0
    for (let turn = 1; sent < most && this.end === undefined; turn++) {
      if (!(await this.send(chunk))) break
      sent += chunk.length
      // A write that completes at once does not yield to the event loop, so even a close would go unnoticed.
      if (turn % 16 === 0) await new Promise(setImmediate)
    }
    return sent
  }

  /** Ends this side; the peer may still send. */
  finish(bytes: string | Uint8Array = ''): void {
    this.socket.end(bytes)
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  close(): void {
    this.socket.destroy()
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Resolves as soon as `look` returns something other than undefined or false; fails after `patience` milliseconds. */
  until<T>(look: () => T | undefined | false, what: string, patience = PATIENCE): Promise<T> {
    return new Promise((resolve, reject) => {
      let found: T | undefined | false
      const waiting: Waiting = {
        look: () => {
          found = look()
          return found !== undefined && found !== false
        },
        done: () => {
          clearTimeout(timer)
          resolve(found as T)
        },
      }
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        const last = this.lines.at(-1)
        reject(
          new Failed(
            `no ${what} within ${patience / 1000} s (${this.end ?? 'still open'}, last line ${JSON.stringify(last)?.slice(0, 80)})`,
          ),
        )
      }, patience)
      this.#waiting.push(waiting)
      this.#look()
    })
  }

  /** Resolves to the first matching line, from number `from` on. */
  async line(
    matches: (line: string) => boolean,
    what: string,
    { from = 0, patience = PATIENCE } = {},
  ): Promise<string> {
    let next = from
    return await this.until(
      () => {
        while (next < this.lines.length) {
          const line = this.lines[next++] as string
          if (matches(line)) return line
        }
        return undefined
      },
      what,
      patience,
    )
  }

  /** Resolves to how the connection ended. */
  ended(what: string, patience = PATIENCE): Promise<string> {
    return this.until(() => this.end, `end of the connection ${what}`, patience)
  }

  /** Discards what was received, to limit the memory of a long run. */
  forget(): void {
    this.#chunks.length = 0
    this.lines.length = 0
  }

  #take(chunk: Buffer): void {
    this.received += chunk.length
    this.#chunks.push(chunk)
    let all = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    for (let end = all.indexOf(10); end !== -1; end = all.indexOf(10)) {
      const line = all.subarray(0, end)
      this.lines.push(line.toString('utf8', 0, line.at(-1) === 13 ? end - 1 : end))
      all = all.subarray(end + 1)
    }
    this.#rest = all
    this.#look()
  }

  #ended(how: string): void {
    this.end ??= how
    this.#look()
  }

  #look(): void {
    if (this.#waiting.length === 0) return
    const met = this.#waiting.filter(({ look }) => look())
    if (met.length === 0) return
    this.#waiting = this.#waiting.filter((waiting) => !met.includes(waiting))
    for (const { done } of met) done()
  }
}
