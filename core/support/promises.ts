/** Waits for plugins' promises and thenables: if looking at one throws, that counts as its rejection. */
import { types } from 'node:util'

/** Whether an answer must be waited for. Throws if looking at it throws, unless it is a native promise. */
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
 * Calls back, once and asynchronously, when a promise or thenable has settled. If looking at it throws, that is its
 * rejection.
 */
export function follow(
  answer: PromiseLike<unknown>,
  settled: ((value: unknown) => void) | undefined,
  failed: (cause: unknown) => void,
): void {
  // Unlike Promise.resolve and await, this does not read `constructor`, and reads `then` where a throw rejects.
  new Promise((resolve) => resolve(answer)).then(settled, failed)
  if (types.isPromise(answer)) handle(answer)
}

const { then } = Promise.prototype
const ignore = (): void => {}

/** Marks its rejection as handled, even if its own `then` throws: an unhandled one would end the host. */
function handle(promise: Promise<unknown>): void {
  try {
    void then.call(promise, ignore, ignore)
  } catch {
    try {
      // Its `constructor` may throw when it is read.
      Reflect.defineProperty(promise, 'constructor', { value: Promise })
      void then.call(promise, ignore, ignore)
    } catch {
      // Nothing can be done about it from outside.
    }
  }
}
