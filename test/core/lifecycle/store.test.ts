/** The store of a plugin: its own, in order, over reloads and restarts, and closed to plugins that have gone. */
import { MemoryLevel } from 'memory-level'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ChatError, definePlugin, z, type PluginContext, type Store } from '../../../core/index.ts'
import { Database, type Level } from '../../../core/lifecycle/database.ts'
import { createStore } from '../../../core/lifecycle/store.ts'
import { createInstance } from '../../../core/support/plugin-instance.ts'
import { createTestHost, createTestStore } from '../../../core/testing/index.ts'
import { codeOf, faults, join, plugin, probe, rejection } from '../../support/memory-plugins.ts'

const test = suite('store')

/** What a promise is rejected with, as `CODE: MESSAGE`. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise)
  return error instanceof ChatError ? `${error.code}: ${error.message}` : String(error)
}

test('what is put is got, and what is deleted is not', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  void host
  const { store } = chat.host
  assert.is(await store.get('a'), undefined)
  await store.put('a', { points: [1, null, 'ä'] })
  assert.equal(await store.get('a'), { points: [1, null, 'ä'] })
  await store.put('', null)
  assert.is(await store.get(''), null)
  await store.del('a')
  await store.del('never was')
  assert.is(await store.get('a'), undefined)
})

test('a batch is done in its order', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  void host
  const { store } = chat.host
  await store.put('old', 1)
  await store.batch([
    { type: 'put', key: 'a', value: 1 },
    { type: 'del', key: 'old' },
    { type: 'put', key: 'a', value: 2 },
  ])
  await store.batch([])
  assert.equal(await store.iterator().all(), [['a', 2]])
})

test('an iterator has the entries of a range in order', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  void host
  const { store } = chat.host
  // By UTF-16 the last one would stand before \uffff.
  const keys = ['', 'a', 'a:1', 'a:2', 'b', '\uffff', '😀']
  await store.batch(keys.toReversed().map((key) => ({ type: 'put', key, value: key.length })))
  const found: string[] = []
  for await (const [key, value] of store.iterator<number>()) {
    assert.is(value, key.length)
    found.push(key)
  }
  assert.equal(found, keys)
  const keysIn = async (range: Parameters<Store['iterator']>[0]) =>
    (await store.iterator(range).all()).map(([key]) => key)
  assert.equal(await keysIn({ gte: 'a:', lt: 'a;' }), ['a:1', 'a:2'])
  assert.equal(await keysIn({ gt: 'a:1', lte: 'b' }), ['a:2', 'b'])
  assert.equal(await keysIn({ reverse: true, limit: 2 }), ['😀', '\uffff'])
  assert.equal(await keysIn({ limit: 0 }), [])
  assert.equal(await keysIn({ gt: undefined, limit: undefined }), keys)
})

test('a loop may end early, and does not see what is written meanwhile', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  void host
  const { store } = chat.host
  await store.batch(['a', 'b', 'c'].map((key) => ({ type: 'put', key, value: 1 })))
  const found: string[] = []
  for await (const [key] of store.iterator()) {
    found.push(key)
    await store.put(`${key}+`, 1)
    if (key === 'b') break
  }
  assert.equal(found, ['a', 'b'])
})

test('what is called takes effect in order, awaited or not, as it is at the call', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  void host
  const { store } = chat.host
  const value = { n: 0 }
  for (let n = 1; n <= 100; n++) {
    value.n = n
    void store.put('n', value)
  }
  value.n = 0
  const read = store.get('n')
  void store.del('n')
  assert.equal(await read, { n: 100 })
  assert.is(await store.get('n'), undefined)
})

test('each plugin has a store of its own', async () => {
  const names = ['a', 'b', 'a:b', 'a-b']
  const chats = names.map((name) => probe(name))
  await using host = await createTestHost({ plugins: chats.map((chat) => chat.plugin) })
  void host
  for (const [index, chat] of chats.entries()) await chat.host.store.put('key', names[index])
  for (const [index, chat] of chats.entries()) {
    assert.equal(await chat.host.store.iterator().all(), [['key', names[index]]])
  }
})

test('what cannot be stored is refused with what was found', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  void host
  // The types know better.
  const store = chat.host.store as never as Record<string, (...args: unknown[]) => Promise<unknown>>
  const call = async (method: string, ...args: unknown[]) =>
    (await refusal(store[method]?.(...args) as Promise<unknown>)).replace(
      'ARGUMENT_INVALID: host.store.',
      '',
    )
  const circle: unknown[] = []
  circle.push(circle)
  for (const [told, expected] of [
    [await call('get', 5), 'get: expected a key, a text, found 5'],
    [await call('put', undefined, 1), 'put: expected a key, a text, found undefined'],
    [await call('del', ['a']), 'del: expected a key, a text, found an array'],
    [await call('put', 'a'), 'put: expected a value that JSON can say, found undefined'],
    [await call('put', 'a', () => 1), 'put: expected a value that JSON can say, found a function'],
    [
      await call('put', 'a', 1n),
      'put: expected a value that JSON can say, found 1: Do not know how to serialize a BigInt',
    ],
    [await call('batch', 'a'), 'batch: expected a list of operations, found "a"'],
    [
      await call('batch', [{ type: 'get', key: 'a' }]),
      "batch: expected { type: 'put', key, value } or { type: 'del', key }, found type \"get\"",
    ],
    [
      await call('batch', [null]),
      "batch: expected { type: 'put', key, value } or { type: 'del', key }, found null",
    ],
    [
      await call('batch', [{ type: 'put', key: 'a' }]),
      'batch: expected a value that JSON can say, found undefined',
    ],
  ]) {
    assert.is(told, expected)
  }
  assert.match(
    await call('put', 'a', circle),
    /^put: expected a value that JSON can say, found an array: /,
  )
  assert.match(
    await call('put', 'half \ud83d', 1),
    /^put: expected a key, a text, found half a character in /,
  )
  for (const [range, expected] of [
    [{ gtt: 'a' }, /gtt: there is no such key; did you mean "gt"\?/],
    [{ gt: 5 }, /gt: expected a key, a text, found 5/],
    [{ limit: -1 }, /limit: expected a number of entries, from 0, found -1/],
    [{ limit: 1.5 }, /limit: expected a number of entries, from 0, found 1.5/],
    [{ reverse: 'yes' }, /reverse: expected true or false, found "yes"/],
    [5, /expected options, such as \{ gt, gte, lt, lte, reverse, limit \}, found 5/],
  ] as const) {
    assert.throws(() => store['iterator']?.(range), expected)
  }
  assert.equal(await chat.host.store.iterator().all(), [])
})

test('in setup it throws, and says from when on it can be used', async () => {
  for (const use of [
    (store: Store) => store.get('a'),
    (store: Store) => store.put('a', 1),
    (store: Store) => store.del('a'),
    (store: Store) => store.batch([]),
    (store: Store) => store.iterator(),
  ]) {
    const hasty = plugin('hasty', (host) => void use(host.store))
    const error = (await rejection(createTestHost({ plugins: [hasty] }))) as ChatError
    assert.match(
      error.message,
      /hasty\): setup: host\.store: it cannot be used in setup, .*; use it from host\.onStart/,
    )
  }
})

test('what was stored is there after a restart, and for that plugin alone', async () => {
  const store = createTestStore()
  const before = probe('karma')
  const first = await createTestHost({ store, plugins: [before.plugin] })
  await before.host.store.put('ada', 5)
  await first.stop()
  const found: unknown[] = []
  const after = plugin('karma', (host) => {
    host.onStart(async () => found.push(await host.store.get('ada')))
  })
  const other = plugin('other', (host) => {
    host.onStart(async () => found.push(await host.store.get('ada')))
  })
  await using second = await createTestHost({ store, plugins: [after, other] })
  void second
  assert.equal(found, [5, undefined])
})

test('a test can look into the stores of plugins, and fill them before they start', async () => {
  const store = createTestStore()
  await store.of('karma').put('ada', 5)
  const chat = probe('karma', (host) => {
    host.onStart(async () => host.store.put('bob', await host.store.get('ada')))
  })
  const host = await createTestHost({ store, plugins: [chat.plugin] })
  await host.stop()
  assert.is(await store.of('karma').get('bob'), 5)
  const other = { of: () => store.of('karma') }
  assert.match(
    await refusal(createTestHost({ store: other })),
    /ARGUMENT_INVALID: createTestHost: store: expected what createTestStore has returned/,
  )
})

const counter = definePlugin({
  name: 'counter',
  apiVersion: 1,
  options: z.strictObject({ step: z.int().default(1) }).prefault({}),
  setup(host, { step }) {
    let count = 0
    host.onStart(async () => {
      count = (await host.store.get<number>('count')) ?? 0
    })
    host.onDispose(() => host.store.put('count', count))
    host.command({ name: 'count', help: '', run: () => String((count += step)) })
  },
})

test('what is stored in onDispose is there after a reload, off and on, and a stop', async () => {
  const store = createTestStore()
  const first = await createTestHost({ store, plugins: [counter()] })
  const ann = await join(first)
  assert.equal(await ann.say('/count'), ['1'])
  await first.reload({ plugins: [counter({ step: 10 })] })
  assert.equal(await ann.say('/count'), ['11'])
  await first.off('counter')
  await first.on('counter')
  assert.equal(await ann.say('/count'), ['21'])
  await first.stop()
  await using second = await createTestHost({ store, plugins: [counter()] })
  assert.equal(await (await join(second)).say('/count'), ['22'])
})

test('a plugin that has gone can neither read nor write, and nobody else is in its way', async () => {
  const gone: PluginContext[] = []
  const leaving = definePlugin({
    name: 'leaving',
    apiVersion: 1,
    options: z.strictObject({ n: z.int() }),
    setup(host) {
      gone.push(host)
    },
  })
  await using host = await createTestHost({ plugins: [leaving({ n: 1 })] })
  const [old] = gone
  await old?.store.put('a', 1)
  await old?.store.put('b', 2)
  const entries = old?.store.iterator()[Symbol.asyncIterator]()
  await entries?.next()
  await host.reload({ plugins: [leaving({ n: 2 })] })
  for (const call of [
    old?.store.get('a'),
    old?.store.put('a', 2),
    old?.store.del('a'),
    old?.store.batch([]),
    old?.store.iterator().all(),
    entries?.next(),
  ]) {
    assert.match(await refusal(call as Promise<unknown>), /^PLUGIN_DISPOSED: /)
  }
  assert.is(await gone[1]?.store.get('a'), 1)
})

test('a rejection that a plugin lets through is a fault of what it was called in', async () => {
  const chat = probe('karma', (host) => {
    host.command({ name: 'bad', help: '', run: () => host.store.put('a', 1n) as never })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const ann = await join(host)
  assert.equal(await ann.say('/bad'), ['/bad failed'])
  assert.equal(faults(host), ['karma /bad COMMAND_FAILED < ARGUMENT_INVALID'])
})

// The database below it

/** A level that fails when it is told to, and the stores of two plugins in it. */
function failing() {
  const level: Level = new MemoryLevel()
  const batch = level.batch.bind(level) as (...args: unknown[]) => unknown
  const state = { fails: undefined as Error | undefined, locked: false, opened: 0, batches: 0 }
  level.batch = ((...args: unknown[]) => {
    state.batches++
    return state.fails === undefined ? batch(...args) : Promise.reject(state.fails)
  }) as never
  const database = new Database({
    async open() {
      if (state.locked) throw new Error('locked')
      state.opened++
      await level.open()
      return level
    },
    problemOf: (cause) => `the disk: ${(cause as Error).message}`,
  })
  const storeOf = (name: string) =>
    createStore({ ...createInstance(name, undefined), begun: true }, database)
  return { state, database, ada: storeOf('ada'), bob: storeOf('bob') }
}

test('it is opened when it is first used, and once', async () => {
  const { state, ada, bob } = failing()
  await turn()
  assert.is(state.opened, 0)
  await Promise.all([ada.get('a'), bob.put('a', 1), ada.iterator().all()])
  assert.is(state.opened, 1)
})

test('what waits is written in one go', async () => {
  const { state, ada, bob } = failing()
  await Promise.all(Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? ada : bob).put(`${n}`, n)))
  assert.is(state.batches, 1)
  assert.is((await ada.iterator().all()).length, 50)
  assert.is((await bob.iterator().all()).length, 50)
})

test('one that cannot be opened is tried again by whoever needs it next', async () => {
  const { state, ada } = failing()
  state.locked = true
  assert.is(await refusal(ada.put('a', 1)), 'STORE_FAILED: the disk: locked')
  assert.is(await refusal(ada.get('a')), 'STORE_FAILED: the disk: locked')
  state.locked = false
  await ada.put('a', 2)
  assert.is(await ada.get('a'), 2)
})

test('a write that fails is told to each that asked for it, and it is opened anew for the next', async () => {
  const { state, ada, bob } = failing()
  await ada.put('a', 1)
  state.fails = new Error('full')
  const refused = [ada.put('a', 2), bob.put('b', 2)].map(refusal)
  assert.equal(await Promise.all(refused), Array(2).fill('STORE_FAILED: the disk: full'))
  assert.is(await ada.get('a'), 1)
  state.fails = undefined
  await bob.put('b', 3)
  assert.equal([await ada.get('a'), await bob.get('b')], [1, 3])
  assert.is(state.opened, 2)
})

test('a fault of it names its plugin, and has its cause', async () => {
  const { state, ada } = failing()
  state.fails = new Error('full')
  const error = (await rejection(ada.put('a', 1))) as ChatError
  assert.equal([error.plugin, error.hook, error.cause], ['ada', 'store', state.fails])
})

test('closing waits for what is to be written', async () => {
  const { database, state, ada } = failing()
  const written = ada.put('a', 1)
  await database.close()
  assert.is(state.batches, 1)
  await written
  await database.close()
})

test('a value that somebody has changed into no JSON is told by its key', async () => {
  const level: Level = new MemoryLevel()
  await level.sublevel('ada').put('a', '{')
  const database = new Database({ open: () => Promise.resolve(level), problemOf: String })
  const ada = createStore({ ...createInstance('ada', undefined), begun: true }, database)
  const told = 'STORE_FAILED: host.store: the value of "a" is no JSON'
  assert.is(await refusal(ada.get('a')), told)
  assert.is(await refusal(ada.iterator().all()), told)
  assert.is(
    codeOf(() => ada.iterator({ limit: Number.NaN })),
    'ARGUMENT_INVALID',
  )
})

test.run()
