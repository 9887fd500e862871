/** How much of a client is read at a time, what waits unread, and who is told by its first bytes to be no client. */
import * as fc from 'fast-check'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LineReader, OutOfBudget } from '../../../core/telnet/line-reader.ts'
import { Opening } from '../../../core/telnet/protocol-sniffer.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo, flood } from '../../../plugins/index.ts'
import { bytes, DO, IAC, input, SB, SE, type Bytes } from '../../support/memory-bytes.ts'
import { join, plugin, probe } from '../../support/memory-plugins.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('reading')

const LIMITS = { line: 4096, unterminated: 64 * 1024 }
const NO_REPLIES = { reply: () => {}, areYouThere: () => {} }

// A budget

/** How often a reader must be given a budget to read some bytes. */
function shares(sent: Buffer, budget: number): number {
  const reader = new LineReader(LIMITS, NO_REPLIES)
  reader.push(sent)
  for (let count = 1; ; count++) {
    reader.budget = budget
    let read = reader.next()
    while (typeof read === 'string') read = reader.next()
    if (read !== OutOfBudget) return count
  }
}

for (const [name, unit] of [
  ['erase keys', bytes('x', 0x7f)],
  ['^U', bytes(0x15)],
  ['IAC IAC', bytes(IAC, IAC, 0x15)],
  ['timing marks', bytes(IAC, DO, 6)],
  ['subnegotiations', bytes(IAC, SB, 24, 1, IAC, SE)],
  ['NULs', bytes(0)],
  ['empty lines', bytes('\n')],
  ['lines', bytes('hi\n')],
  ['lines that are to be made safe', bytes('\u202e'.repeat(1000), '\n')],
] as const) {
  test(`${name} use up a budget long before as many plain bytes do`, () => {
    const sent = Buffer.alloc(unit.length * Math.ceil(30_000 / unit.length), unit)
    assert.is(shares(bytes('x'.repeat(sent.length - 1), '\n'), sent.length + 1000), 1)
    assert.ok(shares(sent, sent.length + 1000) > 5)
  })
}

test('whatever the budget, the lines are the same', () => {
  const property = fc.property(input, fc.integer({ min: 1, max: 2000 }), (all, budget) => {
    const read = (each: number): unknown[] => {
      const seen: unknown[] = []
      const reader = new LineReader(LIMITS, {
        reply: (answer) => seen.push(...answer),
        areYouThere: () => seen.push('AYT'),
      })
      reader.push(all)
      for (;;) {
        reader.budget = each
        const got = reader.next()
        if (got === undefined) return [...seen, reader.unterminated, reader.unread]
        if (got !== OutOfBudget) seen.push(got)
      }
    }
    assert.equal(read(budget), read(Infinity))
  })
  fc.assert(property, { seed, numRuns: cases(10_000) })
})

test('erasing takes no longer on a long line than on a short one', () => {
  const time = (length: number): number => {
    const reader = new LineReader(LIMITS, NO_REPLIES)
    reader.push(bytes('é'.repeat(length / 2)))
    reader.next()
    const keys = Buffer.alloc(200_000, bytes('é', 0x7f))
    const before = performance.now()
    reader.push(keys)
    reader.next()
    return performance.now() - before
  }
  time(10)
  assert.ok(time(4000) < 10 * time(10) + 20)
})

// What is unread

test('pieces of one byte that wait are kept as one', () => {
  const reader = new LineReader(LIMITS, NO_REPLIES)
  const piece = Buffer.alloc(1, 'x')
  reader.push(Buffer.from('first\n'))
  const before = process.memoryUsage()
  for (let count = 0; count < 60_000; count++) reader.push(Buffer.from(piece))
  reader.push(bytes('\nlast\n'))
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  assert.is(reader.unread, 60_012)
  // What was copied to make room may not have been collected.
  assert.ok(arrayBuffers - before.arrayBuffers < 1024 * 1024, `${arrayBuffers} bytes of buffers`)
  assert.ok(heapUsed - before.heapUsed < 16 * 1024 * 1024, `${heapUsed} bytes of heap`)
  assert.is(reader.next(), 'first')
})

/** Brings what it is told to, whether that is wanted or not, and counts what it was made to keep. */
class Source extends Duplex {
  constructor(highWaterMark = 16 * 1024) {
    super({ allowHalfOpen: true, highWaterMark })
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done()
  }

  /** Pushes as a socket does: byte by byte, until it is full. Returns how many bytes it took. */
  fill(text: string): number {
    let taken = 0
    for (const byte of Buffer.from(text)) {
      taken++
      if (!this.push(Buffer.of(byte))) break
    }
    return taken
  }
}

test('of a client that is held 64 KiB are read, and its stream is full at once then, whatever its packets', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const watcher = await join(host)
  const stream = new Source()
  chat.host.attach(stream, { label: 'held' })
  await host.quiet()
  const release = chat.host.clients.get('held')?.hold() ?? assert.unreachable
  const line = `${'x'.repeat(1022)}\r\n`
  for (let count = 0; count < 64; count++) stream.push(line)
  await turn()
  assert.is(stream.isPaused(), true)
  assert.is(stream.readableLength, 16 * 1024)
  // No piece more than the one that is on its way.
  assert.is(stream.fill('late\r\n'), 1)
  assert.equal(watcher.take(), [])
  release()
  await host.quiet()
  stream.push('ate\r\n')
  await host.quiet()
  assert.is(stream.isPaused(), false)
  assert.equal(watcher.take(), [
    ...Array.from({ length: 64 }, () => `(held) ${line.trimEnd()}`),
    '(held) late',
  ])
})

test('a stream that keeps more than is read ahead rests while its client is held, and holds up nobody', async () => {
  for (const highWaterMark of [64 * 1024 + 1, 256 * 1024, 1024 * 1024]) {
    const chat = probe()
    await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
    const watcher = await join(host)
    const stream = new Source(highWaterMark)
    chat.host.attach(stream, { label: 'held' })
    await host.quiet()
    const release = chat.host.clients.get('held')?.hold() ?? assert.unreachable
    let paused = 0
    // A loop that never ends would not even let the test fail.
    stream.on('pause', () => {
      if (++paused > 100) throw new Error('paused again and again')
    })
    stream.push('line\n'.repeat(15_000))
    await turn()
    assert.ok(paused < 100, `paused ${paused} times`)
    assert.is(stream.isPaused(), true)
    release()
    await host.quiet()
    assert.is(stream.isPaused(), false)
    assert.is(watcher.take().length, 15_000)
  }
})

test('a client that is held again and again loses nothing and keeps its order', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 8 }),
    fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    async (sizes, holds) => {
      const chat = probe()
      await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
      const watcher = await join(host)
      const stream = new Source()
      chat.host.attach(stream, { label: 'held' })
      await host.quiet()
      const all = Buffer.from(
        Array.from({ length: 40_000 }, (_, number) => `${number}\n`).join(''),
      ).subarray(
        0,
        sizes.reduce((sum, size) => sum + size, 0),
      )
      let release = (): void => {}
      let at = 0
      for (const [index, size] of sizes.entries()) {
        release()
        release = holds[index] ? (chat.host.clients.get('held')?.hold() ?? release) : () => {}
        stream.push(all.subarray(at, (at += size)))
        await turn()
      }
      release()
      stream.push('\nlast\n')
      await host.quiet()
      const heard = watcher.take().map((line) => line.replace('(held) ', ''))
      assert.equal(
        heard,
        `${all.toString()}\nlast`.split('\n').filter((line) => line !== ''),
      )
    },
  )
  await fc.assert(property, { seed, numRuns: cases(30) })
})

test('what was read when the host stops is run, and what came later is not', async () => {
  const chat = probe()
  const host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const watcher = await join(host)
  const stream = new Source()
  chat.host.attach(stream, { label: 'held' })
  await host.quiet()
  chat.host.clients.get('held')?.hold()
  for (let count = 0; count < 70; count++) stream.push(`${count} ${'x'.repeat(1000)}\n`)
  await turn()
  const stopping = host.stop()
  stream.push('late\n')
  await stopping
  const heard = watcher.take().map((line) => line.split(' ')[1])
  assert.equal(
    heard,
    // As many as there are in 64 KiB, and the one that goes beyond it.
    Array.from({ length: 66 }, (_, count) => `${count}`),
  )
})

test('a client that floods with edits delays nobody, and its lines still come', async () => {
  await using host = await createTestHost({ plugins: [flood({ burst: 1, perSecond: 1 }), echo()] })
  const [one, two, watcher] = [await join(host), await join(host), await join(host)]
  const sending = one.send(Buffer.concat([Buffer.alloc(60_000, 0x7f), bytes('at last\n')]))
  await two.say('at once')
  await sending
  assert.equal(watcher.take(), [`(${two.id}) at once`, `(${one.id}) at last`])
})

test('who floods with edits gets no more for sending on than who has sent all', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, two] = [new Source(), new Source()]
  chat.host.attach(one, { label: 'one' })
  chat.host.attach(two, { label: 'two' })
  const watcher = await join(host)
  one.push(Buffer.concat([Buffer.alloc(120_000, 0x15), bytes('hello\n')]))
  two.push(Buffer.concat([Buffer.alloc(60_000, 0x15), bytes('hello\n')]))
  const heard: string[] = []
  while (heard.length < 2) {
    one.push(bytes(0x15))
    await turn()
    heard.push(...watcher.take())
  }
  assert.equal(heard, ['(two) hello', '(one) hello'])
})

test('edits are counted up to the next line that says something, empty lines with them', () => {
  const reader = new LineReader(LIMITS, NO_REPLIES)
  const editsAfter = (...sent: readonly Bytes[]): number => {
    reader.push(bytes(...sent))
    while (reader.next() !== undefined);
    return reader.edits
  }
  assert.is(editsAfter('\n\n\n'), 3)
  assert.is(editsAfter('x', 0x7f, 0x15, IAC, DO, 6), 8)
  assert.is(editsAfter('hello\n'), 0)
})

test('what a reader gives back is not written over by what comes next', () => {
  const reader = new LineReader(LIMITS, NO_REPLIES)
  reader.push(bytes('one\ntwo\n'))
  const rest = reader.takeBack(4)
  reader.push(bytes('six\n'))
  assert.is(String(rest), 'two\n')
  assert.equal([reader.next(), reader.next(), reader.next()], ['one', 'six', undefined])
})

test('those who flood with edits have their turns one by one, milliseconds apart', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const floods = [new Source(), new Source()]
  for (const [index, one] of floods.entries()) chat.host.attach(one, { label: `${index}` })
  const watcher = await join(host)
  for (const one of floods) one.push(bytes(Buffer.alloc(60_000, 0x15), 'hello\n'))
  const heard: Array<{ line: string; at: number }> = []
  while (heard.length < 2) {
    await turn()
    heard.push(...watcher.take().map((line) => ({ line, at: performance.now() })))
  }
  const [first, second] = heard
  assert.equal([first?.line, second?.line], ['(0) hello', '(1) hello'])
  const apart = (second?.at ?? 0) - (first?.at ?? 0)
  assert.ok(apart > 4, `${apart} ms apart`)
})

test('those who flood with edits and are gone keep nobody waiting who floods after them', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, watcher] = [await join(host), await join(host)]
  const edits = Buffer.alloc(8000, 0x15)
  for (let count = 0; count < 300; count++) {
    const stream = new Source()
    chat.host.attach(stream, { label: `gone ${count}` })
    await turn()
    stream.push(edits)
    await turn()
    stream.destroy()
  }
  const before = performance.now()
  await one.send(bytes(edits, 'at last\n'))
  assert.equal(watcher.take(), [`(${one.id}) at last`])
  // With 8 ms for each of those who are gone it would be more than two seconds.
  const took = performance.now() - before
  assert.ok(took < 1200, `${took} ms`)
})

// First bytes

/** Whether some first bytes are let through, however they are cut. */
function isChat(first: string | Buffer): boolean | undefined {
  const all = typeof first === 'string' ? bytes(first) : first
  const judge = (chunks: readonly Buffer[]): boolean | undefined => {
    const opening = new Opening()
    for (const chunk of chunks) {
      const verdict = opening.isChat(chunk)
      if (verdict !== undefined) return verdict
    }
    return undefined
  }
  const whole = judge([all])
  for (let cut = 1; cut < Math.min(all.length, 300); cut++) {
    assert.is(judge([all.subarray(0, cut), all.subarray(cut)]), whole, `cut at ${cut}`)
  }
  return whole
}

const LONG = 'A'.repeat(5000)
const STRANGERS: ReadonlyArray<readonly [name: string, first: string | Buffer]> = [
  ['a request', 'GET / HTTP/1.1\r\nHost: x\r\n'],
  ['a request of HTTP 1.0 with LF alone', 'GET /index.html HTTP/1.0\n'],
  [
    'a request whose target is longer than a line',
    `POST /${LONG} HTTP/1.1\r\nHost: x\r\n\r\nowned`,
  ],
  ['a request that is longer than all lines', `GET /${'A'.repeat(40_000)}`],
  ['a method with a hyphen', 'VERSION-CONTROL / HTTP/1.1\r\n'],
  ['a method in lower case', 'get / HTTP/1.1\r\n'],
  ['a method of every character that one may have', "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n"],
  ['a method of one letter', 'M / HTTP/1.1\r\n'],
  ['a request for a whole address', 'GET http://127.0.0.1/ HTTP/1.1\r\n'],
  ['a request for a tunnel', 'CONNECT 127.0.0.1:25 HTTP/1.1\r\n'],
  ['a request for the server', 'OPTIONS * HTTP/1.1\r\n'],
  ['a request with a target that is none', 'GET index.html HTTP/1.1\r\n'],
  ['a target with bytes that are no ASCII', bytes('GET /', 0xe9, 0xa0, ' HTTP/1.1\r\n')],
  ['a request behind empty lines', '\r\n\r\n\nGET / HTTP/1.1\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['RTSP', 'OPTIONS / RTSP/1.0\r\n'],
  ['SIP', 'OPTIONS sip:nm SIP/2.0\r\n'],
  ['a TLS hello', bytes(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, '\n')],
  ['a TLS hello that has only begun', bytes(0x16, 0x03, 0x03)],
  ['STUN of WebRTC', bytes(0, 88, 0, 1, 0, 68, 0x21, 0x12, 0xa4, 0x42, 'random bytes', '\n')],
  ['STUN without a length', bytes(0, 1, 0, 68, 0x21, 0x12, 0xa4, 0x42, 'random bytes', '\n')],
  ['an SSH client', 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'],
  ['a PROXY header', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nhello\r\n'],
  ['a PROXY header of nobody', 'PROXY UNKNOWN\r\n'],
  ['a binary PROXY header', bytes('\r\n\r\n\0\r\nQUIT\n', 0x21, 0x11, 0, 12)],
]

for (const [name, first] of STRANGERS) {
  test(`${name} is no chat`, () => {
    assert.is(isChat(first), false)
  })
}

for (const line of [
  'GET a life HTTP/1 is old',
  'GET / HTTP/1.1 is how it begins',
  'switch to HTTP/2',
  'we talk HTTP/1.1',
  'GET HTTP/1.1',
  'GET /',
  'SSH-2.0 is meant',
  'SSH',
  'PROXY servers',
  'PROXY',
  'QUIT',
  'hello',
  '/mute',
  '',
  `/${LONG}`,
  `look /${LONG} at that`,
]) {
  test(`"${line.slice(0, 40)}" may be said first`, () => {
    assert.is(isChat(`${line}\r\nnext\r\n`), true)
  })
}

test('what begins with many empty lines or a long line is judged all the same', () => {
  assert.is(isChat('\r\n'.repeat(20_000)), undefined)
  assert.is(isChat(`${'\r\n'.repeat(20_000)}GET / HTTP/1.1\r\n`), false)
  assert.is(isChat(`${'\r\n'.repeat(20_000)}hello\r\n`), true)
  assert.is(isChat('x'.repeat(20_000)), true)
})

test('the first bytes take no longer one by one than at once', () => {
  for (const first of ['x'.repeat(16_000), '\n'.repeat(50_000), `GET /${'x'.repeat(16_000)}`]) {
    const opening = new Opening()
    const before = performance.now()
    for (const byte of Buffer.from(first)) opening.isChat(Buffer.of(byte))
    assert.ok(performance.now() - before < 500)
  }
})

test('nothing of who is no client is shown, and it is closed', async () => {
  for (const [name, first] of STRANGERS) {
    await using host = await createTestHost({ plugins: [echo()] })
    const [watcher, stranger] = [await join(host), await join(host)]
    assert.equal(await stranger.send(bytes(first, '\r\nHost: x\r\n\r\nowned line\r\n')), [], name)
    assert.is(stranger.closed, true, name)
    assert.equal(watcher.take(), [], name)
  }
})

test('who is no client is read no further while nobody may leave', async () => {
  const chat = probe()
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const slow = plugin('slow', (context) => context.onStart(() => opened))
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const watcher = await join(host)
  const stream = new Source()
  chat.host.attach(stream, { label: 'stranger' })
  await host.quiet()
  const reloading = host.reload({ plugins: [chat.plugin, slow, echo()] })
  await turn()
  stream.push('GET / HTTP/1.1\r\n')
  await turn()
  let taken = 0
  while (taken < 1000 && !stream.destroyed) {
    stream.push('x'.repeat(1000))
    await turn()
    taken++
  }
  open()
  await reloading
  assert.ok(taken <= 70, `${taken} KB of it are read`)
  assert.is(chat.host.clients.get('stranger'), undefined)
  assert.equal(watcher.take(), [])
})

test('what looks like a request later on is chat', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('look what I found:')
  await one.say('GET / HTTP/1.1')
  assert.equal(two.take(), [`(${one.id}) look what I found:`, `(${one.id}) GET / HTTP/1.1`])
})

printSeed()
test.run()
