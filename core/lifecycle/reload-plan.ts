/** Plans a reload: which plugins stay, which are set up, and which are set up again because of others. */
import type { Entry } from './plugin-lifecycle.ts'
import { isSurelySame } from './same-options.ts'
import type { Services } from './services.ts'
import type { ValidatedPlugin, Instance } from './validate-plugins.ts'

/** The changes to the plugins, by name. */
export interface Change {
  readonly changed: readonly string[]
  /** Those that did not run before, including because they had failed. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Not changed, but set up again because they use one that was. */
  readonly renewed: readonly string[]
  readonly unchanged: readonly string[]
}

export function isInstance(one: Instance | Entry): one is Instance {
  return 'staged' in one
}

/** The plugins that are to have a place. */
export interface Wanted {
  readonly plugins: readonly ValidatedPlugin[]
  /** Whether a failed plugin is to be run again; otherwise it stays as it is. */
  readonly retries: (name: string) => boolean
  /** Plugins to set up again though nothing about them has changed. */
  readonly renew?: ReadonlySet<string> | undefined
}

/** The instances that stay and the plugins to set up, in the new order. `now` are the instances that have a place. */
export function planChange(
  now: readonly Instance[],
  { plugins: next, retries, renew = new Set() }: Wanted,
  services: Services,
): { plan: Array<Instance | Entry>; change: Change } {
  const byName = new Map(now.map((owner) => [owner.name, owner]))
  const changed = new Set<string>()
  for (const validated of next) {
    const owner = byName.get(validated.plugin.name)
    if (owner?.active === true && !isSame(owner.validated, validated)) changed.add(owner.name)
  }
  const listed = next.map(({ plugin }) => plugin.name)
  const removed = now.map(({ name }) => name).filter((name) => !listed.includes(name))
  const kept = now.filter(
    ({ name, active }) => active && !changed.has(name) && listed.includes(name),
  )
  const users = usersOf([...changed, ...removed], kept, services)
  const renewed = new Set(
    kept.map(({ name }) => name).filter((name) => users.has(name) || renew.has(name)),
  )
  const stays = ({ name, active }: Instance): boolean =>
    active ? !changed.has(name) && !renewed.has(name) : !retries(name)
  const plan = next.map((validated) => {
    const before = byName.get(validated.plugin.name)
    return before !== undefined && stays(before) ? before : { validated, before }
  })
  const isNew = (name: string): boolean => {
    const before = byName.get(name)
    return before === undefined || (!before.active && retries(name))
  }
  const runs = (name: string): boolean => byName.get(name)?.active === true
  return {
    plan,
    change: {
      changed: [...changed],
      added: listed.filter(isNew),
      removed,
      renewed: [...renewed],
      unchanged: listed.filter((name) => runs(name) && !changed.has(name) && !renewed.has(name)),
    },
  }
}

/** The same code, the same input and the same parsed options: a schema may depend on more than its input. */
function isSame(now: ValidatedPlugin, next: ValidatedPlugin): boolean {
  return (
    now.plugin.definition !== undefined &&
    now.plugin.definition === next.plugin.definition &&
    isSurelySame(now.plugin.input, next.plugin.input) &&
    isSurelySame(now.options, next.options)
  )
}

/** A plugin, and those that require it, directly or not. */
export function requirersOf(name: string, owners: readonly Instance[]): Set<string> {
  const found = new Set([name])
  // A plugin comes after those that it requires.
  for (const { name: other, validated } of owners) {
    if (validated.plugin.requires.some((required) => found.has(required))) found.add(other)
  }
  return found
}

/** Those of a list that use one of the leaving plugins, directly or not. */
export function usersOf(
  going: readonly string[],
  owners: readonly Instance[],
  services: Services,
): Set<string> {
  const uses = new Map(
    owners.map(({ name, validated }) => [name, new Set(validated.plugin.requires)]),
  )
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
