/** What is asked at the control socket and what is answered, whatever either end does. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { askHost } from '../../core/cli/ask-host.ts'
import { ChatError } from '../../core/support/errors.ts'
import { startChild } from '../support/child.ts'
import { answersTo, asked, fakeHost, socketOf } from '../support/control.ts'
import { CLI, makeFolder, runIn, sentenceOf, startHost } from '../support/host.ts'

const test = suite('the control socket')

const INSPECT = '{"command":"inspect"}'

// What is asked

test('who asks is answered though nothing more will come from there', async () => {
  await using host = await startHost()
  const file = socketOf(host)
  for (const text of [`${INSPECT}\n`, INSPECT, `${INSPECT}\r\n`]) {
    assert.match(await answersTo(file, text), /^\{"ok":true,.*\}\n$/)
  }
  // Both answers come, in order, however long the first one takes.
  const both = await answersTo(file, '{"command":"reload"}\n{"command":"off","plugin":"mute"}')
  assert.match(
    both,
    /^\{"ok":true,"result":"reloaded .*\}\n\{"ok":true,"result":"mute is off"\}\n$/,
  )
})

test('a request may come in pieces, cut anywhere', async () => {
  await using host = await startHost()
  const bytes = Buffer.from('{"command":"off","plugin":"müte"}\n')
  for (let at = 0; at <= bytes.length; at++) {
    const answer = await answersTo(socketOf(host), bytes.subarray(0, at), bytes.subarray(at))
    assert.match(answer, 'there is no plugin \\"müte\\" in the config')
  }
})

test('whatever is no request is refused as that, and the next one is answered', async () => {
  await using host = await startHost()
  const odd: ReadonlyArray<string | Uint8Array> = [
    '',
    ' ',
    '\0',
    'null',
    'true',
    '0',
    '"reload"',
    '[]',
    '[{"command":"reload"}]',
    '{}',
    '{',
    '{"command":null}',
    '{"command":["reload"]}',
    '{"command":"__proto__"}',
    '{"command":"toString"}',
    '{"__proto__":{"command":"reload"}}',
    '{"command":"off","plugin":["mute"]}',
    '{"command":"on","plugin":{}}',
    'GET / HTTP/1.1',
    '['.repeat(4096),
    '{"a":'.repeat(800),
    `"${'x'.repeat(4094)}"`,
    'x'.repeat(1_000_000),
    Uint8Array.of(0xff, 0xfe, 0xc3),
  ]
  for (const text of odd) {
    const answers = await answersTo(socketOf(host), text, `\n${INSPECT}\n`)
    assert.match(answers, /^\{"ok":false,"code":"REQUEST_INVALID",.*\}\n\{"ok":true,.*\}\n$/)
  }
})

test('a request has 4096 bytes at most', async () => {
  await using host = await startHost()
  const filled = (length: number): string => INSPECT.padEnd(length, ' ')
  assert.match(await answersTo(socketOf(host), filled(4096)), '"ok":true')
  assert.match(await answersTo(socketOf(host), filled(4097)), '"code":"REQUEST_INVALID"')
  assert.match(await asked(socketOf(host), filled(4097)), 'a request has 4096 bytes at most')
})

test('nothing more is read from who does not take the answers', async () => {
  await using host = await startHost()
  const count = 2000
  const requests = `${INSPECT.padEnd(4095, ' ')}\n`.repeat(count)
  const socket = connect({ path: socketOf(host), allowHalfOpen: true })
  let isTaken = false
  socket.end(requests, () => {
    isTaken = true
  })
  await once(socket, 'connect')
  // Enough turns of the host for it to have read all of it, and to keep all answers.
  for (let turn = 0; turn < 300; turn++) await asked(socketOf(host), '{}')
  assert.not.ok(isTaken, 'it was read')
  let answers = 0
  for await (const chunk of socket) answers += String(chunk).split('\n').length - 1
  assert.ok(isTaken)
  assert.is(answers, count)
})

test('sixteen may be connected at a time, and one more is told to try again', async () => {
  await using host = await startHost()
  const sockets: Socket[] = []
  while (sockets.length < 16) {
    const socket = connect(socketOf(host))
    sockets.push(socket)
    await once(socket, 'connect')
  }
  const [idle] = sockets
  // Its answer shows that the host has taken in all of them.
  sockets.at(-1)?.write(`${INSPECT}\n`)
  await once(sockets.at(-1) as Socket, 'data')
  const ended = await runIn(host.folder.path, 'inspect')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'no answer at .multiecho.sock: it closed the connection without')
  idle?.destroy()
  for (const socket of sockets) socket.destroy()
})

// What is answered

for (const [what, answer, expected] of [
  ['garbage', 'garbage\n', 'its answer is not that of a host'],
  ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'its answer is not that of a host'],
  ['JSON that is no answer', '[]\n', 'its answer is not that of a host'],
  ['null', 'null\n', 'its answer is not that of a host'],
  ['a refusal without words', '{"ok":false}\n', 'its answer is not that of a host'],
  ['half an answer', '{"ok":true,"res', 'it closed the connection without an answer'],
  ['nothing', '', 'it closed the connection without an answer'],
] as const) {
  test(`who is answered ${what} is told so`, async () => {
    using folder = makeFolder()
    const file = path(folder.path, 'x.sock')
    using _host = await fakeHost(file, (socket) => {
      socket.end(answer)
    })
    const given = await askHost(file, { command: 'inspect' }).catch((error: unknown) => error)
    assert.instance(given, ChatError)
    assert.is((given as ChatError).code, 'NO_ANSWER')
    assert.match((given as ChatError).message, `: ${expected}`)
  })
}

test('each command that asks says in one sentence what is behind a missing answer', async () => {
  using folder = makeFolder()
  using _host = await fakeHost(path(folder.path, '.multiecho.sock'), (socket) => {
    socket.end('{}\n')
  })
  for (const args of [['reload'], ['plugins'], ['inspect', '--timings']]) {
    const ended = await runIn(folder.path, ...args)
    assert.is(ended.status, 1)
    assert.match(
      sentenceOf(ended),
      'no answer at .multiecho.sock: its answer is not that of a host',
    )
  }
})

test('of two answers the first one counts', async () => {
  using folder = makeFolder()
  using _host = await fakeHost(path(folder.path, '.multiecho.sock'), (socket) => {
    socket.write('{"ok":true,"result":"one"}\n{"ok":true,"result":"two"}\n{')
  })
  assert.is((await runIn(folder.path, 'reload')).stdout, 'one\n')
})

test('an answer without end is given up', async () => {
  using folder = makeFolder()
  using _host = await fakeHost(path(folder.path, '.multiecho.sock'), (socket) => {
    const more = (): void => {
      while (socket.write('x'.repeat(65_536)));
    }
    socket.on('drain', more)
    more()
  })
  const ended = await runIn(folder.path, 'reload')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'its answer does not end')
})

test('a host that never answers is given up, and SIGINT does not wait for it', async () => {
  using folder = makeFolder()
  const file = path(folder.path, '.multiecho.sock')
  using host = await fakeHost(file, () => {})
  const given = await askHost(file, { command: 'reload' }, 50).catch((error: unknown) => error)
  assert.instance(given, ChatError)
  assert.is((given as ChatError).code, 'NO_ANSWER')
  assert.match((given as ChatError).message, 'it has not answered within 0.05 s')
  await host.asked
  using other = await fakeHost(path(folder.path, 'other.sock'), () => {})
  const args = [CLI, 'reload', '--control', 'other.sock']
  await using child = startChild(process.execPath, args, { cwd: folder.path })
  await other.asked
  child.kill('SIGINT')
  assert.is((await child.ended()).status, 'SIGINT')
})

test('a file that is no socket is told as that', async () => {
  using folder = makeFolder({ files: { 'x.sock': '' } })
  const ended = await runIn(folder.path, 'reload', '--control', 'x.sock')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'no host answers at x.sock: it is not a socket')
})

test.run()
