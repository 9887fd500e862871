/**
 * Runs plugins' code so that its failures reach nobody else: a throw, a rejection, a promise that never settles or
 * settles twice, an invalid answer. Each call ends exactly once, and a failure is reported with the plugin's name.
 */
import { callPlugin } from '../support/boundary.ts'
import type { Cancel, Clock } from '../support/clock.ts'
import { errors, type ChatError } from '../support/errors.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { follow, isThenable } from '../support/promises.ts'
import { Timings } from './timings.ts'

/** Called when a call of a plugin has ended. */
export interface CallDone {
  ok(answer: unknown): void
  failed(cause: unknown): void
  /** It did not answer in time; any later answer is ignored. */
  late(error: ChatError): void
}

export class Isolation {
  readonly clock: Clock
  readonly timings = new Timings()
  readonly #report: (error: ChatError) => void
  /** How to give up each pending call, with its plugin and what was called. */
  readonly #pending = new Map<() => void, readonly [owner: PluginInstance, what: string]>()
  #expired = false

  constructor(clock: Clock, report: (error: ChatError) => void) {
    this.clock = clock
    this.#report = report
  }

  report(error: ChatError): void {
    this.timings.fault(error.plugin)
    this.#report(error)
  }

  /** Gives up every pending call, and from now on each that does not answer at once. */
  expire(): void {
    this.#expired = true
    for (const giveUp of this.#pending.keys()) giveUp()
  }

  /** Plugins that have not answered yet, each with what was called. */
  unanswered(): string[] {
    return Array.from(this.#pending.values(), ([owner, what]) => `${owner.name}: ${what}`)
  }

  /** Calls a function of a plugin with a deadline in milliseconds, and waits for a promise that it returns. */
  call(
    owner: PluginInstance,
    what: string,
    timeout: number,
    run: () => unknown,
    end: CallDone,
  ): void {
    const done = this.#timed(owner, end)
    let answer: unknown
    let waits: boolean
    try {
      answer = callPlugin(run, undefined)
      waits = isThenable(answer)
    } catch (cause) {
      done.failed(cause)
      return
    }
    if (waits) this.wait(owner, what, timeout, answer as PromiseLike<unknown>, done)
    else done.ok(answer)
  }

  /** Waits for a promise of a plugin with a deadline in milliseconds; `tap` when a tap returned it. */
  wait(
    owner: PluginInstance,
    what: string,
    timeout: number,
    answer: PromiseLike<unknown>,
    done: CallDone,
    tap?: { readonly label: string | undefined },
  ): void {
    let cancel: Cancel | undefined
    let open = true
    const end = (): boolean => {
      if (!open) return false
      open = false
      cancel?.()
      this.#pending.delete(giveUp)
      return true
    }
    const giveUp = (): void => {
      if (end()) done.late(errors.stopTimeout(owner.name, what, tap))
    }
    this.#pending.set(giveUp, [owner, what])
    cancel = this.clock.setTimeout(() => {
      if (end()) done.late(errors.hookTimeout(owner.name, what, timeout, tap))
    }, timeout)
    follow(
      answer,
      (value) => {
        if (end()) done.ok(value)
      },
      (cause) => {
        if (end()) done.failed(cause)
      },
    )
    if (this.#expired) giveUp()
  }

  /** The same as a promise: resolves to the error, made by `wrap`, or to undefined on success. */
  settle(
    owner: PluginInstance,
    what: string,
    timeout: number,
    run: () => unknown,
    wrap: (cause: unknown) => ChatError,
  ): Promise<ChatError | undefined> {
    return new Promise((resolve) => {
      this.call(owner, what, timeout, run, {
        ok: () => resolve(undefined),
        failed: (cause) => resolve(wrap(cause)),
        late: resolve,
      })
    })
  }

  /**
   * Runs a plugin's callback without waiting for it, such as a timer's. A promise that it returns must not go
   * unhandled.
   */
  detached<T>(
    owner: PluginInstance,
    run: (argument: T) => unknown,
    argument: T,
    wrap: (cause: unknown) => ChatError,
  ): void {
    if (!owner.active) return
    const ended = this.timings.begin(owner.name)
    try {
      const answer = callPlugin(run, argument)
      if (isThenable(answer)) follow(answer, undefined, (cause) => this.report(wrap(cause)))
    } catch (cause) {
      this.report(wrap(cause))
    }
    ended?.()
  }

  #timed(owner: PluginInstance, done: CallDone): CallDone {
    const ended = this.timings.begin(owner.name)
    if (ended === undefined) return done
    return {
      ok(answer) {
        ended()
        done.ok(answer)
      },
      failed(cause) {
        ended()
        done.failed(cause)
      },
      late(error) {
        ended()
        done.late(error)
      },
    }
  }
}
