/** A host that is told to stop while its plugins change. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig } from '../../../core/host/config.ts'
import { createHost, type ChatHost } from '../../../core/host/host.ts'
import { drop, type Plugin, type PluginContext } from '../../../core/index.ts'
import { Log } from '../../../core/support/log.ts'
import { createTestHost, type TestHost } from '../../../core/testing/index.ts'
import { createTestClock } from '../../../core/testing/test-clock.ts'
import { echo, stats } from '../../../plugins/index.ts'
import { faults, join, plugin, rejection, soon } from '../../support/memory-plugins.ts'

const test = suite('stop during a reload')

/** What becomes of a plugin in its time. */
type Notes = string[]

/** A plugin that notes its life. It may wait, or fail, at a point of it. */
function living(
  name: string,
  notes: Notes,
  at: { start?: () => unknown; dispose?: () => unknown } = {},
  more?: (host: PluginContext) => void,
): Plugin {
  return plugin('living', (host) => {
    host.onStart(async () => {
      notes.push(`${name} start`)
      await at.start?.()
    })
    host.onDispose(async () => {
      notes.push(`${name} dispose`)
      await at.dispose?.()
    })
    host.hooks.close.tap('note', ({ client }) => void notes.push(`${name} close ${client.id}`))
    host.hooks.shutdown.tap('note', () => void notes.push(`${name} shutdown`))
    more?.(host)
  })
}

/** Something to wait at, and to be let go. */
function door(): { readonly reached: Promise<void>; wait(): Promise<void>; open(): void } {
  let open = (): void => {}
  let reach = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const reached = new Promise<void>((resolve) => (reach = resolve))
  return {
    reached,
    open,
    wait() {
      reach()
      return opened
    },
  }
}

/** Stops a host while a reload waits at a door, and opens it. */
async function stopAt(
  host: TestHost,
  plugins: readonly Plugin[],
  at: ReturnType<typeof door>,
  meanwhile: () => unknown = () => {},
): Promise<string> {
  const reloaded = host.reload({ plugins }).then(
    () => 'reloaded',
    (error: unknown) => String(error),
  )
  await at.reached
  await meanwhile()
  const stopped = host.stop()
  await turn()
  at.open()
  await stopped
  return reloaded
}

test('one that comes while lines settle changes nothing', async () => {
  const notes: Notes = []
  let answer = (): void => {}
  const slow = plugin('slow', (host) =>
    host.hooks.line.tapPromise('wait', () => new Promise<void>((resolve) => (answer = resolve))),
  )
  const host = await createTestHost({ plugins: [living('old', notes), slow, echo()] })
  const [ann, bob] = [await join(host, 'ann'), await join(host, 'bob')]
  void ann.say('hello')
  await turn()
  const reloaded = host
    .reload({ plugins: [living('new', notes), echo()] })
    .then(() => 'reloaded', String)
  await turn()
  const stopped = host.stop()
  answer()
  await stopped
  assert.match(await reloaded, 'not reloaded: the host is stopping')
  assert.ok(bob.lines.includes('(ann) hello'))
  assert.equal(notes, [
    'old start',
    'old close ann',
    'old close bob',
    'old shutdown',
    'old dispose',
  ])
})

for (const [when, at] of [
  ['the old one goes', 'dispose'],
  ['the new one starts', 'start'],
] as const) {
  test(`one that comes while ${when} lets the new one start first, and then tells it`, async () => {
    const notes: Notes = []
    const here = door()
    const wait = { [at]: () => here.wait() }
    const [old, fresh] = [at === 'dispose' ? wait : {}, at === 'start' ? wait : {}]
    const host = await createTestHost({ plugins: [living('old', notes, old), echo()] })
    const [ann, bob] = [await join(host, 'ann'), await join(host, 'bob')]
    const plugins = [living('new', notes, fresh), echo()]
    assert.is(await stopAt(host, plugins, here, () => ann.say('last words')), 'reloaded')
    assert.ok(bob.lines.includes('(ann) last words'))
    assert.equal(notes, [
      'old start',
      'old dispose',
      'new start',
      'new close ann',
      'new close bob',
      'new shutdown',
      'new dispose',
    ])
  })
}

test('a new one that cannot start then is gone, and the old one is not started again', async () => {
  const notes: Notes = []
  const here = door()
  const start = async (): Promise<void> => {
    await here.wait()
    throw new Error('no database')
  }
  const host = await createTestHost({ plugins: [living('old', notes)] })
  const told = await stopAt(host, [living('new', notes, { start })], here)
  assert.match(told, /no database.*; the host is stopping/)
  assert.equal(notes, ['old start', 'old dispose', 'new start', 'new dispose'])
})

test('one that was not started is told nothing and not disposed of', async () => {
  const notes: Notes = []
  const hangs = { dispose: () => new Promise(() => {}) }
  const host = await createTestHost({ plugins: [living('old', notes, hangs)] })
  await join(host, 'ann')
  const reloaded = host.reload({ plugins: [living('new', notes)] }).then(() => 'reloaded', String)
  while (!notes.includes('old dispose')) await turn()
  const stopped = host.stop().catch(() => {})
  assert.match(await reloaded, 'the host is stopping')
  await stopped
  assert.equal(notes, ['old start', 'old dispose'])
  assert.equal(faults(host), ['living onDispose HOOK_TIMEOUT'])
})

test('one whose start hangs then does not take the time of the others', async () => {
  const notes: Notes = []
  const hangs = { start: () => new Promise(() => {}) }
  let disposed = ''
  const other = plugin('other', (host) =>
    host.onDispose(async () => {
      disposed = 'begun'
      await new Promise((resolve) => setTimeout(resolve, 20))
      disposed = 'ended'
    }),
  )
  const host = await createTestHost({ plugins: [living('old', notes), other] })
  const reloaded = host
    .reload({ plugins: [living('new', notes, hangs), other] })
    .then(() => 'reloaded', String)
  while (!notes.includes('new start')) await turn()
  await host.stop()
  assert.match(await reloaded, 'the host is stopping')
  assert.is(disposed, 'ended')
  assert.equal(notes, ['old start', 'old dispose', 'new start', 'new dispose'])
})

test('one that comes while those of before are brought back disposes of each once', async () => {
  const notes: Notes = []
  const here = door()
  let starts = 0
  const old = living('old', notes, { start: () => (++starts === 2 ? here.wait() : undefined) })
  const start = (): never => {
    throw new Error('no database')
  }
  const host = await createTestHost({ plugins: [old] })
  assert.match(await stopAt(host, [living('new', notes, { start })], here), 'no database')
  assert.equal(notes, [
    'old start',
    'old dispose',
    'new start',
    'new dispose',
    'old start',
    'old shutdown',
    'old dispose',
  ])
})

test('one of before that still starts then has not failed, and is disposed of', async () => {
  const notes: Notes = []
  let starts = 0
  const old = living('old', notes, {
    start: () => (++starts === 2 ? new Promise(() => {}) : undefined),
  })
  const start = (): never => {
    throw new Error('no database')
  }
  const host = await createTestHost({ plugins: [old] })
  const reloaded = rejection(host.reload({ plugins: [living('new', notes, { start })] }))
  while (starts < 2) await turn()
  await host.stop()
  assert.match(String(await reloaded), 'the host is stopping')
  assert.equal(notes, [
    'old start',
    'old dispose',
    'new start',
    'new dispose',
    'old start',
    'old dispose',
  ])
  assert.equal(faults(host), [])
})

for (const [who, hanging] of [
  ['goes', 'dispose'],
  ['starts', 'start'],
] as const) {
  test(`no line passes a guard that is being changed, where a plugin that ${who} hangs`, async () => {
    /** It knows what to look for once it has started. */
    const guard = (): Plugin =>
      plugin('guard', (host) => {
        const words: string[] = []
        host.onStart(() => void words.push('bad'))
        host.hooks.line.tap({ onFailure: drop('closed') }, ({ text }) =>
          words.includes(text) ? drop('bad') : undefined,
        )
      })
    const hangs = { [hanging]: () => new Promise(() => {}) }
    const [old, fresh] = [hanging === 'dispose' ? hangs : {}, hanging === 'start' ? hangs : {}]
    for (const guards of [[guard()], []]) {
      const notes: Notes = []
      const still = echo()
      const host = await createTestHost({ plugins: [living('old', notes, old), guard(), still] })
      const [ann, bob] = [await join(host, 'ann'), await join(host, 'bob')]
      const plugins = [living('new', notes, fresh), ...guards, still]
      const reloaded = host.reload({ plugins }).then(() => 'reloaded', String)
      while (!notes.includes(hanging === 'dispose' ? 'old dispose' : 'new start')) await turn()
      await ann.say('bad')
      await host.stop().catch(() => {})
      await reloaded
      assert.not.match(bob.lines.join(), 'bad')
    }
  })
}

test('the table is printed where a stop comes in the middle of a reload', async () => {
  const here = door()
  let text = ''
  const output = { write: (more: string) => (text += more) }
  const slow = plugin('slow', (host) => host.onDispose(() => here.wait()))
  const host = await createTestHost({ plugins: [stats({ output }), slow, echo()] })
  const ann = await join(host, 'ann')
  await join(host, 'bob')
  const plugins = [stats({ output, rows: 5 }), echo()]
  await stopAt(host, plugins, here, () => ann.say('hello'))
  assert.match(text, /^ann +1 +0 +false$/m)
})

/** A host that is set up, by a clock that stands still. */
function starting(...plugins: readonly Plugin[]): ChatHost {
  const parts = { clock: createTestClock(0), random: Math.random, log: new Log(() => {}) }
  const host = createHost(checkConfig({ plugins }, undefined, []), parts)
  host.setUp()
  return host
}

test('one that is asked for while the host starts waits for that', async () => {
  const notes: Notes = []
  const here = door()
  const host = starting(living('old', notes, { start: () => here.wait() }))
  const started = host.start()
  await here.reached
  const reloaded = host.reload(checkConfig({ plugins: [living('new', notes)] }, undefined, []))
  await turn()
  assert.equal(notes.splice(0), ['old start'])
  here.open()
  await started
  assert.equal((await soon(reloaded)).changed, ['living'])
  assert.equal(notes, ['old dispose', 'new start'])
  await host.stop('end of test')
})

test('one that waits for a start that fails sets nothing up', async () => {
  const notes: Notes = []
  const here = door()
  const start = async (): Promise<void> => {
    await here.wait()
    throw new Error('no database')
  }
  const host = starting(living('old', notes, { start }))
  const started = rejection(host.start())
  await here.reached
  const fresh = living('new', notes, {}, () => void notes.push('new is set up'))
  const reloaded = rejection(host.reload(checkConfig({ plugins: [fresh] }, undefined, [])))
  here.open()
  assert.match(String(await started), 'no database')
  assert.match(String(await soon(reloaded)), 'the host is stopping')
  assert.equal(notes, ['old start', 'old dispose'])
})

test('one that is asked for while the host stops, or when it has stopped, sets nothing up', async () => {
  const notes: Notes = []
  const here = door()
  const slow = plugin('slow', (host) => host.hooks.close.tapPromise('wait', () => here.wait()))
  const host = await createTestHost({ plugins: [slow] })
  await join(host)
  const fresh = plugin('fresh', () => void notes.push('set up'))
  const reload = async (): Promise<string> =>
    String(await rejection(host.reload({ plugins: [slow, fresh] })))
  const stopped = host.stop()
  await here.reached
  assert.match(await reload(), 'not reloaded: the host is stopping')
  here.open()
  await stopped
  assert.match(await reload(), 'not reloaded: the host is stopping')
  assert.equal(notes, [])
})

test('a host that is stopped before all have started tells and disposes of those that have begun', async () => {
  const notes: Notes = []
  const here = door()
  const host = starting(
    ...['first', 'second', 'third'].map((name, place) =>
      Object.assign(living(name, notes, place === 1 ? { start: () => here.wait() } : {}), { name }),
    ),
  )
  const started = host.start()
  await here.reached
  await soon(host.stop('end of test'))
  here.open()
  assert.is(await started, undefined)
  assert.equal(notes, [
    'first start',
    'second start',
    'first shutdown',
    'second dispose',
    'first dispose',
  ])
})

test.run()
