/** The control socket from within: whom it answers, how long it waits for whom, and what it keeps. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openControl } from '../../core/cli/control.ts'
import { errors } from '../../core/support/errors.ts'
import type { Request } from '../../core/host/operations.ts'
import { answersTo, asked } from '../support/control.ts'
import { within } from '../support/deadline.ts'
import { makeFolder } from '../support/host.ts'
import { collected } from '../support/memory-garbage.ts'

const test = suite('the control socket from within')

const INSPECT = '{"command":"inspect"}'
/** Milliseconds of silence after which these tests have a connection closed. */
const SILENCE = 100

interface Open extends Disposable {
  readonly path: string
  close(): void
  connect(): Promise<Socket>
}

type Answering = (request: Request) => unknown

async function opened(answer: Answering, silence?: number): Promise<Open> {
  const folder = makeFolder()
  const path = join(folder.path, 'x.sock')
  const operations = {
    reload: async () => 'reloaded',
    answer: async (request: Request) => (await answer(request)) as string,
  }
  const control = await openControl(path, operations, silence)
  const sockets: Socket[] = []
  return {
    path,
    close: () => control.close(),
    async connect() {
      const socket = connect(path)
      sockets.push(socket)
      socket.on('error', () => {})
      await once(socket, 'connect')
      return socket
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy()
      control.close()
      folder[Symbol.dispose]()
    },
  }
}

/** An answer that a test gives when it likes. */
function slow() {
  let begin = (): void => {}
  let give = (_answer: unknown): void => {}
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const given = new Promise<unknown>((resolve) => (give = resolve))
  return {
    begun,
    give,
    answer: () => {
      begin()
      return given
    },
  }
}

const closed = (socket: Socket): Promise<unknown> => {
  socket.resume()
  return within(once(socket, 'close'), 'the connection is closed')
}
const readTo = async (socket: Socket, end: RegExp): Promise<string> => {
  let text = ''
  const read = async (): Promise<string> => {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      text += String(chunk)
      if (end.test(text)) break
    }
    return text
  }
  return within(read(), () => `${String(end)} in ${text}`)
}

// Whom it answers

test('an answer, a refusal and what fails within are told apart', async () => {
  const answers: Answering[] = [
    () => 'done',
    () => ({ plugins: [] }),
    () => Promise.reject(errors.requestInvalid('no')),
    () => Promise.reject(new Error('broken')),
    () => 1n,
  ]
  using control = await opened((request) => answers.shift()?.(request))
  const texts = (await answersTo(control.path, `${INSPECT}\n`.repeat(5))).split('\n')
  const [text, report, refused, failed, odd] = texts.slice(0, -1).map((line) => JSON.parse(line))
  assert.equal(text, { ok: true, result: 'done' })
  assert.equal(report, { ok: true, result: { plugins: [] } })
  assert.is(refused.code, 'REQUEST_INVALID')
  assert.equal([failed.ok, failed.code], [false, 'UNKNOWN'])
  assert.match(failed.message, 'broken')
  assert.equal([odd.ok, odd.code], [false, 'UNKNOWN'])
})

test('of two requests over one connection the second waits for the answer to the first', async () => {
  const first = slow()
  const commands: unknown[] = []
  using control = await opened((request) => {
    commands.push(request)
    return commands.length === 1 ? first.answer() : 'second'
  })
  const socket = await control.connect()
  socket.write('1\n2\n')
  await first.begun
  // Another connection does not wait: when it has been answered, the second request was there for long.
  assert.match(await asked(control.path, '3'), 'second')
  assert.equal(commands, [1, 3])
  first.give('first')
  const answers = await readTo(socket, /\n.*\n/)
  assert.equal(answers, '{"ok":true,"result":"first"}\n{"ok":true,"result":"second"}\n')
  assert.equal(commands, [1, 3, 2])
})

test('of seventeen connections the last is closed at once, and there is room again when one has gone', async () => {
  using control = await opened(() => 'here')
  const sockets: Socket[] = []
  while (sockets.length < 17) sockets.push(await control.connect())
  await closed(sockets[16] as Socket)
  const [first, last] = [sockets[0] as Socket, sockets[15] as Socket]
  last.write(`${INSPECT}\n`)
  await readTo(last, /here.*\n/)
  first.destroy()
  last.write(`${INSPECT}\n`)
  await readTo(last, /here.*\n/)
  assert.match(await asked(control.path, INSPECT), 'here')
})

test('who breaks off while its answer is worked out harms nobody', async () => {
  for (const text of ['done', 'x'.repeat(10_000_000)]) {
    const first = slow()
    let count = 0
    using control = await opened(() => (count++ === 0 ? first.answer() : 'next'))
    const socket = await control.connect()
    socket.write(`${INSPECT}\n${INSPECT}\n`)
    await first.begun
    socket.destroy()
    first.give(text)
    assert.match(await asked(control.path, INSPECT), 'next')
    // An error or a rejection that nobody heard would end the process in the next turn.
    await turn()
  }
})

// How long it waits

test('who asks nothing is closed in time, and who waits for its answer is not', async () => {
  const first = slow()
  using control = await opened(() => first.answer(), SILENCE)
  const asking = await control.connect()
  asking.write(`${INSPECT}\n`)
  await first.begun
  await closed(await control.connect())
  await closed(await control.connect())
  first.give('late')
  assert.match(await readTo(asking, /\n/), '"result":"late"')
  await closed(asking)
})

test('who does not take its answer is closed in time', async () => {
  const text = 'x'.repeat(10_000_000)
  using control = await opened(() => text, SILENCE)
  const socket = await control.connect()
  socket.pause()
  socket.write(`${INSPECT}\n`)
  // Node takes it for silent when nothing has been taken from one time to the next, so that takes more than one time.
  for (let count = 0; count < 5; count++) await closed(await control.connect())
  let length = 0
  socket.on('data', (chunk: Buffer) => (length += chunk.length))
  await closed(socket)
  assert.ok(length < text.length, `it has got ${length} bytes`)
})

test('when the host stops all connections are closed, and the socket goes', async () => {
  const first = slow()
  using control = await opened(() => first.answer())
  const [asking, silent] = [await control.connect(), await control.connect()]
  asking.write(`${INSPECT}\n`)
  await first.begun
  control.close()
  await Promise.all([closed(asking), closed(silent)])
  first.give('too late')
  await turn()
  assert.not.ok(existsSync(control.path))
})

// What it keeps

test('of a request without end no more is kept than shows that', async () => {
  using control = await opened(() => 'never')
  const socket = await control.connect()
  const taken = async (): Promise<number> => {
    await collected([])
    return process.memoryUsage().arrayBuffers
  }
  const before = await taken()
  const piece = Buffer.alloc(65_536, 'x')
  for (let sent = 0; sent < 160; sent++) {
    await within(new Promise((done) => socket.write(piece, done)), 'it is read')
  }
  const kept = (await taken()) - before
  assert.ok(kept < 2_000_000, `${kept} bytes are kept`)
  socket.write('\n')
  assert.match(await readTo(socket, /\n/), 'a request has 4096 bytes at most')
})

test.run()
