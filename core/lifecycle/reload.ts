/**
 * Replaces plugins while the host runs, all or nothing: the new ones are set up first, then the chat is paused, and the
 * old ones are swapped for the new atomically.
 */
import type { PendingLines } from '../chat/pending-lines.ts'
import type { Isolation } from '../hooks/isolation.ts'
import type { Clock } from '../support/clock.ts'
import { errors } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import type { Pause } from '../support/pause.ts'
import type { Entry, PluginLifecycle } from './plugin-lifecycle.ts'
import {
  isInstance,
  planChange,
  requirersOf,
  usersOf,
  type Change,
  type Wanted,
} from './reload-plan.ts'
import type { Services } from './services.ts'
import { createSwap, remains, STOPPING, type Lost } from './swap.ts'
import type { Instance } from './validate-plugins.ts'

/** Milliseconds for lines that are under way to settle; the chat is paused meanwhile. */
const SETTLE_TIMEOUT = 10_000

export interface ReloadParts {
  readonly lifecycle: PluginLifecycle
  readonly services: Services
  readonly pause: Pause
  readonly pending: PendingLines
  readonly log: Log
  readonly clock: Clock
  readonly isolation: Isolation
  /** Continues with what clients sent during a pause. */
  readonly resume: () => void
}

/** A change of plugins, worked out when its turn comes, since earlier changes may affect it. */
export interface NextPlugins extends Wanted {
  readonly file: string | undefined
  /** Called when the change has been made, before the pause ends. */
  readonly made?: (() => void) | undefined
  /** Called for each plugin that cannot be restored; reported as its failure when left out. */
  readonly lost?: Lost | undefined
}

export interface Reload {
  /** Runs the host's start: no change begins before it has ended, and none after it has failed. */
  begin(start: () => Promise<void>): Promise<void>
  /**
   * Makes a change. Rejects, with nothing changed, with what `next` throws, `CONFIG_INVALID` or `RELOAD_FAILED`. One at
   * a time: others wait.
   */
  change(next: () => NextPlugins): Promise<Change>
  /** Removes a plugin on request. Plugins that cannot do without it fail. */
  unload(name: string): Promise<void>
  /** Makes a plugin fail, with those that cannot do without it. `why`: such as `unloaded after 3 faults`. */
  fail(name: string, why: string): Promise<void>
  /** The host is stopping: no change begins any more. One that is already swapping plugins may finish. */
  cancel(): void
  /** It can no longer finish: what is held goes on. */
  letGo(): void
}

export function createReload(parts: ReloadParts): Reload {
  const { lifecycle, services, pause, pending, log, clock, resume } = parts
  const swap = createSwap(parts)
  let underWay: Promise<unknown> | undefined
  let holding = false
  let stopping = false
  let stopWaiting: (() => void) | undefined

  /** Runs once no other change is in progress. */
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
    const { plan, change: planned } = planChange(lifecycle.instances, next, services)
    const old = lifecycle.instances.filter((owner) => !plan.includes(owner))
    for (const owner of old) owner.leaving = true
    try {
      const entries = plan.filter((one): one is Entry => !isInstance(one))
      const fresh = lifecycle.stage(entries, next.file)
      const order = plan.map((one) =>
        isInstance(one) ? one : (fresh[entries.indexOf(one)] as Instance),
      )
      if (fresh.length + old.length === 0) {
        lifecycle.replace(order)
        next.made?.()
      } else {
        await hold(fresh, async () => {
          await swap.run(order, fresh, old, next.lost)
          next.made?.()
        })
      }
    } finally {
      for (const owner of old) owner.leaving = false
    }
    return planned
  }

  /** Runs while the chat is paused. */
  async function hold(fresh: readonly Instance[], run: () => Promise<void>): Promise<void> {
    pause.begin()
    holding = true
    try {
      if (!(await settled())) {
        lifecycle.abandon(fresh)
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
      pause.end()
      resume()
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
      forget = pending.whenIdle(end(true))
    })
  }

  /**
   * Removes a plugin, and those that require it. Plugins that use a service of theirs are set up again, or fail if they
   * cannot do without it. All of them keep their places as failed plugins, except one that was removed on request.
   */
  async function takeOut(owner: Instance, named: boolean): Promise<void> {
    const names = requirersOf(owner.name, lifecycle.live)
    const going = lifecycle.live.filter(({ name }) => names.has(name))
    const others = lifecycle.live.filter(({ name }) => !names.has(name))
    const renew = usersOf([...names], others, services)
    if (named) lifecycle.replace(lifecycle.instances.filter((one) => one !== owner))
    lifecycle.fail(going)
    for (const one of going) if (one !== owner) swap.failedWith(one, owner)
    if (renew.size > 0) {
      await change({
        plugins: lifecycle.instances.map(({ validated }) => validated),
        file: undefined,
        retries: () => false,
        renew,
        lost: (one) => swap.failedWith(one, owner),
      }).catch(() => swap.failWith(others.filter(({ name, active }) => active && renew.has(name))))
    }
    for (const one of going.toReversed()) await lifecycle.release(one)
    if (named) lifecycle.forget(owner)
  }

  function letGo(): void {
    swap.letGo()
    pause.endForGood()
    resume()
  }

  return {
    begin: (start) =>
      alone(async () => {
        try {
          await start()
        } catch (cause) {
          stopping = true
          throw cause
        }
      }),
    change: (next) => alone(async () => change(next())),
    unload: (name) =>
      alone(async () => {
        const owner = lifecycle.instances.find((one) => one.name === name)
        if (owner !== undefined) await takeOut(owner, true)
      }),
    async fail(name, why) {
      // By its turn another plugin may have that name.
      const owner = lifecycle.live.find((one) => one.name === name)
      await alone(async () => {
        if (owner === undefined || !lifecycle.live.includes(owner)) return
        log.of('plugins').warn(`plugin ${name}: ${why}${remains(owner)}`)
        await takeOut(owner, false)
      })
    },
    cancel() {
      stopping = true
      swap.stop()
      stopWaiting?.()
      if (!holding) letGo()
    },
    letGo,
  }
}
