/**
 * Registers plugins' taps on a hook: in stage order, isolated from each other, and removable, which tapable's own taps
 * are not. The plugins' lists of taps are authoritative; the tapable hook is rebuilt from them.
 */
import type { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesHook, SyncHook } from 'tapable'
import { z } from 'zod'
import { problemsOf } from '../support/config-issues.ts'
import { describe, errors, show, type ChatError } from '../support/errors.ts'
import type { Tap, PluginInstance } from '../support/plugin-instance.ts'
import type { HookName } from './hooks.ts'
import { guard, watch, type HookRules } from './isolated-tap.ts'
import type { Isolation } from './isolation.ts'
import { Stage } from './tap-options.ts'
import { timed } from './timings.ts'

type AnyHook =
  // tapable's own types are invariant in the event; the registry only taps and rebuilds, never calls.
  // oxlint-disable-next-line typescript/no-explicit-any
  AsyncSeriesBailHook<any, any> | AsyncSeriesHook<any> | AsyncParallelHook<any> | SyncHook<any>

/** Hooks whose taps watch synchronously. */
const WATCHED: ReadonlySet<HookName> = new Set(['settled', 'message'])

const stages = new Set<unknown>(Object.values(Stage))
const STAGES = 'expected one of Stage.Guard, Stage.Filter, Stage.Normal, Stage.Deliver'

/**
 * Taps on one hook, of all plugins. tapable calls each tap from within the one before: above 2000 the stack overflows.
 */
const MOST_TAPS = 256

const optionsSchema = z.strictObject({
  name: z.string().optional(),
  stage: z
    .unknown()
    .refine((stage) => stage === undefined || stages.has(stage), {
      error: ({ input }) => `${STAGES}, found ${show(input)}`,
    })
    .optional(),
  timeout: z.int().min(1).max(3_600_000).optional(),
  onFailure: z.unknown().optional(),
})

export interface TapRules<Event> extends HookRules<Event> {
  /** Checks a tap's `onFailure` before there is an event. Throws when it can never be a valid verdict of the hook. */
  readonly failure?: (answer: unknown) => void
}

/** `Side` is the registration side of the hook that plugins get. */
export class TapRegistry<Event, Side> {
  readonly hookName: HookName
  readonly #hook: AnyHook
  readonly #rules: TapRules<Event>
  #owners: readonly PluginInstance[] = []
  /** Plugins in setup that have tapped this hook. */
  readonly #staged = new Set<PluginInstance>()
  #taps: readonly Tap[] = []

  constructor(hookName: HookName, hook: AnyHook, rules: TapRules<Event>, isolation: Isolation) {
    this.hookName = hookName
    this.#hook = hook
    this.#rules = rules
    const sync = WATCHED.has(hookName)
    hook.intercept({
      register: (tap) => {
        const { entry } = tap as unknown as { readonly entry?: Tap }
        if (entry === undefined) return tap
        if (sync) return { ...tap, type: 'sync', fn: watch(entry, hookName, rules, isolation) }
        const guarded = guard(entry, hookName, rules, isolation)
        const { timings } = isolation
        const fn = timings.since === undefined ? guarded : timed(entry.owner.name, timings, guarded)
        return { ...tap, type: 'async', fn }
      },
    })
  }

  sideOf(owner: PluginInstance): Side {
    const tap = (options: unknown, run: (event: Event) => unknown): void =>
      this.#add(owner, options, run)
    return Object.freeze(WATCHED.has(this.hookName) ? { tap } : { tap, tapPromise: tap }) as Side
  }

  hasStage(stage: Stage): boolean {
    return this.#taps.some((tap) => tap.stage === stage)
  }

  /** The taps that are called, in order. */
  taps(): readonly Tap[] {
    return this.#taps
  }

  /**
   * From now on only the taps of these plugins are called. A plugin that was taken out is left with its taps that have
   * an `onFailure`, which answers for them.
   */
  refresh(owners = this.#owners): void {
    this.#owners = owners
    for (const owner of this.#staged) if (!owner.staged || !owner.active) this.#staged.delete(owner)
    this.#rebuild()
  }

  #add(owner: PluginInstance, options: unknown, run: (event: Event) => unknown): void {
    if (!owner.active) throw errors.pluginDisposed(owner.name)
    const invalid = (problem: string): ChatError =>
      errors.tapInvalid(this.hookName, owner.name, problem)
    if (typeof run !== 'function') throw invalid('expected a name or options, and then a function')
    const given = typeof options === 'string' ? { name: options } : options
    const parsed = optionsSchema.safeParse(given)
    if (!parsed.success) {
      const [problem] = problemsOf(parsed.error, optionsSchema, given, '')
      throw invalid(
        problem === undefined || problem.path === ''
          ? `expected a name or options, and then a function, found ${show(options)}`
          : `${problem.path}: ${problem.message}`,
      )
    }
    // One that is leaving may stay after all, if the reload fails.
    const taps = owner.leaving ? this.#taps.length : this.#tapsToCome
    if (taps >= MOST_TAPS) {
      throw invalid(
        `there are ${MOST_TAPS} taps on this hook already, which is the limit; tap it once, and choose what to do within that tap`,
      )
    }
    const { name, stage, timeout, onFailure } = parsed.data
    if (stage === undefined && Object.hasOwn(given as object, 'stage')) {
      // A misspelt `Stage.Gaurd` is undefined.
      throw invalid(`stage: ${STAGES}, found undefined`)
    }
    if (onFailure !== undefined) this.#checkFailure(onFailure, invalid)
    if (timeout !== undefined && WATCHED.has(this.hookName)) {
      throw invalid('timeout: this hook does not wait for its taps')
    }
    owner.taps.push({
      hook: this.hookName,
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
    if (owner.staged) this.#staged.add(owner)
    else this.#rebuild()
  }

  /** How many taps it will have once the plugins in setup have gone live. */
  get #tapsToCome(): number {
    const stay = this.#taps.filter(({ owner }) => !owner.leaving)
    const come = [...this.#staged].flatMap(({ taps }) => taps)
    return stay.length + come.filter(({ hook }) => hook === this.hookName).length
  }

  #checkFailure(onFailure: unknown, invalid: (problem: string) => ChatError): void {
    const { verdict, failure } = this.#rules
    if (verdict === undefined) throw invalid('onFailure: this hook decides nothing')
    try {
      failure?.(onFailure)
    } catch (cause) {
      throw invalid(`onFailure: ${describe(cause)}`)
    }
  }

  #rebuild(): void {
    const owners = this.#rules.reverse === true ? this.#owners.toReversed() : this.#owners
    this.#taps = owners
      .flatMap(({ taps }) => taps)
      .filter((tap) => tap.hook === this.hookName)
      .filter(({ owner, onFailure }) => owner.active || onFailure !== undefined)
      .toSorted((a, b) => a.stage - b.stage)
    // tapable drops its compiled code when a tap is added, but not when the list is emptied.
    this.#hook.tap('nothing', () => undefined)
    this.#hook.taps = []
    for (const tap of this.#taps) {
      const { name, stage } = tap
      // The interceptor above finds the entry in the tap's options.
      this.#hook.tap({ name, stage, entry: tap } as { name: string }, tap.run as () => undefined)
    }
  }
}
