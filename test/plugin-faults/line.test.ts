/** A faulty tap of `line`: the line goes its way, once, and everybody else's taps run. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  deliver,
  drop,
  Stage,
  type Audience,
  type Client,
  type LineEvent,
  type LineVerdict,
  type Plugin,
} from '../../core/index.ts'
import { createTestHost, type TestClient, type TestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import {
  ANSWER,
  assertBlamed,
  between,
  crashes,
  fickle,
  nonsense,
} from '../support/memory-faults.ts'
import { faults, join, passing, plugin, probe, soon } from '../support/memory-plugins.ts'

const test = suite('faults in line')

type Run = (event: LineEvent) => unknown

function bad(run: Run, onFailure?: LineVerdict): Plugin {
  return plugin('bad', (host) => {
    host.hooks.line.tap({ onFailure }, run as () => undefined)
  })
}

interface Said {
  readonly host: TestHost
  readonly one: TestClient
  readonly two: TestClient
  readonly ran: { readonly before: number; readonly after: number }
  readonly settled: readonly string[]
}

/** Somebody says `line` while a faulty plugin is between two good ones. */
async function said(run: Run, onFailure?: LineVerdict, milliseconds = 0): Promise<Said> {
  const { plugins, ran } = between(bad(run, onFailure), ({ hooks }, count) =>
    hooks.line.tap('count', count),
  )
  const settled: string[] = []
  const watcher = plugin('watcher', ({ hooks }) => {
    hooks.settled.tap('note', ({ hook, verdict, by }) => {
      if (hook === 'line') settled.push(`${verdict.kind} ${by}`)
    })
  })
  const host = await createTestHost({ plugins: [...plugins, echo(), watcher] })
  const [one, two] = [await join(host), await join(host)]
  await passing(host, milliseconds, one.say('line'))
  return { host, one, two, ran, settled }
}

for (const { name, run, hangs } of crashes) {
  const code = hangs ? 'HOOK_TIMEOUT' : 'HOOK_FAILED'
  const wait = hangs ? ANSWER : 0

  test(`a tap that ${name} is passed over and the line is delivered once`, async () => {
    const { host, one, two, ran, settled } = await said(run, undefined, wait)
    await using _ = host
    assert.equal(two.take(), [`(${one.id}) line`])
    assert.equal(one.lines.length, 2)
    assert.equal(ran, { before: 1, after: 1 })
    assert.equal(settled, ['deliver echo'])
    assertBlamed(host, 'line', code)
  })

  test(`a tap with onFailure that ${name} gives that verdict`, async () => {
    const { host, two, ran, settled } = await said(run, drop('closed'), wait)
    await using _ = host
    assert.equal(two.take(), [])
    assert.equal(ran, { before: 1, after: 0 })
    assert.equal(settled, ['drop bad'])
    assertBlamed(host, 'line', code)
  })
}

test('a tap is given the whole of its time and no more', async () => {
  const slow = plugin('bad', (host) => {
    host.hooks.line.tapPromise({ timeout: 100 }, () => new Promise<never>(() => {}))
  })
  await using host = await createTestHost({ plugins: [slow, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const saying = one.say('line')
  await passing(host, 99, host.advance(0))
  assert.equal(two.take(), [])
  await host.advance(1)
  await saying
  assert.equal(two.take(), [`(${one.id}) line`])
  assertBlamed(host, 'line', 'HOOK_TIMEOUT')
})

test('what a tap answers when it was given up is ignored', async () => {
  let answer: (verdict: LineVerdict) => void = () => {}
  const { host, one, two, settled } = await said(
    () => new Promise((resolve) => (answer = resolve)),
    undefined,
    ANSWER,
  )
  await using _ = host
  answer(deliver())
  await host.quiet()
  assert.equal(two.take(), [`(${one.id}) line`])
  assert.equal(settled, ['deliver echo'])
  assertBlamed(host, 'line', 'HOOK_TIMEOUT')
})

test('a tap that rejects when it was given up is no error that nobody caught', async () => {
  let fail: (cause: Error) => void = () => {}
  const { host } = await said(() => new Promise((_, reject) => (fail = reject)), undefined, ANSWER)
  await using _ = host
  fail(new Error('late'))
  await host.quiet()
  assertBlamed(host, 'line', 'HOOK_TIMEOUT')
})

test('of a thenable that settles twice the first answer counts, once', async () => {
  const { host, one, two, ran, settled } = await said(() => fickle(undefined, drop('second')))
  await using _ = host
  assert.equal(two.take(), [`(${one.id}) line`])
  assert.equal(ran, { before: 1, after: 1 })
  assert.equal(settled, ['deliver echo'])
})

test('a thenable that delivers twice delivers once', async () => {
  const { host, one, two, ran, settled } = await said(() => fickle(deliver(), deliver()))
  await using _ = host
  assert.equal(two.take(), [`(${one.id}) line`])
  assert.equal(ran, { before: 1, after: 0 })
  assert.equal(settled, ['deliver bad'])
})

const wrong: typeof nonsense = [
  ...nonsense,
  ['a refusal', { kind: 'refuse', message: 'no' }],
  ['a reason that is no text', { kind: 'drop', reason: 5 }],
  ['a prefix that is no text', { kind: 'deliver', prefix: 5 }],
  ['a prefix without the name', { kind: 'deliver', prefix: '(somebody else) ' }],
  ['an empty prefix', { kind: 'deliver', prefix: '' }],
]

for (const [name, answer] of wrong) {
  test(`a tap that answers ${name} is passed over and the line is delivered once`, async () => {
    for (const run of [() => answer, () => Promise.resolve(answer)]) {
      const { host, one, two, ran, settled } = await said(run)
      await using _ = host
      assert.equal(two.take(), [`(${one.id}) line`])
      assert.equal(ran, { before: 1, after: 1 })
      assert.equal(settled, ['deliver echo'])
      assertBlamed(host, 'line', 'HOOK_FAILED')
    }
  })

  test(`a tap with onFailure that answers ${name} gives that verdict`, async () => {
    const { host, two, settled } = await said(() => answer, drop('closed'))
    await using _ = host
    assert.equal(two.take(), [])
    assert.equal(settled, ['drop bad'])
    assertBlamed(host, 'line', 'HOOK_FAILED')
  })
}

test('the cause of a wrong verdict says what was expected and what was found', async () => {
  const { host } = await said(() => false)
  await using _ = host
  const [error] = host.takeErrors()
  assert.is((error?.cause as { code?: string } | undefined)?.code, 'VERDICT_INVALID')
  assert.match(
    error?.message ?? '',
    /expected deliver\(\) or drop\(reason\) or nothing, found false/,
  )
})

test('an onFailure that hides the sender is told too, and the line is dropped', async () => {
  const { host, two, settled } = await said(
    () => {
      throw new Error('oh')
    },
    deliver({ prefix: 'nobody: ' }),
  )
  await using _ = host
  assert.equal(two.take(), [])
  assert.equal(settled, ['drop bad'])
  assert.equal(faults(host), [
    'bad line HOOK_FAILED',
    'bad line (onFailure) HOOK_FAILED < PREFIX_INVALID',
  ])
})

// Wrong changes to the event

const changes: ReadonlyArray<
  readonly [name: string, change: (event: LineEvent) => void, cause?: string]
> = [
  ['a number as text', (event) => (event.text = 5 as never), 'EVENT_INVALID'],
  ['no text', (event) => (event.text = undefined as never), 'EVENT_INVALID'],
  [
    'an object as text',
    (event) => (event.text = { toString: () => 'x' } as never),
    'EVENT_INVALID',
  ],
  ['two lines as text', (event) => (event.text = 'a\nb'), 'EVENT_INVALID'],
  ['a carriage return as text', (event) => (event.text = 'a\rb'), 'EVENT_INVALID'],
  ['a made-up audience', (event) => (event.audience = {} as Audience), 'AUDIENCE_INVALID'],
  ['no audience', (event) => (event.audience = null as never), 'AUDIENCE_INVALID'],
  ['a list as audience', (event) => (event.audience = [] as never), 'AUDIENCE_INVALID'],
  ['another client', (event) => ((event as { client: Client }).client = {} as Client)],
]

for (const [name, change, cause] of changes) {
  test(`a tap that sets ${name} changes nothing`, async () => {
    const { host, one, two, ran } = await said(change)
    await using _ = host
    assert.equal(two.take(), [`(${one.id}) line`])
    assert.equal(ran, { before: 1, after: 1 })
    const [error, ...more] = host.takeErrors()
    assert.equal([error?.plugin, error?.hook, more.length], ['bad', 'line', 0])
    const because = error?.cause as { code?: string } | undefined
    assert.is(because?.code, cause)
  })

  test(`a tap that sets ${name} and delivers does not deliver`, async () => {
    const run = (event: LineEvent): LineVerdict => {
      change(event)
      return deliver({ prefix: `<${event.client.name}> ` })
    }
    const { host, one, two, settled } = await said(run)
    await using _ = host
    assert.equal(two.take(), [`(${one.id}) line`])
    assert.equal(settled, ['deliver echo'])
    assert.is(host.takeErrors().length, 1)
  })
}

test('an empty text is no line', async () => {
  const { host, one, two } = await said((event: LineEvent) => void (event.text = ''))
  await using _ = host
  assert.equal(two.take(), [`(${one.id}) line`])
  assert.equal(faults(host), ['bad line HOOK_FAILED < EVENT_INVALID'])
})

for (const { name, run, hangs } of crashes) {
  test(`what a tap that ${name} has changed before is undone`, async () => {
    const seen: string[] = []
    const after = plugin('after', ({ hooks }) => {
      hooks.line.tap('look', ({ text, audience }) => void seen.push(`${text} ${audience.size}`))
    })
    const changing = bad((event) => {
      event.text = 'changed'
      event.audience = event.audience.without([...event.audience])
      return run()
    })
    await using host = await createTestHost({ plugins: [changing, after, echo()] })
    const [one, two] = [await join(host), await join(host)]
    await passing(host, hangs ? ANSWER : 0, one.say('line'))
    assert.equal(seen, ['line 1'])
    assert.equal(two.take(), [`(${one.id}) line`])
    assert.is(host.takeErrors().length, 1)
  })
}

test('what a tap changes when it was given up does not count', async () => {
  let kept: LineEvent | undefined
  let go: () => void = () => {}
  const hanging = bad((event: LineEvent) => {
    kept = event
    return new Promise(() => {})
  })
  const slow = plugin('slow', ({ hooks }) => {
    hooks.line.tapPromise({ timeout: 60_000 }, () => new Promise((resolve) => (go = resolve)))
  })
  await using host = await createTestHost({ plugins: [hanging, slow, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const saying = one.say('line')
  await passing(host, ANSWER, host.advance(0))
  assert.ok(kept)
  kept.text = 'forged'
  kept.audience = kept.audience.without(kept.audience)
  go()
  await saying
  assert.equal(two.take(), [`(${one.id}) line`])
  assertBlamed(host, 'line', 'HOOK_TIMEOUT')
})

for (const [name, text] of [
  ['text', 'forged'],
  ['nonsense', 5 as never],
] as const) {
  test(`${name} that a tap sets when it has answered already does not count, and nobody else is blamed`, async () => {
    let kept: LineEvent | undefined
    let go: () => void = () => {}
    const hasty = bad((event) => {
      // As a plugin does that forgets to wait.
      kept = event
    })
    const slow = plugin('slow', ({ hooks }) => {
      hooks.line.tapPromise('wait', () => new Promise((resolve) => (go = resolve)))
    })
    await using host = await createTestHost({ plugins: [hasty, slow, echo()] })
    const [one, two] = [await join(host), await join(host)]
    const saying = one.say('line')
    await host.advance(0)
    assert.ok(kept)
    kept.text = text
    go()
    await soon(saying)
    assert.equal(two.take(), [`(${one.id}) line`])
    assert.equal(faults(host), [])
  })
}

test('what is changed about a line that has settled changes nothing', async () => {
  let kept: LineEvent | undefined
  const chat = probe('probe', ({ hooks }) => {
    hooks.line.tap({ stage: Stage.Deliver }, (event) => {
      kept = event
      return deliver()
    })
    hooks.settled.tap('change', () => {
      if (kept !== undefined) kept.text = 'forged'
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('line')
  assert.equal(two.take(), [`(${one.id}) line`])
})

// Hanging again and again

test('a tap that hangs three times in a row is skipped for a minute', async () => {
  let called = 0
  const hanging = bad(() => {
    called++
    return new Promise(() => {})
  })
  await using host = await createTestHost({ plugins: [hanging, echo()] })
  const [one, two] = [await join(host), await join(host)]
  for (const line of ['1', '2', '3']) await passing(host, ANSWER, one.say(line))
  assert.is(called, 3)
  await soon(one.say('4'))
  await passing(host, 59_999, one.say('5'))
  await soon(one.say('6'))
  assert.is(called, 3, 'it is skipped')
  assert.equal(
    two.take(),
    ['1', '2', '3', '4', '5', '6'].map((line) => `(${one.id}) ${line}`),
  )
  await host.advance(1)
  await passing(host, ANSWER, one.say('7'))
  assert.is(called, 4, 'it is called again')
  for (const line of ['8', '9']) await passing(host, ANSWER, one.say(line))
  assert.is(called, 6, 'it is not skipped again for hanging once')
  await soon(one.say('10'))
  assert.is(called, 6, 'but for hanging three times')
  assert.equal(faults(host), Array(6).fill('bad line HOOK_TIMEOUT'))
})

test('a guard that is skipped stays closed', async () => {
  const hanging = bad(() => new Promise(() => {}), drop('closed'))
  await using host = await createTestHost({ plugins: [hanging, echo()] })
  const [one, two] = [await join(host), await join(host)]
  for (const line of ['1', '2', '3']) await passing(host, ANSWER, one.say(line))
  await soon(one.say('4'))
  await soon(one.say('5'))
  assert.equal(two.take(), [])
  const late = `line: no answer within ${ANSWER} ms, so it was abandoned; answer sooner, or give the tap a longer timeout`
  assert.equal(
    host.takeErrors().map(({ message }) => message),
    [
      late,
      late,
      `${late}; that is 3 times in a row: it is skipped for 60 s, and its onFailure answers meanwhile`,
    ],
  )
})

test('what has no place in a plugin is told without one, and a tap without a label by its hook', async () => {
  for (const [run, told] of [
    [() => false, /^line: expected .* found false$/],
    [() => Promise.reject(new Error('at /etc/it.js:1:1')), /\/it\.js:1:1 \(test\/.*\.ts:\d+\)$/],
    [() => Promise.reject(Object.assign(new Error('oh'), { stack: 5 })), /^line: oh$/],
  ] as const) {
    const { host } = await said(run)
    const [error] = host.takeErrors()
    assert.match(error?.message ?? '', told)
    await host.stop()
  }
})

test('a tap that hangs is named by its label', async () => {
  const hanging = plugin('hanging', ({ hooks }) => {
    hooks.line.tapPromise({ name: 'remember', timeout: 20 }, () => new Promise<undefined>(() => {}))
  })
  await using host = await createTestHost({ plugins: [hanging] })
  const one = await join(host)
  await passing(host, 20, one.say('x'))
  assert.match(host.takeErrors()[0]?.message ?? '', /^line "remember": no answer within 20 ms, /)
})

test('hanging now and then does not count as hanging again and again', async () => {
  let called = 0
  const sometimes = bad((event: LineEvent) => {
    called++
    if (event.text === 'reject') return Promise.reject(new Error('oh'))
    return event.text === 'hang' ? new Promise(() => {}) : Promise.resolve()
  })
  await using host = await createTestHost({ plugins: [sometimes, echo()] })
  const one = await join(host)
  for (const line of ['hang', 'hang', 'no', 'hang', 'hang', 'reject', 'hang', 'hang', 'no']) {
    await passing(host, line === 'hang' ? ANSWER : 0, one.say(line))
  }
  assert.is(called, 9)
  assert.is(host.takeErrors().length, 7)
})

test('a tap that is skipped stays so while other plugins come and go', async () => {
  let called = 0
  const hanging = bad(() => {
    called++
    return new Promise(() => {})
  })
  const other = plugin('other', (host) => host.hooks.line.tap('x', () => {}))
  await using host = await createTestHost({ plugins: [hanging, other, echo()] })
  const one = await join(host)
  for (const line of ['1', '2', '3']) await passing(host, ANSWER, one.say(line))
  await host.unload('other')
  await passing(host, ANSWER, one.say('4'))
  assert.is(called, 3)
  host.takeErrors()
})

test('the lines of others are not held up by a tap that hangs on one', async () => {
  const hanging = bad((event: LineEvent) =>
    event.text === 'hang' ? new Promise(() => {}) : undefined,
  )
  await using host = await createTestHost({ plugins: [hanging, echo()] })
  const [one, two, three] = [await join(host), await join(host), await join(host)]
  const hung = one.send('hang\r\nafter\r\n')
  await host.advance(1)
  void two.send('hello\r\n')
  await host.advance(1)
  assert.equal(three.take(), [`(${two.id}) hello`])
  await passing(host, ANSWER, hung)
  assert.equal(three.take(), [`(${one.id}) hang`, `(${one.id}) after`])
  assertBlamed(host, 'line', 'HOOK_TIMEOUT')
})

test('many faulty plugins cost a line nothing but their own answers', async () => {
  const broken = crashes.map(({ name, run }, index) =>
    plugin(`bad-${index}`, (host) => host.hooks.line.tap(name, run)),
  )
  await using host = await createTestHost({ plugins: [...broken, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await passing(host, 5 * ANSWER, one.say('line'))
  assert.equal(two.take(), [`(${one.id}) line`])
  assert.is(host.takeErrors().length, crashes.length)
})

test.run()
