/**
 * The bytes on their way to one client. Chunks go straight to the stream while it takes them; once it asks to wait for its
 * `drain` event, they wait here, where they are counted. Nobody else waits for a client that does not read.
 */
import type { Duplex } from 'node:stream'
import type { Clock, Cancel } from '../support/clock.ts'

export interface BacklogLimits {
  /** Bytes waiting for one client above which its own input is paused and the write deadline runs. */
  readonly backlogSoft: number
  /** Bytes waiting for one client above which it is closed, once it has had a turn to take them. */
  readonly backlogHard: number
  /** Bytes waiting for all clients together above which the largest backlogs are closed. */
  readonly backlogTotal: number
  /** Milliseconds above the soft limit without a completed write after which a client is closed. */
  readonly writeDeadline: number
}

/** What an outbox asks of the connection that it belongs to. */
export interface OutboxOwner {
  /** The backlog has grown above the soft limit (true), or is well below it again (false). */
  backlogged(above: boolean): void
  /** The client does not read. What waits for it is to be dropped at once. */
  evict(): void
  /** The stream has thrown something where it was told to take more. */
  broke(cause: unknown): void
}

/** Bytes written to a backlogged stream at a time. */
const WRITE_SIZE = 64 * 1024
/** What a waiting chunk costs beside its bytes. */
const CHUNK_OVERHEAD = 64

export class Outbox {
  // What each delivery looks at stands together, for the processor's cache: with many clients that is what it waits for.
  #closed = false
  #queue: Buffer[] | undefined
  readonly #stream: Duplex
  readonly #owner: OutboxOwner
  readonly #backlogs: Backlogs
  #queued = 0
  #aboveSoft = false
  #onEmpty: (() => void) | undefined
  /** When the stream last told that its writes are completed, by the clock's milliseconds; kept only above the soft limit. */
  progressAt = 0

  constructor(stream: Duplex, owner: OutboxOwner, backlogs: Backlogs) {
    this.#stream = stream
    this.#owner = owner
    this.#backlogs = backlogs
    stream.on('drain', () => {
      try {
        this.#drained()
      } catch (cause) {
        owner.broke(cause)
      }
    })
  }

  /** Whether whatever comes is thrown away. */
  get closed(): boolean {
    return this.#closed
  }

  /** Bytes that the stream has not taken yet, with what their chunks cost. */
  get backlog(): number {
    return this.#queued + this.#stream.writableLength
  }

  /** Throws what the stream does. */
  write(chunk: Buffer): void {
    if (this.#closed) return
    const stream = this.#stream
    if (this.#queue === undefined) {
      // Without a callback, which would cost a turn of the tick queue for each write that the stream takes at once.
      if (stream.writableLength === 0) return void stream.write(chunk)
      if (!stream.writableNeedDrain) return void stream.write(owned(chunk))
      this.#queue = []
    }
    this.#queue.push(owned(chunk))
    this.#queued += chunk.length + CHUNK_OVERHEAD
    this.#backlogs.grew(this, chunk.length + CHUNK_OVERHEAD)
    if (!this.#aboveSoft && this.backlog > this.#backlogs.limits.backlogSoft) {
      this.#aboveSoft = true
      this.#backlogs.aboveSoft(this)
      this.#owner.backlogged(true)
    }
  }

  /** Calls back, once, when everything has been handed to the stream. */
  whenEmpty(done: () => void): void {
    if (this.#queue === undefined) done()
    else this.#onEmpty = done
  }

  /** Throws away what waits, and whatever comes. */
  drop(): void {
    this.#closed = true
    this.#backlogs.gone(this, this.#queued)
    this.#queue = undefined
    this.#queued = 0
    this.#aboveSoft = false
    this.#onEmpty = undefined
  }

  evict(): void {
    this.#owner.evict()
  }

  #drained(): void {
    if (this.#queue === undefined && !this.#aboveSoft) return
    if (this.#aboveSoft) this.progressAt = this.#backlogs.clock.now()
    const stream = this.#stream
    while (this.#queue !== undefined && !stream.writableNeedDrain) this.#writeSome(this.#queue)
    // What a stream holds without asking to wait is as good as taken, and it will not tell when it has gone.
    const taken = this.#queue === undefined && !stream.writableNeedDrain
    if (this.#aboveSoft && (taken || this.backlog < this.#backlogs.limits.backlogSoft / 2)) {
      this.#aboveSoft = false
      this.#backlogs.belowSoft(this)
      this.#owner.backlogged(false)
    }
    if (this.#queue === undefined) {
      this.#backlogs.emptied(this)
      const done = this.#onEmpty
      this.#onEmpty = undefined
      done?.()
    }
  }

  #writeSome(queue: Buffer[]): void {
    let bytes = 0
    let count = 0
    while (count < queue.length) {
      const length = (queue[count] as Buffer).length
      if (bytes > 0 && bytes + length > WRITE_SIZE) break
      bytes += length
      count++
    }
    const chunks = queue.splice(0, count)
    if (queue.length === 0) this.#queue = undefined
    const cost = bytes + count * CHUNK_OVERHEAD
    this.#queued -= cost
    this.#backlogs.shrank(cost)
    this.#stream.cork()
    for (const chunk of chunks) this.#stream.write(chunk)
    this.#stream.uncork()
  }
}

/** Of each chunk that waits somewhere, the copy that waits. All clients who are sent the same chunk share it. */
const copies = new WeakMap<Buffer, Buffer>()

/** A chunk in memory of its own: while it waits, a slice would keep all of what it is cut from. */
function owned(chunk: Buffer): Buffer {
  if (chunk.length === chunk.buffer.byteLength) return chunk
  let copy = copies.get(chunk)
  if (copy === undefined) {
    copy = Buffer.allocUnsafeSlow(chunk.length)
    copy.set(chunk)
    copies.set(chunk, copy)
  }
  return copy
}

/** The backlogs of all clients: who is judged when, and the bound over all of them. */
export class Backlogs {
  readonly limits: BacklogLimits
  readonly clock: Clock
  /** Outboxes with chunks waiting; of these, those above the soft limit; and those to be judged. */
  readonly #waiting = new Set<Outbox>()
  readonly #slow = new Set<Outbox>()
  #over = new Set<Outbox>()
  #total = 0
  #judging = false
  #cancelDeadline: Cancel | undefined

  constructor(limits: BacklogLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
  }

  /** Bytes that wait for all clients together. */
  get total(): number {
    return this.#total
  }

  grew(outbox: Outbox, bytes: number): void {
    this.#total += bytes
    this.#waiting.add(outbox)
    if (outbox.backlog > this.limits.backlogHard || this.#total > this.limits.backlogTotal) {
      this.#over.add(outbox)
      this.#judgeSoon()
    }
  }

  shrank(bytes: number): void {
    this.#total -= bytes
  }

  aboveSoft(outbox: Outbox): void {
    outbox.progressAt = this.clock.now()
    this.#slow.add(outbox)
    this.#cancelDeadline ??= this.#watch()
  }

  belowSoft(outbox: Outbox): void {
    this.#slow.delete(outbox)
  }

  emptied(outbox: Outbox): void {
    this.#waiting.delete(outbox)
  }

  gone(outbox: Outbox, bytes: number): void {
    this.#total -= bytes
    this.#waiting.delete(outbox)
    this.#slow.delete(outbox)
    this.#over.delete(outbox)
  }

  /** Judges those that went over a limit after one more turn, in which their sockets could drain. */
  #judgeSoon(): void {
    if (this.#judging) return
    this.#judging = true
    setImmediate(() => setImmediate(() => this.#judge()))
  }

  #judge(): void {
    this.#judging = false
    const over = this.#over
    this.#over = new Set()
    for (const outbox of over) {
      if (outbox.backlog > this.limits.backlogHard) outbox.evict()
    }
    if (this.#total <= this.limits.backlogTotal) return
    const largestFirst = [...this.#waiting].toSorted((a, b) => b.backlog - a.backlog)
    for (const outbox of largestFirst) {
      if (this.#total <= this.limits.backlogTotal) break
      outbox.evict()
    }
  }

  #watch(): Cancel {
    return this.clock.setTimeout(
      () => {
        const late = this.clock.now() - this.limits.writeDeadline
        for (const outbox of this.#slow) {
          if (outbox.progressAt <= late) outbox.evict()
        }
        this.#cancelDeadline = this.#slow.size > 0 ? this.#watch() : undefined
      },
      Math.min(1000, this.limits.writeDeadline),
    )
  }

  close(): void {
    this.#cancelDeadline?.()
    this.#cancelDeadline = undefined
  }
}
