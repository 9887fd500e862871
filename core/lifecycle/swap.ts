/**
 * Swaps plugins while the chat is paused. If one of the new plugins cannot start, the old ones are restored. One that
 * cannot be restored has failed: its guards stay, so that nothing passes that they would have stopped.
 */
import type { Isolation } from '../hooks/isolation.ts'
import { ChatError, describe, errors } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { hasGuards } from '../support/plugin-instance.ts'
import type { PluginLifecycle } from './plugin-lifecycle.ts'
import { usersOf } from './reload-plan.ts'
import type { Services } from './services.ts'
import type { Instance } from './validate-plugins.ts'

export interface SwapParts {
  readonly lifecycle: PluginLifecycle
  readonly services: Services
  readonly log: Log
  readonly isolation: Isolation
}

/** Called for a plugin that cannot be restored. */
export type Lost = (owner: Instance, cause: unknown) => void

export interface Swap {
  /** Replaces `old` with `fresh`, in the new order. Rejects with `RELOAD_FAILED` once the old ones are restored. */
  run(
    order: readonly Instance[],
    fresh: readonly Instance[],
    old: readonly Instance[],
    lost?: Lost,
  ): Promise<void>
  /** Makes plugins fail, with the plugins that use them. */
  failWith(owners: readonly Instance[]): Promise<void>
  /** Logs that a plugin has failed since it needs another one. */
  failedWith(owner: Instance, other: Instance): void
  /** The host is stopping: the old plugins are not restored any more. */
  stop(): void
  /** The host can wait no longer: what is in progress is left as it is, and rejects. */
  letGo(): void
}

export const STOPPING = 'the host is stopping'

export function createSwap({ lifecycle, services, log, isolation }: SwapParts): Swap {
  const logger = log.of('plugins')
  let stopping = false
  let over = false
  let giveUp: (() => void) | undefined

  async function run(
    order: readonly Instance[],
    fresh: readonly Instance[],
    old: readonly Instance[],
    lost: Lost = cannotReturn,
  ): Promise<void> {
    const before = lifecycle.instances
    const ran = old.filter(({ active }) => active)
    lifecycle.replace(order, old)
    for (const owner of old.toReversed()) await step(lifecycle.dispose(owner))
    try {
      await step(lifecycle.start(fresh, () => !over))
    } catch (cause) {
      if (stopping) throw errors.reloadFailed(`${describe(cause)}; ${STOPPING}`, cause)
      await restore(before, fresh, ran, lost)
      throw errors.reloadFailed(`${describe(cause)}; ${afterwards(lifecycle.failed)}`, cause)
    }
    lifecycle.replace(order)
    for (const owner of old) lifecycle.forget(owner)
  }

  /**
   * Restores the old plugins that were running. The others, and those that cannot be restored, stay in their places as
   * failed.
   */
  async function restore(
    before: readonly Instance[],
    fresh: readonly Instance[],
    ran: readonly Instance[],
    lost: Lost,
  ): Promise<void> {
    for (const owner of fresh) owner.leaving = true
    const again = new Map<Instance, Instance>()
    for (const owner of ran) {
      try {
        const [one] = lifecycle.stage([{ validated: owner.validated, before: owner }], undefined)
        again.set(owner, one as Instance)
      } catch (cause) {
        lost(owner, cause)
      }
    }
    lifecycle.replace(before.map((owner) => again.get(owner) ?? owner))
    for (const owner of fresh.toReversed()) {
      await step(lifecycle.dispose(owner))
      lifecycle.forget(owner)
    }
    await failWith(ran.filter((owner) => !again.has(owner)))
    for (const [owner, one] of again) {
      lifecycle.forget(owner)
      // It may have failed meanwhile, with one that it needs.
      if (!one.active) continue
      try {
        await step(lifecycle.start([one], () => !over))
      } catch (cause) {
        if (over) throw cause
        lost(one, cause)
        await failWith([one])
      }
    }
  }

  /** Waits for a step of the swap, until the stopping host can wait no longer. */
  function step<T>(done: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      giveUp = () => reject(errors.reloadFailed(STOPPING))
      if (over) giveUp()
      done.then(resolve, reject)
    })
  }

  function cannotReturn(owner: Instance, cause: unknown): void {
    const { name } = owner
    isolation.report(cause instanceof ChatError ? cause : errors.pluginStartFailed(name, cause))
    logger.error(`plugin ${name}: it could not be restored and has failed${remains(owner)}`)
  }

  /** Makes plugins fail, with the plugins that use them. */
  async function failWith(owners: readonly Instance[]): Promise<void> {
    const users = usersOf(namesOf(owners), lifecycle.live, services)
    const going = lifecycle.instances.filter(
      (one) => owners.includes(one) || (one.active && users.has(one.name)),
    )
    lifecycle.fail(going)
    for (const one of going) if (!owners.includes(one)) failedWith(one, owners)
    for (const one of going.toReversed()) await lifecycle.release(one)
  }

  function failedWith(owner: Instance, others: readonly Instance[]): void {
    logger.warn(
      `plugin ${owner.name}: unloaded with ${namesOf(others).join(', ')}, which it needs${remains(owner)}`,
    )
  }

  return {
    run,
    failWith,
    failedWith: (owner, other) => failedWith(owner, [other]),
    stop() {
      stopping = true
    },
    letGo() {
      over = true
      giveUp?.()
    },
  }
}

function namesOf(owners: readonly Instance[]): string[] {
  return owners.map(({ name }) => name)
}

/** What to add to the message that a plugin has failed. */
export function remains(owner: Instance): string {
  return hasGuards(owner)
    ? '; its onFailure answers until a reload succeeds or it is switched off'
    : ''
}

/** The state after a failed reload, with the plugins that have failed. */
function afterwards(failed: readonly Instance[]): string {
  const again = 'the previous plugins are running again'
  if (failed.length === 0) return again
  const states = failed.map(
    (owner) => `${owner.name} (failed${hasGuards(owner) ? '; its guards answer' : ''})`,
  )
  return `${again}, except ${states.join(', ')}`
}
