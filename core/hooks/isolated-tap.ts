/** Wraps each tap so that it is called once, ends once, and its failures affect nobody else. */
import { callPlugin } from '../support/boundary.ts'
import { errors, type ChatError } from '../support/errors.ts'
import type { Tap } from '../support/plugin-instance.ts'
import { isThenable } from '../support/promises.ts'
import type { Decision, HookName } from './hooks.ts'
import type { CallDone, Isolation } from './isolation.ts'

/** How a hook treats its taps' answers. */
export interface HookRules<Event> {
  /** Milliseconds for a tap to answer, unless it sets its own timeout. */
  readonly timeout: number
  /** Returns the answer as the core uses it; throws when it is invalid. Absent: answers are ignored. */
  readonly verdict?: (answer: unknown, event: Event) => unknown
  /** The verdict when the tap's `onFailure` is itself invalid for the event. */
  readonly closed?: unknown
  /** What a tap is given instead of the event, when it may change something about it. */
  readonly propose?: (event: Event) => unknown
  /** Checks what the tap changed about it. Throws when that is invalid. */
  readonly check?: (event: Event) => void
  /** Applies what the tap changed about it. */
  readonly accept?: (event: Event) => void
  /** Whether taps of later plugins run first. */
  readonly reverse?: boolean
}

/** Timeouts in a row after which a tap is skipped for a while. */
const HANGS = 3
/** Milliseconds for which a hanging tap is skipped. */
const SKIPPED = 60_000

/** Wraps a tap that answers: its callback is called exactly once, with a decision or with nothing. */
export function guard<Event>(
  tap: Tap,
  hookName: HookName,
  rules: HookRules<Event>,
  isolation: Isolation,
): (event: Event, done: (error: null, decision?: Decision<unknown>) => void) => void {
  const { owner, onFailure } = tap
  const { verdict, closed, propose, check, accept } = rules
  const run = tap.run as (event: unknown) => unknown
  const failed = (cause: unknown): ChatError => errors.hookFailed(owner.name, hookName, cause, tap)

  /** The decision for an answer. A tap with an invalid answer has changed nothing either. */
  function decide(event: Event, answer: unknown): Decision<unknown> | undefined {
    try {
      check?.(event)
      const decided =
        answer === undefined || verdict === undefined ? undefined : verdict(answer, event)
      accept?.(event)
      return decided === undefined ? undefined : { verdict: decided, by: owner.name }
    } catch (cause) {
      isolation.report(failed(cause))
      return onFailureOf(event)
    }
  }

  /** The decision without an answer: the tap failed, or its plugin is not running. */
  function onFailureOf(event: Event): Decision<unknown> | undefined {
    if (onFailure === undefined || verdict === undefined) return undefined
    try {
      return { verdict: verdict(onFailure, event), by: owner.name }
    } catch (cause) {
      isolation.report(errors.hookFailed(owner.name, `${hookName} (onFailure)`, cause, tap))
      return { verdict: closed, by: owner.name }
    }
  }

  return (event, done) => {
    if (!owner.running) return done(null, onFailureOf(event))
    if (tap.skippedUntil > 0 && isolation.clock.now() < tap.skippedUntil) {
      return done(null, onFailureOf(event))
    }
    let answer: unknown
    let waits: boolean
    try {
      answer = callPlugin(run, propose === undefined ? event : propose(event))
      waits = isThenable(answer)
    } catch (cause) {
      isolation.report(failed(cause))
      return done(null, onFailureOf(event))
    }
    if (!waits) return done(null, decide(event, answer))
    const end: CallDone = {
      ok: (value) => {
        tap.hangs = 0
        done(null, owner.running ? decide(event, value) : onFailureOf(event))
      },
      failed: (cause) => {
        tap.hangs = 0
        isolation.report(failed(cause))
        done(null, onFailureOf(event))
      },
      late: (error) => {
        if (++tap.hangs < HANGS) {
          isolation.report(error)
        } else {
          tap.hangs = 0
          tap.skippedUntil = isolation.clock.now() + SKIPPED
          isolation.report(errors.tapSkipped(error, HANGS, SKIPPED, onFailure !== undefined))
        }
        done(null, onFailureOf(event))
      },
    }
    isolation.wait(owner, hookName, tap.timeout, answer as PromiseLike<unknown>, end, tap)
  }
}

/** Wraps a tap that only watches, synchronously. */
export function watch<Event>(
  tap: Tap,
  hookName: HookName,
  _rules: HookRules<Event>,
  isolation: Isolation,
): (event: Event) => void {
  const { owner, run } = tap
  const failed = (cause: unknown): ChatError => errors.hookFailed(owner.name, hookName, cause, tap)
  return (event) => {
    if (owner.running) isolation.detached(owner, run as (event: Event) => unknown, event, failed)
  }
}
