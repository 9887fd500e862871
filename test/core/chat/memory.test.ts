/** What the host lets go of again: large lines, what was read through, and what a line was collected in. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Delivery } from '../../../core/delivery/delivery.ts'
import type { Recipient } from '../../../core/delivery/recipient-groups.ts'
import { LineReader } from '../../../core/telnet/line-reader.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { Peer } from '../../support/memory-peer.ts'
import { join, probe } from '../../support/memory-plugins.ts'
import { collected } from '../../support/memory-garbage.ts'

const test = suite('memory')

const MIB = 2 ** 20
const LIMITS = { line: 4096, unterminated: 64 * 1024 }
const NO_REPLIES = { reply: () => {}, areYouThere: () => {} }

/** Bytes of all buffers that are still held. */
async function held(): Promise<number> {
  await collected([])
  return process.memoryUsage().arrayBuffers
}

/** A reader that has read all of some chunks. */
function reading(...chunks: readonly Buffer[]): LineReader {
  const reader = new LineReader(LIMITS, NO_REPLIES)
  for (const chunk of chunks) {
    reader.push(chunk)
    while (reader.next() !== undefined);
  }
  return reader
}

test('what a turn took in which somebody said very much is not kept for the turns to come', async () => {
  const delivery = new Delivery()
  const deaf: Recipient = { marks: undefined, groups: new Set(), write() {} }
  const before = await held()
  for (let count = 0; count < 2; count++) {
    delivery.toEach('x'.repeat(4 * MIB), [deaf])
    delivery.flush()
  }
  const kept = (await held()) - before
  assert.ok(kept < MIB, `${kept} bytes are kept`)
  delivery.toEach('still works', [deaf])
  delivery.flush()
})

test('a reader that waits for more keeps nothing of what a chunk was cut from', async () => {
  const cut = (): [LineReader, WeakRef<object>] => {
    const { buffer } = Buffer.allocUnsafeSlow(64 * 1024).fill('x')
    return [
      reading(Buffer.from('first\n'), Buffer.from(buffer, 0, 100)),
      new WeakRef<object>(buffer),
    ]
  }
  const [reader, buffer] = cut()
  assert.equal(await collected([buffer]), [true])
  assert.is(reader.unterminated, 100)
})

test('what a long line was collected in is let go with the line', async () => {
  const before = await held()
  const half = Buffer.from('x'.repeat(2000))
  const readers = Array.from({ length: 1000 }, () => reading(half, half, Buffer.from('\n')))
  const kept = (await held()) - before
  assert.ok(kept < MIB / 2, `${kept} bytes are kept by ${readers.length} readers`)
})

test('of what a client has said nothing is kept, its first bytes either', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const peers = Array.from({ length: 200 }, () => new Peer())
  const say = async (line: string): Promise<void> => {
    for (const peer of peers) peer.push(line)
    await host.quiet()
  }
  const heap = async (): Promise<number> => {
    await collected([])
    return process.memoryUsage().heapUsed
  }
  for (const [index, peer] of peers.entries()) chat.host.attach(peer, { label: `peer ${index}` })
  await say('hello\n')
  const before = await heap()
  for (let count = 0; count < 15; count++) await say(`${'x'.repeat(1000)}\n`)
  const kept = (await heap()) - before
  assert.ok(kept < MIB, `${kept} bytes are kept`)
})

test('an audience is found again by its name for as long as somebody is in it, and no longer', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const ann = chat.clientOf(await join(host, 'ann'))
  const fill = (): WeakRef<object> => {
    const room = chat.host.audience('room')
    room.add(ann)
    return new WeakRef(room)
  }
  const room = fill()
  await collected([])
  assert.equal(Array.from(chat.host.audience('room')), [ann])
  chat.host.audience('room').delete(ann)
  assert.equal(await collected([room]), [true])
  assert.is(chat.host.audience('room').size, 0)
})

test.run()
