/** A whole run of the built command line: what it prints, the table, and chat.log, line by line. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost } from '../support/host.ts'
import { dial, join } from '../support/tcp-client.ts'

const test = suite('a whole run')

/** A row of the table as the original server laid it out. */
function row(id: string, echoed: number, muted: number, quit: boolean): string {
  return `${id.padEnd(16)}   ${String(echoed).padStart(8)}   ${String(muted).padStart(8)}   ${quit}`
}

const HEADINGS = [
  '                   Messages   Messages',
  'Client ID            Echoed      Muted   Used /quit',
]

test('the table and the log tell of every visit, in the layout of the original', async () => {
  const files = { 'chat.log': '2018/08/15 12:55:33 from the run before\n' }
  await using host = await startHost({ files, args: [] })
  using first = await join(host.port)
  using second = await join(host.port)
  using third = await join(host.port)

  first.say('one')
  await third.hears(`(${first.id}) one`)
  second.write("two\r\n/mute\r\nI'm mute\r\n\r\nstill\r\n/unmute\r\nthree\r\n/qiut\r\n//slash\r\n")
  await third.hears(`(${second.id}) two`)
  await third.hears(`(${second.id}) three`)
  await third.hears(`(${second.id}) /slash`)
  first.say('/quit')
  await first.closed()
  second.end()
  await second.closed()
  const { status, stdout, stderr, log } = await host.stop()
  await third.closed()

  const table = [
    ...HEADINGS,
    row(first.id, 1, 0, true),
    row(second.id, 3, 2, false),
    row(third.id, 0, 0, false),
  ]
  assert.is(status, 0)
  assert.is(stderr, '')
  const { port } = host
  assert.is(
    stdout.replace(/^from another machine: telnet [\d.]+ \d+\n/m, ''),
    `multiecho is listening on 0.0.0.0:${port}\n` +
      `join with: telnet localhost ${port}   or: nc localhost ${port}\n` +
      `${table.join('\n')}\n`,
  )
  const expected = [
    'from the run before',
    'Chat v1.0',
    `tcpserver: tcp server listening on address 0.0.0.0:${port}`,
    `tcpserver: new connection ${first.id}`,
    `tcpserver: new connection ${second.id}`,
    `tcpserver: new connection ${third.id}`,
    `connmgr: closing connection: ${first.id}`,
    `connmgr: closing connection: ${second.id}`,
    'chat: interrupt signal received',
    'tcpserver: tcp server is shutting down',
    `connmgr: closing connection: ${third.id}`,
    'multiecho: multiecho server is shutting down',
    ...table.map((line) => `stats: ${line}`),
  ]
  assert.is(log, expected.map((line) => `TIME ${line}\n`).join(''))
})

test('the table of a run without a visit has its headings alone', async () => {
  await using host = await startHost()
  const { stdout } = await host.stop()
  assert.ok(stdout.endsWith(`\n${HEADINGS.join('\n')}\n`), stdout)
})

test('a random port is printed and logged before the first client', async () => {
  await using host = await startHost({ args: ['--host', '127.0.0.1'] })
  assert.ok(host.port > 0)
  assert.is(
    host.folder.log(),
    `TIME Chat v1.0\nTIME tcpserver: tcp server listening on address 127.0.0.1:${host.port}\n`,
  )
  await host.child.stdout.until(
    `join with: telnet 127.0.0.1 ${host.port}   or: nc 127.0.0.1 ${host.port}\n`,
  )
})

test('a host on ::1 tells how to join it', async () => {
  await using host = await startHost({ config: 'export default { host: "::1" }', args: [] })
  await host.child.stdout.until(`telnet ::1 ${host.port}   or: nc ::1 ${host.port}\n`)
})

test('the sums of the table are those of what was said', async () => {
  await using host = await startHost()
  using listener = await join(host.port)
  const speakers = await Promise.all(Array.from({ length: 20 }, () => join(host.port)))
  for (const [index, speaker] of speakers.entries()) {
    speaker.write('line\n'.repeat(index) + '/mute\n' + 'muted\n'.repeat(2 * index) + '/quit\n')
  }
  for (const speaker of speakers) await speaker.closed()
  const { stdout } = await host.stop()
  const heard = (await listener.closed()).split('\r\n').filter((line) => line.endsWith(') line'))
  assert.is(heard.length, 190)
  for (const [index, speaker] of speakers.entries()) {
    assert.match(stdout, `\n${row(speaker.id, index, 2 * index, true)}\n`)
  }
})

test('a thousand visits each have a row, in order of arrival', async () => {
  await using host = await startHost()
  const ids: string[] = []
  for (let index = 0; index < 1000; index++) {
    using client = await dial(host.port)
    client.end()
    await client.closed()
    ids.push(client.id)
  }
  const { stdout } = await host.stop()
  const rows = stdout.split('\n').filter((line) => line.startsWith('127.0.0.1:'))
  assert.equal(
    rows,
    ids.map((id) => row(id, 0, 0, false)),
  )
})

test.run()
