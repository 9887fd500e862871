/** What a reload comes to: which plugins stay as they are, which are set up, and which go with others. */
import { isDeepStrictEqual } from 'node:util'
import type { CheckedPlugin } from './check-plugins.ts'
import type { Owner } from './owner.ts'
import type { Entry } from './plugin-lives.ts'
import type { Services } from './services.ts'

/** What became of the plugins, by name. */
export interface Change {
  readonly changed: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Not changed, but set up again because they use one that was. */
  readonly renewed: readonly string[]
  readonly unchanged: readonly string[]
}

export function isOwner(one: Owner | Entry): one is Owner {
  return 'staged' in one
}

/** What stays as it is and what is set up, in the order to come. */
export function planChange(
  now: readonly Owner[],
  next: readonly CheckedPlugin[],
  services: Services,
): { plan: Array<Owner | Entry>; change: Change } {
  const byName = new Map(now.map((owner) => [owner.name, owner]))
  const changed = new Set<string>()
  for (const checked of next) {
    const owner = byName.get(checked.plugin.name)
    if (owner !== undefined && !isSame(owner.checked, checked)) changed.add(owner.name)
  }
  const names = new Set(next.map(({ plugin }) => plugin.name))
  const removed = now.map(({ name }) => name).filter((name) => !names.has(name))
  const kept = now.filter(({ name }) => !changed.has(name) && names.has(name))
  const renewed = usersOf([...changed, ...removed], kept, services)
  const plan = next.map((checked) => {
    const before = byName.get(checked.plugin.name)
    if (before !== undefined && !changed.has(before.name) && !renewed.has(before.name))
      return before
    return { checked, before }
  })
  const isNew = (name: string): boolean => !byName.has(name)
  const listed = next.map(({ plugin }) => plugin.name)
  return {
    plan,
    change: {
      changed: [...changed],
      added: listed.filter(isNew),
      removed,
      renewed: [...renewed],
      unchanged: listed.filter((name) => !isNew(name) && !changed.has(name) && !renewed.has(name)),
    },
  }
}

/** The same code with the same options. */
function isSame(now: CheckedPlugin, next: CheckedPlugin): boolean {
  return (
    now.plugin.definition !== undefined &&
    now.plugin.definition === next.plugin.definition &&
    isDeepStrictEqual(now.options, next.options)
  )
}

/** A plugin, and those that require it, or one that does. */
export function requirersOf(name: string, owners: readonly Owner[]): Set<string> {
  const found = new Set([name])
  // A plugin stands behind those that it requires.
  for (const { name: other, checked } of owners) {
    if (checked.plugin.requires.some((required) => found.has(required))) found.add(other)
  }
  return found
}

/** Those of a list that hold something of plugins that go, and of those that hold something of them in turn. */
export function usersOf(
  going: readonly string[],
  owners: readonly Owner[],
  services: Services,
): Set<string> {
  const uses = new Map(owners.map(({ name, checked }) => [name, new Set(checked.plugin.requires)]))
  for (const { owner, users } of services.list()) {
    for (const user of users) uses.get(user.name)?.add(owner.name)
  }
  const found = new Set<string>()
  const queue = [...going]
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    for (const [user, used] of uses) {
      if (!used.has(name) || found.has(user)) continue
      found.add(user)
      queue.push(user)
    }
  }
  return found
}
