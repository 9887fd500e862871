/** The life of plugins: in which order they are set up, tapped, started and stopped, and what goes when one goes. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  ChatError,
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
import { collected } from '../../support/memory-garbage.ts'
import {
  codeOf,
  faults,
  join,
  logged,
  passing,
  plugin,
  probe,
  rejection,
  thrownBy,
} from '../../support/memory-plugins.ts'

const test = suite('plugins')

/** A plugin that notes what it goes through. */
function noting(name: string, notes: string[], requires: readonly string[] = []): Plugin {
  return plugin(
    name,
    (host) => {
      notes.push(`${name} setup`)
      host.onStart(() => void notes.push(`${name} start`))
      host.onDispose(() => void notes.push(`${name} dispose`))
      host.hooks.shutdown.tap('note', () => void notes.push(`${name} shutdown`))
    },
    requires,
  )
}

// Order

test('plugins are set up and started in order, and shut down and disposed of in reverse', async () => {
  const notes: string[] = []
  const host = await createTestHost({
    plugins: [noting('a', notes), noting('b', notes, ['c']), noting('c', notes)],
  })
  assert.equal(notes.splice(0), ['a setup', 'c setup', 'b setup', 'a start', 'c start', 'b start'])
  await host.stop()
  assert.equal(notes, [
    'b shutdown',
    'c shutdown',
    'a shutdown',
    'b dispose',
    'c dispose',
    'a dispose',
  ])
})

test('each start is waited for before the next one begins, and all before anybody can join', async () => {
  const notes: string[] = []
  const slow = plugin('slow', (host) => {
    host.onStart(async () => {
      notes.push('slow begins')
      await turn()
      notes.push('slow ends')
    })
    host.onStart(() => void notes.push('slow again'))
  })
  await using _ = await createTestHost({ plugins: [slow, noting('quick', notes)] })
  assert.equal(notes, ['quick setup', 'slow begins', 'slow ends', 'slow again', 'quick start'])
})

test('what a plugin disposes of last was registered first', async () => {
  const notes: string[] = []
  const one = plugin('one', (host) => {
    for (const name of ['first', 'second', 'third']) {
      host.onDispose(async () => {
        await turn()
        notes.push(name)
      })
    }
  })
  const host = await createTestHost({ plugins: [one] })
  await host.stop()
  assert.equal(notes, ['third', 'second', 'first'])
})

test('taps run by stage, then in the order of the plugins, then in that of registration', async () => {
  const notes: string[] = []
  const tapper = (name: string, ...stages: Array<Stage | undefined>): Plugin =>
    plugin(name, ({ hooks }) => {
      for (const stage of stages) {
        hooks.line.tap(
          stage === undefined ? {} : { stage },
          () => void notes.push(`${name} ${stage ?? 'none'}`),
        )
      }
    })
  const { Guard, Filter, Normal, Deliver } = Stage
  await using host = await createTestHost({
    plugins: [
      tapper('a', Deliver, Normal, Filter),
      tapper('b', undefined, Guard, Guard),
      tapper('c', Filter, Guard),
    ],
  })
  await (await join(host)).say('x')
  assert.equal(notes, [
    `b ${Guard}`,
    `b ${Guard}`,
    `c ${Guard}`,
    `a ${Filter}`,
    `c ${Filter}`,
    `a ${Normal}`,
    'b none',
    `a ${Deliver}`,
  ])
})

test('a tap that is registered while the host runs takes its place in the order', async () => {
  const notes: string[] = []
  const note = (text: string) => () => void notes.push(text)
  const [a, b] = [probe('a'), probe('b')]
  await using host = await createTestHost({ plugins: [a.plugin, b.plugin] })
  b.host.hooks.line.tap('b', note('b'))
  a.host.hooks.line.tap('a', note('a'))
  b.host.hooks.line.tap({ stage: Stage.Guard }, note('b first'))
  await (await join(host)).say('x')
  assert.equal(notes, ['b first', 'a', 'b'])
})

test('the first verdict ends a line and later taps are not called', async () => {
  let called = 0
  const first = plugin('first', (host) => host.hooks.line.tap('no', () => drop('no')))
  const second = plugin('second', (host) => {
    host.hooks.line.tap('count', () => {
      called++
      return deliver()
    })
  })
  await using host = await createTestHost({ plugins: [first, second] })
  await (await join(host)).say('x')
  assert.is(called, 0)
})

const badTaps: ReadonlyArray<readonly [what: string, options: unknown, run: unknown]> = [
  ['another stage', { stage: 5 }, () => {}],
  ['a stage as text', { stage: 'Guard' }, () => {}],
  ["tapable's before", { before: 'echo' }, () => {}],
  ['an unknown option', { stages: 0 }, () => {}],
  ['a timeout of nothing', { timeout: 0 }, () => {}],
  ['a function alone', () => {}, undefined],
  ['no function', 'name', undefined],
  ['no options', undefined, () => {}],
]

for (const [what, options, run] of badTaps) {
  test(`a tap with ${what} is refused at set-up`, async () => {
    for (const hook of ['connect', 'line', 'command', 'settled', 'close', 'shutdown'] as const) {
      const bad = probe('bad', ({ hooks }) => {
        const side: { tap(options: unknown, run: unknown): void } = hooks[hook]
        assert.is(
          codeOf(() => side.tap(options, run)),
          'TAP_INVALID',
        )
      })
      await using _ = await createTestHost({ plugins: [bad.plugin] })
    }
  })
}

test('onFailure is refused where nothing is decided', async () => {
  const bad = probe('bad', ({ hooks }) => {
    for (const hook of ['settled', 'close', 'shutdown'] as const) {
      const side: { tap(options: unknown, run: unknown): void } = hooks[hook]
      assert.is(
        codeOf(() => side.tap({ onFailure: drop('x') }, () => {})),
        'TAP_INVALID',
      )
    }
  })
  await using _ = await createTestHost({ plugins: [bad.plugin] })
})

test('an option of a tap that is misspelt is told with the one that was meant', async () => {
  const one = probe()
  await using _ = await createTestHost({ plugins: [one.plugin] })
  const side: { tap(options: unknown, run: unknown): void } = one.host.hooks.line
  const told = (options: unknown) => thrownBy(() => side.tap(options, () => {}))
  assert.is(
    told({ stge: 1 }),
    'TAP_INVALID: hooks.line.tap: stge: there is no such key; did you mean "stage"? (known: name, stage, timeout, onFailure)',
  )
  const { Filtr } = Stage as Partial<Record<string, Stage>>
  assert.match(
    told({ stage: Filtr }),
    /: stage: expected one of Stage\.Guard, .*, found undefined$/,
  )
  assert.match(told({ timeout: 0 }), /: timeout: must be at least 1, found 0$/)
  assert.match(told(5), /: expected a name or options, and then a function, found 5$/)
})

test('an onFailure that is no verdict of its hook is refused as the hook is tapped', async () => {
  const one = probe()
  await using _ = await createTestHost({ plugins: [one.plugin] })
  const { hooks } = one.host
  const told = (hook: 'connect' | 'line', onFailure: unknown) =>
    thrownBy(() => hooks[hook].tap({ onFailure: onFailure as never }, () => {}))
  assert.match(told('line', refuse('no')), /^TAP_INVALID: .* onFailure: .*, found refuse\(\)$/)
  assert.match(told('line', 'closed'), /^TAP_INVALID: .* onFailure: expected deliver\(\) or drop/)
  assert.match(told('line', { kind: 'drop' }), /^TAP_INVALID: .*, found drop\(\) with no reason; /)
  assert.match(told('connect', drop('no')), /^TAP_INVALID: .*refuse\(message\).*, found drop\(\)$/)
  hooks.line.tap({ onFailure: deliver({ prefix: 'x ' }) }, () => {})
  hooks.line.tap({ onFailure: drop('x') }, () => {})
  hooks.connect.tap({ onFailure: refuse('x') }, () => {})
})

test('a verdict of another hook, or without its words, is told by the name of what made it', async () => {
  let answer: unknown
  const one = plugin('one', ({ hooks }) => hooks.line.tap('x', () => answer as undefined))
  await using host = await createTestHost({ plugins: [one] })
  const client = await join(host)
  for (const [verdict, found] of [
    [refuse('no'), 'refuse()'],
    [(drop as () => unknown)(), "drop() with no reason; write drop('…'), with a text"],
    [drop(5 as never), "drop() with the reason 5; write drop('…'), with a text"],
    [{ kind: 'x' }, 'an object'],
    [true, 'true'],
  ]) {
    answer = verdict
    await client.say('x')
    const [error] = host.takeErrors()
    assert.is(
      error?.message,
      `line "x": expected deliver() or drop(reason) or nothing, found ${String(found)}`,
    )
  }
})

test('settled can be tapped at once alone', async () => {
  const one = probe()
  await using _ = await createTestHost({ plugins: [one.plugin] })
  assert.equal(Object.keys(one.host.hooks.settled), ['tap'])
  assert.equal(Object.keys(one.host.hooks.close), ['tap', 'tapPromise'])
})

test('a hook that lacks a way to be tapped is told with the ways that it has', async () => {
  for (const [setup, ways] of [
    [({ hooks }: Slip) => hooks.settled.tapPromise(), 'settled has tap'],
    [({ hooks: { settled } }: Slip) => settled.tapPromise(), 'settled has tap'],
    [({ hooks }: Slip) => hooks.close.tapAsync(), 'close has tap and tapPromise'],
    [({ hooks }: Slip) => hooks.line.tapp(), 'line has tap and tapPromise'],
  ] as const) {
    const error = await rejection(createTestHost({ plugins: [plugin('one', setup as never)] }))
    assert.match(String(error), new RegExp(`is not a function \\(at \\S+\\); the hook ${ways}$`))
  }
})

test('a slip of the pen in setup is told with its place, and with what was meant', async () => {
  const told = async (setup: (host: never) => unknown) =>
    String(await rejection(createTestHost({ plugins: [plugin('one', setup as () => void)] })))
  const place = String.raw`\(at [^\n:]*test\/core\/lifecycle\/plugins\.test\.ts:\d+\)`
  for (const [setup, meant] of [
    [(host: Slip) => host.clientStat(), 'clientState'],
    [({ comand }: Slip) => comand(), 'command'],
  ] as const) {
    assert.match(
      await told(setup),
      new RegExp(`is not a function ${place}; did you mean "${meant}"\\?$`),
    )
  }
  assert.match(
    await told(({ hooks }: Slip) => hooks.lien.tap()),
    new RegExp(`reading 'tap'\\) ${place}; .*the hooks are connect, line, command, settled, `),
  )
  assert.match(await told(({ x }: Slip) => x.y), new RegExp(`reading 'y'\\) ${place}$`))
})

/** What somebody takes for a context. */
interface Slip {
  clientStat(): void
  comand(): void
  readonly hooks: {
    readonly line: { tapp(): void }
    readonly lien: { tap(): void }
    readonly settled: { tapPromise(): void }
    readonly close: { tapAsync(): void }
  }
  readonly x: { readonly y: number }
}

test("nobody gets at tapable's own side of a hook", async () => {
  const one = probe()
  await using _ = await createTestHost({ plugins: [one.plugin] })
  for (const side of Object.values(one.host.hooks)) {
    assert.not.ok('call' in side || 'callAsync' in side || 'promise' in side || 'taps' in side)
    assert.ok(Object.isFrozen(side))
  }
  assert.ok(Object.isFrozen(one.host.hooks))
  assert.ok(Object.isFrozen(one.host))
})

// Starting

for (const [how, fail] of [
  [
    'throws',
    () => {
      throw new Error('no disk')
    },
  ],
  ['rejects', () => Promise.reject(new Error('no disk'))],
] as const) {
  test(`a start that ${how} ends the start, and what was started is undone`, async () => {
    const notes: string[] = []
    const signals: AbortSignal[] = []
    const first = plugin('first', (host) => {
      signals.push(host.signal)
      host.onStart(() => void host.setTimeout(() => notes.push('timer'), 1))
      host.onDispose(() => void notes.push('first disposed'))
    })
    const broken = plugin('broken', (host) => {
      signals.push(host.signal)
      host.onStart(() => void notes.push('broken begins'))
      host.onStart(fail)
      host.onDispose(() => void notes.push('broken disposed'))
    })
    const last = plugin('last', (host) => {
      host.onStart(() => void notes.push('last started'))
      host.onDispose(() => void notes.push('last disposed'))
    })
    const error = await rejection(createTestHost({ plugins: [first, broken, last] }))
    assert.instance(error, ChatError)
    const { code, plugin: name, hook, message, cause } = error as ChatError
    assert.equal([code, name, hook], ['PLUGIN_START_FAILED', 'broken', 'onStart'])
    assert.match(message, /broken .*no disk/)
    assert.instance(cause, Error)
    assert.equal(notes, ['broken begins', 'broken disposed', 'first disposed'])
    assert.ok(signals.every((signal) => signal.aborted))
  })
}

// Going

test('a plugin that was taken out leaves nothing behind', async () => {
  const service = defineService<number>('number')
  const notes: string[] = []
  const goer = probe('goer', (host) => {
    const { hooks } = host
    host.provide(service, 5)
    host.command({ name: 'go', help: '', run: () => 'went' })
    hooks.connect.tap('note', () => void notes.push('connect'))
    hooks.line.tap({ stage: Stage.Guard }, () => drop('goer'))
    hooks.command.tap('note', () => void notes.push('command'))
    hooks.settled.tap('note', () => void notes.push('settled'))
    hooks.close.tap('note', () => void notes.push('close'))
    hooks.shutdown.tap('note', () => void notes.push('shutdown'))
    host.onStart(() => {
      host.setTimeout(() => notes.push('timeout'), 10)
      host.setInterval(() => notes.push('interval'), 10)
    })
  })
  const stays = probe('stays')
  await using host = await createTestHost({ plugins: [goer.plugin, stays.plugin, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('unheard')
  assert.equal(await one.say('/go'), ['went'])
  assert.equal([...new Set(notes.splice(0))], ['connect', 'settled', 'command'])

  await host.unload('goer')
  await one.say('heard')
  assert.equal(two.take(), [`(${one.id}) heard`])
  assert.equal(await one.say('/go'), ['there is no command /go'])
  assert.is(stays.host.commands.get('go'), undefined)
  assert.is(
    codeOf(() => stays.host.inject(service)),
    'SERVICE_MISSING',
  )
  await host.advance(1000)
  await two.end()
  await host.stop()
  assert.equal(notes, [])
  assert.is(goer.host.signal.aborted, true)
})

test('what a plugin took can be taken by another one when it has gone', async () => {
  const service = defineService<string>('word')
  const goer = probe('goer', (host) => {
    host.provide(service, 'old')
    host.command({ name: 'go', aliases: ['g'], help: '', run: () => 'old' })
  })
  const heir = probe('heir')
  await using host = await createTestHost({ plugins: [goer.plugin, heir.plugin] })
  await host.unload('goer')
  heir.host.provide(service, 'new')
  heir.host.command({ name: 'g', help: '', run: () => heir.host.inject(service) })
  assert.equal(await (await join(host)).say('/g'), ['new'])
})

test('the signal of a plugin is aborted when it goes, and no other', async () => {
  const [goer, stays] = [probe('goer'), probe('stays')]
  const host = await createTestHost({ plugins: [goer.plugin, stays.plugin] })
  await host.unload('goer')
  assert.equal([goer.host.signal.aborted, stays.host.signal.aborted], [true, false])
  await host.stop()
  assert.is(stays.host.signal.aborted, true)
})

test('a plugin is disposed of once, however often it is taken out', async () => {
  let disposed = 0
  const goer = plugin('goer', (host) => {
    host.onDispose(async () => {
      disposed++
      await turn()
    })
  })
  const host = await createTestHost({ plugins: [goer] })
  await Promise.all([host.unload('goer'), host.unload('goer'), host.stop()])
  await host.unload('goer')
  assert.is(disposed, 1)
})

test('taking out a plugin that was never there is refused', async () => {
  await using host = await createTestHost({ plugins: [probe('goer').plugin] })
  const error = await rejection(host.unload('gore'))
  assert.is((error as ChatError).code, 'PLUGIN_UNKNOWN')
  assert.match(String(error), 'did you mean "goer"?')
})

const word = defineService<string>('word')
/** Answers `/word` with what it has injected, or with what it finds. */
const injecting = plugin('injecting', (host) => {
  let text = ''
  host.onStart(() => {
    text = host.inject(word)
  })
  host.command({ name: 'word', help: '', run: () => text })
})
const finding = plugin('finding', (host) => {
  host.command({ name: 'found', help: '', run: () => host.find(word) ?? 'nothing' })
})

test('who cannot do without a plugin that is taken out goes with it, and who can stays', async () => {
  const giving = plugin('giving', (host) => host.provide(word, 'one'))
  const requiring = plugin('requiring', () => {}, ['giving'])
  const above = plugin('above', () => {}, ['requiring'])
  const plugins = [giving, requiring, above, injecting, finding]
  await using host = await createTestHost({ plugins })
  const ann = await join(host)
  assert.equal(await ann.say('/word'), ['one'])
  assert.equal(await ann.say('/found'), ['one'])
  await host.unload('giving')
  assert.equal(await ann.say('/word'), ['there is no command /word'])
  assert.equal(await ann.say('/found'), ['nothing'])
  const told = host.records.map(({ message }) => message).filter((one) => one.includes('unloaded'))
  assert.equal(
    told,
    ['requiring', 'above', 'injecting'].map(
      (name) => `plugin ${name}: unloaded with giving, which it needs`,
    ),
  )
})

test('who can do without a service is set up again when its plugin is taken out', async () => {
  const giving = plugin('giving', (host) => host.provide(word, 'one'))
  const careful = plugin('careful', (host) => {
    let text = 'none'
    host.onStart(() => {
      try {
        text = host.inject(word)
      } catch {}
    })
    host.command({ name: 'word', help: '', run: () => text })
  })
  await using host = await createTestHost({ plugins: [giving, careful] })
  const ann = await join(host)
  assert.equal(await ann.say('/word'), ['one'])
  await host.unload('giving')
  assert.equal(await ann.say('/word'), ['none'])
})

test('a service that is asked for too early, or by a wrong name, is told so', async () => {
  const giving = plugin('giving', (host) => host.provide(word, 'one'))
  const early = plugin('early', (host) => void host.inject(word))
  const first = await rejection(createTestHost({ plugins: [early, giving] }))
  assert.match(
    String(first),
    /no plugin set up so far provides the service word; .*'requires'.*onStart/,
  )
  const wrong = plugin('wrong', (host) => {
    host.onStart(() => void host.inject(defineService('wrod')))
  })
  const error = await rejection(createTestHost({ plugins: [giving, wrong] }))
  assert.match(String(error), 'no plugin provides the service wrod; did you mean "word"?')
})

test('a plugin that has gone can register nothing more', async () => {
  const goer = probe('goer')
  await using host = await createTestHost({ plugins: [goer.plugin] })
  await host.unload('goer')
  const late = goer.host
  const doors: ReadonlyArray<(host: PluginContext) => unknown> = [
    ({ hooks }) => hooks.connect.tap('x', () => {}),
    ({ hooks }) => hooks.line.tap('x', () => {}),
    ({ hooks }) => hooks.command.tap('x', () => {}),
    ({ hooks }) => hooks.settled.tap('x', () => {}),
    ({ hooks }) => hooks.close.tap('x', () => {}),
    ({ hooks }) => hooks.shutdown.tap('x', () => {}),
    ({ command }) => command({ name: 'x', help: '', run() {} }),
    ({ clientState }) => clientState(() => 1),
    ({ provide }) => provide(defineService('x'), 1),
    ({ setTimeout }) => setTimeout(() => {}, 1),
    ({ setInterval }) => setInterval(() => {}, 1),
    ({ onStart }) => onStart(() => {}),
    ({ onDispose }) => onDispose(() => {}),
    ({ addLogSink }) => addLogSink({ write() {} }),
  ]
  for (const [index, door] of doors.entries()) {
    assert.is(
      codeOf(() => door(late)),
      'PLUGIN_DISPOSED',
      String(index),
    )
  }
})

test('a plugin can go in the middle of its own tap', async () => {
  const seen: string[] = []
  let unload: (() => Promise<void>) | undefined
  const goer = plugin('goer', (host) => {
    host.hooks.line.tap('go', ({ text }) => {
      seen.push(text)
      void unload?.()
      return drop('goer')
    })
  })
  await using host = await createTestHost({ plugins: [goer, echo()] })
  const [one, two] = [await join(host), await join(host)]
  unload = () => host.unload('goer')
  await one.say('first')
  await one.say('second')
  assert.equal(seen, ['first'])
  assert.equal(two.take(), [`(${one.id}) second`])
})

test('an answer of a plugin that goes while it is waited for no longer counts', async () => {
  let answer: (verdict: ReturnType<typeof drop>) => void = () => {}
  const goer = plugin('goer', (host) => {
    host.hooks.line.tapPromise('slow', () => new Promise((resolve) => (answer = resolve)))
  })
  await using host = await createTestHost({ plugins: [goer, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const saying = one.say('line')
  await host.advance(0)
  await host.unload('goer')
  answer(drop('too late'))
  await saying
  assert.equal(two.take(), [`(${one.id}) line`])
})

test('the rest of a line goes on without a plugin that was taken out before its turn', async () => {
  let unload: (() => Promise<void>) | undefined
  const first = plugin('first', (host) => {
    host.hooks.line.tapPromise('slow', async () => {
      await unload?.()
    })
  })
  const goer = plugin('goer', (host) => host.hooks.line.tap('no', () => drop('goer')))
  await using host = await createTestHost({ plugins: [first, goer, echo()] })
  const [one, two] = [await join(host), await join(host)]
  unload = () => host.unload('goer')
  await one.say('line')
  assert.equal(two.take(), [`(${one.id}) line`])
})

test('two hundred plugins come and go through one hook', async () => {
  const [stays, other] = [probe('stays'), probe('other')]
  const many = Array.from({ length: 200 }, (_, index) =>
    plugin(`p${index}`, (host) => host.hooks.line.tap('x', () => {})),
  )
  await using host = await createTestHost({
    plugins: [stays.plugin, ...many, other.plugin, echo()],
  })
  for (let index = 0; index < 200; index++) await host.unload(`p${index}`)
  const [one, two] = [await join(host), await join(host)]
  await one.say('still here')
  assert.equal(two.take(), [`(${one.id}) still here`])
})

/** What closes over some objects, each alone: closures of one scope keep all that any of them needs. */
const reads = (object: object) => (): void => void object
const makes = (object: object) => (): object => object

test('nothing that a plugin registered while it ran is kept when it has gone', async () => {
  const [goer, stays] = [probe('goer'), probe('stays')]
  await using host = await createTestHost({ plugins: [goer.plugin, stays.plugin] })
  const client = stays.clientOf(await join(host))
  const register = (): WeakRef<object>[] => {
    const kept: WeakRef<object>[] = []
    const object = (): object => {
      const made = {}
      kept.push(new WeakRef(made))
      return made
    }
    const { hooks } = goer.host
    hooks.line.tap('x', reads(object()))
    hooks.settled.tap('x', reads(object()))
    hooks.close.tap('x', reads(object()))
    goer.host.command({ name: 'x', help: '', run: reads(object()) })
    goer.host.setTimeout(reads(object()), 1e9)
    goer.host.provide(defineService('x'), object())
    goer.host.clientState(makes(object())).get(client)
    return kept
  }
  const kept = register()
  assert.equal(await collected(kept), Array(7).fill(false))
  await host.unload('goer')
  // The hooks let go of a tap when they are called without it.
  await (await join(host)).send('x\r\n/x\r\n')
  assert.equal(await collected(kept), Array(7).fill(true))
})

// Services

test('a service is offered by one plugin and had by others, by its name', async () => {
  const [offered, asked] = [defineService<{ n: number }>('x'), defineService<{ n: number }>('x')]
  const implementation = { n: 1 }
  const giver = plugin('giver', (host) => host.provide(offered, implementation))
  let got: unknown
  const taker = plugin('taker', (host) => void (got = host.inject(asked)), ['giver'])
  await using _ = await createTestHost({ plugins: [taker, giver] })
  assert.is(got, implementation)
})

test('a service is there in onStart, wherever its plugin stands', async () => {
  const service = defineService<number>('x')
  let got: unknown
  const taker = plugin('taker', (host) => host.onStart(() => void (got = host.inject(service))))
  const giver = plugin('giver', (host) => host.provide(service, 7))
  await using _ = await createTestHost({ plugins: [taker, giver] })
  assert.is(got, 7)
})

test('a service that nobody offers is named with who asked', async () => {
  const taker = probe('taker')
  await using _ = await createTestHost({ plugins: [taker.plugin] })
  try {
    taker.host.inject(defineService('dice'))
    assert.unreachable()
  } catch (error) {
    assert.instance(error, ChatError)
    const { code, plugin: name, message } = error as ChatError
    assert.equal([code, name], ['SERVICE_MISSING', 'taker'])
    assert.match(message, /dice/)
  }
})

test('a service is offered once', async () => {
  const service = defineService<number>('x')
  const [one, two] = [
    plugin('one', (host) => host.provide(service, 1)),
    plugin('two', (host) => host.provide(service, 2)),
  ]
  const error = await rejection(createTestHost({ plugins: [one, two] }))
  assert.match(
    String(error),
    /plugins\[1\] \(two\).*the service x is already provided by the plugin one/,
  )
})

// Faults and what becomes of them

test('a plugin whose dispose fails or hangs is gone nevertheless, and the others go too', async () => {
  const notes: string[] = []
  const broken = plugin('broken', (host) => {
    host.onDispose(() => void notes.push('broken last'))
    host.onDispose(() => new Promise(() => {}))
    host.onDispose(() => {
      throw new Error('oh')
    })
  })
  const host = await createTestHost({ plugins: [noting('other', notes), broken] })
  notes.splice(0)
  await passing(host, 1000, host.unload('broken'))
  assert.equal(notes.splice(0), ['broken last'])
  assert.equal(faults(host), [
    'broken onDispose PLUGIN_DISPOSE_FAILED',
    'broken onDispose HOOK_TIMEOUT',
  ])
  await host.stop()
  assert.equal(notes, ['other shutdown', 'other dispose'])
})

test('with unloadAfterFaults a plugin that fails again and again is taken out', async () => {
  const broken = plugin('broken', (host) => {
    host.hooks.line.tap('fail', () => {
      throw new Error('oh')
    })
  })
  await using host = await createTestHost({ plugins: [broken, echo()], unloadAfterFaults: 3 })
  const client = await join(host)
  for (let count = 1; count <= 5; count++) await client.say('x')
  assert.equal(faults(host).length, 3)
  assert.match(logged(host, 'plugins', 40).at(-1) ?? '', /broken: unloaded after 3 faults/)
})

test('without it a plugin is never switched off by its faults', async () => {
  let called = 0
  const broken = plugin('broken', (host) => {
    host.hooks.line.tap('fail', () => {
      called++
      throw new Error('oh')
    })
  })
  await using host = await createTestHost({ plugins: [broken, echo()] })
  const client = await join(host)
  await client.send('x\r\n'.repeat(100))
  assert.is(called, 100)
  assert.is(faults(host).length, 100)
})

/** A fault in the log: whose, in which tap, what and where. */
const OH = /^plugin broken: line "fail": oh \(test\/core\/lifecycle\/plugins\.test\.ts:\d+\)$/

test('faults are logged a few times in full and then counted, once a minute', async () => {
  const broken = plugin('broken', (host) => {
    host.hooks.line.tap('fail', () => {
      throw new Error('oh')
    })
  })
  await using host = await createTestHost({ plugins: [broken, echo()] })
  const client = await join(host)
  await client.send('x\r\n'.repeat(100))
  const first = logged(host, 'plugins', 50)
  for (const message of first.slice(0, 5)) assert.match(message, OH)
  assert.is(first.length, 6)
  assert.match(first[5] ?? '', /broken: line keeps failing/)
  await host.advance(60_000)
  await client.say('x')
  const [more, last] = logged(host, 'plugins', 50).slice(6)
  assert.is(more, 'plugin broken: line failed 95 more times')
  assert.match(last ?? '', OH)
  host.takeErrors()
})

test('the log names the plugin and the hook of a fault, and its cause in JSON', async () => {
  const broken = plugin('broken', (host) => {
    host.hooks.line.tap('fail', () => {
      throw new RangeError('oh')
    })
  })
  await using host = await createTestHost({ plugins: [broken] })
  await (await join(host)).say('x')
  const record = host.records.find(({ level }) => level === 50)
  assert.match(record?.message ?? '', OH)
  const { err } = JSON.parse(record?.json ?? '{}') as { err: Record<string, string> }
  assert.equal([err['code'], err['plugin'], err['hook']], ['HOOK_FAILED', 'broken', 'line'])
  assert.match(JSON.stringify(err), /RangeError: oh/)
  host.takeErrors()
})

test.run()
