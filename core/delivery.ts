/**
 * From lines to bytes. All that is said in one turn of the event loop is encoded once, into one log of segments in the
 * order of acceptance, and each recipient gets its part of the log in one write: whoever is to see the same segments
 * shares one chunk, and whoever is not (a sender's own lines, a private one, a join in mid-turn) gets a cut of its own.
 */

/** One who is sent chunks, in the order of the segments that it is to see. */
export interface Recipient {
  /** How its part of the log differs from that of its groups, while it does. Kept by the delivery. */
  marks: Marks | undefined
  /** The groups of which it saw segments in this turn. Kept by the delivery. */
  view: View | undefined
  /** Takes a chunk to send. The chunk is shared and must not be written to. */
  write(chunk: Buffer): void
}

/** A set of recipients whose membership may change between any two segments. */
export class Group {
  readonly members = new Set<Recipient>()
  /** This turn's segments for the members, by number, ascending. */
  segments: number[] = []
}

interface Marks {
  /** Segments of its groups that it is not to see, ascending. */
  readonly holes: number[]
  /** Segments that it is to see beyond those of its groups. */
  readonly extras: number[]
  /** Where it joined a group that had segments in this turn already: how many of them it missed. */
  joins: Map<Group, number> | undefined
}

/** Which segments are seen by those who are in just these of the groups that have segments in this turn. */
interface View {
  readonly groups: readonly Group[]
  readonly with: Map<Group, View>
  readonly recipients: Recipient[]
  segments: readonly number[] | undefined
}

/** Bytes of one turn above which they are sent at once. */
const BATCH_SIZE = 64 * 1024
/** A string of UTF-16 units takes at most three bytes a unit in UTF-8. */
const BYTES_A_UNIT = 3

export class Delivery {
  #log = Buffer.allocUnsafeSlow(2 * BATCH_SIZE)
  /** Where each segment ends in the log; it begins where the one before ends. */
  #ends: number[] = []
  #length = 0
  #groups: Group[] = []
  #marked: Recipient[] = []
  #scheduled = false

  /** Says one line to the members of the group as it is now, but for some. The line has been made safe. */
  toGroup(line: string, group: Group, except: readonly Recipient[]): void {
    const segment = this.#encode(line)
    if (group.segments.length === 0) this.#groups.push(group)
    group.segments.push(segment)
    for (const recipient of except) {
      if (group.members.has(recipient)) this.#marksOf(recipient).holes.push(segment)
    }
    this.#endSegment()
  }

  /** Says one line to each of some recipients. The line has been made safe. */
  toEach(line: string, recipients: Iterable<Recipient>): void {
    this.#toEach(this.#encode(line), recipients)
  }

  /** Sends bytes as they are to one recipient: telnet's own, which are no text. */
  bytesTo(bytes: Buffer, recipient: Recipient): void {
    this.#reserve(bytes.length)
    this.#length += bytes.copy(this.#log, this.#length)
    this.#toEach(this.#ends.push(this.#length) - 1, [recipient])
  }

  join(group: Group, recipient: Recipient): void {
    if (group.members.has(recipient)) return
    group.members.add(recipient)
    if (group.segments.length === 0) return
    const marks = this.#marksOf(recipient)
    marks.joins ??= new Map()
    marks.joins.set(group, group.segments.length)
  }

  leave(group: Group, recipient: Recipient): void {
    if (!group.members.delete(recipient) || group.segments.length === 0) return
    const marks = this.#marksOf(recipient)
    marks.extras.push(...group.segments.slice(marks.joins?.get(group) ?? 0))
    marks.joins?.delete(group)
  }

  /** Hands every recipient its chunk of what has been said since the last flush. */
  flush(): void {
    if (this.#ends.length === 0) return
    const groups = this.#groups
    const marked = this.#marked
    const root: View = { groups: [], with: new Map(), recipients: [], segments: undefined }
    const views = collectViews(groups, root)
    for (const view of views) {
      if (view.recipients.length === 0) continue
      const chunk = this.#cut(runsOf(segmentsOf(view), noHoles))
      for (const recipient of view.recipients) recipient.write(chunk)
      for (const recipient of view.recipients) recipient.view = undefined
    }
    for (const recipient of marked) {
      const marks = recipient.marks as Marks
      const runs = this.#runsFor(recipient.view ?? root, marks)
      recipient.marks = undefined
      recipient.view = undefined
      if (runs.length > 0) recipient.write(this.#cut(runs))
    }
    for (const group of groups) group.segments = []
    this.#groups = []
    this.#marked = []
    this.#ends = []
    this.#length = 0
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
   * Flushes when everything that is readable in this turn has been read (`setImmediate` runs behind the poll phase),
   * so that one write carries all of it; a batch that is large already gains nothing by waiting.
   */
  #endSegment(): void {
    if (this.#length >= BATCH_SIZE) {
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

  /** The runs of segments that a recipient with marks sees: [first, last] pairs, flat. */
  #runsFor(view: View, marks: Marks): number[] {
    if (marks.extras.length === 0 && marks.joins === undefined) {
      return runsOf(segmentsOf(view), marks.holes)
    }
    const seen = [...marks.extras]
    for (const group of view.groups) {
      const from = marks.joins?.get(group) ?? 0
      for (let index = from; index < group.segments.length; index++) {
        seen.push(group.segments[index] as number)
      }
    }
    seen.sort(ascending)
    return runsOf(seen, marks.holes)
  }

  /** Copies runs of segments out of the log, into memory of their own: the log itself is used again. */
  #cut(runs: readonly number[]): Buffer {
    const log = this.#log
    let length = 0
    for (let run = 0; run < runs.length; run += 2) {
      length += this.#end(runs[run + 1] as number) - this.#end((runs[run] as number) - 1)
    }
    const chunk = Buffer.allocUnsafeSlow(length)
    let at = 0
    for (let run = 0; run < runs.length; run += 2) {
      const start = this.#end((runs[run] as number) - 1)
      at += log.copy(chunk, at, start, this.#end(runs[run + 1] as number))
    }
    return chunk
  }

  #end(segment: number): number {
    return segment < 0 ? 0 : (this.#ends[segment] as number)
  }
}

const noHoles: readonly number[] = []

/**
 * Finds for each member of the groups which of them it is in, group by group: a step from one view to the next for
 * each. Those with marks remember their view; the others are listed in it.
 */
function collectViews(groups: readonly Group[], root: View): View[] {
  const views: View[] = []
  const step = (from: View, group: Group): View => {
    let view = from.with.get(group)
    if (view === undefined) {
      view = {
        groups: [...from.groups, group],
        with: new Map(),
        recipients: [],
        segments: undefined,
      }
      from.with.set(group, view)
      views.push(view)
    }
    return view
  }
  for (const group of groups) {
    for (const recipient of group.members) recipient.view = step(recipient.view ?? root, group)
  }
  for (const group of groups) {
    for (const recipient of group.members) {
      // The first group of its view lists it, so that it is listed once.
      const view = recipient.view as View
      if (recipient.marks === undefined && view.groups[0] === group) view.recipients.push(recipient)
    }
  }
  return views
}

function segmentsOf(view: View): readonly number[] {
  view.segments ??=
    view.groups.length === 1
      ? (view.groups[0] as Group).segments
      : view.groups.flatMap((group) => group.segments).toSorted(ascending)
  return view.segments
}

/** Joins neighbouring segments, but for the holes, into runs: [first, last] pairs, flat. Both lists are ascending. */
function runsOf(segments: readonly number[], holes: readonly number[]): number[] {
  const runs: number[] = []
  let hole = 0
  let last = -2
  for (const segment of segments) {
    while (hole < holes.length && (holes[hole] as number) < segment) hole++
    if (holes[hole] === segment) continue
    if (segment === last + 1) runs[runs.length - 1] = segment
    else runs.push(segment, segment)
    last = segment
  }
  return runs
}

function ascending(a: number, b: number): number {
  return a - b
}
