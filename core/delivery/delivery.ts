/**
 * From lines to bytes. All lines said in one turn of the event loop are encoded once, into one log of segments in order
 * of acceptance, and each recipient gets its part of the log in one write: recipients that see the same segments share
 * one chunk; the others (a sender without its own lines, a private line, a join in mid-turn) get a chunk of their own.
 */
import {
  groupRecipients,
  runsFor,
  runsOf,
  segmentsOf,
  type Group,
  type Marks,
  type Recipient,
} from './recipient-groups.ts'

/** Bytes of one turn above which they are flushed at once. */
const BATCH_SIZE = 64 * 1024
/** Initial bytes of a turn's log; it grows while more is said in the turn. */
const LOG_SIZE = 2 * BATCH_SIZE
/** UTF-8 takes at most three bytes for each UTF-16 code unit. */
const BYTES_A_UNIT = 3

/** Some recipients, and the runs of segments that all of them get. */
interface Share {
  readonly runs: readonly number[]
  readonly recipients: readonly Recipient[]
}

export class Delivery {
  #log: Buffer = Buffer.allocUnsafeSlow(LOG_SIZE)
  /** The previous turn's log, to be reused. */
  #spare: Buffer | undefined
  /** Where each segment ends in the log; it begins where the one before ends. */
  #ends: number[] = []
  #length = 0
  #groups: Group[] = []
  #marked: Recipient[] = []
  #scheduled = false
  #flushing = false
  #onFlushed: Array<() => void> = []
  /** Small chunks are allocated from this slab. */
  #slab = Buffer.alloc(0)
  #slabUsed = 0

  /** Sends one line to the current members of a group, except some. The line is already safe. */
  toGroup(line: string, group: Group, except: readonly Recipient[]): void {
    const segment = this.#encode(line)
    if (group.segments.length === 0) this.#groups.push(group)
    group.segments.push(segment)
    for (const recipient of except) {
      if (group.members.has(recipient)) this.#marksOf(recipient).holes.push(segment)
    }
    this.#endSegment()
  }

  /** Sends one line to each of some recipients. The line is already safe. */
  toEach(line: string, recipients: Iterable<Recipient>): void {
    this.#toEach(this.#encode(line), recipients)
  }

  /** Sends raw bytes to one recipient: telnet's own, which are not text. */
  bytesTo(bytes: Buffer, recipient: Recipient): void {
    this.#reserve(bytes.length)
    this.#length += bytes.copy(this.#log, this.#length)
    this.#toEach(this.#ends.push(this.#length) - 1, [recipient])
  }

  join(group: Group, recipient: Recipient): void {
    if (group.members.has(recipient)) return
    group.members.add(recipient)
    recipient.groups.add(group)
    if (group.segments.length === 0) return
    const marks = this.#marksOf(recipient)
    marks.joins ??= new Map()
    marks.joins.set(group, group.segments.length)
  }

  leave(group: Group, recipient: Recipient): void {
    recipient.groups.delete(group)
    if (!group.members.delete(recipient) || group.segments.length === 0) return
    const marks = this.#marksOf(recipient)
    marks.extras.push(...group.segments.slice(marks.joins?.get(group) ?? 0))
    marks.joins?.delete(group)
  }

  leaveAll(recipient: Recipient): void {
    for (const group of recipient.groups) this.leave(group, recipient)
  }

  /** Calls back once everything said so far has been handed to its recipients. */
  whenFlushed(done: () => void): void {
    if (this.#ends.length === 0 && !this.#flushing) done()
    else this.#onFlushed.push(done)
  }

  /**
   * Hands every recipient its chunk of what has been said since the last flush. All shares are worked out before the
   * first write: a recipient that answers, joins or leaves during a write takes effect in the next flush.
   */
  flush(): void {
    if (this.#ends.length === 0 || this.#flushing) return
    this.#flushing = true
    const shares = this.#share()
    const log = this.#log
    const ends = this.#ends
    this.#log = this.#spare ?? Buffer.allocUnsafeSlow(LOG_SIZE)
    this.#spare = undefined
    this.#ends = []
    this.#length = 0
    const told = this.#onFlushed
    this.#onFlushed = []
    try {
      for (const { runs, recipients } of shares) {
        const chunk = this.#cut(runs, log, ends)
        for (const recipient of recipients) recipient.write(chunk)
      }
    } finally {
      this.#flushing = false
    }
    if (log.length === LOG_SIZE) this.#spare = log
    for (const done of told) done()
    // Callbacks added meanwhile wait for what has been said meanwhile, if anything.
    if (this.#ends.length === 0) for (const done of this.#onFlushed.splice(0)) done()
  }

  /** Divides this turn's log among its recipients, and resets groups and recipients for the next. */
  #share(): Share[] {
    const groups = this.#groups
    const marked = this.#marked
    const { recipientGroups, groupOf } = groupRecipients(groups)
    const shares: Share[] = []
    for (const { groups: seen, recipients } of recipientGroups) {
      const same = []
      for (const recipient of recipients) if (recipient.marks === undefined) same.push(recipient)
      if (same.length > 0) shares.push({ runs: runsOf(segmentsOf(seen), []), recipients: same })
    }
    for (const recipient of marked) {
      const runs = runsFor(groupOf(recipient), recipient.marks as Marks)
      recipient.marks = undefined
      if (runs.length > 0) shares.push({ runs, recipients: [recipient] })
    }
    for (const group of groups) group.segments = []
    this.#groups = []
    this.#marked = []
    return shares
  }

  #encode(line: string): number {
    this.#reserve(line.length * BYTES_A_UNIT + 2)
    const log = this.#log
    let length = this.#length
    length += log.write(line, length, 'utf8')
    log[length++] = 0x0d
    log[length++] = 0x0a
    this.#length = length
    return this.#ends.push(length) - 1
  }

  #toEach(segment: number, recipients: Iterable<Recipient>): void {
    for (const recipient of recipients) this.#marksOf(recipient).extras.push(segment)
    this.#endSegment()
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#log.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#length + bytes))
    this.#log.copy(larger, 0, 0, this.#length)
    this.#log = larger
  }

  /**
   * Flushes once everything readable in this turn has been read (`setImmediate` runs after the poll phase), so that one
   * write carries all of it; a batch that is already large gains nothing by waiting.
   */
  #endSegment(): void {
    if (this.#length >= BATCH_SIZE && !this.#flushing) {
      this.flush()
    } else if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.flush()
      })
    }
  }

  #marksOf(recipient: Recipient): Marks {
    if (recipient.marks === undefined) {
      recipient.marks = { holes: [], extras: [], joins: undefined }
      this.#marked.push(recipient)
    }
    return recipient.marks
  }

  /** Copies runs of segments out of the log, which is reused, into memory of their own. */
  #cut(runs: readonly number[], log: Buffer, ends: readonly number[]): Buffer {
    let length = 0
    for (let run = 0; run < runs.length; run += 2)
      length += endOf(runs, run, ends) - startOf(runs, run, ends)
    const start = startOf(runs, 0, ends)
    const end = endOf(runs, runs.length - 2, ends)
    // When most of the log is needed, as for everyone but a sender, one copy that is then compacted in place is cheaper
    // than copying run by run.
    const whole = end - start <= 2 * length
    const chunk = this.#allocate(whole ? end - start : length)
    if (whole) chunk.set(log.subarray(start, end))
    let at = 0
    for (let run = 0; run < runs.length; run += 2) {
      const from = startOf(runs, run, ends)
      const to = endOf(runs, run, ends)
      if (!whole) log.copy(chunk, at, from, to)
      else if (from - start !== at) chunk.copyWithin(at, from - start, to - start)
      at += to - from
    }
    return at === chunk.length ? chunk : chunk.subarray(0, at)
  }

  /**
   * Memory for a chunk. Several chunks share a slab no larger than a batch, which is cheaper than a buffer for each.
   */
  #allocate(bytes: number): Buffer {
    if (bytes > BATCH_SIZE / 2) return Buffer.allocUnsafeSlow(bytes)
    if (this.#slabUsed + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(BATCH_SIZE)
      this.#slabUsed = 0
    }
    const start = this.#slabUsed
    this.#slabUsed += bytes
    return this.#slab.subarray(start, start + bytes)
  }
}

/** Where the run at an index of a list of runs begins in the log. */
function startOf(runs: readonly number[], index: number, ends: readonly number[]): number {
  const segment = runs[index] as number
  return segment === 0 ? 0 : (ends[segment - 1] as number)
}

function endOf(runs: readonly number[], index: number, ends: readonly number[]): number {
  return ends[runs[index + 1] as number] as number
}
