/** How many taps a hook takes. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plugin } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { join, plugin, probe, rejection, thrownBy } from '../../support/memory-plugins.ts'

const test = suite('taps')

/** Taps that a hook takes. */
const MOST = 256

const hooks = ['connect', 'line', 'command', 'settled', 'close', 'shutdown'] as const
type HookName = (typeof hooks)[number]

/** A plugin that taps a hook so many times, and counts how often it was called. */
function tapping(name: string, hook: HookName, times: number): { plugin: Plugin; calls: number } {
  const many = {
    calls: 0,
    plugin: plugin(name, (host) => {
      for (let count = 0; count < times; count++) {
        host.hooks[hook].tap(`${count}`, () => void many.calls++)
      }
    }),
  }
  return many
}

for (const hook of hooks) {
  test(`${MOST} taps on ${hook} all run, and one more is refused`, async () => {
    // echo has a tap on line.
    const most = MOST - (hook === 'line' ? 1 : 0)
    const [some, others] = [tapping('some', hook, 100), tapping('others', hook, most - 100)]
    const chat = probe()
    const plugins = [some.plugin, others.plugin, chat.plugin, echo()]
    const host = await createTestHost({ plugins })
    const [one, two] = [await join(host), await join(host)]
    assert.equal(await one.say('/nothing'), ['there is no command /nothing'])
    await one.say('hello')
    assert.equal(two.take(), [`(${one.id}) hello`])
    assert.match(
      thrownBy(() => chat.host.hooks[hook].tap('one more', () => {})),
      /^TAP_INVALID: hooks\.\w+\.tap: there are 256 taps on this hook already/,
    )
    await two.end()
    await host.stop()
    assert.equal([some.calls % 100, others.calls % (most - 100)], [0, 0])
    assert.is(some.calls / 100, others.calls / (most - 100))
    assert.ok(some.calls > 0)
  })
}

test('a plugin with more taps than a hook takes is a fault of the config', async () => {
  const error = await rejection(createTestHost({ plugins: [tapping('all', 'line', 5000).plugin] }))
  assert.match(String(error), /all.*hooks\.line\.tap: there are 256 taps/s)
})

test('the taps of all plugins that are set up together count', async () => {
  const [first, second] = [tapping('first', 'line', MOST), tapping('second', 'line', 1)]
  const error = await rejection(createTestHost({ plugins: [first.plugin, second.plugin] }))
  assert.match(String(error), /second.*hooks\.line\.tap: there are 256 taps/s)
})

test('a plugin that is reloaded may tap as often as before', async () => {
  await using host = await createTestHost({ plugins: [tapping('many', 'line', MOST).plugin] })
  const change = await host.reload({ plugins: [tapping('many', 'line', MOST).plugin] })
  assert.equal(change.changed, ['many'])
})

test('a plugin that a reload waits to take out may tap no more than any other', async () => {
  let settle = (): void => {}
  const slow = plugin('slow', (host) =>
    host.hooks.line.tapPromise('wait', () => new Promise<void>((resolve) => (settle = resolve))),
  )
  const chat = probe('many')
  await using host = await createTestHost({ plugins: [slow, chat.plugin] })
  const one = await join(host)
  const said = one.say('hello')
  await turn()
  const reloaded = host.reload({ plugins: [slow, tapping('many', 'line', MOST - 1).plugin] })
  await turn()
  await turn()
  for (let count = 1; count < MOST; count++) chat.host.hooks.line.tap(`${count}`, () => {})
  assert.match(
    thrownBy(() => chat.host.hooks.line.tap('one more', () => {})),
    /there are 256 taps on this hook already/,
  )
  settle()
  await said
  assert.equal((await reloaded).changed, ['many'])
})

test.run()
