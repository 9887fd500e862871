/** A reload: other plugins take the place of those that changed, all or nothing, and nobody notices. */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  ChatError,
  definePlugin,
  defineService,
  deliver,
  drop,
  Stage,
  z,
  type Plugin,
} from '../../../core/index.ts'
import { createTestHost, type TestHost } from '../../../core/testing/index.ts'
import { access, echo, mute, quit, stats } from '../../../plugins/index.ts'
import {
  codeOf,
  faults,
  join,
  logged,
  plugin,
  probe,
  rejection,
} from '../../support/memory-plugins.ts'

const test = suite('reload')

/** A plugin with an option, whose code is the same each time. */
const greet = definePlugin({
  name: 'greet',
  apiVersion: 1,
  options: z.strictObject({ text: z.string() }),
  setup(host, { text }) {
    host.command({ name: 'greet', help: 'Greet.', run: () => text })
  },
})

/** A plugin that answers its command with a text. */
function answering(name: string, text: string, command = name): Plugin {
  return plugin(name, (host) => host.command({ name: command, help: 'Answer.', run: () => text }))
}

async function problemsOf(host: TestHost, plugins: readonly Plugin[]): Promise<string> {
  const error = await rejection(host.reload({ plugins }))
  assert.ok(error instanceof ChatError)
  return `${error.code} ${error.message}`
}

// What changes

test('an option changes under connected clients, and nobody else is touched', async () => {
  const notes: string[] = []
  const still = plugin('still', (host) => {
    notes.push('set up')
    host.onDispose(() => void notes.push('disposed'))
  })
  await using host = await createTestHost({ plugins: [greet({ text: 'hello' }), still] })
  const ann = await join(host)
  assert.equal(await ann.say('/greet'), ['hello'])
  assert.equal(await host.reload({ plugins: [greet({ text: 'ahoy' }), still] }), {
    changed: ['greet'],
    added: [],
    removed: [],
    renewed: [],
    unchanged: ['still'],
  })
  assert.equal(await ann.say('/greet'), ['ahoy'])
  assert.is(ann.closed, false)
  assert.equal(notes, ['set up'])
})

test('a plugin of the same code with equal options is left alone', async () => {
  await using host = await createTestHost({ plugins: [greet({ text: 'hello' })] })
  const { changed, unchanged } = await host.reload({ plugins: [greet({ text: 'hello' })] })
  assert.equal([changed, unchanged], [[], ['greet']])
})

test('a plugin of other code under the same name counts as changed', async () => {
  await using host = await createTestHost({ plugins: [answering('a', 'old')] })
  const ann = await join(host)
  const { changed } = await host.reload({ plugins: [answering('a', 'new')] })
  assert.equal(changed, ['a'])
  assert.equal(await ann.say('/a'), ['new'])
})

test('a plugin that was removed leaves nothing behind', async () => {
  const chat = probe('gone', (host) => {
    host.command({ name: 'gone', aliases: ['g'], help: 'Go.', run: () => 'still here' })
    host.hooks.line.tap('drop', () => drop('gone'))
    host.provide(defineService('gone'), 1)
    host.setInterval(() => host.broadcast('tick'), 1000)
  })
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  const { removed } = await host.reload({ plugins: [echo()] })
  assert.equal(removed, ['gone'])
  assert.equal(await ann.say('/gone'), ['there is no command /gone'])
  assert.equal(await ann.say('/g'), ['there is no command /g'])
  await ann.say('hello')
  await host.advance(5000)
  assert.equal(bob.take(), [`(${ann.id}) hello`])
  assert.is(chat.host.signal.aborted, true)
  assert.is(
    codeOf(() => chat.host.command({ name: 'late', help: '', run: () => {} })),
    'PLUGIN_DISPOSED',
  )
})

test('a plugin that was added runs in its place', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  const loud = plugin('loud', (given) =>
    given.hooks.line.tap({ stage: Stage.Deliver }, (event) =>
      deliver({ prefix: `${event.client.name} shouts ` }),
    ),
  )
  const { added } = await host.reload({ plugins: [loud, echo()] })
  assert.equal(added, ['loud'])
  await ann.say('hello')
  assert.equal(bob.take(), [`${ann.id} shouts hello`])
})

test('taps, start and disposal follow the new order, those of unchanged plugins too', async () => {
  const notes: string[] = []
  const noting = (name: string): Plugin =>
    plugin(name, (host) => {
      host.hooks.line.tap('note', () => void notes.push(name))
      host.onDispose(() => void notes.push(`${name} gone`))
    })
  const [a, b, c] = [noting('a'), noting('b'), noting('c')]
  await using host = await createTestHost({ plugins: [a, b, c] })
  const ann = await join(host)
  await host.reload({ plugins: [c, noting('b'), a] })
  assert.equal(notes.splice(0), ['b gone'])
  await ann.say('hello')
  assert.equal(notes.splice(0), ['c', 'b', 'a'])
  await host.stop()
  assert.equal(notes, ['a gone', 'b gone', 'c gone'])
})

test('a command may move from one plugin to another', async () => {
  await using host = await createTestHost({ plugins: [answering('a', 'of a', 'roll')] })
  const ann = await join(host)
  await host.reload({ plugins: [answering('b', 'of b', 'roll')] })
  assert.equal(await ann.say('/roll'), ['of b'])
})

test('who uses what changed is set up again with it', async () => {
  const dice = defineService<() => string>('dice')
  const giving = (text: string): Plugin =>
    plugin('giving', (host) => host.provide(dice, () => text))
  const user = plugin('using', (host) => {
    let roll = (): string => ''
    host.onStart(() => {
      roll = host.inject(dice)
    })
    host.command({ name: 'use', help: 'Use.', run: () => roll() })
  })
  const needing = plugin('needing', () => {}, ['using'])
  await using host = await createTestHost({ plugins: [giving('one'), user, needing] })
  const ann = await join(host)
  assert.equal(await ann.say('/use'), ['one'])
  const { renewed } = await host.reload({ plugins: [giving('two'), user, needing] })
  assert.equal(renewed, ['using', 'needing'])
  assert.equal(await ann.say('/use'), ['two'])
  assert.match(await problemsOf(host, [user]), 'no plugin provides the service dice')
  assert.equal(await ann.say('/use'), ['two'])
})

test('other settings change with the plugins', async () => {
  await using host = await createTestHost({ plugins: [echo()], limits: { idle: 600_000 } })
  const [ann, bob] = [await join(host), await join(host)]
  assert.equal(await ann.say('/nothing'), ['there is no command /nothing'])
  await host.reload({
    plugins: [echo()],
    unknownCommand: 'echo',
    limits: { clients: 2, line: 5, idle: 10_000 },
  })
  assert.equal(await ann.say('/nothing'), ['your line was not sent: it is longer than 5 bytes'])
  await ann.say('/no')
  assert.equal(bob.take(), [`(${ann.id}) /no`])
  const third = await host.connect()
  assert.equal(third.lines, ['the server is full, try again later'])
  await host.advance(12_000)
  assert.equal(bob.take(), ['closed: you have typed nothing for 10 s'])
})

// Faults

test('a fault in a set-up changes nothing, and names every one', async () => {
  await using host = await createTestHost({ plugins: [answering('a', 'old')] })
  const ann = await join(host)
  const broken = plugin('broken', () => {
    throw new Error('boom')
  })
  const message = await problemsOf(host, [
    answering('a', 'new'),
    broken,
    answering('b', 'twice', 'a'),
  ])
  assert.match(message, /^CONFIG_INVALID /)
  assert.match(message, 'plugins[1] (broken): setup: boom')
  assert.match(message, 'plugins[2] (b): setup: the command /a is taken by the plugin a')
  assert.equal(await ann.say('/a'), ['old'])
  assert.equal(await ann.say('/b'), ['there is no command /b'])
})

test('what was only set up is undone: its timers never run, and it says nothing', async () => {
  const staged = probe('staged', (host) => {
    host.setTimeout(() => host.broadcast('tick'), 10)
    host.broadcast('set up')
    host.addLogSink({ write: () => assert.unreachable() })
  })
  const broken = plugin('broken', () => {
    throw new Error('boom')
  })
  await using host = await createTestHost({ plugins: [echo()] })
  const ann = await join(host)
  await problemsOf(host, [echo(), staged.plugin, broken])
  await host.advance(1000)
  assert.equal(ann.take(), [])
  assert.is(staged.host.signal.aborted, true)
})

test('where a plugin cannot start, those of before come back with what they kept', async () => {
  const notes: string[] = []
  const counting = (name: string, fails: boolean): Plugin =>
    plugin('counting', (host) => {
      const count = host.keep('count', () => ({ lines: 0 }))
      const own = host.clientState(() => ({ lines: 0 }), { keep: 'own' })
      const here = host.clientState(() => ({ lines: 0 }))
      host.onStart(() => {
        notes.push(`${name} start`)
        if (fails) throw new Error('no database')
      })
      host.onDispose(() => void notes.push(`${name} dispose`))
      host.command({
        name: 'count',
        help: 'Count.',
        run: ({ client }) =>
          `${name} ${++count.lines} ${++own.get(client).lines} ${++here.get(client).lines}`,
      })
    })
  await using host = await createTestHost({ plugins: [counting('old', false), echo()] })
  const ann = await join(host)
  assert.equal(await ann.say('/count'), ['old 1 1 1'])
  assert.match(
    await problemsOf(host, [counting('new', true)]),
    /^RELOAD_FAILED not reloaded: counting could not start: no database \(\S+reload\.test\.ts:\d+\); the previous plugins are running again$/,
  )
  assert.equal(notes, ['old start', 'old dispose', 'new start', 'new dispose', 'old start'])
  assert.equal(await ann.say('/count'), ['old 2 2 1'])
  const bob = await join(host)
  await ann.say('echo is back too')
  assert.equal(bob.take(), [`(${ann.id}) echo is back too`])
})

test('a plugin that cannot even come back has failed, and that is reported', async () => {
  let starts = 0
  const once = plugin('once', (host) => {
    host.onStart(() => {
      if (++starts > 1) throw new Error('only once')
    })
    host.command({ name: 'once', help: '', run: () => 'here' })
  })
  const broken = plugin('once', (host) =>
    host.onStart(() => {
      throw new Error('boom')
    }),
  )
  await using host = await createTestHost({ plugins: [once, echo()] })
  const ann = await join(host)
  assert.match(
    await problemsOf(host, [broken, echo()]),
    /once could not start: boom \(\S+\); the previous plugins are running again, except once \(failed\)$/,
  )
  assert.equal(faults(host), ['once onStart PLUGIN_START_FAILED'])
  assert.ok(
    logged(host, 'plugins').includes('plugin once: it could not be restored and has failed'),
  )
  assert.equal(await ann.say('/once'), ['there is no command /once'])
})

test('a line that does not settle in time keeps the plugins as they are', async () => {
  let answer = (): void => {}
  const slow = plugin('slow', (host) =>
    host.hooks.line.tapPromise({ name: 'slow', timeout: 60_000 }, async () => {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
    }),
  )
  await using host = await createTestHost({ plugins: [slow, echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  void ann.say('hello')
  await turn()
  assert.is(
    await problemsOf(host, [echo()]),
    'RELOAD_FAILED not reloaded: lines that were under way did not settle within 10 s; try again',
  )
  answer()
  await host.quiet()
  assert.equal(bob.take(), [`(${ann.id}) hello`])
})

// Nobody notices

test('a reload waits for those who are being seen off', async () => {
  let end = (): void => {}
  const notes: string[] = []
  const seeing = plugin('seeing', (host) => {
    host.hooks.close.tapPromise('wait', async () => {
      await new Promise<void>((resolve) => (end = resolve))
      notes.push('seen off')
    })
    host.onDispose(() => void notes.push('disposed'))
  })
  await using host = await createTestHost({ plugins: [seeing, echo()] })
  void (await join(host)).reset()
  await turn()
  await turn()
  const reloaded = host.reload({ plugins: [echo()] })
  for (let count = 0; count < 5; count++) await turn()
  assert.equal(notes, [])
  end()
  await reloaded
  assert.equal(notes, ['seen off', 'disposed'])
})

test('lines typed during a reload are neither lost nor said twice, in their order', async () => {
  let release = (): void => {}
  const slow = plugin('slow', (host) =>
    host.onDispose(
      () =>
        new Promise<void>((resolve) => {
          release = resolve
        }),
    ),
  )
  await using host = await createTestHost({ plugins: [slow, echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  await ann.say('one')
  const reloaded = host.reload({ plugins: [echo()] })
  await turn()
  await turn()
  const said = ann.send('two\r\nthree\r\n')
  await turn()
  assert.equal(bob.take(), [`(${ann.id}) one`])
  release()
  await reloaded
  await said
  await host.quiet()
  assert.equal(bob.take(), [`(${ann.id}) two`, `(${ann.id}) three`])
})

test('a line that is under way settles with the plugins that it began with', async () => {
  let answer = (): void => {}
  const slow = (name: string): Plugin =>
    plugin('slow', (host) =>
      host.hooks.line.tapPromise({ stage: Stage.Deliver }, async ({ client, text }) => {
        if (text === 'first')
          await new Promise<void>((resolve) => {
            answer = resolve
          })
        return deliver({ prefix: `${name} ${client.name} ` })
      }),
    )
  await using host = await createTestHost({ plugins: [slow('old')] })
  const [ann, bob] = [await join(host), await join(host)]
  void ann.send('first\r\nsecond\r\n')
  await turn()
  const reloaded = host.reload({ plugins: [slow('new')] })
  await turn()
  answer()
  await reloaded
  await host.quiet()
  assert.equal(bob.take(), [`old ${ann.id} first`, `new ${ann.id} second`])
})

test('who comes and goes meanwhile is seen by the new plugins, once', async () => {
  const notes: string[] = []
  let release = (): void => {}
  const watching = (name: string): Plugin =>
    plugin('watching', (host) => {
      host.hooks.connect.tap('note', ({ client }) => void notes.push(`${name} +${client.id}`))
      host.hooks.close.tap('note', ({ client }) => void notes.push(`${name} -${client.id}`))
      if (name === 'new')
        host.onStart(
          () =>
            new Promise<void>((resolve) => {
              release = resolve
            }),
        )
    })
  await using host = await createTestHost({ plugins: [watching('old')] })
  const ann = await host.connect('ann')
  const reloaded = host.reload({ plugins: [watching('new')] })
  await turn()
  await turn()
  const bob = host.connect('bob')
  void ann.reset()
  await turn()
  await turn()
  assert.equal(notes.splice(0), ['old +ann'])
  release()
  await reloaded
  await host.quiet()
  assert.is((await bob).lines.length, 2)
  assert.equal(notes, ['new +bob', 'new -ann'])
})

test('reloads that are asked for at once come one after the other', async () => {
  const notes: string[] = []
  const slow = (round: string): Plugin =>
    plugin('slow', (host) => {
      notes.push(`set up ${round}`)
      host.onStart(async () => {
        notes.push(`starts ${round}`)
        await turn()
        notes.push(`runs ${round}`)
      })
      host.onDispose(async () => {
        await turn()
        notes.push(`gone ${round}`)
      })
    })
  await using host = await createTestHost({ plugins: [slow('0')] })
  notes.length = 0
  const all = ['1', '2', '3'].map((round) => host.reload({ plugins: [slow(round)] }))
  for (const { changed } of await Promise.all(all)) assert.equal(changed, ['slow'])
  assert.equal(
    notes,
    [1, 2, 3].flatMap((round) => [
      `set up ${round}`,
      `gone ${round - 1}`,
      `starts ${round}`,
      `runs ${round}`,
    ]),
  )
})

test('of those that go the last goes first', async () => {
  const notes: string[] = []
  const leaving = (name: string): Plugin =>
    plugin(name, (host) =>
      host.onDispose(async () => {
        await turn()
        notes.push(name)
      }),
    )
  const names = ['one', 'two', 'three']
  await using host = await createTestHost({ plugins: names.map(leaving) })
  await host.reload({ plugins: [] })
  assert.equal(notes, ['three', 'two', 'one'])
})

test('what a plugin has stays its own when the reload that would have replaced it failed', async () => {
  const still = greet({ text: '0' })
  const broken = plugin('broken', () => {
    throw new Error('boom')
  })
  await using host = await createTestHost({ plugins: [still] })
  const ann = await join(host)
  await rejection(host.reload({ plugins: [greet({ text: '1' }), broken] }))
  const other = answering('other', 'of other', 'greet')
  assert.match(await problemsOf(host, [still, other]), '/greet')
  assert.equal(await ann.say('/greet'), ['0'])
})

test('a reload that fails is in the way of none that waits for it', async () => {
  const broken = plugin('greet', (host) =>
    host.onStart(async () => {
      await turn()
      throw new Error('no database')
    }),
  )
  await using host = await createTestHost({ plugins: [greet({ text: '0' })] })
  const ann = await join(host)
  const failing = rejection(host.reload({ plugins: [broken] }))
  const next = host.reload({ plugins: [greet({ text: '1' })] })
  assert.match(String(await failing), /no database.*; the previous plugins are running again/)
  assert.equal((await next).changed, ['greet'])
  assert.equal(await ann.say('/greet'), ['1'])
})

test('a host that is told to stop during a reload stops, and runs what was typed', async () => {
  const hanging = plugin('hanging', (host) => host.onDispose(() => new Promise(() => {})))
  const host = await createTestHost({ plugins: [hanging, echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  let over = false
  const reloaded = host
    .reload({ plugins: [echo()] })
    .catch(() => {})
    .finally(() => (over = true))
  await turn()
  await turn()
  void ann.say('last words')
  await turn()
  await turn()
  assert.is(over, false, 'it waits for what hangs')
  assert.equal(bob.take(), [])
  await Promise.allSettled([host.stop(), reloaded])
  assert.ok(bob.lines.includes(`(${ann.id}) last words`), bob.lines.join('|'))
  assert.equal(faults(host), ['hanging onDispose HOOK_TIMEOUT'])
  await host.stop().catch(() => {})
})

test('after a thousand reloads a plugin is tapped once and still has its state', async () => {
  let calls = 0
  let taps = 0
  const counting = (): Plugin =>
    plugin('counting', (given) => {
      const state = given.clientState(() => ({ calls: 0 }), { keep: 'calls' })
      given.hooks.line.tap('count', ({ client }) => {
        taps++
        calls = ++state.get(client).calls
      })
    })
  await using host = await createTestHost({ plugins: [counting()] })
  const ann = await join(host)
  await ann.say('one')
  for (let round = 0; round < 1000; round++) await host.reload({ plugins: [counting()] })
  await ann.say('two')
  assert.equal([calls, taps], [2, 2])
})

// What is kept

test('state that is kept by name is found again, any other begins anew', async () => {
  const counting = plugin('counting', (host) => {
    const kept = host.clientState(() => ({ n: 0 }), { keep: 'kept' })
    const fresh = host.clientState(() => ({ n: 0 }))
    const all = host.keep('all', () => ({ n: 0 }))
    host.command({
      name: 'n',
      help: '',
      run: ({ client }) => `${++kept.get(client).n} ${++fresh.get(client).n} ${++all.n}`,
    })
  })
  const again = (): Plugin => ({ ...counting, definition: { ...counting.definition } })
  await using host = await createTestHost({ plugins: [again()] })
  const ann = await join(host)
  assert.equal(await ann.say('/n'), ['1 1 1'])
  await host.reload({ plugins: [again()] })
  assert.equal(await ann.say('/n'), ['2 1 2'])
  await host.reload({ plugins: [] })
  await host.reload({ plugins: [again()] })
  assert.equal(await ann.say('/n'), ['1 1 1'])
})

test('a state belongs to its plugin: two of the same name in two plugins are two', async () => {
  const counting = (name: string): Plugin =>
    plugin(name, (host) => {
      const kept = host.clientState(() => ({ n: 0 }), { keep: 'n' })
      host.command({ name, help: '', run: ({ client }) => String(++kept.get(client).n) })
    })
  await using host = await createTestHost({ plugins: [counting('a'), counting('b')] })
  const ann = await join(host)
  assert.equal(await ann.say('/a'), ['1'])
  await host.reload({ plugins: [counting('b'), counting('a')] })
  assert.equal(await ann.say('/a'), ['2'])
  assert.equal(await ann.say('/b'), ['1'])
})

test('connections that a plugin brought in stay when it is reloaded and end when it is removed', async () => {
  const bridge = probe('bridge')
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  await using host = await createTestHost({ plugins: [bridge.plugin, echo()] })
  bridge.host.attach(stream, { label: 'far' })
  await host.quiet()
  const [far] = [...bridge.host.clients]
  const again = probe('bridge')
  await host.reload({ plugins: [again.plugin, echo()] })
  assert.is(far?.closed, false)
  await host.reload({ plugins: [echo()] })
  assert.is(far?.closed, true)
})

test('mutes stay', async () => {
  await using host = await createTestHost({ plugins: [mute(), echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  await ann.say('/mute')
  await host.reload({ plugins: [mute({ confirm: true }), echo()] })
  await ann.say('hello')
  assert.equal(bob.take(), [])
  assert.equal(await ann.say('/unmute'), ['you are no longer muted'])
})

test('the table is right over reloads of stats and of others', async () => {
  let text = ''
  const output = { write: (more: string) => (text += more) }
  const host = await createTestHost({ plugins: [stats({ output }), mute(), quit(), echo()] })
  const [ann, bob] = [await host.connect('ann'), await host.connect('bob')]
  await ann.say('one')
  await host.reload({ plugins: [stats({ output }), mute({ confirm: true }), quit(), echo()] })
  await ann.say('two')
  await host.reload({ plugins: [stats({ output, rows: 3 }), mute(), quit(), echo()] })
  await ann.say('/mute')
  await ann.say('three')
  await host.connect('cid')
  await host.connect('dan')
  await bob.say('/quit')
  await host.stop()
  const rows = text.split('\n').slice(2, -1)
  assert.equal(rows, [
    'ann                       2          1   false',
    'bob                       0          0   true',
    'cid                       0          0   false',
    '1 more                    0          0   0',
  ])
})

test('stats and access count those who are there already when they are added', async () => {
  let text = ''
  const output = { write: (more: string) => (text += more) }
  const host = await createTestHost({ plugins: [echo()] })
  const ann = await host.connect('ann', '192.0.2.1')
  await host.reload({ plugins: [stats({ output }), access({ perAddress: 1 }), echo()] })
  const other = await host.connect('other', '192.0.2.1')
  assert.match(other.lines[0] ?? '', 'there are 1 connections from your address already')
  await ann.say('hello')
  await ann.end()
  const third = await host.connect('third', '192.0.2.1')
  assert.is(third.closed, false)
  await host.stop()
  assert.equal(text.split('\n').slice(2, -1), [
    'ann                       1          0   false',
    'third                     0          0   false',
  ])
})

test.run()
