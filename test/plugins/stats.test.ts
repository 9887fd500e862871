/** The table at shutdown. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigError, drop, refuse } from '../../core/index.ts'
import { createTestHost, type TestConfig, type TestHost } from '../../core/testing/index.ts'
import { echo, mute, quit, stats } from '../../plugins/index.ts'
import { join, logged, plugin, rejection } from '../support/memory-plugins.ts'

const test = suite('stats')

interface Chat {
  readonly host: TestHost
  /** Stops the host and returns the table. */
  table(): Promise<string>
}

async function chat(options: { rows?: number } = {}, config: TestConfig = {}): Promise<Chat> {
  let text = ''
  const output = { write: (more: string) => (text += more) }
  const plugins = [stats({ ...options, output }), mute(), quit(), config.plugins ?? [], echo()]
  const host = await createTestHost({ ...config, plugins })
  return {
    host,
    async table() {
      assert.is(text, '')
      await host.stop()
      return text
    },
  }
}

const HEAD = `                   Messages   Messages
Client ID            Echoed      Muted   Used /quit
`

test('nobody was there', async () => {
  const { table } = await chat()
  assert.is(await table(), HEAD)
})

test("the table of the seed's session is exact", async () => {
  const { host, table } = await chat()
  const one = await join(host, '127.0.0.1:51012')
  const two = await join(host, '127.0.0.1:51038')
  await one.send('1\r\n2\r\n3\r\n4\r\n5\r\n/quit\r\n')
  await two.send('1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n')
  assert.is(
    await table(),
    `                   Messages   Messages
Client ID            Echoed      Muted   Used /quit
127.0.0.1:51012           5          0   true
127.0.0.1:51038           6          0   false
`,
  )
})

test('lines count once, as echoed or as muted; commands, empty, refused and too long ones do not', async () => {
  const silent = plugin('silent', ({ hooks }) => {
    hooks.line.tap('no', ({ text }) => (text === 'dropped' ? drop('muted') : undefined))
  })
  const { host, table } = await chat({}, { plugins: [silent] })
  const one = await join(host, 'one')
  await one.send('a\r\n\r\n/nope\r\n//b\r\ndropped\r\n/home/x\r\n')
  await one.send(`${'x'.repeat(5000)}\r\n`)
  await one.send('/mute\r\nc\r\n\r\n/nope\r\ndropped\r\n//d\r\n/unmute\r\ne\r\n')
  await one.send('not ended')
  assert.is(await table(), `${HEAD}one                       4          3   false\n`)
})

test('a line counts whoever was there to see it', async () => {
  const { host, table } = await chat()
  const one = await join(host, 'one')
  await one.say('to nobody')
  assert.is(await table(), `${HEAD}one                       1          0   false\n`)
})

test('there is one row a visit, in order of arrival, also for those who left long ago', async () => {
  const { host, table } = await chat()
  const first = await join(host, 'same')
  const second = await join(host, 'other')
  await second.say('x')
  await first.send('x\r\n/quit\r\n')
  await host.advance(5000)
  const third = await join(host, 'same')
  await third.send('x\r\nx\r\n')
  await second.end()
  assert.is(
    await table(),
    `${HEAD}same                      1          0   true
other                     1          0   false
same                      2          0   false
`,
  )
})

test('leaving any other way is not /quit', async () => {
  const leaver = plugin('leaver', (host) => {
    host.command({ name: 'leave', help: '', run: ({ client }) => client.close('left') })
  })
  const { host, table } = await chat({}, { plugins: [leaver] })
  await (await join(host, 'a')).end()
  await (await join(host, 'b')).reset()
  await (await join(host, 'c')).say('/leave')
  await (await join(host, 'd')).say('/quit now')
  const rows = (await table()).split('\n').slice(2, -1)
  assert.equal(
    rows.map((row) => row.split(/\s+/).at(-1)),
    ['false', 'false', 'false', 'false'],
  )
})

test('one who was refused has no row', async () => {
  const guard = plugin('guard', ({ hooks }) => {
    hooks.connect.tap('no', ({ client }) => (client.id === 'no' ? refuse('no') : undefined))
  })
  const { host, table } = await chat({}, { plugins: [guard] })
  await host.connect('no')
  await join(host, 'yes')
  assert.is(await table(), `${HEAD}yes                       0          0   false\n`)
})

test('visits beyond the rows share one row with their sums', async () => {
  const { host, table } = await chat({ rows: 2 })
  const clients = []
  for (const id of ['a', 'b', 'c', 'd', 'e']) clients.push(await join(host, id))
  for (const client of clients) await client.send('1\r\n2\r\n/mute\r\n3\r\n')
  await clients[0]?.say('/quit')
  await clients[3]?.say('/quit')
  await clients[4]?.say('/quit')
  assert.is(
    await table(),
    `${HEAD}a                         2          1   true
b                         2          1   false
3 more                    6          3   2
`,
  )
})

test('exactly as many visits as rows need no row of sums', async () => {
  const { host, table } = await chat({ rows: 1 })
  await join(host, 'a')
  assert.is((await table()).split('\n').length, 4)
})

test('without any rows there are the sums alone', async () => {
  const { host, table } = await chat({ rows: 0 })
  const one = await join(host, 'a')
  await one.send('x\r\n/quit\r\n')
  assert.is(await table(), `${HEAD}1 more                    1          0   1\n`)
})

test('a label that a terminal would obey is harmless, and a long or wide one keeps the columns', async () => {
  const { host, table } = await chat()
  for (const id of ['a\x1b[2Jb\n', '日本語', '[2001:db8:1234:5678::1]:51012', '😀']) {
    await host.connect(id)
  }
  const text = await table()
  assert.not.match(text.replaceAll('\n', ''), /\p{Cc}/u)
  assert.is(
    text,
    `                                Messages   Messages
Client ID                         Echoed      Muted   Used /quit
a␛[2Jb␊                                0          0   false
日本語                                 0          0   false
[2001:db8:1234:5678::1]:51012          0          0   false
😀                                     0          0   false
`,
  )
})

test('numbers that are too large for their column push it on, never cut', async () => {
  const { host, table } = await chat()
  const one = await join(host, 'one')
  await one.send('x\r\n'.repeat(12_345))
  await host.quiet()
  assert.is(await table(), `${HEAD}one                   12345          0   false\n`)
})

test('the table stands in the log too, a record a line', async () => {
  const { host, table } = await chat()
  await join(host, 'one')
  const text = await table()
  assert.equal(logged(host, 'stats').join('\n'), text.trimEnd())
})

test('it is printed once every connection is closed, before the host is gone', async () => {
  const order: string[] = []
  const watcher = plugin('watcher', (host) => {
    host.hooks.close.tap('note', () => void order.push('close'))
    host.onDispose(() => void order.push('dispose'))
  })
  const output = { write: () => order.push('table') }
  const host = await createTestHost({ plugins: [stats({ output }), watcher] })
  await join(host)
  await host.stop()
  assert.equal(order, ['close', 'table', 'dispose'])
})

test('an output that fails is a fault like any other, and the log still has the table', async () => {
  const output = {
    write() {
      throw new Error('EPIPE')
    },
  }
  const host = await createTestHost({ plugins: [stats({ output })] })
  await join(host, 'one')
  await rejection(host.stop())
  assert.match(logged(host, 'stats').join('\n'), /^one +0 +0 +false$/m)
})

test('wrong options are faults of the config', async () => {
  for (const [options, path] of [
    [{ rows: -1 }, 'rows'],
    [{ rows: 1.5 }, 'rows'],
    [{ row: 1 }, 'row'],
    [{ output: {} }, 'output'],
    [{ output: 'stdout' }, 'output'],
  ] as const) {
    const error = await rejection(createTestHost({ plugins: [stats(options as object)] }))
    assert.instance(error, ConfigError)
    assert.equal(
      (error as ConfigError).problems.map((problem) => problem.path),
      [`plugins[0] (stats): ${path}`],
    )
  }
})

test.run()
