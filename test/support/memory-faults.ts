/** What a plugin may do wrong wherever it is called. */
import { runInNewContext, runInThisContext } from 'node:vm'
import * as assert from 'uvu/assert'
import type { Plugin } from '../../core/index.ts'
import type { TestHost } from '../../core/testing/index.ts'
import { faults, logged, plugin } from './memory-plugins.ts'
import { oddErrors } from './odd-errors.ts'

/** Milliseconds after which a tap that does not answer is given up: while somebody waits, and while somebody leaves. */
export const ANSWER = 5000
export const FAREWELL = 1000

export interface Crash {
  readonly name: string
  readonly run: () => never
  readonly hangs: boolean
}

function crash(name: string, run: () => unknown, hangs = false): Crash {
  return { name, run: run as () => never, hangs }
}

function thrown(value: unknown): () => never {
  return () => {
    // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error
    throw value
  }
}

/** Looking at it in any way fails. */
const untouchable: object = new Proxy(
  {},
  {
    get: () => {
      throw new Error('do not touch')
    },
  },
)
const { proxy: revoked, revoke } = Proxy.revocable({}, {})
revoke()

class Hostile extends Error {
  override get message(): string {
    throw new Error('no message')
  }
}

const loud = Object.defineProperty(new Error('loud'), 'extra', {
  enumerable: true,
  get: () => {
    throw new Error('no extra')
  },
})

/** Ways to fail that come without an answer. */
export const crashes: readonly Crash[] = [
  crash('throws', thrown(new Error('oh'))),
  crash('throws null', thrown(null)),
  crash('throws undefined', thrown(undefined)),
  crash('throws a text with controls', thrown('\x1b[2J')),
  crash('throws an error with a circle of causes', thrown(circle())),
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  crash('rejects', () => Promise.reject(new Error('oh'))),
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors, prefer-promise-reject-errors
  crash('rejects with null', () => Promise.reject(null)),
  crash('never answers', () => new Promise(() => {}), true),
  crash('answers with a thenable that throws', () => thenable(thrown(new Error('oh')))),
  crash('answers with a thenable that never settles', () => thenable(() => {}), true),
]

/** Ways to fail again while the fault is looked at. */
export const hostilities: readonly Crash[] = [
  crash('throws what cannot be looked at', thrown(untouchable)),
  crash('throws what is gone', thrown(revoked)),
  crash('throws an error without a message', thrown(new Hostile())),
  crash('throws an error with a property that cannot be read', thrown(loud)),
  ...Object.entries(oddErrors).map(([what, source]) =>
    crash(`throws: ${what}`, thrown(runInThisContext(`(${source})`))),
  ),
  crash('rejects with what cannot be looked at', () => rejected(untouchable)),
  crash('answers with what cannot be looked at', () => untouchable),
  crash('answers with a verdict that cannot be looked at', () => ({
    get kind(): string {
      throw new Error('do not touch')
    },
  })),
]

/** Promises of JavaScript's own that fail when they are looked at, and are rejected beside that. */
export const oddPromises: readonly Crash[] = [
  crash('answers with a promise whose then throws', () =>
    oddPromise('then', { value: thrown(new Error('no then')) }),
  ),
  crash('answers with a promise whose then cannot be read', () =>
    oddPromise('then', { get: thrown(new Error('do not touch')) }),
  ),
  crash('answers with a promise whose then is a number', () => oddPromise('then', { value: 5 })),
  crash('answers with a promise whose constructor cannot be read', () =>
    oddPromise('constructor', { get: thrown(new Error('do not touch')) }),
  ),
  crash('answers with a promise whose constructor is nonsense', () =>
    oddPromise('constructor', { value: 5 }),
  ),
  crash('answers with a promise whose species throws', () => Odd.reject(new Error('oh'))),
  crash('answers with a promise of another realm', () =>
    runInNewContext('Promise.reject(new Error("oh"))'),
  ),
  crash('answers with a promise behind a proxy', () => new Proxy(Promise.resolve(), {})),
]

class Odd extends Promise<never> {
  static override get [Symbol.species](): PromiseConstructor {
    throw new Error('no species')
  }
}

function oddPromise(key: string, property: PropertyDescriptor): Promise<never> {
  return Object.defineProperty(rejected(new Error('oh')), key, {
    ...property,
    configurable: true,
  })
}

function circle(): Error {
  const [one, two] = [new Error('one'), new Error('two')]
  one.cause = two
  two.cause = one
  return one
}

function rejected(value: unknown): Promise<never> {
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  return Promise.reject(value)
}

type Then = (settle: (value: unknown) => void, reject: (reason: unknown) => void) => void

function thenable(then: Then): unknown {
  // oxlint-disable-next-line unicorn/no-thenable
  return { then }
}

/** A thenable that settles again and again, first with a value. */
export function fickle<T>(value: T, then: unknown): Promise<T> {
  return thenable((settle, reject) => {
    settle(value)
    settle(then)
    reject(new Error('too late'))
    settle(then)
  }) as Promise<T>
}

/** What is a verdict of no hook. */
export const nonsense: ReadonlyArray<readonly [name: string, answer: unknown]> = [
  ['null', null],
  ['false', false],
  ['true', true],
  ['0', 0],
  ['a text', 'deliver'],
  ['an array', []],
  ['an empty object', {}],
  ['a verdict of no kind', { kind: 'nonsense' }],
  ['a function', () => {}],
  ['a drop without a reason', { kind: 'drop' }],
  ['a refusal without a message', { kind: 'refuse' }],
  ['a refusal with a number', { kind: 'refuse', message: 5 }],
  ['admit, which is not for plugins', { kind: 'admit' }],
  ['done, which is not for plugins', { kind: 'done' }],
]

/** A faulty plugin between two good ones, and how often each of those was called. */
export function between(
  bad: Plugin,
  note: (host: Parameters<Plugin['setup']>[0], ran: () => void) => void,
) {
  const ran = { before: 0, after: 0 }
  const before = plugin('before', (host) => note(host, () => void ran.before++))
  const after = plugin('after', (host) => note(host, () => void ran.after++))
  return { plugins: [before, bad, after], ran }
}

/** The one fault there was is that of the plugin `bad` in some hook, and the log says so. */
export function assertBlamed(host: TestHost, hook: string, code: string): void {
  assert.equal(
    faults(host).map((fault) => fault.split(' < ')[0]),
    [`bad ${hook} ${code}`],
  )
  const messages = logged(host, 'plugins', 50)
  assert.is(messages.length, 1)
  assert.ok(messages[0]?.startsWith('plugin bad: '), messages[0])
  assert.ok(messages[0]?.includes(hook), messages[0])
  assert.not.match(host.records.map(({ message, json }) => message + json).join(''), /\p{Cc}/u)
}
