/**
 * The bytes on their way to one client. Chunks go straight to the stream while it accepts them; when it asks to wait
 * for its `drain` event, they queue here, where they are counted. A client that does not read delays nobody else.
 */
import type { Duplex } from 'node:stream'
import type { Backlogs } from './backlogs.ts'

/** What an outbox reports to its connection. */
export interface OutboxOwner {
  /** The backlog has grown above the soft limit (true), or is well below it again (false). */
  backlogged(above: boolean): void
  /** The client does not read. Its queue is to be dropped at once. */
  evict(): void
  /** The stream threw while it was being written to. */
  broke(cause: unknown): void
}

/** Bytes written to a backlogged stream at a time. */
const WRITE_SIZE = 64 * 1024
/** What a queued chunk costs in memory besides its bytes. */
const CHUNK_OVERHEAD = 64

export class Outbox {
  // The fields that each delivery reads come first, to share cache lines: with many clients, cache misses dominate.
  #closed = false
  #queue: Buffer[] | undefined
  readonly #stream: Duplex
  readonly #owner: OutboxOwner
  readonly #backlogs: Backlogs
  #queued = 0
  #aboveSoft = false
  #onEmpty: (() => void) | undefined
  /** When the stream last completed its writes, by the clock's milliseconds; maintained only above the soft limit. */
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

  /** Whether further chunks are discarded. */
  get closed(): boolean {
    return this.#closed
  }

  /** Bytes that have not been written yet, including the overhead of their chunks. */
  get backlog(): number {
    return this.#queued + this.#stream.writableLength
  }

  /** Throws what the stream throws. */
  write(chunk: Buffer): void {
    if (this.#closed) return
    const stream = this.#stream
    if (this.#queue === undefined) {
      // Without a callback, which would cost a turn of the tick queue for each write that completes at once.
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

  /** Discards the queue, and any further chunk. */
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
    // What a stream buffers without asking to wait counts as written: it emits no `drain` for that.
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

/** The copy of each queued chunk, shared by all clients that are sent it. */
const copies = new WeakMap<Buffer, Buffer>()

/** A chunk in its own memory: a queued slice would keep its whole slab alive. */
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
