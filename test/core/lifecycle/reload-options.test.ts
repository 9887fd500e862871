/** What counts as changed in a reload: the code of a plugin, what it is given, and what its schema makes of that. */
import { BlockList } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { definePlugin, z } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'

const test = suite('options in a reload')

const taking = definePlugin({
  name: 'taking',
  apiVersion: 1,
  options: z.strictObject({ it: z.unknown() }),
  setup() {},
})

/** Whether a plugin that was given one thing counts as changed when it is given another. */
async function changes(one: unknown, other: unknown): Promise<boolean> {
  await using host = await createTestHost({ plugins: [taking({ it: one })] })
  const { changed } = await host.reload({ plugins: [taking({ it: other })] })
  return changed.length > 0
}

function blocking(address: string): BlockList {
  const list = new BlockList()
  list.addAddress(address)
  return list
}

class Point {
  x = 1
}

function circle(text: string): object {
  const object: { text: string; self?: object } = { text }
  object.self = object
  return object
}

const plain: ReadonlyArray<readonly [name: string, make: (n: number) => unknown]> = [
  ['a number', (n) => n],
  ['a text', (n) => `text ${n}`],
  ['nothing or something', (n) => (n === 1 ? undefined : null)],
  ['a list', (n) => [1, [2, n]]],
  ['a longer list', (n) => Array(n).fill(0)],
  ['an object', (n) => ({ a: { b: n } })],
  ['the keys of an object', (n) => ({ [`key${n}`]: undefined })],
  ['an object without a prototype', (n) => Object.assign(Object.create(null) as object, { n })],
  ['what a symbol stands for', (n) => ({ [Symbol.for('x')]: n })],
  ['a hidden property', (n) => Object.defineProperty({}, 'x', { value: n })],
  ['a date', (n) => new Date(n)],
  ['an expression', (n) => new RegExp(`x{${n}}`)],
  ['the flags of an expression', (n) => new RegExp('x', n === 1 ? 'i' : 'g')],
  ['a URL', (n) => new URL(`http://localhost/${n}`)],
  ['a map', (n) => new Map([['a', { n }]])],
  ['a set', (n) => new Set(['a', n])],
  ['bytes', (n) => Buffer.from([1, n])],
  ['something that holds itself', (n) => circle(`text ${n}`)],
  ['a big number', (n) => BigInt(n)],
]

for (const [name, make] of plain) {
  test(`${name} is changed when it differs, and not when it does not`, async () => {
    assert.is(await changes(make(1), make(1)), false)
    assert.is(await changes(make(1), make(2)), true)
  })
}

const opaque: ReadonlyArray<readonly [name: string, one: unknown, other: unknown]> = [
  ['a BlockList', blocking('192.0.2.1'), blocking('192.0.2.2')],
  ['an object of a class', new Point(), new Point()],
  ['a function', () => 1, () => 1],
  ['what throws when it is looked at', hostile(), hostile()],
  ['a map of such', new Map([['a', new BlockList()]]), new Map([['a', new BlockList()]])],
  ['a class that takes itself for another', Object.create(Date.prototype), new Date(1)],
]

function hostile(): object {
  return Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => {
      throw new Error('do not touch')
    },
  })
}

for (const [name, one, other] of opaque) {
  test(`${name} counts as changed unless it is the very same`, async () => {
    assert.is(await changes(one, one), false)
    assert.is(await changes(one, other), true)
    assert.is(await changes([{ one }], [{ one: other }]), true)
  })
}

test('a schema that makes something else of the same counts as a change', async () => {
  let inFile = ['darn']
  const words = definePlugin({
    name: 'words',
    apiVersion: 1,
    options: z.strictObject({ file: z.string().transform(() => inFile) }),
    setup() {},
  })
  await using host = await createTestHost({ plugins: [words({ file: 'words.txt' })] })
  inFile = ['darn']
  const reload = () => host.reload({ plugins: [words({ file: 'words.txt' })] })
  assert.equal((await reload()).changed, [])
  inFile = ['darn', 'heck']
  assert.equal((await reload()).changed, ['words'])
})

test('what was given counts where a schema makes a thing of it that cannot be told from another', async () => {
  const list = definePlugin({
    name: 'list',
    apiVersion: 1,
    options: z.strictObject({ deny: z.string().transform(blocking) }),
    setup() {},
  })
  await using host = await createTestHost({ plugins: [list({ deny: '192.0.2.1' })] })
  assert.equal((await host.reload({ plugins: [list({ deny: '192.0.2.2' })] })).changed, ['list'])
})

test.run()
