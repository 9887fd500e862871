/** What waits for clients that do not read: how much, in which order, and when they are given up. */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../../core/support/clock.ts'
import { Backlogs, type BacklogLimits } from '../../../core/delivery/backlogs.ts'
import { Outbox } from '../../../core/delivery/outbox.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { join, probe } from '../../support/memory-plugins.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('outbox')

/** A chunk in the queue costs more than its bytes. */
const OVERHEAD = 64
const WRITE = 64 * 1024

/** A stream whose peer takes what was written when it is told to. */
class Slow extends Duplex {
  taken = ''
  readonly #waiting: Array<() => void> = []

  /** It asks to wait for its `drain` event once it holds so many bytes. */
  constructor(highWaterMark = 1) {
    super({ allowHalfOpen: true, highWaterMark })
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#waiting.push(() => {
      this.taken += chunk.toString('latin1')
      done()
    })
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), '', done)
  }

  /** Takes the write in flight; false when there is none. */
  async accept(): Promise<boolean> {
    const next = this.#waiting.shift()
    next?.()
    await turn()
    return next !== undefined
  }

  async acceptAll(): Promise<void> {
    while (await this.accept());
  }
}

interface Desk {
  readonly backlogs: Backlogs
  /** What became of whom, in order. */
  readonly notes: string[]
  open(name: string, highWaterMark?: number): { outbox: Outbox; stream: Slow }
  advance(milliseconds: number): void
}

function desk(limits: Partial<BacklogLimits> = {}): Desk {
  let now = 0
  let timers: Array<{ due: number; fire: () => void }> = []
  const clock: Clock = {
    now: () => now,
    date: () => 0,
    setTimeout(fire, milliseconds) {
      const timer = { due: now + milliseconds, fire }
      timers.push(timer)
      return () => void (timers = timers.filter((one) => one !== timer))
    },
  }
  const usual = { backlogSoft: 1e6, backlogHard: 1e7, backlogTotal: 1e8, writeDeadline: 30_000 }
  const backlogs = new Backlogs({ ...usual, ...limits }, clock)
  const notes: string[] = []
  return {
    backlogs,
    notes,
    open(name, highWaterMark = 1) {
      const stream = new Slow(highWaterMark)
      const owner = {
        backlogged: (above: boolean) => void notes.push(`${name} ${above ? 'above' : 'below'}`),
        evict() {
          notes.push(`${name} evicted`)
          outbox.drop()
        },
        broke(cause: unknown) {
          throw cause
        },
      }
      const outbox = new Outbox(stream, owner, backlogs)
      return { outbox, stream }
    },
    advance(milliseconds) {
      const end = now + milliseconds
      for (;;) {
        const [next] = timers.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)
        if (next === undefined) break
        timers = timers.filter((one) => one !== next)
        now = next.due
        next.fire()
      }
      now = end
    },
  }
}

/** A chunk of so many bytes. */
const bytes = (count: number, letter = 'x'): Buffer => Buffer.alloc(count, letter)

/** Turns in which a socket can drain before anybody is judged. */
async function judged(): Promise<void> {
  for (let count = 0; count < 4; count++) await turn()
}

// One client

test('a stream that takes them gets chunks at once, one write each', async () => {
  const { open, backlogs } = desk()
  const { outbox, stream } = open('a')
  for (const letter of 'abc') {
    outbox.write(Buffer.from(letter))
    assert.is(outbox.backlog, 1)
    await stream.accept()
    assert.is(outbox.backlog, 0)
  }
  assert.is(stream.taken, 'abc')
  assert.is(backlogs.total, 0)
})

test('what comes while a write is in flight waits, is counted, and follows in order', async () => {
  const { open, backlogs } = desk()
  const { outbox, stream } = open('a')
  for (const text of ['one ', 'two ', 'three']) outbox.write(Buffer.from(text))
  assert.is(backlogs.total, 9 + 2 * OVERHEAD)
  assert.is(outbox.backlog, 13 + 2 * OVERHEAD)
  await stream.acceptAll()
  assert.is(stream.taken, 'one two three')
  assert.equal([outbox.backlog, backlogs.total], [0, 0])
})

test('no more than 64 KiB are in flight once something waits', async () => {
  const { open } = desk()
  const { outbox, stream } = open('a')
  outbox.write(bytes(1, 'a'))
  for (let count = 0; count < 100; count++) outbox.write(bytes(1000, 'b'))
  outbox.write(bytes(WRITE + 1, 'c'))
  outbox.write(bytes(1, 'd'))
  const inFlight: number[] = []
  do inFlight.push(stream.writableLength)
  while (await stream.accept())
  assert.equal(inFlight, [1, 65_000, 35_000, WRITE + 1, 1, 0])
  assert.is(stream.taken, `a${'b'.repeat(100_000)}${'c'.repeat(WRITE + 1)}d`)
})

test('it tells once when all has been handed on', async () => {
  const { open } = desk()
  const { outbox, stream } = open('a')
  let told = 0
  outbox.whenEmpty(() => told++)
  assert.is(told, 1)
  outbox.write(bytes(1))
  outbox.write(bytes(1))
  outbox.whenEmpty(() => told++)
  assert.is(told, 1)
  await stream.acceptAll()
  assert.is(told, 2)
  outbox.write(bytes(1))
  outbox.write(bytes(1))
  await stream.acceptAll()
  assert.is(told, 2, 'nobody has asked again')
})

test('what was dropped is not written, nor counted any more, nor anything that comes', async () => {
  const { open, backlogs } = desk()
  const { outbox, stream } = open('a')
  let told = 0
  for (const letter of 'abc') outbox.write(Buffer.from(letter))
  outbox.whenEmpty(() => told++)
  outbox.drop()
  outbox.write(Buffer.from('d'))
  assert.is(backlogs.total, 0)
  await stream.acceptAll()
  assert.is(stream.taken, 'a')
  assert.is(told, 0)
  outbox.drop()
  assert.is(backlogs.total, 0)
})

test('what a stream holds without asking to wait does not wait here, and keeps nothing else in memory', async () => {
  const { open, backlogs } = desk()
  const { outbox, stream } = open('a', 100)
  const shared = bytes(1000)
  for (let count = 0; count < 3; count++) outbox.write(shared.subarray(0, 33))
  assert.equal([outbox.backlog, backlogs.total], [99, 0])
  outbox.write(bytes(1))
  outbox.write(bytes(1))
  assert.equal([outbox.backlog, backlogs.total], [101 + OVERHEAD, 1 + OVERHEAD])
  const chunks: Buffer[] = []
  stream._writev = (written, done) => {
    chunks.push(...written.map(({ chunk }) => chunk))
    done()
  }
  await stream.acceptAll()
  assert.equal([outbox.backlog, backlogs.total], [0, 0])
  assert.is(chunks.length, 3)
  assert.ok(chunks.every((chunk) => chunk.buffer.byteLength === chunk.length))
})

// Limits

test('above the soft limit, and not at it, the owner is told, once', () => {
  const { open, notes } = desk({ backlogSoft: 1000 })
  const { outbox } = open('a')
  outbox.write(bytes(100))
  outbox.write(bytes(900 - OVERHEAD))
  assert.is(outbox.backlog, 1000)
  assert.equal(notes, [])
  outbox.write(bytes(1))
  outbox.write(bytes(1))
  assert.equal(notes, ['a above'])
})

test('the owner is told again when less than half of that waits', async () => {
  const { open, notes } = desk({ backlogSoft: 200_000 })
  const { outbox, stream } = open('a')
  for (let count = 0; count < 201; count++) outbox.write(bytes(1000))
  assert.equal(notes.splice(0), ['a above'])
  let before = outbox.backlog
  while (notes.length === 0) {
    before = outbox.backlog
    assert.ok(await stream.accept())
  }
  assert.equal(notes.splice(0), ['a below'])
  assert.ok(before >= 100_000 && outbox.backlog < 100_000)
  await stream.acceptAll()
  assert.equal(notes, [])
})

test('a soft limit that is smaller than a write is left behind like any other', async () => {
  const { open, notes, advance } = desk({ backlogSoft: 1000 })
  const { outbox, stream } = open('a')
  outbox.write(bytes(1))
  for (let count = 0; count < 10; count++) outbox.write(bytes(500))
  await stream.acceptAll()
  assert.equal(notes, ['a above', 'a below'])
  advance(60_000)
  assert.equal(notes, ['a above', 'a below'])
})

test('a client whose stream holds the rest without asking to wait has left the soft limit behind', async () => {
  const { open, notes, advance } = desk({ backlogSoft: 1000 })
  const { outbox, stream } = open('a', 5000)
  outbox.write(bytes(5000))
  for (let count = 0; count < 4; count++) outbox.write(bytes(1000))
  await stream.accept()
  assert.is(outbox.backlog, 4000)
  assert.equal(notes, ['a above', 'a below'])
  advance(60_000)
  assert.equal(notes, ['a above', 'a below'])
  await stream.acceptAll()
  assert.is(stream.taken.length, 9000)
})

test('a small chunk ahead of a large one does not keep the large one waiting', async () => {
  const { open } = desk()
  const { outbox, stream } = open('a', 5000)
  for (const size of [5000, 1, WRITE]) outbox.write(bytes(size))
  await stream.acceptAll()
  assert.is(stream.taken.length, 5001 + WRITE)
})

test('above the hard limit, and not at it, a client is closed', async () => {
  const { open, notes } = desk({ backlogHard: 1000 })
  const { outbox } = open('a')
  outbox.write(bytes(100))
  outbox.write(bytes(900 - OVERHEAD))
  await judged()
  assert.equal(notes, [])
  outbox.write(bytes(1))
  assert.equal(notes, [], 'it has a turn to take something')
  await judged()
  assert.equal(notes, ['a evicted'])
})

test('a client that takes what was too much in its turn stays', async () => {
  const { open, notes } = desk({ backlogHard: 1000 })
  const { outbox, stream } = open('a')
  outbox.write(bytes(100))
  outbox.write(bytes(1000))
  outbox.write(bytes(1000))
  void stream.acceptAll()
  await judged()
  assert.equal(notes, [])
  assert.is(stream.taken.length, 2100)
})

test('nor is one closed that takes as much in its turn as leaves no more than the limit', async () => {
  const { open, notes } = desk({ backlogHard: 1000 })
  const { outbox, stream } = open('a')
  outbox.write(bytes(1))
  outbox.write(bytes(1000))
  await stream.accept()
  assert.is(outbox.backlog, 1000)
  await judged()
  assert.equal(notes, [])
})

test('who has nothing waiting any more is not closed for what waits for others', async () => {
  const { open, notes } = desk({ backlogTotal: 4000 })
  const [done, other] = [open('done'), open('other')]
  for (const size of [1, 5000]) done.outbox.write(bytes(size))
  await done.stream.accept()
  assert.is(done.outbox.backlog, 5000, 'its stream has all of it')
  for (const size of [1, 2000, 2000, 500]) other.outbox.write(bytes(size))
  await judged()
  assert.equal(notes, ['other evicted'])
})

test('when all together have too much waiting, the largest are closed first, no more than needed', async () => {
  const { open, notes, backlogs } = desk({ backlogTotal: 10_000 })
  const clients = ['small', 'large', 'middle', 'larger'].map((name) => open(name))
  for (const [index, size] of [1000, 4000, 2000, 4500].entries()) {
    clients[index]?.outbox.write(bytes(1))
    clients[index]?.outbox.write(bytes(size))
  }
  await judged()
  assert.equal(notes, ['larger evicted'])
  assert.is(backlogs.total, 7000 + 3 * OVERHEAD)
  clients[0]?.outbox.write(bytes(5000))
  await judged()
  assert.equal(notes.slice(1), ['small evicted'])
})

test('a client that completes no write for 30 s above the soft limit is closed', () => {
  const { open, notes, advance } = desk({ backlogSoft: 1000 })
  const { outbox } = open('a')
  outbox.write(bytes(1))
  outbox.write(bytes(1000))
  advance(29_999)
  assert.equal(notes, ['a above'])
  advance(1001)
  assert.equal(notes, ['a above', 'a evicted'])
})

test('a deadline of less than a second is kept', () => {
  const { open, notes, advance } = desk({ backlogSoft: 1000, writeDeadline: 300 })
  const { outbox } = open('a')
  outbox.write(bytes(1))
  outbox.write(bytes(1000))
  advance(299)
  assert.equal(notes, ['a above'])
  advance(1)
  assert.equal(notes, ['a above', 'a evicted'])
})

test('a completed write begins these 30 s anew', async () => {
  const { open, notes, advance } = desk({ backlogSoft: 100_000 })
  const { outbox, stream } = open('a')
  for (let count = 0; count < 400; count++) outbox.write(bytes(1000))
  for (let count = 0; count < 5; count++) {
    advance(29_000)
    await stream.accept()
  }
  assert.equal(notes, ['a above'])
  advance(31_000)
  assert.equal(notes, ['a above', 'a evicted'])
})

test('below the soft limit a client may take all the time in the world', () => {
  const { open, notes, advance } = desk({ backlogSoft: 1000 })
  const { outbox } = open('a')
  outbox.write(bytes(1))
  outbox.write(bytes(500))
  advance(1e9)
  assert.equal(notes, [])
})

test('nobody is judged when the host has closed', () => {
  const { open, notes, advance, backlogs } = desk({ backlogSoft: 1000 })
  const { outbox } = open('a')
  outbox.write(bytes(1))
  outbox.write(bytes(1000))
  backlogs.close()
  advance(1e6)
  assert.equal(notes, ['a above'])
})

const act = fc.record({
  who: fc.nat({ max: 2 }),
  what: fc.constantFrom('write', 'write', 'write', 'take', 'take', 'drop'),
  size: fc.oneof(fc.nat({ max: 50 }), fc.constantFrom(1000, 40_000, WRITE, WRITE + 1)),
})

test('whatever is written, taken and dropped, the order and the sum are right', async () => {
  const property = fc.asyncProperty(fc.array(act, { maxLength: 60, size: 'max' }), async (acts) => {
    const { open, backlogs } = desk()
    const clients = ['a', 'b', 'c'].map((name, index) => ({
      ...open(name, [1, 100, WRITE][index]),
      sent: '',
      dropped: false,
    }))
    let letter = 0
    for (const { who, what, size } of acts) {
      const client = clients[who]
      assert.ok(client)
      if (what === 'take') await client.stream.accept()
      if (what === 'drop' && size < 5) {
        client.outbox.drop()
        client.dropped = true
      }
      if (what === 'write') {
        const chunk = bytes(size + 1, String.fromCharCode(97 + (letter++ % 26)))
        client.outbox.write(chunk)
        if (!client.dropped) client.sent += chunk.toString('latin1')
      }
      const waiting = clients.map(({ outbox, stream }) => outbox.backlog - stream.writableLength)
      assert.is(
        backlogs.total,
        waiting.reduce((sum, one) => sum + one, 0),
      )
    }
    for (const { stream, sent, dropped } of clients) {
      await stream.acceptAll()
      if (dropped) assert.ok(sent.startsWith(stream.taken))
      else assert.ok(sent === stream.taken)
    }
    assert.is(backlogs.total, 0)
  })
  await fc.assert(property, { seed, numRuns: cases(300) })
})

// Through a host

test('one who does not read costs the others nothing, is not read from either, and is closed', async () => {
  const reasons: string[] = []
  const chat = probe('probe', ({ hooks }) => {
    hooks.close.tap('note', ({ client, reason }) => void reasons.push(`${client.id} ${reason}`))
  })
  await using host = await createTestHost({
    plugins: [chat.plugin, echo()],
    limits: { backlogSoft: 10_000, backlogHard: 100_000 },
  })
  const [one, two] = [await join(host), await join(host)]
  const stuck = new Slow()
  chat.host.attach(stuck, { label: 'stuck' })
  await host.quiet()
  for (let count = 0; count < 20; count++) await one.say('x'.repeat(1000))
  two.take()
  stuck.push('typed meanwhile\n')
  await host.quiet()
  assert.equal(two.take(), [])
  assert.equal(reasons, [])
  for (let count = 0; count < 100; count++) await one.say('x'.repeat(1000))
  await judged()
  assert.equal(reasons, ['stuck slow reader'])
  assert.is(stuck.destroyed, true)
  assert.is(two.take().length, 100)
})

test('one who reads slowly but reads gets everything in order, and is read on from then', async () => {
  const typed: string[] = []
  const chat = probe('probe', ({ hooks }) => {
    hooks.line.tap('note', ({ text }) => void typed.push(text))
  })
  await using host = await createTestHost({
    plugins: [chat.plugin],
    limits: { backlogSoft: 10_000, backlogHard: 1_000_000 },
  })
  const slow = new Slow()
  chat.host.attach(slow, { label: 'slow' })
  await host.quiet()
  const lines = Array.from({ length: 500 }, (_, index) => `${index} ${'x'.repeat(index)}`)
  for (const [index, line] of lines.entries()) {
    chat.host.broadcast(line)
    await host.quiet()
    if (index % 50 === 0) await slow.accept()
  }
  slow.push('typed meanwhile\n')
  await host.quiet()
  assert.equal(typed, [])
  await slow.acceptAll()
  assert.equal(typed, ['typed meanwhile'])
  assert.equal(slow.taken.split('\r\n').slice(2, -1), lines)
})

test('one who leaves is sent what waits for it first, in its own time', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const slow = new Slow()
  chat.host.attach(slow, { label: 'slow' })
  await host.quiet()
  chat.host.broadcast('one')
  await host.quiet()
  chat.host.broadcast('two')
  await host.quiet()
  chat.host.clients.get('slow')?.close()
  await host.quiet()
  assert.is(slow.writableEnded, false)
  await slow.acceptAll()
  assert.is(slow.writableEnded, true)
  assert.equal(slow.taken.split('\r\n').slice(2), ['one', 'two', ''])
})

test('one who leaves and takes nothing is gone after 10 s', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const stuck = new Slow()
  chat.host.attach(stuck, { label: 'stuck' })
  await host.quiet()
  chat.host.clients.get('stuck')?.close()
  await host.quiet()
  await host.advance(9999)
  assert.is(stuck.destroyed, false)
  await host.advance(1)
  assert.is(stuck.destroyed, true)
})

printSeed()
test.run()
