/** How lines are taken out of what a client has sent: ahead of itself no more than so much, and in turns with others. */
import { duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { Peer } from '../../support/memory-peer.ts'
import { join, plugin, probe } from '../../support/memory-plugins.ts'

const test = suite('pump')

const KIB = 1024
/** What is read ahead, with what the streams on the way to it hold. */
const READ_AHEAD = 64 * KIB + 64 * KIB

test('of a client that is held no more is read than its share, and nothing of the rest is lost', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const bob = await join(host, 'bob')
  const [theirs, ours] = duplexPair()
  theirs.resume()
  chat.host.attach(ours, { label: 'far' })
  await host.quiet()
  const release = chat.host.clients.get('far')?.hold()
  const lines = Array.from({ length: 10_000 }, (_, index) => `${String(index).padStart(98)}\r\n`)
  let taken = 0
  for (let at = 0; at < lines.length; at += 50) {
    const piece = lines.slice(at, at + 50).join('')
    theirs.write(piece, () => (taken += piece.length))
  }
  for (let count = 0; count < 1000; count++) await turn()
  assert.ok(taken >= 60 * KIB, `${taken} bytes are taken`)
  assert.ok(taken <= READ_AHEAD, `${taken} bytes are taken`)
  assert.equal(bob.lines.slice(2), [])
  release?.()
  while (bob.lines.length < lines.length + 2) await turn()
  assert.ok(
    bob.lines.slice(2).join('\r\n') === lines.map((line) => `(far) ${line.trimEnd()}`).join('\r\n'),
  )
})

test('a client whose line waits is held just like that', async () => {
  let settle = (): void => {}
  const slow = plugin('slow', ({ hooks }) => {
    hooks.line.tapPromise({ timeout: 60_000 }, async ({ text }) => {
      if (text === 'wait') await new Promise<void>((resolve) => (settle = resolve))
    })
  })
  const chat = probe()
  await using host = await createTestHost({ plugins: [slow, chat.plugin, echo()] })
  const bob = await join(host, 'bob')
  const [theirs, ours] = duplexPair()
  theirs.resume()
  chat.host.attach(ours, { label: 'far' })
  await host.quiet()
  theirs.write('wait\n')
  let taken = 0
  const piece = `${'x'.repeat(98)}\r\n`.repeat(50)
  for (let count = 0; count < 200; count++) theirs.write(piece, () => (taken += piece.length))
  for (let count = 0; count < 1000; count++) await turn()
  assert.ok(taken >= 60 * KIB && taken <= READ_AHEAD, `${taken} bytes are taken`)
  settle()
  while (bob.lines.length < 10_000 + 3) await turn()
})

test('who sends more while the rest of its lines waits for its turn gets no turn more, and keeps its order', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [watcher, other] = [await join(host), await join(host, 'other')]
  const far = new Peer()
  chat.host.attach(far, { label: 'far' })
  await host.quiet()
  for (let chunk = 0; chunk < 20; chunk++) {
    far.push(Array.from({ length: 300 }, (_, index) => `${chunk * 300 + index}\n`).join(''))
  }
  void other.send('in between\n')
  await host.quiet()
  const heard = watcher.take()
  const place = heard.indexOf('(other) in between')
  assert.ok(place >= 0 && place <= 300, `behind ${place} lines`)
  assert.equal(
    heard.toSpliced(place, 1),
    Array.from({ length: 6000 }, (_, index) => `(far) ${index}`),
  )
})

test('what looks like HTTP in the middle of a chat is chat', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [ann, bob] = [await join(host, 'ann'), await join(host)]
  await ann.send('hello\n')
  await ann.send('GET / HTTP/1.1\nHost: example.org\n')
  assert.is(ann.closed, false)
  assert.equal(bob.take(), ['(ann) hello', '(ann) GET / HTTP/1.1', '(ann) Host: example.org'])
})

test('what looks like HTTP at the beginning closes the connection, and nothing of it is said', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [ann, bob] = [await join(host, 'ann'), await join(host)]
  await ann.send('POST /say HTTP/1.1\r\nHost: example.org\r\n\r\nhello\r\n')
  assert.is(ann.closed, true)
  assert.equal(bob.take(), [])
})

test.run()
