/** A plugin that cannot be set up or started: the host does not start, says why, and undoes what was done. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ChatError, ConfigError, type Plugin, type PluginContext } from '../../core/index.ts'
import { createTestHost } from '../../core/testing/index.ts'
import { crashes, fickle, nonsense } from '../support/memory-faults.ts'
import { plugin, rejection } from '../support/memory-plugins.ts'

const test = suite('faults in set-up and start')

type Run = (host: PluginContext) => unknown

interface Refused {
  readonly error: unknown
  readonly notes: readonly string[]
}

/** A faulty plugin between two good ones. */
async function refused(bad: Plugin): Promise<Refused> {
  const notes: string[] = []
  const good = (name: string): Plugin =>
    plugin(name, (host) => {
      notes.push(`${name} setup`)
      host.onStart(() => void notes.push(`${name} start`))
      host.onDispose(() => void notes.push(`${name} dispose`))
    })
  const error = await rejection(createTestHost({ plugins: [good('before'), bad, good('after')] }))
  await turn()
  return { error, notes }
}

// Answering at all is the fault of a setup that is async.
for (const { name, run } of crashes) {
  if (name.includes('thenable')) continue
  test(`a setup that ${name} is refused, after all were set up and before any is started`, async () => {
    const { error, notes } = await refused(plugin('bad', run))
    if (!(error instanceof ConfigError)) throw error
    assert.is(error.code, 'CONFIG_INVALID')
    assert.equal(
      error.problems.map(({ path }) => path),
      ['plugins[1] (bad)'],
    )
    assert.match(error.problems[0]?.message ?? '', /^setup: /)
    assert.not.match(error.message, /\p{Cc}/u)
    assert.equal(notes, ['before setup', 'after setup'])
  })
}

test('a setup that answers with anything but a promise is fine', async () => {
  for (const [, answer] of nonsense) {
    await using _ = await createTestHost({
      plugins: [plugin('bad', () => answer)],
    })
  }
})

for (const { name, run, hangs } of crashes) {
  if (hangs) continue

  test(`a start that ${name} ends the start and undoes what was started`, async () => {
    const { error, notes } = await refused(plugin('bad', (host) => host.onStart(run)))
    if (!(error instanceof ChatError)) throw error
    assert.equal([error.code, error.plugin, error.hook], ['PLUGIN_START_FAILED', 'bad', 'onStart'])
    assert.match(error.message, /^bad could not start: /)
    assert.not.match(error.message, /\p{Cc}/u)
    assert.equal(notes, ['before setup', 'after setup', 'before start', 'before dispose'])
  })
}

test('what a start answers is ignored, a thenable that settles twice included', async () => {
  for (const [, answer] of nonsense) {
    for (const run of [() => answer, () => fickle(answer, answer)]) {
      await using _ = await createTestHost({
        plugins: [plugin('bad', (host) => host.onStart(run))],
      })
    }
  }
})

test('a start that hangs ends the start after 10 seconds', async () => {
  const hanging: Run = (host) => host.onStart(() => new Promise(() => {}))
  const { error, notes } = await refused(plugin('bad', hanging))
  if (!(error instanceof ChatError)) throw error
  const { code, plugin: name, hook, cause } = error
  assert.equal([code, name, hook], ['PLUGIN_START_FAILED', 'bad', 'onStart'])
  assert.is((cause as ChatError).code, 'HOOK_TIMEOUT')
  assert.match(error.message, /10000 ms/)
  assert.equal(notes, ['before setup', 'after setup', 'before start', 'before dispose'])
})

test('a dispose that fails does not hide why the start failed', async () => {
  const broken = plugin('bad', (host) => {
    host.onStart(() => {
      throw new Error('the reason')
    })
    host.onDispose(() => {
      throw new Error('not the reason')
    })
  })
  const { error, notes } = await refused(broken)
  assert.match(String(error), /the reason/)
  assert.not.match(String(error), /not the reason/)
  assert.equal(notes.slice(-1), ['before dispose'])
})

for (const { name, run, hangs } of crashes) {
  if (hangs) continue
  test(`a dispose that ${name} keeps nobody else from being disposed of`, async () => {
    const notes: string[] = []
    const other = plugin('other', (host) => host.onDispose(() => void notes.push('other')))
    const bad = plugin('bad', (host) => {
      host.onDispose(() => void notes.push('bad'))
      host.onDispose(run)
    })
    const host = await createTestHost({ plugins: [other, bad] })
    const failure = (await rejection(host.stop())) as AggregateError
    assert.equal(notes, ['bad', 'other'])
    assert.equal(
      (failure.errors as ChatError[]).map(({ code, plugin: who, hook }) => [code, who, hook]),
      [['PLUGIN_DISPOSE_FAILED', 'bad', 'onDispose']],
    )
  })
}

test.run()
