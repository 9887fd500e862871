/** The log file: its layouts, and that no disk and nobody who moves the file stands in the way of the chat. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ChatError, ConfigError } from '../../core/index.ts'
import { createTestHost, type TestHost } from '../../core/testing/index.ts'
import { echo, logging } from '../../plugins/index.ts'
import { join, probe, rejection } from '../support/memory-plugins.ts'

const test = suite('logging')

let folder = ''
let file = ''
/** What went to standard error. */
let warnings: string[] = []
const { write } = process.stderr

test.before.each(() => {
  folder = mkdtempSync(path(tmpdir(), 'multiecho-log-'))
  file = path(folder, 'chat.log')
  warnings = []
  process.stderr.write = (text: string | Uint8Array) => {
    warnings.push(String(text))
    return true
  }
})

test.after.each(() => {
  process.stderr.write = write
  rmSync(folder, { recursive: true, force: true })
})

type Options = Parameters<typeof logging>[0]

/** When the hosts of these tests start, by their clock, which the log goes by. */
const NOW = new Date(2018, 7, 15, 12, 55, 37).getTime()

/** A host that logs to the file, and the plugin to log with. */
async function logged(options: Options = {}) {
  const chat = probe('dice')
  const host = await createTestHost({
    now: NOW,
    plugins: [logging({ file, ...options }), chat.plugin, echo()],
  })
  return { host, log: chat.host.log, now: () => chat.host.now() }
}

const read = (name = file): string => readFileSync(name, 'utf8')
const linesIn = (name = file): string[] => read(name).split('\n').slice(0, -1)
/** The messages of lines in the text layout. */
const messagesIn = (name = file): string[] => linesIn(name).map((line) => line.slice(20))

// Layouts

test("the text layout is the seed's", async () => {
  const { host, log } = await logged()
  const client = await join(host, '127.0.0.1:56144')
  await client.end()
  log.warn('rolled off the table')
  await host.stop()
  for (const line of linesIn()) assert.match(line, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \S/)
  assert.equal(messagesIn(), [
    'tcpserver: new connection 127.0.0.1:56144',
    'connmgr: closing connection: 127.0.0.1:56144',
    'WARN dice: rolled off the table',
    'multiecho: multiecho server is shutting down',
  ])
})

test('the time is the local time of day', async () => {
  const { host, log } = await logged()
  await host.advance(60_000)
  log.info('now')
  assert.match(linesIn()[0] ?? '', /^2018\/08\/15 12:56:\d\d dice: now$/)
  await host.stop()
})

test("json is pino's lines", async () => {
  const { host, log } = await logged({ format: 'json' })
  log.warn('six\n', { die: 6, text: '\x1b' })
  await host.stop()
  const [first] = linesIn().map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.ok(first)
  const { level, origin, msg, die, text, time } = first
  assert.equal([level, origin, msg, die, text], [40, 'dice', 'six\n', 6, '\x1b'])
  assert.ok(Math.abs(NOW - Number(time)) < 60_000)
})

test('the file is appended to', async () => {
  writeFileSync(file, 'from before\n')
  const { host } = await logged()
  await host.stop()
  assert.is(linesIn()[0], 'from before')
  assert.ok(linesIn().length > 1)
})

test('each record is in the file before the next thing happens', async () => {
  const { host, log } = await logged()
  log.info('now')
  assert.equal(messagesIn(), ['dice: now'])
  await host.stop()
})

test('nothing that anybody says or is called can be obeyed by a terminal, in either layout', async () => {
  for (const format of ['text', 'json'] as const) {
    file = path(folder, format)
    const { host, log } = await logged({ format, lines: true })
    const client = await host.connect('a\nb\x1b[2J')
    await client.send('\x1b]0;x\x07\u009b\u202e\n2026/01/01 00:00:00 forged\r')
    log.error('a\nb\u2028', { field: '\x7f\n' })
    await host.stop()
    assert.not.match(read().replaceAll('\n', ''), /[\p{Cc}\u2028\u202e]/u)
    for (const line of linesIn()) {
      if (format === 'text')
        assert.match(line, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (?:ERROR )?\w+: /)
      else assert.type(JSON.parse(line), 'object')
    }
  }
})

test('records below the level are left out', async () => {
  for (const [level, count] of [
    ['debug', 5],
    ['info', 4],
    ['warn', 3],
    ['error', 2],
    ['fatal', 1],
  ] as const) {
    file = path(folder, level)
    const { host, log } = await logged({ level })
    for (const each of ['debug', 'info', 'warn', 'error', 'fatal'] as const) log[each](each)
    const mine = messagesIn().filter((message) => message.includes('dice: '))
    assert.is(mine.length, count, level)
    await host.stop()
  }
})

test('the lines of the chat are logged when that is wanted, and only those that are delivered', async () => {
  const { host } = await logged({ lines: true })
  const client = await join(host, 'me')
  await client.send('hello\r\n\r\n/nope\r\n')
  assert.equal(
    messagesIn().filter((message) => message.startsWith('logging')),
    ['logging: (me) hello'],
  )
  await host.stop()
  file = path(folder, 'without')
  const { host: other } = await logged()
  await (await join(other)).say('hello')
  assert.not.match(read(), /hello/)
  await other.stop()
})

// Opening

test('a file that cannot be opened ends the start, and says which and why', async () => {
  mkdirSync(file)
  const error = await rejection(logged())
  assert.instance(error, ChatError)
  const { code, plugin, message } = error as ChatError
  assert.equal([code, plugin], ['PLUGIN_START_FAILED', 'logging'])
  assert.ok(message.includes(file), message)
  file = path(folder, 'no', 'such', 'folder', 'chat.log')
  assert.match(String(await rejection(logged())), /logging could not start: .*ENOENT/)
})

test('nothing is opened before the start', async () => {
  const chat = probe('broken', () => {
    throw new Error('no')
  })
  await rejection(createTestHost({ plugins: [logging({ file }), chat.plugin] }))
  assert.is(existsSync(file), false)
})

test('wrong options are faults of the config', async () => {
  for (const [options, where] of [
    [{ file: '' }, 'file'],
    [{ format: 'xml' }, 'format'],
    [{ level: 'trace' }, 'level'],
    [{ lines: 1 }, 'lines'],
    [{ fil: 'x' }, 'fil'],
  ] as const) {
    const error = await rejection(createTestHost({ plugins: [logging(options as Options)] }))
    assert.instance(error, ConfigError)
    assert.equal(
      (error as ConfigError).problems.map((problem) => problem.path),
      [`plugins[0] (logging): ${where}`],
    )
  }
})

// Moving

test('a file that was moved away is left alone, and a new one is made', async () => {
  const { host, log } = await logged()
  log.info('1')
  renameSync(file, `${file}.1`)
  log.info('2')
  await host.advance(1000)
  log.info('3')
  await host.stop()
  assert.equal(messagesIn(`${file}.1`), ['dice: 1', 'dice: 2'])
  assert.equal(messagesIn()[0], 'dice: 3')
  assert.equal(warnings, [])
})

test('a file that was removed is made anew', async () => {
  const { host, log } = await logged()
  log.info('1')
  unlinkSync(file)
  await host.advance(1000)
  log.info('2')
  assert.equal(messagesIn(), ['dice: 2'])
  await host.stop()
})

test('a file that was removed with its folder is made anew when the folder is back', async () => {
  file = path(folder, 'logs', 'chat.log')
  mkdirSync(path(folder, 'logs'))
  const { host, log } = await logged()
  rmSync(path(folder, 'logs'), { recursive: true })
  await host.advance(1000)
  log.info('in between')
  assert.is(warnings.length, 1)
  mkdirSync(path(folder, 'logs'))
  await host.advance(1000)
  log.info('back')
  assert.ok(messagesIn().includes('dice: back'))
  await host.stop()
})

test('what is logged while the file is lost is counted, and the count logged when it is back', async () => {
  file = path(folder, 'logs', 'chat.log')
  mkdirSync(path(folder, 'logs'))
  const { host, log } = await logged()
  rmSync(path(folder, 'logs'), { recursive: true })
  await host.advance(1000)
  for (let count = 0; count < 3; count++) log.info('lost')
  mkdirSync(path(folder, 'logs'))
  await host.advance(1000)
  assert.equal(messagesIn(), ['WARN logging: 3 log lines could not be written'])
  await host.stop()
})

test('the file is closed when the plugin goes, and no more is written', async () => {
  const { host, log } = await logged()
  log.info('1')
  await host.unload('logging')
  log.info('2')
  await host.advance(5000)
  await host.stop()
  assert.equal(messagesIn(), ['dice: 1'])
})

// A disk that is full

const full = existsSync('/dev/full')
if (!full) process.stdout.write('skipped: there is no /dev/full here to log to\n')
const testFull = full ? test : test.skip

/** A host whose log file is on a full disk until it is freed. */
async function onFullDisk(options: Options = {}) {
  symlinkSync('/dev/full', file)
  const { host, log, now } = await logged(options)
  return {
    host,
    log,
    now,
    async free() {
      unlinkSync(file)
      await host.advance(1000)
    },
  }
}

async function assertChatting(host: TestHost): Promise<void> {
  const [one, two] = [await join(host), await join(host)]
  await one.say('hello')
  assert.equal(two.take(), [`(${one.id}) hello`])
}

testFull('with a full disk the chat goes on, and one warning is printed', async () => {
  const { host, log } = await onFullDisk()
  for (let count = 0; count < 100; count++) log.info('lost')
  await assertChatting(host)
  await host.advance(5000)
  assert.is(warnings.length, 1)
  assert.ok(warnings[0]?.includes(file), warnings[0])
  assert.match(warnings[0] ?? '', /ENOSPC/)
  assert.not.match((warnings[0] ?? '').trimEnd(), /\p{Cc}/u)
  await host.stop()
})

testFull(
  'what could not be logged is counted, and the count logged when there is space again',
  async () => {
    const { host, log, free } = await onFullDisk()
    for (let count = 0; count < 7; count++) log.info('lost')
    await free()
    log.info('back')
    assert.equal(messagesIn(), ['WARN logging: 7 log lines could not be written', 'dice: back'])
    await host.stop()
  },
)

testFull('the count is logged though nothing else is, and only once', async () => {
  const { host, log, free } = await onFullDisk()
  log.info('lost')
  await free()
  await host.advance(5000)
  assert.equal(messagesIn(), ['WARN logging: 1 log lines could not be written'])
  await host.stop()
})

testFull('the count is a line like any other in JSON', async () => {
  const { host, log, free } = await onFullDisk({ format: 'json' })
  log.info('lost')
  log.info('lost')
  await free()
  const [first] = linesIn().map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal([first?.['level'], first?.['origin'], first?.['lost']], [40, 'logging', 2])
  await host.stop()
})

testFull('each time that the disk is full is counted anew', async () => {
  const { host, log, free } = await onFullDisk()
  log.info('lost')
  await free()
  renameSync(file, `${file}.1`)
  symlinkSync('/dev/full', file)
  await host.advance(1000)
  log.info('lost')
  log.info('lost')
  await free()
  assert.equal(messagesIn(`${file}.1`), ['WARN logging: 1 log lines could not be written'])
  assert.equal(messagesIn()[0], 'WARN logging: 2 log lines could not be written')
  await host.stop()
})

testFull('a host stops at once though its disk is full', async () => {
  const { host, log, now } = await onFullDisk()
  await join(host)
  log.info('lost')
  const begun = now()
  // The clock moves on with whatever the stop waits for.
  await host.stop()
  assert.ok(now() - begun < 100, `it took ${now() - begun} ms`)
})

test.run()
