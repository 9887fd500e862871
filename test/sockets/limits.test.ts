/** What one client may take from all the others: a place, and nothing else. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost } from '../support/host.ts'
import { dial, greeting, join } from '../support/tcp-client.ts'

const test = suite('limits over TCP')

test('one client too many is told that the server is full, and there is room again when one leaves', async () => {
  await using host = await startHost({ config: 'export default { limits: { clients: 2 } }' })
  using first = await join(host.port)
  using second = await join(host.port)
  using third = await dial(host.port)
  assert.match(await third.closed(), /^[^\r\n]*\bfull\b[^\r\n]*\r\n$/)
  second.say('/quit')
  await second.closed()
  // The host has seen the second one go once it has read what the first one said after that.
  await first.isRead()
  using fourth = await join(host.port)
  fourth.say('room again')
  await first.hears(`(${fourth.id}) room again`)
  const { stdout, log } = await host.stop()
  assert.match(log, new RegExp(`^TIME connmgr: refused ${third.id}: .*\\bfull\\b`, 'm'))
  assert.not.match(stdout, third.id)
})

test('a client that does not read is closed with the reason in the log, and nobody else loses a line', async () => {
  await using host = await startHost()
  using speaker = await join(host.port)
  using listener = await join(host.port)
  using stuck = await join(host.port)
  stuck.socket.pause()

  // In rounds, each waited for: only the one who never reads can fall behind.
  const text = 'x'.repeat(4000)
  const closed = `closing connection: ${stuck.id} (slow reader)\n`
  let rounds = 0
  while (!host.folder.log().includes(closed)) {
    assert.ok(rounds < 1000, 'the client that does not read is still there after 64 MB')
    speaker.write(`${text}\n`.repeat(15) + `round ${rounds}\n`)
    await listener.received.until(`) round ${rounds}\r\n`)
    rounds++
  }

  speaker.say('still here')
  await listener.received.until(') still here\r\n')
  let expected = greeting(listener)
  for (let round = 0; round < rounds; round++) {
    expected += `(${speaker.id}) ${text}\r\n`.repeat(15) + `(${speaker.id}) round ${round}\r\n`
  }
  assert.ok(listener.received.text === `${expected}(${speaker.id}) still here\r\n`)
  const { status } = await host.stop()
  assert.is(status, 0)
})

test.run()
