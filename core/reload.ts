/**
 * Puts other plugins in the place of those that changed, while the host runs, all or nothing: they are set up first, then
 * the chat is held, and in one step the old are out and the new are in. Where one of them cannot start, the old come back.
 * One that cannot even do that has failed: its guards stay, so that nothing passes that it would not have let through.
 */
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import { ChatError, describe, errors } from './errors.ts'
import type { Gate } from './gate.ts'
import type { Isolation } from './isolation.ts'
import type { Log } from './log.ts'
import { hasGuards, type Owner } from './owner.ts'
import type { Entry, PluginLives } from './plugin-lives.ts'
import type { Quiet } from './quiet.ts'
import {
  isOwner,
  planChange,
  requirersOf,
  usersOf,
  type Change,
  type Wanted,
} from './reload-plan.ts'
import type { Services } from './services.ts'

/** Milliseconds that lines under way have to settle; the chat is held meanwhile. */
const SETTLE_TIMEOUT = 10_000

const STOPPING = 'the host is stopping'

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

/** A change of plugins, worked out when its turn comes: what was changed before may have a say in it. */
export interface NextPlugins extends Wanted {
  readonly file: string | undefined
  /** The change has been made, and nobody has been heard since. */
  readonly made?: (() => void) | undefined
}

export interface Reload {
  /** Rejects, with nothing changed, with what `next` throws, `CONFIG_INVALID` or `RELOAD_FAILED`. One at a time: others wait. */
  change(next: () => NextPlugins): Promise<Change>
  /** Takes a plugin out that somebody has named. Those that cannot do without it fail. */
  unload(name: string): Promise<void>
  /** Lets a plugin fail, with those that cannot do without it. `why`: as `unloaded after 3 faults`. */
  fail(name: string, why: string): Promise<void>
  /** The host stops: no change begins any more. One whose plugins are changing places may end. */
  cancel(): void
  /** It may end no longer: what is held goes on. */
  letGo(): void
}

export function createReload(parts: ReloadParts): Reload {
  const { lives, services, gate, quiet, log, clock, isolation, connections } = parts
  const logger = log.of('plugins')
  let underWay: Promise<unknown> | undefined
  let holding = false
  let stopping = false
  let over = false
  let stopWaiting: (() => void) | undefined
  let giveUp: (() => void) | undefined

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

  async function change(next: NextPlugins): Promise<Change> {
    if (stopping) throw errors.reloadFailed(STOPPING)
    const { plan, change: planned } = planChange(lives.owners, next, services)
    const old = lives.owners.filter((owner) => !plan.includes(owner))
    for (const owner of old) owner.leaving = true
    try {
      const entries = plan.filter((one): one is Entry => !isOwner(one))
      const fresh = lives.stage(entries, next.file)
      const order = plan.map((one) => (isOwner(one) ? one : (fresh[entries.indexOf(one)] as Owner)))
      if (fresh.length + old.length === 0) {
        lives.replace(order)
        next.made?.()
      } else {
        await hold(fresh, async () => {
          await swap(order, fresh, old)
          next.made?.()
        })
      }
    } finally {
      for (const owner of old) owner.leaving = false
    }
    return planned
  }

  /** Runs while nobody comes, leaves or is heard. */
  async function hold(fresh: readonly Owner[], run: () => Promise<void>): Promise<void> {
    gate.close()
    holding = true
    try {
      if (!(await settled())) {
        lives.abandon(fresh)
        throw errors.reloadFailed(
          stopping
            ? STOPPING
            : `lines that were under way did not settle within ${SETTLE_TIMEOUT / 1000} s; try again`,
        )
      }
      log.pause()
      await run()
    } finally {
      holding = false
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
    const ran = old.filter(({ active }) => active)
    lives.replace(order, old)
    for (const owner of old.toReversed()) await step(lives.dispose(owner))
    try {
      await step(lives.start(fresh, () => !over))
    } catch (cause) {
      if (stopping) throw errors.reloadFailed(`${describe(cause)}; ${STOPPING}`, cause)
      await restore(before, fresh, ran)
      throw errors.reloadFailed(`${describe(cause)}; ${afterwards(lives.failed)}`, cause)
    }
    lives.replace(order)
    for (const owner of old) lives.forget(owner)
  }

  /** Brings back those of before that ran. The others, and those that cannot even do that, stay in their places. */
  async function restore(
    before: readonly Owner[],
    fresh: readonly Owner[],
    ran: readonly Owner[],
  ): Promise<void> {
    for (const owner of fresh) owner.leaving = true
    const again = new Map<Owner, Owner>()
    for (const owner of ran) {
      try {
        const [one] = lives.stage([{ checked: owner.checked, before: owner }], undefined)
        again.set(owner, one as Owner)
      } catch (cause) {
        cannotReturn(owner, cause)
      }
    }
    lives.replace(before.map((owner) => again.get(owner) ?? owner))
    for (const owner of fresh.toReversed()) {
      await step(lives.dispose(owner))
      lives.forget(owner)
    }
    await failWith(ran.filter((owner) => !again.has(owner)))
    for (const [owner, one] of again) {
      lives.forget(owner)
      // It may have failed meanwhile, with one that it needs.
      if (!one.active) continue
      try {
        await step(lives.start([one], () => !over))
      } catch (cause) {
        if (over) throw cause
        cannotReturn(one, cause)
        await failWith([one])
      }
    }
  }

  /** Waits for a part of a swap, until the host stops and can wait no longer. */
  function step<T>(done: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      giveUp = () => reject(errors.reloadFailed(STOPPING))
      if (over) giveUp()
      done.then(resolve, reject)
    })
  }

  function cannotReturn(owner: Owner, cause: unknown): void {
    const { name } = owner
    isolation.report(cause instanceof ChatError ? cause : errors.pluginStartFailed(name, cause))
    logger.error(`plugin ${name}: it could not be brought back and has failed${remains(owner)}`)
  }

  /** Lets plugins fail, and whoever holds something of them. */
  async function failWith(owners: readonly Owner[]): Promise<void> {
    const users = usersOf(namesOf(owners), lives.live, services)
    const going = lives.owners.filter(
      (one) => owners.includes(one) || (one.active && users.has(one.name)),
    )
    lives.fail(going)
    for (const one of going) if (!owners.includes(one)) failedWith(one, owners)
    for (const one of going.toReversed()) await lives.release(one)
  }

  function failedWith(owner: Owner, others: readonly Owner[]): void {
    logger.warn(
      `plugin ${owner.name}: unloaded with ${namesOf(others).join(', ')}, which it needs${remains(owner)}`,
    )
  }

  /**
   * Takes out a plugin, and those that require it. Who uses a service of theirs is set up again; if it cannot do without,
   * it fails too. All of them fail but one that somebody has named: that has no place any more.
   */
  async function takeOut(owner: Owner, named: boolean): Promise<void> {
    const names = requirersOf(owner.name, lives.live)
    const going = lives.live.filter(({ name }) => names.has(name))
    const others = lives.live.filter(({ name }) => !names.has(name))
    const renew = usersOf([...names], others, services)
    if (named) lives.replace(lives.owners.filter((one) => one !== owner))
    lives.fail(going)
    for (const one of going) if (one !== owner) failedWith(one, [owner])
    if (renew.size > 0) {
      const plugins = lives.owners.map(({ checked }) => checked)
      await change({ plugins, file: undefined, retries: () => false, renew }).catch(() =>
        failWith(others.filter(({ name, active }) => active && renew.has(name))),
      )
    }
    for (const one of going.toReversed()) await lives.release(one)
    if (named) lives.forget(owner)
  }

  function letGo(): void {
    over = true
    giveUp?.()
    gate.openForGood()
    for (const connection of connections) parts.resume(connection)
  }

  return {
    change: (next) => alone(async () => change(next())),
    unload: (name) =>
      alone(async () => {
        const owner = lives.owners.find((one) => one.name === name)
        if (owner !== undefined) await takeOut(owner, true)
      }),
    async fail(name, why) {
      // By then another one may have its name.
      const owner = lives.live.find((one) => one.name === name)
      await alone(async () => {
        if (owner === undefined || !lives.live.includes(owner)) return
        logger.warn(`plugin ${name}: ${why}${remains(owner)}`)
        await takeOut(owner, false)
      })
    },
    cancel() {
      stopping = true
      stopWaiting?.()
      if (!holding) letGo()
    },
    letGo,
  }
}

function namesOf(owners: readonly Owner[]): string[] {
  return owners.map(({ name }) => name)
}

/** What there is to say of a plugin that has failed. */
function remains(owner: Owner): string {
  return hasGuards(owner)
    ? '; its onFailure answers until a reload succeeds or it is switched off'
    : ''
}

/** What a reload that failed has left, with these that have failed. */
function afterwards(failed: readonly Owner[]): string {
  const again = 'the plugins of before run again'
  if (failed.length === 0) return again
  const states = failed.map(
    (owner) => `${owner.name} (failed${hasGuards(owner) ? '; its guards answer' : ''})`,
  )
  return `${again}, but for ${states.join(', ')}`
}
