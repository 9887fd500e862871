/** The log: who gets which records, when, and that nothing in them can be obeyed by a terminal. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LOG_LEVELS, type LogLevel, type LogRecord, type LogSink } from '../../../core/index.ts'
import { Log } from '../../../core/support/log.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { faults, plugin, probe } from '../../support/memory-plugins.ts'

const test = suite('log')

interface Written {
  readonly log: Log
  /** What went to standard error. */
  readonly errors: string[]
}

function createLog(options?: { echo: boolean }): Written {
  const errors: string[] = []
  return { log: new Log((text) => errors.push(text), options), errors }
}

/** A sink that keeps what it is given. */
function keeping(level?: LogLevel): LogSink & { readonly records: LogRecord[] } {
  const records: LogRecord[] = []
  return { level, records, write: (record) => void records.push(record) }
}

const messages = ({ records }: { records: readonly LogRecord[] }): string[] =>
  records.map(({ message }) => message)

// Before, with and without a sink

test('what is logged before the first sink is kept for it, in order', () => {
  const { log, errors } = createLog()
  log.of('a').info('one')
  log.of('b').warn('two')
  const [first, second] = [keeping(), keeping()]
  log.addSink(first)
  log.addSink(second)
  log.of('a').info('three')
  assert.equal(messages(first), ['one', 'two', 'three'])
  assert.equal(messages(second), ['three'])
  assert.equal(errors, [])
})

test('no more than 1000 records are kept, and how many more there were is told', () => {
  const { log } = createLog()
  for (let count = 1; count <= 1002; count++) log.of('a').info(String(count))
  const sink = keeping()
  log.addSink(sink)
  log.of('a').info('next')
  const all = messages(sink)
  assert.equal([all.length, all[0], all[999]], [1002, '1', '1000'])
  assert.equal(all.slice(1000), ['2 log records were lost: there was no log yet', 'next'])
  const late = keeping()
  log.addSink(late)
  assert.equal(messages(late), [], 'it is told once')
})

test('what the first sink does not want of it is not handed over', () => {
  const { log } = createLog()
  log.of('a').info('one')
  log.of('a').error('two')
  const sink = keeping('error')
  log.addSink(sink)
  assert.equal(messages(sink), ['two'])
})

test('where no sink has come, warnings and worse go to standard error', () => {
  const { log, errors } = createLog()
  const { info, warn, error, fatal } = log.of('part')
  info('kept')
  warn('kept too')
  assert.equal(errors, [])
  log.started()
  assert.equal(errors, ['part: kept too\n'])
  info('x')
  warn('one')
  error('two')
  fatal('three')
  log.of(undefined).warn('four')
  assert.equal(errors.slice(1), ['part: one\n', 'part: two\n', 'part: three\n', 'four\n'])
})

test('a sink that comes when the host has started gets what comes then', () => {
  const { log } = createLog()
  log.of('a').info('before')
  log.started()
  const sink = keeping()
  log.addSink(sink)
  log.of('a').info('after')
  assert.equal(messages(sink), ['after'])
})

test('what is logged when the last sink has gone goes to standard error', () => {
  const { log, errors } = createLog()
  const sink = keeping()
  log.addSink(sink)
  log.removeSink(sink)
  log.of('a').error('lost?')
  assert.equal(errors, ['a: lost?\n'])
})

test('closing without any sink hands over what was kept', () => {
  const { log, errors } = createLog()
  log.of('a').error('why it did not start')
  log.close()
  assert.equal(errors, ['a: why it did not start\n'])
})

test('with echo, warnings and worse go to standard error though there is a sink, and once', () => {
  const { log, errors } = createLog({ echo: true })
  log.of('a').warn('before')
  const sink = keeping()
  log.addSink(sink)
  log.of('a').info('info')
  log.of('a').error('after')
  log.of('a', { prints: false }).error('printed by somebody else')
  log.removeSink(sink)
  log.of('a').warn('without')
  log.of('a', { prints: false }).error('printed by somebody else')
  assert.equal(errors, ['a: before\n', 'a: after\n', 'a: without\n'])
  assert.equal(messages(sink), ['before', 'info', 'after', 'printed by somebody else'])
})

test('what a sink shows on the terminal is not printed there again', () => {
  const { log, errors } = createLog({ echo: true })
  const sink = { ...keeping('error'), onTerminal: true }
  log.addSink(keeping())
  log.addSink(sink)
  log.of('a').warn('below its level')
  log.of('a').error('shown')
  assert.equal(messages(sink), ['shown'])
  assert.equal(errors, ['a: below its level\n'])
})

// Levels

test('a sink gets records of its level and above, info when it does not say', () => {
  const { log } = createLog()
  const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
  const sinks = [undefined, ...levels].map(keeping)
  for (const sink of sinks) log.addSink(sink)
  for (const level of levels) log.of('a')[level](level)
  assert.equal(sinks.map(messages), [
    levels.slice(1),
    levels.slice(0),
    levels.slice(1),
    levels.slice(2),
    levels.slice(3),
    levels.slice(4),
  ])
})

test('JSON is made for nobody unless somebody reads it, and then once', () => {
  const { log } = createLog()
  let looked = 0
  const fields = {
    get costly() {
      looked++
      return 1
    },
  }
  const sink = keeping()
  log.addSink(sink)
  log.of('a').info('x', fields)
  log.of('a').info('y')
  assert.is(looked, 0)
  const json = sink.records[0]?.json ?? ''
  assert.match(json, /"origin":"a","costly":1,"msg":"x"/)
  assert.is(sink.records[0]?.json, json)
  assert.is(looked, 1)
})

test('debug messages are handed to nobody but sinks that want them', () => {
  const { log } = createLog()
  const debug = keeping('debug')
  const info = keeping()
  log.of('a').debug('before')
  log.addSink(info)
  log.of('a').debug('too early')
  log.addSink(debug)
  log.of('a').debug('x')
  log.removeSink(debug)
  log.of('a').debug('too late')
  assert.equal(messages(debug), ['x'])
  assert.equal(messages(info), [])
})

// Records

test("a record says what, when, where and how bad, and is pino's line of JSON", () => {
  const { log } = createLog()
  const sink = keeping('debug')
  log.addSink(sink)
  const before = Date.now()
  for (const level of ['debug', 'info', 'warn', 'error', 'fatal'] as const) {
    log.of('part')[level]('message', { n: 1 })
    const record = sink.records.at(-1)
    assert.ok(record)
    assert.equal(
      [record.level, record.origin, record.message],
      [LOG_LEVELS[level], 'part', 'message'],
    )
    assert.ok(record.time >= before && record.time <= Date.now())
    const json = JSON.parse(record.json) as Record<string, unknown>
    assert.equal(
      [json['level'], json['time'], json['origin'], json['msg'], json['n']],
      [record.level, record.time, 'part', 'message', 1],
    )
    assert.not(record.json.endsWith('\n'))
  }
})

test('a record of the host itself has no origin', () => {
  const { log } = createLog()
  const sink = keeping()
  log.addSink(sink)
  log.of('part').info('x')
  log.of(undefined).info('y')
  const [, record] = sink.records
  assert.is(record?.origin, undefined)
  assert.not.ok('origin' in (JSON.parse(record?.json ?? '{}') as object))
})

test('a percent sign in a message is a percent sign', () => {
  const { log } = createLog()
  const sink = keeping()
  log.addSink(sink)
  log.of('a').info('100 %s %d %j', { x: 1 })
  log.of('a').info('%o')
  assert.equal(messages(sink), ['100 %s %d %j', '%o'])
})

const NASTY = 'a\nb\r\x1b[2J\x07\x7f\u009b31m\u202e\u2028\u{e0041}\ud800z'

test('nothing in a message can be obeyed by a terminal, and it is one line', () => {
  const { log, errors } = createLog()
  const sink = keeping()
  log.started()
  log.of('pa\x1brt').error(NASTY)
  log.addSink(sink)
  log.of('pa\x1brt').error(NASTY)
  assert.equal(messages(sink), ['a␊b␍␛[2J␇␡\ufffd31m\ufffd\ufffd\ufffd\ufffdz'])
  const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\u202e\u{e0041}]/u
  assert.not.match(sink.records[0]?.json ?? '', unsafe)
  assert.not.match((errors[0] ?? '').trimEnd(), unsafe)
})

test('nothing in the fields can either, and JSON gives them back as they were', () => {
  const { log } = createLog()
  const sink = keeping()
  log.addSink(sink)
  log.of('a').info('x', { text: NASTY, [NASTY]: [NASTY], err: new Error(NASTY) })
  const json = sink.records[0]?.json ?? ''
  assert.not.match(json, /[\p{Cc}\p{Cs}\p{Zl}\u202e\u{e0041}]/u)
  const parsed = JSON.parse(json) as Record<string, unknown>
  assert.is(parsed['text'], NASTY)
  assert.equal(parsed[NASTY], [NASTY])
})

test('fields that cannot be written cost the record nothing but themselves', () => {
  const { log } = createLog()
  const sink = keeping()
  log.addSink(sink)
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const hostile: ReadonlyArray<Record<string, unknown>> = [
    { circular },
    { big: 10n },
    { symbol: Symbol('x'), function: () => {} },
    {
      get broken() {
        throw new Error('oh')
      },
    },
    {
      toJSON() {
        throw new Error('oh')
      },
    },
    { err: Object.defineProperty(new Error('x'), 'stack', { get: () => 5 }) },
    { date: new Date(NaN) },
  ]
  for (const [index, fields] of hostile.entries()) log.of('a').info(String(index), fields)
  assert.equal(
    messages(sink),
    hostile.map((_, index) => String(index)),
  )
  for (const { json } of sink.records) assert.type(JSON.parse(json), 'object')
})

test('the first argument is the message, whatever it is, and what is no object is no fields', () => {
  const { log } = createLog()
  const sink = keeping()
  log.addSink(sink)
  const { info } = log.of('a') as { info(...given: readonly unknown[]): void }
  for (const fields of [3, 'x', true, null, () => 1, Symbol('x')]) info('lines read', fields)
  info('with an error', new Error('oh'))
  info(undefined)
  info(5, { n: 1 })
  info({ n: 1 })
  info(new Error('oh\nno'))
  info({
    toString() {
      throw new Error('oh')
    },
  })
  assert.equal(messages(sink), [
    ...Array<string>(6).fill('lines read'),
    'with an error',
    'undefined',
    '5',
    '[object Object]',
    'oh␊no',
    'an object',
  ])
  for (const { json, message } of sink.records) {
    const { msg } = JSON.parse(json) as { msg: string }
    assert.is(msg.replace('\n', '␊'), message)
  }
})

// Sinks that fail

test('a sink that throws keeps nothing from the others, and standard error says so', () => {
  const { log, errors } = createLog()
  const good = keeping()
  log.addSink({
    write() {
      throw new Error('full\x1b')
    },
  })
  log.addSink(good)
  log.of('a').info('x')
  assert.equal(messages(good), ['x'])
  assert.equal(errors.length, 1)
  assert.match(errors[0] ?? '', /^log: .*full␛\n$/)
})

test('a sink that rejects, in whatever it does, is told on standard error and ends nothing', async () => {
  const { log, errors } = createLog()
  const rejecting =
    (what: string): (() => void) =>
    () =>
      turn().then(() => {
        throw new Error(what)
      })
  const good = keeping()
  const atOnce = (): void => Promise.reject(new Error('at once')) as unknown as void
  for (const write of [rejecting('write'), atOnce])
    log.addSink({ write, reopen: rejecting('reopen'), close: rejecting('close') })
  log.addSink(good)
  log.of('a').info('x')
  log.reopen()
  log.close()
  await turn()
  await turn()
  assert.equal(messages(good), ['x'])
  assert.equal(
    errors.map((text) => text.replace(/^log: a sink failed: (.*?)( \(\S+\))?\n$/, '$1')).toSorted(),
    ['at once', 'close', 'close', 'reopen', 'reopen', 'write'],
  )
})

test('what sinks log while they write goes to the others, and to standard error where there is none', () => {
  const { log, errors } = createLog()
  const answering = (name: string): LogSink & { records: LogRecord[] } => {
    const records: LogRecord[] = []
    const write = (record: LogRecord): void => {
      records.push(record)
      if (records.length < 100) log.of(name).warn(`${record.message} ${name}`)
    }
    return { records, write }
  }
  const one = answering('one')
  log.addSink(one)
  log.of(undefined).info('x')
  assert.equal(messages(one), ['x'])
  assert.equal(errors, ['one: x one\n'])
  const two = answering('two')
  log.addSink(two)
  log.of(undefined).info('y')
  assert.equal(messages(one), ['x', 'y', 'y two'])
  assert.equal(messages(two), ['y one', 'y'])
  assert.equal(errors.slice(1), ['two: y one two\n', 'one: y two one\n'])
})

test('a sink that cannot be reopened or closed keeps nothing from the others', () => {
  const { log, errors } = createLog()
  const notes: string[] = []
  const noting = (name: string): LogSink => ({
    write: () => {},
    reopen: () => void notes.push(`${name} reopened`),
    close: () => void notes.push(`${name} closed`),
  })
  log.addSink(noting('first'))
  log.addSink({
    write: () => {},
    reopen: () => {
      throw new Error('cannot reopen')
    },
    close: () => {
      throw new Error('cannot close')
    },
  })
  log.addSink(noting('last'))
  log.reopen()
  log.close()
  assert.equal(notes, ['first reopened', 'last reopened', 'last closed', 'first closed'])
  assert.is(errors.length, 2)
})

test('a sink that has been taken out is closed and gets no more', () => {
  const { log } = createLog()
  let closed = 0
  const sink = { ...keeping(), close: () => void closed++ }
  log.addSink(sink)
  log.addSink(keeping())
  log.of('a').info('one')
  log.removeSink(sink)
  log.removeSink(sink)
  log.of('a').info('two')
  log.close()
  assert.equal(messages(sink), ['one'])
  assert.is(closed, 1)
})

// Through a host

test("a plugin's records carry its name", async () => {
  const chat = probe('dice')
  await using host = await createTestHost({ plugins: [chat.plugin] })
  chat.host.log.warn('rolled off the table')
  const record = host.records.at(-1)
  assert.equal([record?.origin, record?.level], ['dice', 40])
})

test('sinks close last: they get what plugins log while they go', async () => {
  const sink = { ...keeping(), closed: false, close: () => void (sink.closed = true) }
  const first = plugin('sink', (host) => host.onStart(() => host.addLogSink(sink)))
  const second = plugin('second', (host) => {
    host.onDispose(() => host.log.info(`going, sink closed: ${sink.closed}`))
  })
  const third = plugin('third', (host) => {
    host.onDispose(() => host.log.info('going too'))
  })
  const host = await createTestHost({ plugins: [second, first, third] })
  await host.stop()
  assert.ok(messages(sink).includes('going, sink closed: false'))
  assert.ok(messages(sink).includes('going too'))
  assert.ok(messages(sink).includes('multiecho server is shutting down'))
  assert.is(sink.closed, true)
})

test('a sink goes with its plugin', async () => {
  const sink = { ...keeping(), closed: 0, close: () => void sink.closed++ }
  const owner = plugin('owner', (host) => host.addLogSink(sink))
  const chat = probe()
  await using host = await createTestHost({ plugins: [owner, chat.plugin] })
  chat.host.log.info('one')
  await host.unload('owner')
  chat.host.log.info('two')
  assert.ok(messages(sink).includes('one'))
  assert.not.ok(messages(sink).includes('two'))
  assert.is(sink.closed, 1)
})

test('a sink of a plugin that throws hurts nobody', async () => {
  const owner = plugin('owner', (host) => {
    host.addLogSink({
      write() {
        throw new Error('oh')
      },
      close() {
        throw new Error('oh')
      },
    })
  })
  const host = await createTestHost({ plugins: [owner] })
  await host.connect()
  assert.equal(faults(host), [])
  await host.stop()
})

test("the host's own messages are those of the seed", async () => {
  const host = await createTestHost({ plugins: [echo()] })
  const client = await host.connect('127.0.0.1:56144')
  await client.end()
  await host.stop()
  assert.equal(
    host.records.map(({ origin, message }) => `${origin}: ${message}`),
    [
      'tcpserver: new connection 127.0.0.1:56144',
      'connmgr: closing connection: 127.0.0.1:56144',
      'multiecho: multiecho server is shutting down',
    ],
  )
})

test.run()
