/**
 * One connection, whatever stream it comes over: its bytes in, its bytes out, and where it is on its way from coming
 * to gone. What its lines and its coming and going mean is decided by its conductor.
 */
import type { Duplex } from 'node:stream'
import type { ChosenAudience } from './audience.ts'
import { ConnectedClient, type Client } from './client.ts'
import type { Clock } from './clock.ts'
import type { Delivery, Group, Recipient } from './delivery.ts'
import type { Gate } from './gate.ts'
import { LineReader, type LineLimits } from './line-reader.ts'
import { Outbox, type Backlogs } from './outbox.ts'
import type { Owner } from './owner.ts'
import { safeLines, safeText } from './text.ts'

/** `Coming` until the connect hook has admitted it, `Leaving` once it is out of all audiences. */
export const Phase = { Coming: 0, Open: 1, Leaving: 2, Gone: 3 } as const
export type Phase = (typeof Phase)[keyof typeof Phase]

/** Who is at the other end. */
export interface Peer {
  /** What to call it, as `127.0.0.1:53362`. */
  readonly label: string
  /** Its IP address, where it has one. */
  readonly address?: string | undefined
}

export interface Conductor {
  /** There is something to read, the input has ended, or a hold was released. */
  pump(connection: Connection): void
  /** The connection is to be closed, orderly or at once. */
  leave(connection: Connection, reason: string): void
  /** The stream is closed. */
  closed(connection: Connection): void
}

export interface ConnectionSetting {
  readonly limits: LineLimits
  readonly delivery: Delivery
  readonly backlogs: Backlogs
  readonly clock: Clock
  readonly gate: Gate
  readonly conductor: Conductor
}

/** Bytes read ahead of a client whose line is held back; above it the stream is paused. */
const READ_AHEAD = 64 * 1024
/** Milliseconds between two answers to AYT, so that a short question makes no long answer. */
const ARE_YOU_THERE_INTERVAL = 1000

export class Connection implements Recipient {
  // These two stand first and together: each delivery looks at them.
  marks: Recipient['marks']
  readonly outbox: Outbox
  readonly key: number
  readonly id: string
  readonly address: string | undefined
  /** The plugin that brought it in, where one did. */
  attachedBy: Owner | undefined
  name: string
  readonly stream: Duplex
  readonly client: Client
  readonly reader: LineReader
  readonly connectedAt: number
  lastInputAt: number
  phase: Phase = Phase.Coming
  /** The audiences that it is in, so that leaving finds them. */
  readonly groups = new Set<Group>()
  /** Who sees its lines unless a tap narrows it: everyone but itself. Made with its first line. */
  audience: ChosenAudience | undefined
  /** Per-client state of plugins, by the number of the state. */
  states: unknown[] | undefined
  /** Whether a line or a command of it is under way; ends it as dropped when called. */
  abandon: (() => void) | undefined
  /** Whether its next line waits for another turn of the event loop. */
  deferred = false
  /** Whether the pump is at work on it further up the stack. */
  pumping = false
  inputEnded: boolean
  /** Whether its `close` hook is under way. */
  closing = false
  /** Whether a line was read from it. */
  talked = false
  readonly #setting: ConnectionSetting
  #holds = 0
  #paused = true
  #backlogged = false
  #stopped = false
  #answeredAt = -Infinity

  constructor(
    key: number,
    id: string,
    { address }: Peer,
    stream: Duplex,
    attachedBy: Owner | undefined,
    setting: ConnectionSetting,
  ) {
    const { conductor } = setting
    this.key = key
    this.id = id
    this.address = address
    this.attachedBy = attachedBy
    this.name = id
    this.stream = stream
    this.#setting = setting
    this.client = new ConnectedClient(this)
    this.connectedAt = this.lastInputAt = setting.clock.now()
    this.reader = new LineReader(setting.limits, this)
    this.outbox = new Outbox(stream, this, setting.backlogs)
    this.inputEnded = stream.readableEnded
    stream.pause()
    stream.on('data', (chunk: Buffer) => this.#read(chunk))
    stream.on('end', () => {
      this.inputEnded = true
      conductor.pump(this)
    })
    stream.on('error', () => conductor.leave(this, 'connection error'))
    stream.on('close', () => {
      conductor.leave(this, 'connection error')
      conductor.closed(this)
    })
  }

  get left(): boolean {
    return this.phase >= Phase.Leaving
  }

  get gone(): boolean {
    return this.phase === Phase.Gone
  }

  get held(): boolean {
    return (this.#holds > 0 && !this.#stopped) || this.#setting.gate.closed
  }

  /** Reads no more, for good; what was read already is still run, and nothing holds it back any longer. */
  stopReading(): void {
    this.#stopped = true
    this.updateReading()
    this.#setting.conductor.pump(this)
  }

  /** Pauses the stream while nobody can take what it brings, and resumes it. What comes after it has left is thrown away. */
  updateReading(): void {
    const full = this.#stopped || this.#backlogged || this.reader.unread >= READ_AHEAD
    const pause = this.phase === Phase.Coming || (full && !this.left)
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.stream.pause()
    else this.stream.resume()
  }

  hold(): () => void {
    let held = true
    this.#holds++
    return () => {
      if (!held) return
      held = false
      this.#holds--
      this.#setting.conductor.pump(this)
    }
  }

  /** Returns false once nothing can be sent any more. */
  send(text: string): boolean {
    if (!this.writable) return false
    for (const line of safeLines(text)) this.#setting.delivery.toEach(line, [this])
    return true
  }

  /** Whether what is queued now can still reach the client. */
  get writable(): boolean {
    return this.phase < Phase.Gone && !this.stream.destroyed && !this.stream.writableEnded
  }

  close(reason: string): void {
    this.#setting.conductor.leave(this, safeText(reason))
  }

  /** A chunk from the delivery. */
  write(chunk: Buffer): void {
    this.outbox.write(chunk)
  }

  /** Throws away what was not sent, and the stream. */
  destroy(): void {
    this.outbox.drop()
    this.stream.destroy()
  }

  backlogged(above: boolean): void {
    this.#backlogged = above
    this.updateReading()
  }

  evict(): void {
    this.#setting.conductor.leave(this, 'slow reader')
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

  #read(chunk: Buffer): void {
    if (this.left) return
    this.lastInputAt = this.#setting.clock.now()
    this.reader.push(chunk)
    this.#setting.conductor.pump(this)
    this.updateReading()
  }
}
