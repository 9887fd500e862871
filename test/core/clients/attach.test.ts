/** Streams that plugins bring in: what is refused at once, and what a faulty one may cost, which is itself alone. */
import { Duplex, duplexPair, PassThrough, Readable, Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plugin, PluginContext } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import {
  faults,
  join,
  logged,
  passing,
  plugin,
  probe,
  thrownBy,
} from '../../support/memory-plugins.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('attach')

/** What nobody caught. */
const uncaught: unknown[] = []
process.on('uncaughtException', (error) => uncaught.push(error))
test.after.each(() => assert.equal(uncaught.splice(0), []))

// What is refused

test('what attach does not take is told at once', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const attach = chat.host.attach as (stream: unknown, peer: unknown) => void
  const [, stream] = duplexPair()
  const texts = new PassThrough().setEncoding('utf8')
  const expected = 'expected a readable and writable stream, such as a Duplex, found'
  for (const [given, peer, found] of [
    [undefined, { label: 'a' }, `${expected} undefined without on()`],
    ['stdin', { label: 'a' }, `${expected} "stdin" without on()`],
    [new Readable(), { label: 'a' }, `${expected} an object without write()`],
    [new Writable(), { label: 'a' }, `${expected} an object without pause()`],
    [
      new PassThrough({ objectMode: true }),
      { label: 'a' },
      'expected a stream of bytes, found one in object mode',
    ],
    [
      new Duplex({ readableObjectMode: true }),
      { label: 'a' },
      'expected a stream of bytes, found one in object mode',
    ],
    [
      new Duplex({ writableObjectMode: true }),
      { label: 'a' },
      'expected a stream of bytes, found one in object mode',
    ],
    [
      texts,
      { label: 'a' },
      'expected a stream of bytes, found one with an encoding; leave out setEncoding("utf8")',
    ],
    [stream, undefined, 'expected options, such as { label, address }, found undefined'],
    [stream, 'a', 'expected options, such as { label, address }, found "a"'],
    [stream, {}, 'label: expected a text of 1 to 64 characters, found undefined'],
    [stream, { label: '' }, 'label: expected a text of 1 to 64 characters, found ""'],
    [stream, { label: 5 }, 'label: expected a text of 1 to 64 characters, found 5'],
    [
      stream,
      { label: '😀'.repeat(65) },
      'label: expected a text of 1 to 64 characters, found one of 65',
    ],
    [
      stream,
      { label: 'a', adress: '::1' },
      'adress: there is no such key; did you mean "address"? (known: label, address)',
    ],
    [
      stream,
      { label: 'a', address: 'localhost' },
      'address: expected an IP address, found "localhost"; leave it out if there is none',
    ],
    [
      stream,
      { label: 'a', address: 5 },
      'address: expected an IP address, found 5; leave it out if there is none',
    ],
  ] as const) {
    assert.is(
      thrownBy(() => attach(given, peer)),
      `ARGUMENT_INVALID: host.attach: ${found}`,
    )
  }
  attach(stream, { label: '😀'.repeat(64), address: '::ffff:192.0.2.1' })
  await host.quiet()
  assert.equal(
    Array.from(chat.host.clients, ({ id, address }) => [id, address]),
    [['😀'.repeat(64), '192.0.2.1']],
  )
})

test('what addLogSink and audience do not take is told at once', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const doors = chat.host as never as Record<string, (argument?: unknown) => unknown>
  const write = (): void => {}
  for (const [door, given, found] of [
    [
      'addLogSink',
      undefined,
      'expected a sink, such as { write(record) {} }, found undefined without write()',
    ],
    [
      'addLogSink',
      { write() {}, onTerminal: 'yes' },
      'onTerminal: expected true or false, found "yes"',
    ],
    [
      'addLogSink',
      {},
      'expected a sink, such as { write(record) {} }, found an object without write()',
    ],
    [
      'addLogSink',
      { write, level: 'trace' },
      'level: expected one of debug, info, warn, error, fatal, found "trace"',
    ],
    [
      'addLogSink',
      { write, level: 'toString' },
      'level: expected one of debug, info, warn, error, fatal, found "toString"',
    ],
    [
      'addLogSink',
      { write, level: 30 },
      'level: expected one of debug, info, warn, error, fatal, found 30',
    ],
    ['addLogSink', { write, reopen: true }, 'reopen: expected a function, found true'],
    ['addLogSink', { write, close: {} }, 'close: expected a function, found an object'],
    ['audience', undefined, 'expected a text as the name, found undefined'],
    ['audience', {}, 'expected a text as the name, found an object'],
  ] as const) {
    assert.is(
      thrownBy(() => doors[door]?.(given)),
      `ARGUMENT_INVALID: host.${door}: ${found}`,
    )
  }
  await host.quiet()
})

test('a sink is that of the moment at which it is added, with its own this', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const sink = {
    level: 'warn' as const,
    messages: [] as string[],
    write({ message }: { readonly message: string }) {
      this.messages.push(message)
    },
  }
  chat.host.addLogSink(sink)
  Object.assign(sink, { level: 'nonsense', write: undefined })
  chat.host.log.info('not this')
  chat.host.log.warn('this')
  await host.quiet()
  assert.equal(sink.messages, ['this'])
})

// What a stream may do wrong

/** A stream that brings lines, and does something of its own with those that it is given. */
class Custom extends Duplex {
  readonly #taken: (text: string) => void

  constructor(taken: (this: void, text: string) => void = () => {}) {
    super({ allowHalfOpen: true })
    this.#taken = taken
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#taken(chunk.toString())
    done()
  }
}

/** Throws wherever one of its members is looked at, once it was told to. */
function withThrowing(member: string): { stream: Duplex; begin: () => void } {
  const stream = new Custom()
  return {
    stream,
    begin: () =>
      void Object.defineProperty(stream, member, {
        get: () => {
          throw new Error(`no ${member}`)
        },
      }),
  }
}

interface Faulty {
  readonly stream: Duplex
  /** Makes it faulty, where it is not from the beginning. */
  begin?(): void
}

/** How it is faulty, whether that is the fault of its plugin rather than of its other end, and one that is. */
const faulty: ReadonlyArray<readonly [how: string, reported: boolean, make: () => Faulty]> = [
  [
    'throws when it is given something',
    true,
    () => ({
      stream: new Custom(() => {
        throw new Error('oh')
      }),
    }),
  ],
  [
    'fails to take what it is given',
    false,
    () => {
      const stream = new Custom()
      stream._write = (_chunk, _encoding, done) => done(new Error('oh'))
      return { stream }
    },
  ],
  [
    'destroys itself when it is given something',
    false,
    () => {
      const stream: Duplex = new Custom(() => void stream.destroy())
      return { stream }
    },
  ],
  [
    'fails twice',
    false,
    () => {
      const stream = new Custom()
      return {
        stream,
        begin() {
          stream.emit('error', new Error('one'))
          stream.emit('error', new Error('two'))
        },
      }
    },
  ],
  [
    'fails with what is no error',
    false,
    () => {
      const stream = new Custom()
      return { stream, begin: () => void stream.emit('error', null) }
    },
  ],
  [
    'says twice that it is closed, and is not',
    false,
    () => {
      const stream = new Custom()
      return {
        stream,
        begin() {
          stream.emit('close')
          stream.emit('close')
        },
      }
    },
  ],
  [
    'never says that it is closed',
    false,
    () => {
      const stream = new Custom(() => void stream.destroy())
      stream._destroy = () => {}
      return { stream, begin: () => void stream.emit('error', new Error('oh')) }
    },
  ],
  [
    'brings texts',
    true,
    () => {
      const stream = new Custom()
      return {
        stream,
        begin() {
          stream.setEncoding('utf8')
          stream.push('hello\n')
        },
      }
    },
  ],
  [
    'brings what is nothing at all',
    true,
    () => {
      const stream = new Custom()
      return { stream, begin: () => void stream.emit('data', null) }
    },
  ],
  ...['writableLength', 'write', 'destroyed'].map(
    (member) => [`throws at ${member}`, true, () => withThrowing(member)] as const,
  ),
  [
    'throws when it is destroyed',
    true,
    () => {
      const stream = new Custom()
      stream.destroy = () => {
        throw new Error('no')
      }
      return { stream, begin: () => void stream.emit('error', new Error('oh')) }
    },
  ],
]

for (const [how, reported, make] of faulty) {
  test(`a stream that ${how} is closed, and nobody else loses or doubles a line`, async () => {
    const reasons: string[] = []
    const watcher = plugin('watcher', ({ hooks }) => {
      hooks.close.tap('note', ({ client, reason }) => void reasons.push(`${client.id} ${reason}`))
    })
    const chat = probe('bridge')
    const host = await createTestHost({ plugins: [chat.plugin, watcher, echo()] })
    const [one, two] = [await join(host), await join(host)]
    const { stream, begin } = make()
    chat.host.attach(stream, { label: 'odd' })
    const three = await join(host)
    begin?.()
    chat.host.clients.get('odd')?.send('to you')
    for (let count = 0; count < 3; count++) {
      await one.say(`line ${count}`)
      await two.say(`answer ${count}`)
    }
    chat.host.broadcast('to all')
    await host.quiet()
    const said = [0, 1, 2].flatMap((count) => [
      `(${one.id}) line ${count}`,
      `(${two.id}) answer ${count}`,
    ])
    assert.equal(three.take(), [...said, 'to all'])
    assert.equal(reasons, ['odd connection error'])
    const seen = faults(host)
    assert.is(seen.length > 0, reported, seen.join())
    assert.ok(
      seen.every((fault) => fault.startsWith('bridge attach STREAM_FAILED')),
      seen.join(),
    )
    if (reported) assert.match(logged(host, 'plugins', 50)[0] ?? '', /bridge: the stream of odd: /)
    // It is gone, whatever it says, and its id is free.
    await host.advance(20_000)
    chat.host.attach(new Custom(), { label: 'odd' })
    await host.quiet()
    assert.ok(chat.host.clients.get('odd'))
    await host.stop()
    host.takeErrors()
  })
}

test('what is said by a stream that fails is in the log, under the name of its plugin', async () => {
  const chat = probe('bridge')
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const stream = new Custom()
  chat.host.attach(stream, { label: 'irc:ada' })
  await host.quiet()
  stream.destroy(new Error('read ECONNRESET'))
  await host.quiet()
  assert.equal(logged(host, 'bridge').slice(-1), ['the stream of irc:ada: read ECONNRESET'])
})

test('a stream that throws while it is brought in by setup does not keep the host from starting', async () => {
  const bridge = plugin('bridge', (host) => {
    const stream = new Custom()
    stream.on = () => {
      throw new Error('no listeners')
    }
    host.attach(stream, { label: 'odd' })
  })
  await using host = await createTestHost({ plugins: [bridge, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('hello')
  assert.equal(two.take(), [`(${one.id}) hello`])
  assert.equal(faults(host), ['bridge attach STREAM_FAILED'])
})

test('what is wrong with a stream that is over, or comes while the host stops, ends nothing', async () => {
  const chat = probe()
  const host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const over = new Duplex({ read() {} })
  over.destroy(new Error('over already'))
  chat.host.attach(over, { label: 'over' })
  await turn()
  const stopping = host.stop()
  const late = new Duplex({
    read() {},
    destroy: (_cause, done) => done(new Error('cannot even close')),
  })
  chat.host.attach(late, { label: 'late' })
  await turn()
  assert.is(late.destroyed, true)
  await stopping
})

/** A plugin with which the first line waits until `open` is called, so that a reload meanwhile holds the chat. */
function firstLineWaits(): { readonly plugin: Plugin; open(): void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const setup = (host: PluginContext): void => host.hooks.line.tapPromise('wait', () => opened)
  return { plugin: plugin('slow', setup), open }
}

for (const member of ['destroyed', 'pause', 'off'] as const) {
  test(`a stream whose ${member} throws when the chat goes on keeps neither that nor a reload from it`, async () => {
    const broken = (): Custom => {
      const fail = (): never => {
        throw new Error('out of order')
      }
      return Object.defineProperty(
        new Custom(),
        member,
        member === 'destroyed' ? { get: fail } : { value: fail },
      )
    }
    const slow = firstLineWaits()
    const chat = probe('bridge', (host) => host.attach(broken(), { label: 'early' }))
    const plugins = [slow.plugin, chat.plugin, echo()]
    await using host = await createTestHost({ plugins })
    const [one, two] = [await join(host), await join(host)]
    const said = one.say('hello')
    await turn()
    const reloaded = host.reload({ plugins: [...plugins, plugin('more', () => {})] })
    await turn()
    await turn()
    chat.host.attach(broken(), { label: 'held' })
    const waits = two.say('and I')
    slow.open()
    assert.equal((await reloaded).added, ['more'])
    await Promise.all([said, waits])
    await host.quiet()
    assert.equal(two.lines.slice(-1), [`(${one.id}) hello`])
    assert.equal(one.lines.slice(-1), [`(${two.id}) and I`])
    assert.equal(faults(host), ['bridge attach STREAM_FAILED', 'bridge attach STREAM_FAILED'])
  })
}

for (const stays of [true, false]) {
  const becomes = stays ? 'is handed on to the next one' : 'goes with it'
  test(`a stream that a plugin brings in while it is taken out ${becomes}`, async () => {
    const slow = firstLineWaits()
    const chat = probe('bridge')
    await using host = await createTestHost({ plugins: [slow.plugin, chat.plugin] })
    const one = await join(host)
    const said = one.say('hello')
    await turn()
    const next = stays ? [slow.plugin, plugin('bridge', () => {})] : [slow.plugin]
    const reloaded = host.reload({ plugins: next })
    await turn()
    await turn()
    const stream = new Custom()
    chat.host.attach(stream, { label: 'held' })
    slow.open()
    await reloaded
    await said
    assert.is(stream.destroyed, !stays)
    if (!stays) return
    await host.off('bridge')
    await host.quiet()
    assert.ok(stream.writableEnded)
  })
}

test('a stream that cannot be destroyed and finds the host full is the fault of its plugin', async () => {
  const chat = probe('bridge')
  await using host = await createTestHost({ plugins: [chat.plugin], limits: { clients: 1 } })
  await join(host)
  const stream = new Custom()
  stream.destroy = () => {
    throw new Error('out of order')
  }
  chat.host.attach(stream, { label: 'odd' })
  await host.advance(2000)
  assert.equal(faults(host), ['bridge attach STREAM_FAILED'])
})

test('a host stops in its time with streams that never close', async () => {
  const chat = probe('bridge')
  const host = await createTestHost({ plugins: [chat.plugin], stopDeadline: 2000 })
  const stream = new Custom()
  stream._final = () => {}
  stream._destroy = () => {}
  chat.host.attach(stream, { label: 'odd' })
  await host.quiet()
  const begun = chat.host.now()
  await host.stop()
  assert.ok(chat.host.now() - begun <= 2000)
})

// Streams that answer in the same step

/** A bot that answers each line that it sees at once. */
function bot(host: PluginContext, label: string, answer: (line: string) => string[]): string[] {
  const seen: string[] = []
  const stream: Duplex = new Custom((text) => {
    for (const line of text.split('\r\n').slice(0, -1)) {
      seen.push(line)
      for (const one of answer(line)) stream.push(`${one}\r\n`)
    }
  })
  host.attach(stream, { label })
  return seen
}

test('a bot that answers in the same step is heard by all, once, behind what it answers', async () => {
  const chat = probe('bots')
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const before = await join(host)
  const seen = bot(chat.host, 'bot', (line) => (line.includes('ask') ? [`re: ${line}`] : []))
  await host.quiet()
  const after = await join(host)
  const expected: string[] = []
  for (let count = 0; count < 5; count++) {
    await before.send(`ask ${count}\r\nplain ${count}\r\n`)
    await host.quiet()
    expected.push(
      `(${before.id}) ask ${count}`,
      `(${before.id}) plain ${count}`,
      `(bot) re: (${before.id}) ask ${count}`,
    )
  }
  assert.equal(after.take(), expected)
  assert.equal(
    before.lines.filter((line) => line.startsWith('(')),
    expected.filter((line) => line.startsWith('(bot)')),
  )
  assert.equal(
    seen.filter((line) => line.startsWith(`(${before.id})`)),
    expected.filter((line) => line.startsWith(`(${before.id})`)),
  )
})

test('bots that say more than a batch in the same step lose and reorder nothing', async () => {
  const chat = probe('bots')
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const text = 'x'.repeat(2000)
  const answers = Array.from({ length: 100 }, (_, count) => `${count} ${text}`)
  const one = await join(host)
  bot(chat.host, 'first', (line) => (line.includes('go') ? answers : []))
  bot(chat.host, 'second', (line) => (line.includes('go') ? answers : []))
  await host.quiet()
  const two = await join(host)
  await one.say('go')
  await host.quiet()
  const lines = two.take()
  assert.is(lines.length, 201)
  for (const label of ['first', 'second']) {
    assert.equal(
      lines.filter((line) => line.startsWith(`(${label})`)),
      answers.map((answer) => `(${label}) ${answer}`),
    )
  }
})

test('whoever joins, leaves and speaks while lines are handed over sees what was said from then on', async () => {
  const chat = probe('bots')
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const one = await join(host)
  const late: string[] = []
  const room = chat.host.audience('room')
  let gone = false
  bot(chat.host, 'bot', (line) => {
    if (!line.includes('go')) return []
    // All in the step in which others are handed the same line.
    const stream = new Custom((text) => late.push(...text.split('\r\n').slice(0, -1)))
    chat.host.attach(stream, { label: 'late' })
    room.add(chat.clientOf(one))
    chat.host.broadcast('to the room', { to: room })
    chat.host.clients.get('leaver')?.close()
    gone = true
    chat.host.broadcast('to all')
    return []
  })
  const leaver: string[] = []
  chat.host.attach(new Custom((text) => leaver.push(...text.split('\r\n').slice(0, -1))), {
    label: 'leaver',
  })
  await host.quiet()
  const two = await join(host)
  await one.say('go')
  await host.quiet()
  assert.ok(gone)
  assert.equal(one.take(), [])
  assert.equal(one.lines.slice(-2), ['to the room', 'to all'])
  assert.equal(two.take(), [`(${one.id}) go`, 'to all'])
  assert.equal(leaver.slice(-1), [`(${one.id}) go`])
  assert.equal(late, ['multiecho server v1.0', 'client id: late', 'to all'])
})

// Ids

test('no two at a time share an id, and what ends in a number is the key of its client', async () => {
  printSeed()
  const label = fc.constantFrom('a', 'a#3', 'a#4', 'a#3#5', 'b', 'a#', '#1', 'a#3x')
  const step = fc.oneof(
    { weight: 3, arbitrary: label.map((come) => ({ come })) },
    { weight: 1, arbitrary: fc.nat(20).map((leave) => ({ leave })) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const chat = probe()
      await using host = await createTestHost({ plugins: [chat.plugin] })
      let most = 0
      for (const one of steps) {
        if ('come' in one) {
          chat.host.attach(new Custom(), { label: one.come })
          most++
        } else {
          const client = [...chat.host.clients][one.leave]
          if (client === undefined) continue
          client.close()
          most--
          await passing(host, 20_000, host.quiet())
        }
      }
      await host.quiet()
      const clients = [...chat.host.clients]
      assert.is(clients.length, most)
      assert.is(new Set(clients.map(({ id }) => id)).size, most)
      for (const client of clients) {
        assert.is(chat.host.clients.get(client.id), client)
        const number = /#(\d+)$/.exec(client.id)?.[1]
        if (number !== undefined) assert.is(Number(number), client.key)
      }
    }),
    { seed, numRuns: cases(100) },
  )
  await turn()
})

test.run()
