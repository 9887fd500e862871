/**
 * Puts plugins' taps on a hook: in the one order there is, isolated from each other, and removable, which tapable's own
 * are not. The ledger is the truth; the tapable hook is rebuilt from it.
 */
import type { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesHook, SyncHook } from 'tapable'
import { z } from 'zod'
import { errors, type ChatError } from './errors.ts'
import { guard, watch, type HookRules, type Tap } from './guard.ts'
import type { Isolation } from './isolation.ts'
import type { Owner } from './owner.ts'
import { Stage, type HookName } from './hooks.ts'
import { timed } from './timings.ts'

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

type AnyHook =
  // tapable's own types are invariant in the event; the ledger only taps and rebuilds, never calls.
  // oxlint-disable-next-line typescript/no-explicit-any
  AsyncSeriesBailHook<any, any> | AsyncSeriesHook<any> | AsyncParallelHook<any> | SyncHook<any>

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
  #taps: Tap[] = []

  constructor(hookName: HookName, hook: AnyHook, rules: HookRules<Event>, isolation: Isolation) {
    this.hookName = hookName
    this.#hook = hook
    this.#rules = rules
    const sync = hookName === 'settled'
    hook.intercept({
      register: (tap) => {
        const entry = (tap as unknown as { entry: Tap }).entry
        if (sync) return { ...tap, type: 'sync', fn: watch(entry, hookName, rules, isolation) }
        const guarded = guard(entry, hookName, rules, isolation)
        const { timings } = isolation
        const fn = timings.since === undefined ? guarded : timed(entry.owner.name, timings, guarded)
        return { ...tap, type: 'async', fn }
      },
    })
  }

  /** The side of the hook that a plugin is given. */
  sideOf(owner: Owner): Side {
    const tap = (options: unknown, run: (event: Event) => unknown): void =>
      this.#add(owner, options, run)
    return Object.freeze({ tap, tapPromise: tap }) as Side
  }

  /** Whether any tap is in a stage. */
  hasStage(stage: Stage): boolean {
    return this.#taps.some((tap) => tap.stage === stage)
  }

  /** Those that are called, in order. */
  taps(): readonly Tap[] {
    return this.#taps.filter(({ owner }) => !owner.staged)
  }

  /** Takes out the taps of who has gone, and puts in, and in order, those of who has gone live. */
  refresh(): void {
    this.#taps = this.#taps.filter((tap) => tap.owner.active)
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
    if (timeout !== undefined && this.hookName === 'settled') {
      throw invalid('timeout: this hook does not wait for its taps')
    }
    this.#taps.push({
      owner,
      name: name === undefined ? owner.name : `${owner.name}: ${name}`,
      label: name,
      stage: (stage as number | undefined) ?? Stage.Normal,
      timeout: timeout ?? this.#rules.timeout,
      onFailure,
      run,
      hangs: 0,
      skippedUntil: 0,
    })
    if (!owner.staged) this.#rebuild()
  }

  #rebuild(): void {
    const direction = this.#rules.reverse === true ? -1 : 1
    this.#taps.sort((a, b) => a.stage - b.stage || direction * (a.owner.index - b.owner.index))
    this.#hook.taps = []
    for (const tap of this.#taps) {
      if (tap.owner.staged) continue
      const { name, stage } = tap
      // The entry travels in the tap's options to the interceptor above.
      this.#hook.tap({ name, stage, entry: tap } as { name: string }, tap.run as () => undefined)
    }
  }
}
