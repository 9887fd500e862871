/**
 * One connection, over any stream: its bytes in, its bytes out, and its phase, from arriving to gone. What to do about
 * its lines and its end is left to the listener of its events.
 */
import type { Duplex } from 'node:stream'
import type { Backlogs } from '../delivery/backlogs.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { Outbox } from '../delivery/outbox.ts'
import type { Group, Recipient } from '../delivery/recipient-groups.ts'
import type { Peer } from '../net/transport.ts'
import type { Clock } from '../support/clock.ts'
import { errors } from '../support/errors.ts'
import type { Pause } from '../support/pause.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { safeLines, safeText } from '../support/safe-text.ts'
import type { LineLimits } from '../telnet/line-buffer.ts'
import { LineReader } from '../telnet/line-reader.ts'
import { Opening } from '../telnet/protocol-sniffer.ts'
import { ConnectedClient } from './client.ts'
import type { ConnectionEvents } from './connection-events.ts'

/** `Arriving` until the connect hook has admitted it, `Leaving` once it has left all audiences. */
export const Phase = { Arriving: 0, Open: 1, Leaving: 2, Gone: 3 } as const
export type Phase = (typeof Phase)[keyof typeof Phase]

export interface ConnectionSetting {
  readonly limits: LineLimits
  readonly delivery: Delivery
  /** Sends a line, which has been made safe, to one client alone. */
  readonly sendLine: (line: string, to: Connection) => void
  readonly backlogs: Backlogs
  readonly clock: Clock
  readonly pause: Pause
}

/** Bytes read ahead while a client is held; above it the stream is paused. No less than a socket's own buffer. */
const READ_AHEAD = 64 * 1024
/** Milliseconds between answers to AYT, so that a flood of questions is not amplified. */
const ARE_YOU_THERE_INTERVAL = 1000

export class Connection implements Recipient {
  // These two come first and together: each delivery reads them.
  marks: Recipient['marks']
  readonly outbox: Outbox
  readonly key: number
  readonly id: string
  readonly address: string | undefined
  /** The plugin that attached it, if any. */
  attachedBy: PluginInstance | undefined
  name: string
  readonly stream: Duplex
  readonly client: ConnectedClient
  readonly reader: LineReader
  readonly connectedAt: number
  lastInputAt: number
  phase: Phase = Phase.Arriving
  readonly groups = new Set<Group>()
  /** Plugins' state for this client, by index; filled by client-state.ts. */
  states: unknown[] | undefined
  inputEnded: boolean
  readonly #setting: ConnectionSetting
  readonly #events: ConnectionEvents
  #streamClosed = false
  #holds = 0
  #paused = true
  #backlogged = false
  #stopped = false
  /** Unread bytes that were given back to the stream. */
  #returned = 0
  /** Inspects the first bytes, until the client is known to be a chat client. */
  #opening: Opening | undefined = new Opening()
  #isStranger = false
  #thrownAway = 0
  #answeredAt = -Infinity

  constructor(
    key: number,
    id: string,
    { address }: Peer,
    stream: Duplex,
    attachedBy: PluginInstance | undefined,
    setting: ConnectionSetting,
    events: ConnectionEvents,
  ) {
    this.key = key
    this.id = id
    this.address = address
    this.attachedBy = attachedBy
    this.name = id
    this.stream = stream
    this.#setting = setting
    this.#events = events
    this.client = new ConnectedClient(this)
    this.connectedAt = this.lastInputAt = setting.clock.now()
    this.reader = new LineReader(setting.limits, this)
    this.outbox = new Outbox(stream, this, setting.backlogs)
    this.inputEnded = stream.readableEnded
    stream.pause()
    stream.on('data', (chunk: Buffer) => this.#read(chunk))
    stream.on('end', () => {
      this.inputEnded = true
      events.readable()
    })
    stream.on('finish', () => this.updateReading())
    stream.on('error', (cause) => events.failed(cause))
    stream.on('close', () => {
      this.#streamClosed = true
      events.leave('connection error')
      events.closed()
    })
  }

  /** Whether something it sent has yet to be handled, for example while it is held. */
  get hasMoreToSay(): boolean {
    return this.#events.busy || this.reader.unread > 0
  }

  get left(): boolean {
    return this.phase >= Phase.Leaving
  }

  get gone(): boolean {
    return this.phase === Phase.Gone
  }

  /** Whether its next line must wait: it is held, or it does not read what it is sent. */
  get held(): boolean {
    const waits = (this.#holds > 0 || this.#backlogged) && !this.#stopped
    return waits || this.#setting.pause.active
  }

  /** Stops reading, for good; what was read already still runs, and no hold applies any longer. */
  stopReading(): void {
    this.#stopped = true
    this.updateReading()
    this.#events.readable()
  }

  /**
   * Pauses the stream while too much is unread, and while the client is leaving, until all it is sent has been written.
   * A paused socket reads on until its own buffer is full, in pieces as small as its packets, and a piece of one byte
   * takes a thousand in memory. So enough of the unread bytes is given back to fill that buffer at once.
   */
  updateReading(): void {
    if (!this.inputEnded) this.#touch((stream) => this.#adjustReading(stream))
  }

  /** Reads what the paused stream has buffered; returns whether there was anything. */
  readOn(): boolean {
    if (!this.#paused || this.inputEnded) return false
    const read = this.#touch((stream) => {
      if (stream.readableLength === 0 || (this.#stopped && this.#returned === 0)) return null
      // Piece by piece, as it is buffered, so that nothing is copied.
      return stream.read(this.#returned || stream.readableLength) as Buffer | null
    })
    return read !== null && read !== undefined
  }

  hold(): () => void {
    let held = true
    this.#holds++
    return () => {
      if (!held) return
      held = false
      this.#holds--
      this.#events.readable()
    }
  }

  /** Returns false when nothing can be sent any more. */
  send(text: string): boolean {
    if (!this.writable) return false
    for (const line of safeLines(text)) this.#setting.sendLine(line, this)
    return true
  }

  /** Whether what is queued can still reach the client. */
  get writable(): boolean {
    if (this.phase === Phase.Gone || this.outbox.closed) return false
    return this.#touch((stream) => !stream.destroyed && !stream.writableEnded) ?? false
  }

  get streamClosed(): boolean {
    return this.#streamClosed || (this.#touch((stream) => stream.closed) ?? false)
  }

  close(reason: string): void {
    this.#events.leave(safeText(reason))
  }

  /** A chunk from the delivery. */
  write(chunk: Buffer): void {
    try {
      this.outbox.write(chunk)
    } catch (cause) {
      this.broke(cause)
    }
  }

  /** Ends the stream after everything written to it. */
  end(done: () => void): void {
    this.#touch((stream) => stream.end(done))
  }

  /** Discards what was not sent, and destroys the stream. */
  destroy(): void {
    this.outbox.drop()
    this.#touch((stream) => stream.destroy())
  }

  broke(cause: unknown): void {
    this.#events.broke(cause)
  }

  backlogged(above: boolean): void {
    this.#backlogged = above
    if (!above) this.#events.readable()
  }

  evict(): void {
    const { left } = this
    this.#events.leave('slow reader')
    // It was leaving gracefully, but nothing is left to send.
    if (left) this.destroy()
  }

  reply(bytes: Buffer): void {
    if (this.writable) this.#setting.delivery.bytesTo(bytes, this)
  }

  areYouThere(): void {
    const now = this.#setting.clock.now()
    if (now - this.#answeredAt < ARE_YOU_THERE_INTERVAL) return
    this.#answeredAt = now
    this.send('[yes, still here]')
  }

  /** Uses the stream, which may be of any kind: what it throws closes this connection alone. */
  #touch<T>(run: (stream: Duplex) => T): T | undefined {
    try {
      return run(this.stream)
    } catch (cause) {
      this.broke(cause)
      return undefined
    }
  }

  #adjustReading(stream: Duplex): void {
    const { reader } = this
    const most = Math.min(stream.readableHighWaterMark, READ_AHEAD)
    const isFull = this.#paused && stream.readableLength >= most
    const waits = reader.unread > 0 || this.#events.busy || this.held
    const over = reader.unread >= READ_AHEAD
    const pause = this.left
      ? !stream.writableFinished
      : this.phase === Phase.Arriving || over || this.#stopped || (isFull && waits)
    if (pause !== this.#paused) {
      this.#paused = pause
      if (pause) stream.pause()
      else stream.resume()
    }
    if (!over || !pause || isFull || this.#stopped || this.left) return
    const rest = reader.takeBack(most)
    this.#returned = rest.length
    stream.unshift(rest)
  }

  #read(chunk: Buffer): void {
    const isNew = this.#returned === 0
    this.#returned = 0
    if (this.left || this.#isStranger) return this.#throwAway(chunk)
    if (!Buffer.isBuffer(chunk)) return this.broke(errors.streamNotBytes(chunk))
    this.lastInputAt = this.#setting.clock.now()
    const isChat = isNew ? this.#opening?.isChat(chunk) : undefined
    if (isChat === false) {
      this.#isStranger = true
      return this.#events.leave('not a chat client')
    }
    if (isChat === true) this.#opening = undefined
    this.reader.push(chunk)
    this.#events.readable()
  }

  /**
   * What arrives while it is leaving is read, since closing on unread bytes could reset the connection before its last
   * line was read; but only up to a limit, since the peer may go on sending forever.
   */
  #throwAway(chunk: Buffer): void {
    this.#thrownAway += chunk.length
    if (this.#thrownAway >= READ_AHEAD) this.destroy()
  }
}
