/** Recipients, their groups, and the segments of a turn's log that each is sent, as runs of consecutive segments. */

/** Receives chunks, in the order of their segments. */
export interface Recipient {
  /** How its part of this turn's log differs from its groups', if it does. Maintained by the delivery. */
  marks: Marks | undefined
  /** The groups that it is in, for leaving them all. Maintained by the delivery. */
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
  /** Segments of its groups that it does not get, ascending. */
  readonly holes: number[]
  /** Segments that it gets beyond those of its groups. */
  readonly extras: number[]
  /** For groups joined in mid-turn: how many of their segments it missed. */
  joins: Map<Group, number> | undefined
}

/** The recipients that are in exactly these of the groups that have segments in this turn. */
export interface RecipientGroup {
  readonly groups: readonly Group[]
  /** The members. Those without marks share one chunk. */
  readonly recipients: Iterable<Recipient>
  /** The recipient group with one more group added. */
  readonly next: Map<Group, RecipientGroup>
}

/** Finds, for each member of the groups, which of them it is in. */
export function groupRecipients(groups: readonly Group[]): {
  recipientGroups: RecipientGroup[]
  groupOf: (recipient: Recipient) => RecipientGroup
} {
  const none: RecipientGroup = { groups: [], recipients: [], next: new Map() }
  const [only] = groups
  if (only !== undefined && groups.length === 1) {
    const { members } = only
    const recipientGroup = { groups, recipients: members, next: none.next }
    return {
      recipientGroups: [recipientGroup],
      groupOf: (recipient) => (members.has(recipient) ? recipientGroup : none),
    }
  }
  // Group by group, each member moves from one recipient group to the next: one step for each membership.
  const recipientGroups: Array<RecipientGroup & { readonly recipients: Recipient[] }> = []
  const groupOf = new Map<Recipient, (typeof recipientGroups)[number]>()
  for (const group of groups) {
    for (const recipient of group.members) {
      const from = groupOf.get(recipient) ?? none
      let recipientGroup = from.next.get(group) as (typeof recipientGroups)[number] | undefined
      if (recipientGroup === undefined) {
        recipientGroup = { groups: [...from.groups, group], recipients: [], next: new Map() }
        from.next.set(group, recipientGroup)
        recipientGroups.push(recipientGroup)
      }
      groupOf.set(recipient, recipientGroup)
    }
  }
  for (const [recipient, recipientGroup] of groupOf) recipientGroup.recipients.push(recipient)
  return { recipientGroups, groupOf: (recipient) => groupOf.get(recipient) ?? none }
}

export function segmentsOf(groups: readonly Group[]): readonly number[] {
  if (groups.length === 1) return (groups[0] as Group).segments
  return groups.flatMap((group) => group.segments).toSorted(ascending)
}

/** The runs of segments that a recipient with marks gets. */
export function runsFor(recipientGroup: RecipientGroup, marks: Marks): number[] {
  if (marks.extras.length === 0 && marks.joins === undefined) {
    return runsOf(segmentsOf(recipientGroup.groups), marks.holes)
  }
  const seen = [...marks.extras]
  for (const group of recipientGroup.groups)
    seen.push(...group.segments.slice(marks.joins?.get(group) ?? 0))
  return runsOf(seen.toSorted(ascending), marks.holes)
}

/** Joins consecutive segments, without the holes, into runs: flat [first, last] pairs. Both lists are ascending. */
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

/** The runs of all segments from first to last, without the holes. */
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
