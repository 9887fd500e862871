/** How clients are called, by the address that they come from. */
import { networkInterfaces } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost } from '../support/host.ts'
import { unless } from '../support/programs.ts'
import { join, type TcpClient } from '../support/tcp-client.ts'

const test = suite('addresses')

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)
const testIPv6 = unless(test, hasIPv6 ? undefined : 'this machine has no address ::1')

testIPv6('an IPv6 address is shown in brackets', async () => {
  await using host = await startHost({ args: ['--port', '0', '--host', '::1'] })
  using speaker = await join(host.port, '::1')
  using listener = await join(host.port, '::1')
  assert.match(speaker.id, /^\[::1\]:\d+$/)
  speaker.say('six')
  await listener.hears(`(${speaker.id}) six`)
  const { stdout, log } = await host.stop()
  assert.match(log, `TIME tcpserver: tcp server listening on address [::1]:${host.port}\n`)
  assert.match(log, `TIME tcpserver: new connection ${speaker.id}\n`)
  assert.match(stdout, `\n${speaker.id} `)
})

testIPv6('an IPv4 address that comes to an IPv6 one is shown as IPv4', async () => {
  await using host = await startHost({ args: ['--port', '0', '--host', '::'] })
  using four = await join(host.port)
  using six = await join(host.port, '::1')
  assert.match(four.id, /^127\.0\.0\.1:\d+$/)
  assert.match(six.id, /^\[::1\]:\d+$/)
  four.say('four')
  await six.hears(`(${four.id}) four`)
  const { stdout, log } = await host.stop()
  assert.not.match(stdout + log, '::ffff')
})

/** Joins from a port that the kernel gives to nobody by itself, so that it is free the next time too. */
async function joinFromOwnPort(port: number): Promise<TcpClient> {
  for (let from = 20_000 + (process.pid % 10_000); ; from++) {
    try {
      return await join(port, '127.0.0.1', from)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

test('two visits from the same address and port have a row each', async () => {
  await using host = await startHost()
  using other = await join(host.port)
  using first = await joinFromOwnPort(host.port)
  first.say('/quit')
  await first.closed()
  // Who comes before the host has seen the first one go would be told apart from it by a number behind the id.
  await other.isRead()
  using second = await join(host.port, '127.0.0.1', Number(first.id.split(':')[1]))
  assert.is(second.id, first.id)
  second.say('one')
  second.end()
  await second.closed()
  const { stdout } = await host.stop()
  assert.equal(
    stdout.split('\n').filter((line) => line.startsWith(first.id)),
    [
      `${first.id.padEnd(16)}          0          0   true`,
      `${first.id.padEnd(16)}          1          0   false`,
    ],
  )
})

test.run()
