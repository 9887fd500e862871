/** The test kit itself. */
import { readdirSync } from 'node:fs'
import { join as path } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drop, type ChatError } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo, quit } from '../../../plugins/index.ts'
import { startChild, type Ended } from '../../support/child.ts'
import { CHECKOUT, makeFolder } from '../../support/host.ts'
import { join, passing, plugin, probe, rejection } from '../../support/memory-plugins.ts'

const test = suite('test kit')

test('a client that has joined has its greeting, which counts as looked at', async () => {
  await using host = await createTestHost({ plugins: [] })
  const client = await host.connect()
  assert.equal(client.lines, ['multiecho server v1.0', `client id: ${client.id}`])
  assert.equal(client.take(), [])
  assert.is(client.bytes.toString(), `multiecho server v1.0\r\nclient id: ${client.id}\r\n`)
  assert.is(client.closed, false)
})

test('clients have ids of their own unless one is given', async () => {
  await using host = await createTestHost({ plugins: [] })
  const [one, two, named] = [await join(host), await join(host), await join(host, 'ada')]
  assert.match(one.id, /^127\.0\.0\.1:\d+$/)
  assert.is.not(one.id, two.id)
  assert.is(named.id, 'ada')
})

test('saying something comes back with what the client was sent since it was looked at', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  await two.say('while one looks away')
  assert.equal(await one.say('/x'), [`(${two.id}) while one looks away`, 'there is no command /x'])
  assert.equal(await one.say('hello'), [])
  assert.equal(two.take(), [`(${one.id}) hello`])
  assert.equal(two.take(), [])
  assert.equal(two.lines.slice(2), [`(${one.id}) hello`])
})

test('bytes are sent as they are', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send(Buffer.from([0x68, 0xc3]))
  assert.equal(two.take(), [])
  await one.send(Buffer.from([0xa9, 0x0a]))
  await one.send('plain text\n')
  assert.equal(two.take(), [`(${one.id}) hé`, `(${one.id}) plain text`])
})

test('it waits for async taps', async () => {
  const slow = plugin('slow', ({ hooks }) => {
    hooks.line.tapPromise('wait', async () => {
      for (let count = 0; count < 10; count++) await turn()
    })
  })
  await using host = await createTestHost({ plugins: [slow, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('1')
  assert.equal(two.take(), [`(${one.id}) 1`])
})

test('a closed client can still be looked at, and what it says goes nowhere', async () => {
  await using host = await createTestHost({ plugins: [quit({ farewell: 'bye' }), echo()] })
  const [one, two] = [await join(host), await join(host)]
  assert.equal(await one.say('/quit'), ['bye'])
  assert.is(one.closed, true)
  assert.equal(await one.say('too late'), [])
  assert.equal(two.take(), [])
})

test('a client ends its input or breaks its connection', async () => {
  const reasons: string[] = []
  const watcher = plugin('watcher', ({ hooks }) => {
    hooks.close.tap('note', ({ reason }) => void reasons.push(reason))
  })
  await using host = await createTestHost({ plugins: [watcher] })
  const [one, two] = [await join(host), await join(host)]
  await one.end()
  await two.reset()
  assert.equal(reasons, ['end of input', 'connection error'])
  assert.equal([one.closed, two.closed], [true, true])
})

test('what is logged can be read, debug messages included', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  chat.host.log.debug('quiet', { n: 1 })
  const record = host.records.at(-1)
  assert.equal([record?.origin, record?.message, record?.level], ['probe', 'quiet', 20])
  assert.is((JSON.parse(record?.json ?? '') as { n: number }).n, 1)
})

test('the clock stands still until it is moved', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const before = chat.host.now()
  let ran = 0
  chat.host.setTimeout(() => ran++, 1)
  const client = await join(host)
  await client.say('x')
  for (let count = 0; count < 50; count++) await turn()
  assert.is(chat.host.now(), before)
  assert.is(ran, 0)
  await host.advance(1)
  assert.is(ran, 1)
})

test('a timer of no time that sets itself anew comes once a millisecond', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const calls = { timer: 0, interval: 0 }
  const again = (): void => {
    if (++calls.timer < 1000) chat.host.setTimeout(again, 0)
  }
  again()
  const cancel = chat.host.setInterval(() => {
    if (++calls.interval === 1000) cancel()
  }, 0)
  await host.advance(10)
  assert.equal(calls, { timer: 12, interval: 11 })
})

test('timers that are set by timers run in the same advance when they come due', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const ran: number[] = []
  const begun = chat.host.now()
  const again = (): void => {
    ran.push(chat.host.now() - begun)
    chat.host.setTimeout(again, 30)
  }
  chat.host.setTimeout(again, 30)
  await host.advance(100)
  assert.equal(ran, [30, 60, 90])
})

test('what was typed is taken before the clock moves', async () => {
  const hanging = plugin('hanging', ({ hooks }) => {
    hooks.line.tapPromise('hang', () => new Promise(() => {}))
  })
  await using host = await createTestHost({ plugins: [hanging, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const saying = one.say('line')
  await host.advance(5000)
  await passing(host, 0, saying)
  assert.equal(two.take(), [`(${one.id}) line`])
  assert.is(host.takeErrors().length, 1)
})

test('faults can be taken once', async () => {
  const bad = plugin('bad', ({ hooks }) => {
    hooks.line.tap('fail', () => {
      throw new Error('oh')
    })
  })
  await using host = await createTestHost({ plugins: [bad] })
  await (await join(host)).say('x')
  assert.equal(
    host.takeErrors().map(({ plugin: name, hook, code }) => [name, hook, code]),
    [['bad', 'line', 'HOOK_FAILED']],
  )
  assert.equal(host.takeErrors(), [])
})

test('stopping throws when there are faults that nobody looked at', async () => {
  const bad = plugin('bad', ({ hooks }) => {
    hooks.line.tap('fail', () => {
      throw new Error('oh')
    })
  })
  const host = await createTestHost({ plugins: [bad] })
  await (await join(host)).say('x')
  const failure = await rejection(host.stop())
  assert.instance(failure, AggregateError)
  assert.match((failure as AggregateError).message, /: bad: line "fail": oh \(\S+:\d+\);/)
  assert.is((failure as AggregateError).errors.length, 1)
})

test('random numbers come of a seed, or are set one by one', async () => {
  const numbers = async (config: object): Promise<number[]> => {
    const chat = probe()
    await using _ = await createTestHost({ plugins: [chat.plugin], ...config })
    return [chat.host.random(), chat.host.random()]
  }
  assert.equal(await numbers({}), await numbers({ seed: 1 }))
  assert.not.equal(await numbers({}), await numbers({ seed: 2 }))
  assert.equal(await numbers({ random: () => 0.5 }), [0.5, 0.5])
  const rolls = [0.25, 0.75]
  assert.equal(await numbers({ random: () => rolls.shift() ?? 0 }), [0.25, 0.75])
})

test('the clock begins where it is told to', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin], now: Date.UTC(2030, 5, 1) })
  const begun = chat.host.now()
  assert.ok(begun >= Date.UTC(2030, 5, 1) && begun < Date.UTC(2030, 5, 1) + 60_000)
  await host.advance(5)
  assert.is(chat.host.now(), begun + 5)
})

test('what waits for the clock, which stands still, is told how to move it', async () => {
  const slow = plugin('slow', (host) => {
    host.command({
      name: 'slow',
      help: '',
      run: () => new Promise<void>((resolve) => void host.setTimeout(resolve, 1000)),
    })
  })
  await using host = await createTestHost({ plugins: [slow] })
  const client = await join(host)
  const error = (await rejection(client.say('/slow'))) as ChatError
  assert.is(error.code, 'NOT_SETTLED')
  assert.match(error.message, /within 3 s.*host\.advance/)
})

/** Holds up the lines and the coming of whoever has this name. */
const slowFor = (id: string): ReturnType<typeof plugin> =>
  plugin('slow', ({ hooks }) => {
    const wait = { timeout: 60_000 }
    hooks.line.tapPromise(wait, async ({ client }) => {
      if (client.id === id) await new Promise(() => {})
    })
    hooks.connect.tapPromise(wait, async ({ client }) => {
      if (client.id === `late ${id}`) await new Promise(() => {})
    })
  })

test('a client waits for its own lines alone, so that it is seen who is delayed and who is not', async () => {
  await using host = await createTestHost({ plugins: [slowFor('ann'), echo()] })
  const [ann, bob] = [await join(host, 'ann'), await join(host, 'bob')]
  const hanging = ann.say('mine hangs')
  assert.equal(await bob.say('mine does not'), [])
  assert.equal(ann.take(), ['(bob) mine does not'])
  const coming = host.connect('late ann')
  const cid = await host.connect('cid')
  assert.equal(cid.lines.length, 2)
  await bob.end()
  assert.is(bob.closed, true)
  await host.advance(60_000)
  await Promise.all([hanging, coming])
  assert.equal(cid.take(), ['(ann) mine hangs'])
  assert.is(host.takeErrors().length, 2)
})

test('what does not settle is told by whose it is, and by who has not answered', async () => {
  await using host = await createTestHost({ plugins: [slowFor('ann'), echo()] })
  const ann = await join(host, 'ann')
  const error = (await rejection(ann.say('x'))) as ChatError
  assert.is(error.code, 'NOT_SETTLED')
  assert.match(error.message, /^what ann sent .*these have not answered: slow: line\. /)
  const all = (await rejection(host.quiet())) as ChatError
  assert.match(all.message, /^a line has not settled .*slow: line/)
})

test('the time of day and that of the log are those of the clock', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin], now: Date.UTC(2030, 5, 1) })
  await host.advance(1000)
  chat.host.log.info('now')
  assert.is(chat.host.date().getTime(), chat.host.now())
  assert.is(host.records.at(-1)?.time, chat.host.now())
  assert.match(chat.host.date().toISOString(), /^2030-06-01T00:00:/)
})

test('the default plugins write no file and nothing to standard output', async () => {
  using folder = makeFolder({
    files: {
      'run.mts': `
        import { createTestHost } from ${JSON.stringify(path(CHECKOUT, 'core/testing/index.ts'))}
        import { defaults, logging, stats } from ${JSON.stringify(path(CHECKOUT, 'plugins/index.ts'))}
        const host = await createTestHost({ plugins: [...defaults()] })
        await (await host.connect('ada')).say('x')
        await host.stop()
        if (!host.records.some(({ message }) => message.startsWith('ada '))) throw new Error('no table')
        const named = await createTestHost({
          plugins: [logging({ file: 'named.log' }), stats({ output: process.stderr })],
        })
        await named.stop()
      `,
    },
  })
  const loader = path(CHECKOUT, 'node_modules/tsx/dist/esm/index.mjs')
  await using child = startChild(process.execPath, ['--import', loader, 'run.mts'], {
    cwd: folder.path,
  })
  const { status, stdout, stderr } = await child.ended()
  assert.is(status, 0, stderr)
  assert.is(stdout, '')
  assert.match(stderr, /^ +Messages/)
  assert.equal(readdirSync(folder.path).toSorted(), ['named.log', 'run.mts'])
})

test('faults fail a test that neither looks at them nor stops its host', async () => {
  const kit = path(CHECKOUT, 'core/testing/index.ts')
  using folder = makeFolder({
    files: {
      'bad.test.mts': `
        import { createTestHost } from ${JSON.stringify(kit)}
        import { definePlugin } from ${JSON.stringify(path(CHECKOUT, 'core/index.ts'))}
        const bad = definePlugin({ name: 'bad', apiVersion: 1, setup(host) {
          host.hooks.line.tap('fail', () => { throw new Error('oh') })
        } })
        const host = await createTestHost({ plugins: [bad()] })
        await (await host.connect()).say('x')
        if (process.argv[2] === 'take') host.takeErrors()
      `,
    },
  })
  const file = path(folder.path, 'bad.test.mts')
  const ended = async (...args: string[]): Promise<Ended> => {
    await using child = startChild(process.execPath, ['--import', 'tsx', file, ...args], {
      cwd: CHECKOUT,
    })
    return await child.ended()
  }
  const [unread, taken] = [await ended(), await ended('take')]
  assert.is(unread.status, 1)
  assert.match(
    unread.stderr,
    /not taken: bad: line "fail": oh \(\S+bad\.test\.mts:\d+\); .*takeErrors\(\)/,
  )
  assert.equal([taken.status, taken.stderr], [0, ''])
})

test('leaving the block stops the host', async () => {
  const notes: string[] = []
  const watcher = plugin('watcher', (host) => {
    host.hooks.shutdown.tap('note', ({ reason }) => void notes.push(reason))
    host.onDispose(() => void notes.push('gone'))
  })
  {
    await using host = await createTestHost({ plugins: [watcher] })
    await join(host)
  }
  assert.equal(notes, ['end of test', 'gone'])
})

test('stopping twice is stopping once', async () => {
  let stopped = 0
  const watcher = plugin('watcher', ({ hooks }) => hooks.shutdown.tap('note', () => void stopped++))
  await using host = await createTestHost({ plugins: [watcher] })
  await Promise.all([host.stop(), host.stop()])
  await host.stop()
  assert.is(stopped, 1)
})

test('nobody can join a host that has stopped', async () => {
  const host = await createTestHost({ plugins: [] })
  await host.stop()
  const late = await host.connect()
  assert.equal(late.lines, [])
  assert.is(late.closed, true)
})

test('a host that cannot be made or started is refused', async () => {
  assert.match(String(await rejection(createTestHost({ port: -1 }))), /port/)
  const broken = plugin('broken', (host) => {
    host.onStart(() => {
      throw new Error('no disk')
    })
  })
  assert.match(String(await rejection(createTestHost({ plugins: [broken] }))), /no disk/)
})

test('two hosts at a time know nothing of each other', async () => {
  await using first = await createTestHost({ plugins: [echo()] })
  await using second = await createTestHost({ plugins: [echo()] })
  const [one, two, other] = [await join(first), await join(first), await join(second)]
  await one.say('hello')
  assert.equal([two.take().length, other.take().length], [1, 0])
})

test('a plugin can be taken out', async () => {
  const silent = plugin('silent', ({ hooks }) => hooks.line.tap('no', () => drop('silent')))
  await using host = await createTestHost({ plugins: [silent, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('unheard')
  await host.unload('silent')
  await one.say('heard')
  assert.equal(two.take(), [`(${one.id}) heard`])
})

test('a plugin is switched off once the lines under way have settled, and on again in its place', async () => {
  const slow = plugin('slow', (chat) => {
    chat.hooks.line.tapPromise({ timeout: 5000 }, async ({ text }) => {
      if (text === 'under way')
        await new Promise<void>((resolve) => void chat.setTimeout(resolve, 1000))
      return drop('slow')
    })
  })
  await using host = await createTestHost({ plugins: [slow, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const underWay = one.say('under way')
  assert.equal((await host.off('slow')).removed, ['slow'])
  await underWay
  assert.equal(two.take(), [])
  await one.say('heard')
  assert.equal(two.take(), [`(${one.id}) heard`])
  assert.equal((await host.on('slow')).added, ['slow'])
  await one.say('dropped')
  assert.equal(two.take(), [])
  assert.match(String(await rejection(host.off('slo'))), /slo.*did you mean "slow"/)
  assert.match(String(await rejection(host.on('slo'))), /slo.*did you mean "slow"/)
})

test('a plugin that is unloaded goes at once, and lines under way go on without it', async () => {
  let answer = (): void => {}
  const slow = plugin('slow', ({ hooks }) => {
    hooks.line.tapPromise('ask', async () => {
      await new Promise<void>((resolve) => (answer = resolve))
      return drop('slow')
    })
  })
  await using host = await createTestHost({ plugins: [slow, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const underWay = one.say('under way')
  await turn()
  await host.unload('slow')
  answer()
  await underWay
  assert.equal(two.take(), [`(${one.id}) under way`])
})

test.run()
