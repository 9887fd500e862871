/** The plugin that delivers, and puts the sender's name in front. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigError, drop, safeText, Stage } from '../../core/index.ts'
import { createTestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import { join, plugin, probe, rejection } from '../support/memory-plugins.ts'

const test = suite('echo')

test('a line goes to all others with the name of its sender in front', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, two, three] = [await join(host), await join(host), await join(host)]
  chat.clientOf(one).name = 'Ada'
  assert.equal(await one.say(' as it is  typed '), [])
  assert.equal(
    [two.take(), three.take()],
    [['(Ada)  as it is  typed '], ['(Ada)  as it is  typed ']],
  )
})

test('a line of one letter counts, an empty one does not', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('a\n\n\r\n \n')
  assert.equal(two.take(), [`(${one.id}) a`, `(${one.id})  `])
})

test('it delivers behind all others, wherever it stands in the config', async () => {
  const late = plugin('late', ({ hooks }) => {
    hooks.line.tap({ stage: Stage.Normal }, ({ text }) =>
      text === 'no' ? drop('late') : undefined,
    )
  })
  await using host = await createTestHost({ plugins: [echo(), late] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('no\nyes\n')
  assert.equal(two.take(), [`(${one.id}) yes`])
})

test('the prefix can be another one', async () => {
  for (const [prefix, expected] of [
    ['<{name}> ', '<me> hi'],
    ['{name}: ', 'me: hi'],
    ['I, {name}: ', 'I, me: hi'],
    ['a {name} b {name} c ', 'a me b me c hi'],
    ['{name}\x1b', 'me␛hi'],
    ['$& {name} $1 ', '$& me $1 hi'],
  ] as const) {
    await using host = await createTestHost({ plugins: [echo({ prefix })] })
    const [one, two] = [await join(host, 'me'), await join(host)]
    await one.say('hi')
    assert.equal(two.take(), [expected])
  }
})

test('a name is put into the prefix as it is', async () => {
  const chat = probe()
  await using host = await createTestHost({
    plugins: [chat.plugin, echo({ prefix: '<{name}> ' })],
  })
  const [one, two] = [await join(host), await join(host)]
  chat.clientOf(one).name = '$& {name} $1'
  await one.say('hi')
  assert.equal(two.take(), ['<$& {name} $1> hi'])
})

test('a prefix without a name, or too long a one, is a fault of the config', async () => {
  for (const prefix of [
    '',
    '> ',
    '(name) ',
    'x{name}',
    '{name}1',
    `{name}${' '.repeat(95)}`,
    5 as never,
  ]) {
    const error = await rejection(createTestHost({ plugins: [echo({ prefix })] }))
    assert.instance(error, ConfigError)
    assert.equal(
      (error as ConfigError).problems.map(({ path }) => path),
      ['plugins[0] (echo): prefix'],
      prefix,
    )
  }
  await using _ = await createTestHost({ plugins: [echo({ prefix: `{name}${' '.repeat(94)}` })] })
})

test('what looks like an id stays as it was typed', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('(10.0.0.7:4242) hello')
  assert.equal(two.take(), [`(${one.id}) (10.0.0.7:4242) hello`])
})

test('with guardLookalikes what looks like an id stands in brackets, and nothing else does', async () => {
  await using host = await createTestHost({ plugins: [echo({ guardLookalikes: true })] })
  const [one, two] = [await join(host), await join(host)]
  for (const [typed, shown] of [
    ['(10.0.0.7:4242) hello', '[10.0.0.7:4242] hello'],
    [`${'x'.repeat(60)}(10.0.0.7:4242) hi`, `${'x'.repeat(60)}[10.0.0.7:4242] hi`],
    ['([::1]:4242) hello', '[[::1]:4242] hello'],
    ['a (10.0.0.7:1) b (10.0.0.8:2)', 'a [10.0.0.7:1] b [10.0.0.8:2]'],
    ['f(x) = (2 + 3)', 'f(x) = (2 + 3)'],
    ['(at 10.0.0.7)', '(at 10.0.0.7)'],
    ['10.0.0.7:4242', '10.0.0.7:4242'],
    ['(42)', '(42)'],
    ['(2.5) (1, 2, 3)', '(2.5) (1, 2, 3)'],
    ['(10.0.0', '[10.0.0]'],
    ['( \u200c10.0\u200d.0.7:4242) hello', '[ \u200c10.0\u200d.0.7:4242] hello'],
    ['（１０。0\u2024٠.7:4242） hello', '[１０。0\u2024٠.7:4242] hello'],
  ] as const) {
    await one.say(typed)
    assert.equal(two.take(), [`(${one.id}) ${shown}`])
  }
})

test('guardLookalikes is not fooled by what is invisible, wherever it stands in an id', async () => {
  await using host = await createTestHost({ plugins: [echo({ guardLookalikes: true })] })
  const [one, two] = [await join(host), await join(host)]
  let invisible = 0
  for (let code = 0x80; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code)
    if (!/\p{DI}/u.test(character) || safeText(character) !== character) continue
    invisible++
    for (const id of ['(10.0.0.7:4242)', '([::1]:4242)']) {
      const places = Array.from(id, (_, at) => id.slice(0, at) + character + id.slice(at))
      await one.send(places.map((place) => `${place} ok\n`).join(''))
      for (const line of two.take()) {
        assert.ok(
          !line.slice(`(${one.id}) `.length).includes('('),
          `U+${code.toString(16)}: ${line}`,
        )
      }
    }
  }
  assert.ok(invisible > 270, String(invisible))
})

test('guardLookalikes looks for ids as the prefix shows them', async () => {
  for (const [prefix, typed, shown] of [
    ['<{name}> ', '<10.0.0.7:4242> hello', '[10.0.0.7:4242] hello'],
    ['[{name}] ', '[10.0.0.7:4242] hello', '(10.0.0.7:4242) hello'],
    ['* ❨{name}❩ ', '❨10.0.0.7:4242❩ hello', '[10.0.0.7:4242] hello'],
  ] as const) {
    await using host = await createTestHost({ plugins: [echo({ prefix, guardLookalikes: true })] })
    const [one, two] = [await join(host), await join(host)]
    await one.say(typed)
    assert.equal(two.take(), [prefix.replace('{name}', one.id) + shown])
  }
})

test('guardLookalikes needs a prefix with a bracket', async () => {
  const options = { prefix: '{name}: ', guardLookalikes: true }
  const problem = await createTestHost({ plugins: [echo(options)] }).then(
    () => 'nothing was refused',
    (error: Error) => error.message,
  )
  assert.match(problem, /prefix: must have a bracket right before \{name\}/)
})

test.run()
