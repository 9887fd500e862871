/**
 * Puts other plugins in the place of those that changed, while the host runs, all or nothing: they are set up first, then
 * the chat is held, and in one step the old are out and the new are in. Where one of them cannot start, the old come back.
 */
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
import { isOwner, planChange, requirersOf, usersOf, type Change } from './reload-plan.ts'
import type { Services } from './services.ts'

/** Milliseconds that lines under way have to settle; the chat is held meanwhile. */
const SETTLE_TIMEOUT = 10_000

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
