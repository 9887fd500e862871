/** Recipients, their groups, and which segments of a turn's log each sees, as runs of segments that follow each other there. */

/** One who is sent chunks, in the order of the segments that it is to see. */
export interface Recipient {
  /** How its part of the log differs from that of its groups, while it does. Kept by the delivery. */
  marks: Marks | undefined
  /** The groups that it is in, so that leaving finds them. Kept by the delivery. */
  readonly groups: Set<Group>
  /** Takes a chunk to send. The chunk is shared and must not be written to. Must not throw. */
  write(chunk: Buffer): void
}

/** A set of recipients whose membership may change between any two segments. */
export class Group {
  readonly members = new Set<Recipient>()
  /** This turn's segments for the members, by number, ascending. */
  segments: number[] = []
}

export interface Marks {
  /** Segments of its groups that it is not to see, ascending. */
  readonly holes: number[]
  /** Segments that it is to see beyond those of its groups. */
  readonly extras: number[]
  /** Where it joined a group that had segments in this turn already: how many of them it missed. */
  joins: Map<Group, number> | undefined
}

/** Those who are in just these of the groups that have segments in this turn. */
export interface View {
  readonly groups: readonly Group[]
  /** Its members. Those of them that have no marks share one chunk. */
  readonly recipients: Iterable<Recipient>
  /** The view of who is in one more group. */
  readonly next: Map<Group, View>
}

/** Finds for everybody in the groups which of them it is in. */
export function findViews(groups: readonly Group[]): {
  views: View[]
  viewOf: (recipient: Recipient) => View
} {
  const none: View = { groups: [], recipients: [], next: new Map() }
  const [only] = groups
  if (only !== undefined && groups.length === 1) {
    const { members } = only
    const view = { groups, recipients: members, next: none.next }
    return { views: [view], viewOf: (recipient) => (members.has(recipient) ? view : none) }
  }
  // Group by group, each member takes a step from one view to the next: as many steps as there are memberships.
  const views: Array<View & { readonly recipients: Recipient[] }> = []
  const viewOf = new Map<Recipient, (typeof views)[number]>()
  for (const group of groups) {
    for (const recipient of group.members) {
      const from = viewOf.get(recipient) ?? none
      let view = from.next.get(group) as (typeof views)[number] | undefined
      if (view === undefined) {
        view = { groups: [...from.groups, group], recipients: [], next: new Map() }
        from.next.set(group, view)
        views.push(view)
      }
      viewOf.set(recipient, view)
    }
  }
  for (const [recipient, view] of viewOf) view.recipients.push(recipient)
  return { views, viewOf: (recipient) => viewOf.get(recipient) ?? none }
}

export function segmentsOf(groups: readonly Group[]): readonly number[] {
  if (groups.length === 1) return (groups[0] as Group).segments
  return groups.flatMap((group) => group.segments).toSorted(ascending)
}

/** The runs of segments that a recipient with marks sees. */
export function runsFor(view: View, marks: Marks): number[] {
  if (marks.extras.length === 0 && marks.joins === undefined) {
    return runsOf(segmentsOf(view.groups), marks.holes)
  }
  const seen = [...marks.extras]
  for (const group of view.groups) seen.push(...group.segments.slice(marks.joins?.get(group) ?? 0))
  return runsOf(seen.toSorted(ascending), marks.holes)
}

/** Joins neighbouring segments, but for the holes, into runs: [first, last] pairs, flat. Both lists are ascending. */
export function runsOf(segments: readonly number[], holes: readonly number[]): number[] {
  const first = segments[0]
  const end = segments.at(-1)
  if (first === undefined || end === undefined) return []
  if (end - first + 1 === segments.length) return runsBetween(first, end, holes)
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

/** The runs of all segments from the first to the last, but for the holes. */
function runsBetween(first: number, last: number, holes: readonly number[]): number[] {
  const runs: number[] = []
  let start = first
  for (const hole of holes) {
    if (hole < start || hole > last) continue
    if (hole > start) runs.push(start, hole - 1)
    start = hole + 1
  }
  if (start <= last) runs.push(start, last)
  return runs
}

function ascending(a: number, b: number): number {
  return a - b
}
