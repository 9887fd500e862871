/** A guard that fails closed never opens: taps with `onFailure`, while their plugin cannot be had. */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  defineService,
  deliver,
  drop,
  refuse,
  Stage,
  type Plugin,
  type PluginContext,
} from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { operatedHost } from '../../support/memory-host.ts'
import {
  codeOf,
  faults,
  join,
  logged,
  passing,
  plugin,
  probe,
  rejection,
} from '../../support/memory-plugins.ts'

const test = suite('guards')

const CLOSED = 'closed: nothing can be checked'

interface Guard {
  /** Whether its `onStart` throws from now on. */
  broken: boolean
  /** Makes it anew, as a file that is loaded again does. */
  make(more?: (host: PluginContext) => void, requires?: readonly string[]): Plugin
}

/** A guard that lets nothing pass with `bad` in it, nor anybody called that. */
function guarding(name = 'guard'): Guard {
  const guard: Guard = {
    broken: false,
    make: (more, requires = []) =>
      plugin(
        name,
        (host) => {
          host.onStart(() => {
            if (guard.broken) throw new Error('no list')
          })
          const { connect, line, command, settled } = host.hooks
          const stage = Stage.Filter
          connect.tap({ stage, onFailure: refuse(CLOSED) }, ({ client }) =>
            client.id.startsWith('bad') ? refuse('bad') : undefined,
          )
          line.tap({ stage, onFailure: drop(CLOSED) }, ({ text }) => {
            if (text === 'boom') throw new Error('boom')
            return text.includes('bad') ? drop('bad') : undefined
          })
          command.tap({ stage, onFailure: refuse(CLOSED) }, ({ input }) =>
            input.includes('bad') ? refuse('bad') : undefined,
          )
          settled.tap('tell', ({ hook, verdict, event }) => {
            if (hook === 'line' && verdict.kind === 'drop') event.client.send(verdict.reason)
          })
          host.command({ name: `${name}s`, help: '', run: () => 'of the guard' })
          more?.(host)
        },
        requires,
      ),
  }
  return guard
}

function other(name = 'other'): Plugin {
  return plugin(name, (host) => host.command({ name, help: '', run: () => `of ${name}` }))
}

const failing = plugin('failing', (host) => {
  host.onStart(() => {
    throw new Error('no database')
  })
})

// A reload

test('a guard that a failed reload cannot bring back stays closed, until one succeeds', async () => {
  const guard = guarding()
  await using host = await createTestHost({ plugins: [guard.make(), other(), echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  guard.broken = true
  for (const _ of ['once', 'twice']) {
    const error = await rejection(host.reload({ plugins: [guard.make(), other(), echo()] }))
    assert.match(
      String(error),
      /not reloaded: guard could not start: no list \(\S+\); the previous plugins are running again, except guard \(failed; its guards answer\)$/,
    )
    await ann.say('hello')
    assert.equal(await ann.say('/other x'), [CLOSED])
    assert.equal(await ann.say('/guards'), [CLOSED])
    assert.equal((await host.connect()).lines, [CLOSED])
    assert.equal(bob.take(), [])
  }
  assert.equal(faults(host), ['guard onStart PLUGIN_START_FAILED'])
  assert.equal(
    logged(host, 'plugins', 50).at(-1),
    'plugin guard: it could not be restored and has failed; its onFailure answers until a reload succeeds or it is switched off',
  )
  guard.broken = false
  await host.reload({ plugins: [guard.make(), other(), echo()] })
  await ann.say('hello')
  await ann.say('bad')
  assert.equal(await ann.say('/guards'), ['of the guard'])
  assert.equal(bob.take(), [`(${ann.id}) hello`])
})

test('a guard whose set-up throws when it is to come back stays closed', async () => {
  const guard = guarding()
  let setUps = 0
  const once = guard.make(() => {
    if (++setUps > 1) throw new Error('only once')
  })
  await using host = await createTestHost({ plugins: [once, echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  guard.broken = true
  await rejection(host.reload({ plugins: [guard.make(), echo()] }))
  await ann.say('hello')
  assert.equal(bob.take(), [])
  assert.equal(faults(host).length, 1)
})

test('a reload without the guard opens, whether the guard had failed or not', async () => {
  for (const broken of [true, false]) {
    const guard = guarding()
    await using host = await createTestHost({ plugins: [guard.make(), echo()] })
    const [ann, bob] = [await join(host), await join(host)]
    guard.broken = broken
    await host.reload({ plugins: [guard.make(), echo()] }).catch(() => {})
    host.takeErrors()
    assert.equal((await host.reload({ plugins: [echo()] })).removed, ['guard'])
    await ann.say('bad')
    assert.equal(bob.take(), [`(${ann.id}) bad`])
  }
})

test('a reload that is refused opens nothing', async () => {
  const guard = guarding()
  await using host = await createTestHost({ plugins: [guard.make(), echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  guard.broken = true
  await rejection(host.reload({ plugins: [guard.make(), echo()] }))
  const throwing = plugin('throwing', () => {
    throw new Error('boom')
  })
  for (const plugins of [[throwing, echo()], [failing, echo()], [failing]]) {
    await rejection(host.reload({ plugins }))
    await ann.say('hello')
  }
  assert.equal(bob.take(), [])
  assert.equal(faults(host).length, 1)
})

test('what a guard has kept is found again when it is brought back, with who is connected', async () => {
  const guard = guarding()
  const counting = (host: PluginContext): void => {
    const all = host.keep('all', () => ({ n: 0 }))
    const own = host.clientState(() => ({ n: 0 }), { keep: 'own' })
    host.command({
      name: 'count',
      help: '',
      run: ({ client }) => `${++all.n} ${++own.get(client).n}`,
    })
  }
  await using host = await createTestHost({ plugins: [guard.make(counting)] })
  const ann = await join(host)
  assert.equal(await ann.say('/count'), ['1 1'])
  guard.broken = true
  await rejection(host.reload({ plugins: [guard.make(counting)] }))
  await rejection(host.reload({ plugins: [guard.make(counting)] }))
  guard.broken = false
  assert.equal((await host.reload({ plugins: [guard.make(counting)] })).added, ['guard'])
  assert.equal(await ann.say('/count'), ['2 2'])
  host.takeErrors()
})

test('a failed reload keeps the connections that a plugin brought in', async () => {
  const make = (fails: boolean): ReturnType<typeof probe> =>
    probe('bridge', (host) => {
      host.onStart(() => {
        if (fails) throw new Error('no')
      })
    })
  const bridge = make(false)
  await using host = await createTestHost({ plugins: [bridge.plugin, echo()] })
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  bridge.host.attach(stream, { label: 'far' })
  await host.quiet()
  await rejection(host.reload({ plugins: [make(true).plugin, echo()] }))
  assert.is(stream.destroyed || stream.writableEnded, false)
  await host.reload({ plugins: [echo()] })
  assert.is(stream.writableEnded, true)
})

test('a guard that requires a plugin which cannot be brought back fails with it', async () => {
  const base = guarding('base')
  const guard = guarding()
  const plugins = (): Plugin[] => [
    base.make((host) => host.provide(defineService('list'), 1)),
    guard.make(undefined, ['base']),
    echo(),
  ]
  const first = plugins()
  await using host = await createTestHost({ plugins: first })
  const [ann, bob] = [await join(host), await join(host)]
  base.broken = true
  const error = await rejection(host.reload({ plugins: plugins() }))
  assert.match(
    String(error),
    'except base (failed; its guards answer), guard (failed; its guards answer)',
  )
  await ann.say('hello')
  assert.equal(bob.take(), [])
  base.broken = false
  assert.equal((await host.reload({ plugins: first })).added, ['base', 'guard'])
  await ann.say('hello')
  await ann.say('bad')
  assert.equal(bob.take(), [`(${ann.id}) hello`])
  host.takeErrors()
})

// Faults

test('a guard that is unloaded after faults stays closed, with those that require it', async () => {
  const guard = guarding()
  const taught = guarding('taught')
  await using host = await createTestHost({
    plugins: [guard.make(), taught.make(undefined, ['guard']), echo()],
    unloadAfterFaults: 3,
  })
  const [ann, bob] = [await join(host), await join(host)]
  for (let count = 0; count < 4; count++) await ann.say('boom')
  assert.is(faults(host).length, 3)
  await ann.say('hello')
  assert.equal(bob.take(), [])
  assert.equal(await ann.say('/other'), [CLOSED])
  const stays = '; its onFailure answers until a reload succeeds or it is switched off'
  assert.equal(logged(host, 'plugins', 40).slice(-2), [
    `plugin guard: unloaded after 3 faults within a minute${stays}`,
    `plugin taught: unloaded with guard, which it needs${stays}`,
  ])
  await host.reload({ plugins: [guard.make(), taught.make(undefined, ['guard']), echo()] })
  await ann.say('hello')
  assert.equal(bob.take(), [`(${ann.id}) hello`])
})

test('faults of a plugin that a reload replaces meanwhile do not take out the new one', async () => {
  let answer = (): void => {}
  const guard = guarding()
  const faulty = (host: PluginContext): void => {
    host.setTimeout(() => {
      throw new Error('oh')
    }, 100)
  }
  const slow = plugin('slow', (host) =>
    host.hooks.line.tapPromise('wait', () => new Promise<void>((resolve) => (answer = resolve))),
  )
  await using host = await createTestHost({
    plugins: [guard.make(faulty), slow, echo()],
    unloadAfterFaults: 1,
  })
  const [ann, bob] = [await join(host), await join(host)]
  void ann.say('one')
  await turn()
  const reloaded = host.reload({ plugins: [guard.make(), echo()], unloadAfterFaults: 1 })
  await passing(host, 100, turn())
  assert.equal(faults(host), ['guard timer TIMER_FAILED'])
  answer()
  await reloaded
  await ann.say('two')
  await ann.say('bad')
  assert.equal(bob.take(), [`(${ann.id}) one`, `(${ann.id}) two`])
})

test('the fault that unloads a plugin anew is counted from zero', async () => {
  const guard = guarding()
  const plugins = (): Plugin[] => [guard.make(), echo()]
  await using host = await createTestHost({ plugins: plugins(), unloadAfterFaults: 2 })
  const [ann, bob] = [await join(host), await join(host)]
  for (let round = 0; round < 2; round++) {
    await ann.say('hello')
    assert.equal(bob.take(), [`(${ann.id}) hello`])
    await ann.say('boom')
    await ann.say('boom')
    await ann.say('hello')
    assert.equal(bob.take(), [])
    await host.reload({ plugins: plugins(), unloadAfterFaults: 2 })
  }
  host.takeErrors()
})

test('a line that waits for a guard which is taken out does not pass', async () => {
  for (const answer of [undefined, deliver()]) {
    let go = (): void => {}
    const slow = plugin('slow', (host) =>
      host.hooks.line.tapPromise({ onFailure: drop('closed') }, async () => {
        await new Promise<void>((resolve) => (go = resolve))
        return answer
      }),
    )
    await using host = await createTestHost({ plugins: [slow, echo()] })
    const [ann, bob] = [await join(host), await join(host)]
    const said = ann.say('hello')
    await host.advance(0)
    await host.unload('slow')
    go()
    await said
    assert.equal(bob.take(), [])
    await ann.say('it is out')
    assert.equal(bob.take(), [`(${ann.id}) it is out`])
  }
})

// The first start

test('who comes while the plugins start waits until the last guard has started', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const notes: string[] = []
  const bridge = plugin('bridge', (host) => {
    host.onStart(async () => {
      host.attach(stream, { label: 'far' })
      stream.push('hello\r\n')
      await turn()
    })
  })
  const late = plugin('late', (host) => {
    let ready = false
    host.onStart(() => void (ready = true))
    host.hooks.connect.tap({ onFailure: refuse('no') }, () => void notes.push(`came ${ready}`))
    host.hooks.line.tap({ onFailure: drop('no') }, () => void notes.push(`said ${ready}`))
  })
  await using host = await createTestHost({ plugins: [bridge, late, echo()] })
  await host.quiet()
  assert.equal(notes, ['came true', 'said true'])
})

test('one that is unloaded after faults before all have started keeps no guard behind it from starting', async () => {
  const slow = plugin('slow', (host) =>
    host.onStart(() => new Promise<void>((resolve) => void host.setTimeout(resolve, 100))),
  )
  const broken = plugin('broken', (host) =>
    host.setTimeout(() => {
      throw new Error('too early')
    }, 10),
  )
  const guard = plugin('guard', (host) => host.hooks.line.tap('no', () => drop('no')))
  const plugins = [echo(), slow, broken, guard]
  await using host = await createTestHost({ plugins, unloadAfterFaults: 1 })
  const [ann, bob] = [await join(host), await join(host)]
  await ann.say('hello')
  assert.equal(bob.take(), [])
  assert.equal(logged(host, 'plugins', 40).slice(-1), [
    'plugin broken: unloaded after 1 faults within a minute',
  ])
  assert.equal(faults(host), ['broken timer TIMER_FAILED'])
})

// Verdicts

test('an onFailure that is none for a client refuses, in every hook', async () => {
  const sly = { kind: 'refuse', message: 'no' } as { kind: 'refuse'; message: unknown }
  const guard = plugin('guard', (host) => {
    const fails = (): never => {
      throw new Error('oh')
    }
    host.hooks.connect.tap({ name: 'come', onFailure: sly as never }, ({ client }) =>
      client.id === 'late' ? fails() : undefined,
    )
    host.hooks.line.tap({ onFailure: deliver({ prefix: 'nobody: ' }) }, fails)
    host.hooks.command.tap({ onFailure: sly as never }, fails)
  })
  await using host = await createTestHost({ plugins: [guard, other(), echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  sly.message = 5
  await ann.say('hello')
  assert.equal(bob.take(), [])
  assert.equal(await ann.say('/other'), ['this cannot be done right now'])
  assert.equal((await host.connect('late')).lines, ['you cannot join right now'])
  assert.equal(faults(host).filter((fault) => fault.includes('onFailure')).length, 3)
})

test('an onFailure with a prefix that is no text is refused at once', async () => {
  const chat = probe()
  await using _ = await createTestHost({ plugins: [chat.plugin] })
  const onFailure = deliver({ prefix: 5 as never })
  assert.is(
    codeOf(() => chat.host.hooks.line.tap({ onFailure }, () => undefined)),
    'TAP_INVALID',
  )
})

// An operator

test('switching another plugin opens no guard, and its own name does', async () => {
  const guard = guarding()
  const config = { plugins: [guard.make(), other(), echo()] }
  await using chat = await operatedHost(config)
  const { host } = chat
  const [ann, bob] = [chat.join('ann'), chat.join('bob')]
  await chat.quiet()
  const passes = async (line: string): Promise<boolean> => {
    ann.say(line)
    await chat.quiet()
    return bob.sent.includes(`(ann) ${line}\r\n`)
  }
  const states = (): string =>
    host
      .inspect()
      .plugins.map(({ name, state, on }) => `${name} ${state} ${on}`)
      .join()
  guard.broken = true
  await rejection(chat.reload({ plugins: [guard.make(), other(), echo()] }))
  assert.is(states(), 'guard failed false,other on true,echo on true')
  for (const on of [false, true]) {
    await host.switchPlugin('other', on)
    assert.is(await passes(`other ${on}`), false)
    assert.is(states(), `guard failed false,other ${on ? 'on' : 'off'} ${on},echo on true`)
  }
  await rejection(host.switchPlugin('guard', true))
  assert.is(await passes('tried'), false)
  assert.equal(host.inspect().hooks.line, [
    { plugin: 'guard', name: undefined, stage: 'Filter', closed: true },
    { plugin: 'echo', name: undefined, stage: 'Deliver' },
  ])
  assert.equal(host.inspect().hooks.settled, [])
  assert.equal((await host.switchPlugin('guard', false)).removed, ['guard'])
  assert.is(await passes('bad'), true)
  assert.is(states(), 'guard off false,other on true,echo on true')
  await rejection(host.switchPlugin('guard', true))
  assert.is(await passes('bad again'), true)
  guard.broken = false
  await host.switchPlugin('guard', true)
  assert.is(await passes('bad once more'), false)
  assert.is(await passes('fine'), true)
})

test('a plugin that requires a failed one is told so, and fails on when that is switched off', async () => {
  const base = guarding('base')
  const guard = guarding()
  const plugins = (): Plugin[] => [base.make(), guard.make(undefined, ['base']), echo()]
  await using chat = await operatedHost({ plugins: plugins() })
  const { host } = chat
  const [ann, bob] = [chat.join('ann'), chat.join('bob')]
  base.broken = true
  await rejection(chat.reload({ plugins: plugins() }))
  assert.match(
    String(await rejection(host.switchPlugin('guard', true))),
    'it requires base, which is not running; switch that on first',
  )
  await host.switchPlugin('base', false)
  ann.say('hello')
  await chat.quiet()
  assert.not.match(bob.sent, 'hello')
  base.broken = false
  await host.switchPlugin('base', true)
  await host.switchPlugin('guard', true)
  ann.say('hello')
  await chat.quiet()
  assert.match(bob.sent, '(ann) hello')
})

test('a guard that has the only tap of a hook is not asked once it is out', async () => {
  await using host = await createTestHost({ plugins: [other(), guarding().make()] })
  const ann = await join(host)
  assert.equal(await ann.say('/other bad'), ['bad'])
  await host.unload('guard')
  assert.match((await ann.say('/other bad')).join(), 'too many arguments for /other')
})

test.run()
