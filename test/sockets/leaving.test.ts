/** The ways in which a peer goes: orderly, half-way, in the middle of a line, or by a reset. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost } from '../support/host.ts'
import { dial, greeting, join } from '../support/tcp-client.ts'

const test = suite('leaving over TCP')

test('the last line before the end of the input is delivered, as of printf and nc', async () => {
  await using host = await startHost()
  using listener = await join(host.port)
  using speaker = await dial(host.port)
  speaker.write('hi\n')
  speaker.end()
  await listener.hears(`(${speaker.id}) hi`)
  assert.is(await speaker.closed(), greeting(speaker))
})

test('what answers the last line still reaches a client that has ended its input', async () => {
  await using host = await startHost()
  using client = await dial(host.port)
  client.write('/help quit\n')
  client.end()
  assert.is(await client.closed(), `${greeting(client)}/quit  Leave the chat.\r\n`)
})

test('an unterminated last line is dropped and logged', async () => {
  await using host = await startHost()
  using listener = await join(host.port)
  using speaker = await join(host.port)
  speaker.write('whole\nunfinished')
  speaker.end()
  await speaker.closed()
  const { log } = await host.stop()
  assert.is(await listener.closed(), `${greeting(listener)}(${speaker.id}) whole\r\n`)
  assert.match(log, `TIME connmgr: dropped 10 bytes without a line end from ${speaker.id}\n`)
})

test('a thousand resets harm nobody', async () => {
  await using host = await startHost()
  using speaker = await join(host.port)
  using listener = await join(host.port)
  for (let round = 0; round < 20; round++) {
    const dialled = await Promise.all(Array.from({ length: 50 }, () => dial(host.port)))
    for (const [index, client] of dialled.entries()) {
      // Before the greeting has come, in the middle of a line, behind a line, and with an answer under way.
      if (index % 4 === 1) client.write('half a li')
      if (index % 4 === 2) client.write('/mute\nunheard\n')
      if (index % 4 === 3) client.write('/help\n')
      client.socket.resetAndDestroy()
    }
    speaker.say(`round ${round}`)
    await listener.hears(`(${speaker.id}) round ${round}`)
  }
  const { status, stdout, stderr, log } = await host.stop()
  assert.is(status, 0)
  assert.is(stderr, '')
  assert.not.match(stdout + log, 'undefined')
  assert.match(stdout, new RegExp(`^${speaker.id} +20 +0   false$`, 'm'))
})

test('a client that leaves is not announced to the others', async () => {
  await using host = await startHost()
  using stays = await join(host.port)
  using leaves = await join(host.port)
  leaves.end()
  await leaves.closed()
  await host.stop()
  assert.is(await stays.closed(), greeting(stays))
})

test.run()
