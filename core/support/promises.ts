/** Waits for promises of plugins, and for what looks like promises: whatever they do when they are looked at is a rejection. */
import { types } from 'node:util'

/** Whether an answer is to be waited for. Throws where it fails when it is looked at and is no promise of JavaScript's own. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  try {
    return typeof (value as { then?: unknown }).then === 'function' || value instanceof Promise
  } catch (cause) {
    if (types.isPromise(value)) return true
    throw cause
  }
}

/**
 * Calls back, once and in a later step, with how a promise or what looks like one has settled. Whatever it does when it is
 * looked at is its rejection.
 */
export function follow(
  answer: PromiseLike<unknown>,
  settled: ((value: unknown) => void) | undefined,
  failed: (cause: unknown) => void,
): void {
  // Unlike Promise.resolve and await this reads no `constructor`, and `then` where a throw rejects.
  new Promise((resolve) => resolve(answer)).then(settled, failed)
  if (types.isPromise(answer)) handle(answer)
}

const { then } = Promise.prototype
const ignore = (): void => {}

/** Its rejection counts as handled, also where its own `then` never got that far: an unhandled one would end the host. */
function handle(promise: Promise<unknown>): void {
  try {
    void then.call(promise, ignore, ignore)
  } catch {
    try {
      // What cannot be read is in the way.
      Reflect.defineProperty(promise, 'constructor', { value: Promise })
      void then.call(promise, ignore, ignore)
    } catch {
      // Nothing can be done about it from outside.
    }
  }
}
