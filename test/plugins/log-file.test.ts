/** Where the log is written to: that every line is whole, that what is lost is told, and that nobody is waited for. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig } from '../../core/host/config.ts'
import { createHost } from '../../core/host/host.ts'
import { Log } from '../../core/support/log.ts'
import { createTestHost } from '../../core/testing/index.ts'
import { createTestClock } from '../../core/testing/test-clock.ts'
import { echo, logging } from '../../plugins/index.ts'
import { join, probe, rejection } from '../support/memory-plugins.ts'
import { needs, unless } from '../support/programs.ts'

const test = suite('the log file')

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
  if (limited) limitFiles('unlimited')
  process.stderr.write = write
  rmSync(folder, { recursive: true, force: true })
})

type Options = Parameters<typeof logging>[0]

/** A host that logs to the file, and the plugin to log with. */
async function logged(options: Options = {}) {
  const chat = probe('dice')
  const config = (more: Options = {}) => ({
    plugins: [logging({ file, ...options, ...more }), chat.plugin, echo()],
  })
  const host = await createTestHost(config())
  return {
    host,
    log: chat.host.log,
    /** Runs on with other options of the log. */
    reload: (more: Options) => host.reload(config(more)),
  }
}

const linesIn = (text: string): string[] => text.split('\n').slice(0, -1)
/** The messages of lines in the text layout; what is none is left as it is. */
const messagesIn = (text: string): string[] =>
  linesIn(text).map((line) => line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, ''))
const messages = (): string[] => messagesIn(readFileSync(file, 'utf8'))

// Torn lines

test('a line that another process has left unfinished is not gone on with', async () => {
  writeFileSync(file, 'half a li')
  const { host, log } = await logged()
  log.info('whole')
  await host.stop()
  assert.equal(messages().slice(0, 2), ['half a li', 'dice: whole'])
})

test('an empty file and one whose lines have ended get no empty line', async () => {
  for (const before of ['', 'one\n']) {
    writeFileSync(file, before)
    const { host, log } = await logged()
    log.info('two')
    assert.is(readFileSync(file, 'utf8').split('\n').indexOf(''), linesIn(before).length + 1)
    await host.stop()
  }
})

const testFullDisk = needs(test, 'prlimit')

let limited = false

/** Lets no file of this process grow beyond so many bytes, as on a disk that is full then. */
function limitFiles(bytes: number | 'unlimited'): void {
  limited = bytes !== 'unlimited'
  process.on('SIGXFSZ', ignore)
  execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`], { stdio: 'ignore' })
}

function ignore(): void {}

testFullDisk(
  'a disk that is full in the middle of a line merges it with no other one',
  async () => {
    const { host, log } = await logged()
    log.info('before')
    limitFiles(statSync(file).size + 30)
    log.info('x'.repeat(100))
    log.info('lost')
    limitFiles('unlimited')
    log.info('after')
    const [before, torn, ...rest] = messages()
    assert.equal([before, torn], ['dice: before', `dice: ${'x'.repeat(4)}`])
    assert.equal(rest, ['WARN logging: 2 log lines could not be written', 'dice: after'])
    await host.stop()
  },
)

testFullDisk('nor where the file is opened anew meanwhile', async () => {
  const { host, log } = await logged()
  limitFiles(statSync(file).size + 30)
  log.info('x'.repeat(100))
  renameSync(file, `${file}.1`)
  await host.advance(1000)
  renameSync(`${file}.1`, file)
  await host.advance(1000)
  limitFiles('unlimited')
  log.info('after')
  assert.equal(messages().slice(1), [
    'WARN logging: 1 log lines could not be written',
    'dice: after',
  ])
  await host.stop()
})

testFullDisk('nor with what another process left unfinished on it', async () => {
  const { host, log } = await logged()
  limitFiles(statSync(file).size)
  log.info('lost')
  limitFiles('unlimited')
  appendFileSync(file, 'of another proc')
  log.info('after')
  assert.equal(messages(), [
    'of another proc',
    'WARN logging: 1 log lines could not be written',
    'dice: after',
  ])
  await host.stop()
})

testFullDisk('nor where another file has the name of the one that is written to', async () => {
  const { host, log } = await logged()
  limitFiles(statSync(file).size + 30)
  log.info('x'.repeat(100))
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'whole\n'.repeat(5))
  limitFiles('unlimited')
  log.info('after')
  assert.equal(messagesIn(readFileSync(`${file}.1`, 'utf8')).slice(1), [
    'WARN logging: 1 log lines could not be written',
    'dice: after',
  ])
  await host.stop()
})

testFullDisk('a file that was cut short meanwhile begins without an empty line', async () => {
  const { host, log } = await logged()
  limitFiles(30)
  log.info('x'.repeat(100))
  truncateSync(file)
  limitFiles('unlimited')
  log.info('after')
  assert.equal(messages(), ['WARN logging: 1 log lines could not be written', 'dice: after'])
  await host.stop()
})

// Moved and removed

test('a file that another one has replaced is written to no more', async () => {
  const { host, log } = await logged()
  log.info('1')
  writeFileSync(`${file}.new`, 'of another\n')
  renameSync(`${file}.new`, file)
  await host.advance(1000)
  log.info('2')
  assert.equal(messages(), ['of another', 'dice: 2'])
  await host.stop()
})

test('a file that was moved is written to until another one can be made', async () => {
  const { host, log } = await logged()
  renameSync(file, `${file}.1`)
  mkdirSync(file)
  await host.advance(1000)
  log.info('1')
  rmSync(file, { recursive: true })
  await host.advance(1000)
  log.info('2')
  await host.stop()
  assert.equal(messagesIn(readFileSync(`${file}.1`, 'utf8')), ['dice: 1'])
  assert.is(messages()[0], 'dice: 2')
})

test('the file is the one of its name in the working directory of the start', async () => {
  const before = process.cwd()
  const elsewhere = path(folder, 'elsewhere')
  mkdirSync(elsewhere)
  process.chdir(folder)
  try {
    const { host, log } = await logged({ file: 'here.log' })
    process.chdir(elsewhere)
    unlinkSync(path(folder, 'here.log'))
    await host.advance(1000)
    log.info('still here')
    await host.stop()
  } finally {
    process.chdir(before)
  }
  file = path(folder, 'here.log')
  assert.is(messages()[0], 'dice: still here')
  assert.not.ok(existsSync(path(elsewhere, 'here.log')))
})

const FILES = '/proc/self/fd'
const testOpen = unless(test, existsSync(FILES) ? undefined : `there is no ${FILES} here`)

/** How many files of the folder are open. */
function openFiles(): number {
  return readdirSync(FILES).filter((number) => {
    try {
      return readlinkSync(path(FILES, number)).startsWith(folder)
    } catch {
      // It has been closed, as the folder itself that is being read.
      return false
    }
  }).length
}

testOpen('however often the file is moved only one is open, and none in the end', async () => {
  const { host, log, reload } = await logged()
  for (let round = 0; round < 5; round++) {
    renameSync(file, `${file}.${round}`)
    await host.advance(1000)
    assert.is(openFiles(), 1)
    log.error('a file with something in it is looked at')
    await reload({ level: round % 2 === 0 ? 'warn' : 'info' })
    assert.is(openFiles(), 1)
  }
  await host.unload('logging')
  assert.is(openFiles(), 0)
  await host.stop()
})

test('a log that cannot be opened anew when it is told to says so alone', async () => {
  file = path(folder, 'logs', 'chat.log')
  mkdirSync(path(folder, 'logs'))
  const printed: string[] = []
  const log = new Log((text) => printed.push(text))
  const host = createHost(checkConfig({ plugins: [logging({ file })] }, undefined, []), {
    clock: createTestClock(0),
    random: Math.random,
    log,
  })
  host.setUp()
  await host.start()
  rmSync(path(folder, 'logs'), { recursive: true })
  // As SIGHUP does.
  for (let count = 0; count < 3; count++) log.reopen()
  assert.is(warnings.length, 1)
  mkdirSync(path(folder, 'logs'))
  log.reopen()
  log.of('dice').info('back')
  assert.equal(messages(), ['dice: back'])
  await host.stop('end')
  assert.equal(printed, [])
})

// Losses

const testFull = unless(test, existsSync('/dev/full') ? undefined : 'there is no /dev/full here')

testFull('a reload that changes the options of the log forgets no lost line', async () => {
  symlinkSync('/dev/full', file)
  const { host, log, reload } = await logged()
  for (let count = 0; count < 3; count++) log.info('lost')
  await reload({ level: 'warn' })
  log.warn('lost')
  unlinkSync(file)
  await host.advance(1000)
  const [told] = messages()
  assert.is(told, 'WARN logging: 4 log lines could not be written')
  await host.stop()
})

testFull(
  'a disk that stays full is told again, and not more often than each ten seconds',
  async () => {
    symlinkSync('/dev/full', file)
    const { host, log } = await logged()
    log.info('lost')
    await host.advance(9999)
    assert.is(warnings.length, 1)
    await host.advance(30_001)
    assert.is(warnings.length, 5)
    await host.stop()
  },
)

testFull('what is lost when the log is closed is told on standard error', async () => {
  symlinkSync('/dev/full', file)
  const { host, log } = await logged()
  for (let count = 0; count < 3; count++) log.info('lost')
  await host.unload('logging')
  assert.match(warnings.at(-1) ?? '', /^3 log lines could not be written to \S+\/chat\.log\n$/)
  await host.stop()
})

// Pipes

const testPipe = needs(test, 'mkfifo')
const READING = constants.O_RDONLY | constants.O_NONBLOCK

function makePipe(): void {
  execFileSync('mkfifo', [file], { stdio: 'ignore' })
}

/** Reads what is in a pipe by now. */
function readAll(descriptor: number): string {
  let text = ''
  const buffer = Buffer.alloc(65_536)
  for (;;) {
    try {
      const bytes = readSync(descriptor, buffer)
      if (bytes === 0) return text
      text += buffer.toString('utf8', 0, bytes)
    } catch {
      return text
    }
  }
}

testPipe(
  'a pipe without a reader keeps nobody waiting; what it missed is told to the reader',
  async () => {
    makePipe()
    const { host, log } = await logged()
    assert.is(warnings.length, 1)
    assert.match(
      warnings[0] ?? '',
      /^cannot write to the log \S+: nobody reads this pipe; the chat/,
    )
    log.info('lost')
    log.info('lost')
    const reader = openSync(file, READING)
    log.info('read')
    assert.equal(messagesIn(readAll(reader)), [
      'WARN logging: 2 log lines could not be written',
      'dice: read',
    ])
    closeSync(reader)
    log.info('lost')
    const next = openSync(file, READING)
    await host.advance(1000)
    assert.equal(messagesIn(readAll(next)), ['WARN logging: 1 log lines could not be written'])
    closeSync(next)
    await host.stop()
  },
)

testPipe('a reader that does not keep up misses lines, and is told exactly how many', async () => {
  makePipe()
  const reader = openSync(file, READING)
  const { host, log } = await logged()
  let told = ''
  const count = 5000
  for (let index = 0; index < count; index++) {
    log.info(`${index} ${'x'.repeat(index % 5 === 0 ? 5000 : 50)}`)
    if (index % 700 === 699) told += readAll(reader)
  }
  told += readAll(reader)
  await host.advance(1000)
  told += readAll(reader)
  const lines = messagesIn(told)
  const whole = lines.filter((line) => /^dice: (?:\d*[05] x{5000}|\d*[1-46-9] x{50})$/.test(line))
  const lost = lines.map((line) =>
    Number(/^WARN logging: (\d+) log lines could not be written$/.exec(line)?.[1] ?? 0),
  )
  // What is neither is a line that was broken off.
  for (const line of lines) assert.match(line, /^(?:dice: \d+ x*|WARN logging: .*)$/)
  assert.ok(whole.length < count)
  assert.is(whole.length + lost.reduce((sum, one) => sum + one, 0), count)
  assert.match(warnings[0] ?? '', /its reader does not keep up|no room for a whole line/)
  closeSync(reader)
  await host.stop()
})

// What is no file

test('a folder and a socket are refused, with what to do about the socket', async () => {
  mkdirSync(file)
  assert.match(String(await rejection(logged())), /logging could not start: EISDIR/)
  file = path(folder, 'socket')
  const server = createServer().listen(file)
  await new Promise((resolve) => server.once('listening', resolve))
  assert.match(
    String(await rejection(logged())),
    /could not start: \S+\/socket is a socket, .*; write file: '-' to log to standard output/,
  )
  await new Promise((resolve) => server.close(resolve))
})

test('/dev/null takes the log', async () => {
  file = '/dev/null'
  const { host, log } = await logged()
  log.info('gone')
  await host.advance(1000)
  await host.stop()
  assert.equal(warnings, [])
})

test('- is standard output, in either layout', async () => {
  file = '-'
  for (const format of ['text', 'json'] as const) {
    const { write: print } = process.stdout
    const printed: string[] = []
    process.stdout.write = (text: string | Uint8Array) => printed.push(String(text)) > 0
    try {
      const { host, log } = await logged({ format })
      log.warn('six')
      await join(host)
      await host.stop()
    } finally {
      process.stdout.write = print
    }
    const [first = ''] = linesIn(printed.join(''))
    if (format === 'text') assert.is(messagesIn(`${first}\n`)[0], 'WARN dice: six')
    else assert.is((JSON.parse(first) as { msg: string }).msg, 'six')
  }
  assert.is(existsSync('-'), false)
})

test.run()
