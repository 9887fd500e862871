/** The sessions of the original multi-echo server, byte for byte over real sockets. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost } from '../support/host.ts'
import { dial, greeting, join } from '../support/tcp-client.ts'

const test = suite('seed sessions over TCP')

test('three clients each see what the other two say', async () => {
  await using host = await startHost()
  using first = await join(host.port)
  using second = await join(host.port)
  using third = await join(host.port)

  first.say('one')
  await second.hears(`(${first.id}) one`)
  await third.hears(`(${first.id}) one`)
  second.say('two')
  await first.hears(`(${second.id}) two`)
  await third.hears(`(${second.id}) two`)
  third.say('three')
  await first.hears(`(${third.id}) three`)
  await second.hears(`(${third.id}) three`)

  await host.stop()
  assert.is(await first.closed(), `${greeting(first)}(${second.id}) two\r\n(${third.id}) three\r\n`)
  assert.is(
    await second.closed(),
    `${greeting(second)}(${first.id}) one\r\n(${third.id}) three\r\n`,
  )
  assert.is(await third.closed(), `${greeting(third)}(${first.id}) one\r\n(${second.id}) two\r\n`)
})

test('nobody sees what a client says while it is muted', async () => {
  await using host = await startHost()
  using first = await join(host.port)
  using second = await join(host.port)
  using third = await join(host.port)

  first.say('one')
  await second.hears(`(${first.id}) one`)
  await third.hears(`(${first.id}) one`)
  second.say('/mute')
  second.say("I'm mute")
  second.say('/unmute')
  second.say('two')
  await first.hears(`(${second.id}) two`)
  await third.hears(`(${second.id}) two`)
  third.say('three')
  await first.hears(`(${third.id}) three`)
  await second.hears(`(${third.id}) three`)

  const { stdout } = await host.stop()
  assert.is(await first.closed(), `${greeting(first)}(${second.id}) two\r\n(${third.id}) three\r\n`)
  assert.is(
    await second.closed(),
    `${greeting(second)}(${first.id}) one\r\n(${third.id}) three\r\n`,
  )
  assert.is(await third.closed(), `${greeting(third)}(${first.id}) one\r\n(${second.id}) two\r\n`)
  assert.match(stdout, new RegExp(`^${second.id} +1 +1   false$`, 'm'))
})

test('/quit closes the connection of the client, and what stands behind it is never delivered', async () => {
  await using host = await startHost()
  using stays = await join(host.port)
  using leaves = await join(host.port)

  leaves.write('one\r\n/quit\r\nlater\r\n')
  assert.is(await leaves.closed(), greeting(leaves))
  await stays.hears(`(${leaves.id}) one`)

  await host.stop()
  assert.is(await stays.closed(), `${greeting(stays)}(${leaves.id}) one\r\n`)
})

test('a client is greeted with two lines before it has said anything', async () => {
  await using host = await startHost()
  using client = await dial(host.port)
  await client.received.until('\r\n')
  await client.received.until('\r\n')
  assert.is(client.received.text, greeting(client))
})

test('an empty line goes nowhere', async () => {
  await using host = await startHost()
  using speaker = await join(host.port)
  using listener = await join(host.port)
  speaker.write('\r\n\n\r\r\0one\r\n')
  await listener.hears(`(${speaker.id}) one`)
})

test.run()
