/**
 * Puts other plugins in the place of those that changed, while the host runs, all or nothing: they are set up first, then
 * the chat is held, and in one step the old are out and the new are in. Where one of them cannot start, the old come back.
 */
import { isDeepStrictEqual } from 'node:util'
import type { CheckedPlugin } from './check-plugins.ts'
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import { ChatError, describe, errors } from './errors.ts'
import type { Gate } from './gate.ts'
import type { Isolation } from './isolation.ts'
import type { Log } from './log.ts'
import type { Owner } from './owner.ts'
import type { Entry, PluginLives } from './plugin-lives.ts'
import type { Quiet } from './quiet.ts'
import type { Services } from './services.ts'

/** Milliseconds that lines under way have to settle; the chat is held meanwhile. */
const SETTLE_TIMEOUT = 10_000

/** What became of the plugins, by name. */
export interface Change {
  readonly changed: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Not changed, but set up again because they use one that was. */
  readonly renewed: readonly string[]
  readonly unchanged: readonly string[]
}

export interface ReloadParts {
  readonly lives: PluginLives
  readonly services: Services
  readonly gate: Gate
  readonly quiet: Quiet
  readonly log: Log
  readonly clock: Clock
  readonly isolation: Isolation
  readonly connections: Iterable<Connection>
  /** Goes on with what a connection has sent meanwhile. */
  readonly resume: (connection: Connection) => void
}

export interface Reload {
  /** Rejects, with nothing changed, with `CONFIG_INVALID` or `RELOAD_FAILED`. One at a time: others wait. */
  change(next: readonly CheckedPlugin[], file: string | undefined): Promise<Change>
  /** Takes one plugin out, with those that cannot do without it, not while others change. */
  unload(name: string): Promise<void>
  /** The host stops: what is held goes on. */
  cancel(): void
}

export function createReload(parts: ReloadParts): Reload {
  const { lives, gate, quiet, log, clock, isolation, connections } = parts
  let underWay: Promise<unknown> | undefined
  let stopping = false
  let stopWaiting: (() => void) | undefined

  /** Runs when nothing else changes plugins; at once where that is now. */
  async function alone<T>(run: () => Promise<T>): Promise<T> {
    while (underWay !== undefined) await underWay
    const done = run()
    const ended = done.then(
      () => {},
      () => {},
    )
    underWay = ended
    void ended.then(() => {
      underWay = undefined
    })
    return done
  }

  async function change(next: readonly CheckedPlugin[], file: string | undefined): Promise<Change> {
    if (stopping) throw errors.reloadFailed('the host is stopping')
    const { plan, change: planned } = planChange(lives.owners, next, parts.services)
    const old = lives.owners.filter((owner) => !plan.includes(owner))
    for (const owner of old) owner.leaving = true
    try {
      const entries = plan.filter((one): one is Entry => !isOwner(one))
      const fresh = lives.stage(entries, file)
      const order = plan.map((one) => (isOwner(one) ? one : (fresh[entries.indexOf(one)] as Owner)))
      if (fresh.length + old.length === 0) lives.replace(order)
      else await hold(fresh, () => swap(order, fresh, old))
    } finally {
      for (const owner of old) owner.leaving = false
    }
    return planned
  }

  /**
   * Takes out a plugin, and those that require it. Who uses a service of theirs is set up again; if it cannot do without,
   * it goes too.
   */
  async function unload(name: string): Promise<void> {
    const going = requirersOf(name, lives.owners)
    const stay = lives.owners.filter((owner) => !going.has(owner.name))
    const users = usersOf([...going], stay, parts.services)
    if (users.size > 0) {
      const next = stay.map(({ checked }) => checked)
      const done = await change(next, undefined).then(
        () => true,
        () => false,
      )
      if (!done) for (const user of users) going.add(user)
    }
    for (const other of going) {
      if (other !== name)
        log.of('plugins').warn(`plugin ${other}: unloaded with ${name}, which it needs`)
    }
    for (const { name: other } of lives.owners.toReversed()) {
      if (going.has(other)) await lives.unload(other)
    }
  }

  /** Runs while nobody comes, leaves or is heard. */
  async function hold(fresh: readonly Owner[], run: () => Promise<void>): Promise<void> {
    gate.close()
    try {
      if (!(await settled())) {
        lives.abandon(fresh)
        throw errors.reloadFailed(
          stopping
            ? 'the host is stopping'
            : `lines that were under way did not settle within ${SETTLE_TIMEOUT / 1000} s; try again`,
        )
      }
      log.pause()
      await run()
    } finally {
      log.resume()
      gate.open()
      for (const connection of connections) parts.resume(connection)
    }
  }

  /** Whether every line that was under way has settled in time. */
  function settled(): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (well: boolean) => (): void => {
        cancel()
        forget()
        stopWaiting = undefined
        resolve(well)
      }
      const cancel = clock.setTimeout(() => end(false)(), SETTLE_TIMEOUT)
      let forget = (): void => {}
      stopWaiting = end(false)
      forget = quiet.whenStill(end(true))
    })
  }

  async function swap(
    order: readonly Owner[],
    fresh: readonly Owner[],
    old: readonly Owner[],
  ): Promise<void> {
    const before = lives.owners
    lives.replace(order)
    for (const owner of old.toReversed()) await lives.dispose(owner)
    try {
      await lives.start(fresh)
    } catch (cause) {
      await restore(before, fresh, old)
      for (const owner of [...fresh, ...old]) lives.forget(owner)
      throw errors.reloadFailed(`${describe(cause)}; the plugins of before run again`, cause)
    }
    for (const owner of old) lives.forget(owner)
  }

  /** Brings back those of before. One that cannot even do that is left out. */
  async function restore(
    before: readonly Owner[],
    fresh: readonly Owner[],
    old: readonly Owner[],
  ): Promise<void> {
    for (const owner of fresh) owner.leaving = true
    const again = new Map<Owner, Owner>()
    for (const owner of old) {
      try {
        const [one] = lives.stage([{ checked: owner.checked, before: owner }], undefined)
        again.set(owner, one as Owner)
      } catch (cause) {
        gone(owner, cause)
      }
    }
    const order = before.map((owner) => again.get(owner) ?? owner)
    lives.replace(order.filter(({ active }) => active))
    for (const owner of fresh.toReversed()) await lives.dispose(owner)
    for (const owner of again.values()) {
      try {
        await lives.start([owner])
      } catch (cause) {
        gone(owner, cause)
        lives.replace(lives.owners.filter((one) => one !== owner))
        await lives.dispose(owner)
        lives.forget(owner)
      }
    }
  }

  function gone({ name }: Owner, cause: unknown): void {
    isolation.report(cause instanceof ChatError ? cause : errors.pluginStartFailed(name, cause))
    log.of('plugins').error(`plugin ${name}: it could not be brought back, and is off now`)
  }

  return {
    change: (next, file) => alone(() => change(next, file)),
    unload: (name) => alone(() => unload(name)),
    cancel() {
      stopping = true
      stopWaiting?.()
      gate.openForGood()
      for (const connection of connections) parts.resume(connection)
    },
  }
}

function isOwner(one: Owner | Entry): one is Owner {
  return 'staged' in one
}

/** What stays as it is and what is set up, in the order to come. */
function planChange(
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
function requirersOf(name: string, owners: readonly Owner[]): Set<string> {
  const found = new Set([name])
  // A plugin stands behind those that it requires.
  for (const { name: other, checked } of owners) {
    if (checked.plugin.requires.some((required) => found.has(required))) found.add(other)
  }
  return found
}

/** Those of a list that hold something of plugins that go, and of those that hold something of them in turn. */
function usersOf(
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
