/**
 * Puts plugins' taps on a hook: in the one order there is, isolated from each other, and removable, which tapable's own
 * are not. The ledger is the truth; the tapable hook is rebuilt from it.
 */
import type { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesHook, SyncHook } from 'tapable'
import { z } from 'zod'
import { errors, type ChatError } from './errors.ts'
import { isThenable, type Isolation } from './isolation.ts'
import type { Owner } from './owner.ts'
import { Stage, type Decision, type HookName } from './hooks.ts'

/** How a plugin taps a hook. */
export interface TapOptions {
  /** A label for this tap, where a plugin taps the same hook more than once. */
  readonly name?: string | undefined
  /** When it runs among the others; `Stage.Normal` when left out. */
  readonly stage?: Stage | undefined
  /** Milliseconds to wait for a promise: 5000 when left out, 1000 for `close` and `shutdown`. */
  readonly timeout?: number | undefined
}

export interface DecidingTapOptions<Verdict> extends TapOptions {
  /** The verdict when the tap throws, rejects, hangs or answers with something else. Silence when left out. */
  readonly onFailure?: Verdict | undefined
}

/** The registration side of a hook whose taps answer with a verdict, or with nothing to let others decide. */
export interface DecidingHook<Event, Verdict> {
  tap(
    options: string | DecidingTapOptions<Verdict>,
    run: (event: Event) => Verdict | undefined | void,
  ): void
  /** For taps that answer later; the client's next line waits, nobody else does. */
  tapPromise(
    options: string | DecidingTapOptions<Verdict>,
    run: (event: Event) => Promise<Verdict | undefined | void>,
  ): void
}

/** The registration side of a hook whose taps are told and answer nothing. */
export interface TellingHook<Event> {
  tap(options: string | TapOptions, run: (event: Event) => void): void
  tapPromise(options: string | TapOptions, run: (event: Event) => Promise<void>): void
}

/** The registration side of a hook whose taps watch, in the same turn. */
export interface WatchingHook<Event> {
  tap(options: string | TapOptions, run: (event: Event) => void): void
}

/** What a hook makes of its taps' answers. */
export interface HookRules<Event> {
  /** Milliseconds that a tap has to answer when it does not say. */
  readonly timeout: number
  /** Returns an answer as the core uses it. Throws when the answer is none. Absent: answers are ignored. */
  readonly verdict?: (answer: unknown, event: Event) => unknown
  /** Takes over what a tap changed about the event. Throws when it may not be so. */
  readonly approve?: (event: Event) => void
  /** Undoes what was changed about the event and not approved. */
  readonly restore?: (event: Event) => void
  /** Whether taps of later plugins run first. */
  readonly reverse?: boolean
}

interface Tap {
  readonly owner: Owner
  readonly name: string
  readonly stage: number
  readonly timeout: number
  readonly onFailure: unknown
  readonly run: (event: never) => unknown
}

type AnyHook =
  // tapable's own types are invariant in the event; the ledger only taps and rebuilds, never calls.
  // oxlint-disable-next-line typescript/no-explicit-any
  AsyncSeriesBailHook<any, any> | AsyncSeriesHook<any> | AsyncParallelHook<any> | SyncHook<any>

/** Times in a row that a tap may hang before it is skipped for a while. */
const HANGS = 3
/** Milliseconds for which a tap that hangs is skipped. */
const SKIPPED = 60_000

const stages = new Set<unknown>(Object.values(Stage))

const optionsSchema = z.strictObject({
  name: z.string().optional(),
  stage: z
    .unknown()
    .refine((stage) => stage === undefined || stages.has(stage), {
      error: 'expected one of Stage.Guard, Stage.Filter, Stage.Normal, Stage.Deliver',
    })
    .optional(),
  timeout: z.int().min(1).max(3_600_000).optional(),
  onFailure: z.unknown().optional(),
})

/** `Side` is what a plugin is given of the hook. */
export class TapLedger<Event, Side> {
  readonly hookName: HookName
  readonly #hook: AnyHook
  readonly #rules: HookRules<Event>
  readonly #isolation: Isolation
  #taps: Tap[] = []

  constructor(hookName: HookName, hook: AnyHook, rules: HookRules<Event>, isolation: Isolation) {
    this.hookName = hookName
    this.#hook = hook
    this.#rules = rules
    this.#isolation = isolation
    const sync = hookName === 'settled'
    hook.intercept({
      register: (tap) => {
        const entry = (tap as unknown as { entry: Tap }).entry
        return {
          ...tap,
          type: sync ? 'sync' : 'async',
          fn: sync ? this.#watching(entry) : this.#guarded(entry),
        }
      },
    })
  }

  /** The side of the hook that a plugin is given. */
  sideOf(owner: Owner): Side {
    const tap = (options: unknown, run: (event: Event) => unknown): void =>
      this.#add(owner, options, run)
    return Object.freeze({ tap, tapPromise: tap }) as Side
  }

  remove(owner: Owner): void {
    this.#taps = this.#taps.filter((tap) => tap.owner !== owner)
    this.#rebuild()
  }

  #add(owner: Owner, options: unknown, run: (event: Event) => unknown): void {
    if (!owner.active) throw errors.pluginDisposed(owner.name)
    const invalid = (problem: string): ChatError =>
      errors.tapInvalid(this.hookName, owner.name, problem)
    if (typeof run !== 'function') throw invalid('expected a name or options, and then a function')
    const parsed = optionsSchema.safeParse(
      typeof options === 'string' ? { name: options } : options,
    )
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw invalid([...(issue?.path ?? []), issue?.message].join(': '))
    }
    const { name, stage, timeout, onFailure } = parsed.data
    if (onFailure !== undefined && this.#rules.verdict === undefined) {
      throw invalid('onFailure: this hook decides nothing')
    }
    this.#taps.push({
      owner,
      name: name === undefined ? owner.name : `${owner.name}: ${name}`,
      stage: (stage as number | undefined) ?? Stage.Normal,
      timeout: timeout ?? this.#rules.timeout,
      onFailure,
      run: run,
    })
    this.#rebuild()
  }

  #rebuild(): void {
    const direction = this.#rules.reverse === true ? -1 : 1
    this.#taps.sort((a, b) => a.stage - b.stage || direction * (a.owner.index - b.owner.index))
    this.#hook.taps = []
    for (const tap of this.#taps) {
      const { name, stage } = tap
      // The entry travels in the tap's options to the interceptor above.
      this.#hook.tap({ name, stage, entry: tap } as { name: string }, tap.run as () => undefined)
    }
  }

  #watching(tap: Tap): (event: Event) => void {
    const run = tap.run as (event: Event) => unknown
    const wrap = (cause: unknown): ChatError =>
      errors.hookFailed(tap.owner.name, this.hookName, cause)
    return (event) => this.#isolation.detached(tap.owner, run, event, wrap)
  }

  /** Wraps a tap so that its callback is called exactly once, with a decision or with nothing. */
  #guarded(
    tap: Tap,
  ): (event: Event, done: (error: null, decision?: Decision<unknown>) => void) => void {
    const { owner } = tap
    const { verdict, approve, restore } = this.#rules
    const { hookName } = this
    const isolation = this.#isolation
    const run = tap.run as (event: Event) => unknown
    const onFailure = tap.onFailure
    let hangs = 0
    let skippedUntil = 0

    /** What an answer comes to; reports a wrong one. */
    const decide = (event: Event, answer: unknown): Decision<unknown> | undefined => {
      try {
        approve?.(event)
        if (answer === undefined || verdict === undefined) return undefined
        return { verdict: verdict(answer, event), by: owner.name }
      } catch (cause) {
        return fail(event, errors.hookFailed(owner.name, hookName, cause))
      }
    }
    const fail = (event: Event, error: ChatError | undefined): Decision<unknown> | undefined => {
      restore?.(event)
      if (error !== undefined) isolation.report(error)
      if (onFailure === undefined || verdict === undefined) return undefined
      try {
        return { verdict: verdict(onFailure, event), by: owner.name }
      } catch (cause) {
        isolation.report(errors.hookFailed(owner.name, `${hookName} (onFailure)`, cause))
        return undefined
      }
    }

    return (event, done) => {
      if (!owner.active) return done(null)
      if (skippedUntil > 0 && isolation.clock.now() < skippedUntil)
        return done(null, fail(event, undefined))
      restore?.(event)
      let answer: unknown
      let waits: boolean
      try {
        answer = run(event)
        waits = isThenable(answer)
      } catch (cause) {
        return done(null, fail(event, errors.hookFailed(owner.name, hookName, cause)))
      }
      if (!waits) return done(null, decide(event, answer))
      isolation.wait(owner, hookName, tap.timeout, answer as PromiseLike<unknown>, {
        ok: (value) => {
          hangs = 0
          done(null, owner.active ? decide(event, value) : undefined)
        },
        failed: (cause) => {
          hangs = 0
          done(null, fail(event, errors.hookFailed(owner.name, hookName, cause)))
        },
        late: (error) => {
          if (++hangs >= HANGS) {
            hangs = 0
            skippedUntil = isolation.clock.now() + SKIPPED
          }
          done(null, fail(event, error))
        },
      })
    }
  }
}
