/** Where a host cannot listen: one sentence that says what, where and what to do, within a second. */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { listenError } from '../../core/net/listen-error.ts'
import { CLI, runCli, sentenceOf, startHost, type Setup } from '../support/host.ts'
import { isThere, unless } from '../support/programs.ts'

const test = suite('listening')

/** Runs a command line that cannot listen, beside one that has nothing to do: both share what load there is. */
async function fails(
  args: readonly string[],
  setup: Setup,
  ...expected: readonly RegExp[]
): Promise<void> {
  const [ended, idle] = await Promise.all([runCli(args, setup), runCli(['--version'])])
  const sentence = sentenceOf(ended)
  for (const part of expected) assert.match(sentence, part)
  assert.is(ended.stdout, '')
  assert.is(ended.status, 1)
  const limit = 1 + 2 * idle.seconds
  assert.ok(ended.seconds < limit, `it took ${ended.seconds} s, and --version ${idle.seconds} s`)
}

/** A port of 127.0.0.1 that is taken. */
async function takePort(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

test('a busy port is named, with another way', async () => {
  const { port, server } = await takePort()
  try {
    const where = new RegExp(`\\b${port} on 127\\.0\\.0\\.1 is in use`)
    await fails(['--port', String(port), '--host', '127.0.0.1'], {}, where, /--port/)
  } finally {
    server.close()
  }
})

test('an address that is not here is named, with another way', async () => {
  await fails(
    ['--port', '0', '--host', '203.0.113.7'],
    {},
    /203\.0\.113\.7 is not an address of this machine/,
    /--host/,
  )
})

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)
const testIPv6 = unless(test, hasIPv6 ? undefined : 'this machine has no address ::1')

for (const host of ['fe80::1', 'fe80::1%nope', 'FEBF::7']) {
  testIPv6(
    `${host}, without the interface that it belongs to, is told to be given with one`,
    async () => {
      await fails(
        ['--port', '0', '--host', host],
        {},
        new RegExp(
          `: ${host} is an address of a single network, and .*; give it as ${host.split('%')[0]}%`,
        ),
        /--host/,
      )
    },
  )
}

/** An error of a system that cannot be had here. */
function saidOf(code: string, host: string, port = 9090): string {
  return listenError(Object.assign(new Error(`listen ${code}`), { code }), host, port).message
}

test('where there is no IPv6, its addresses are told as that, with another way', () => {
  for (const host of ['::', '::1', '2001:db8::1'])
    assert.match(saidOf('EAFNOSUPPORT', host), /has no IPv6, .*; use 0\.0\.0\.0 .* --host H$/)
  assert.match(
    saidOf('EAFNOSUPPORT', '0.0.0.0'),
    /no network for addresses like 0\.0\.0\.0; .* --host H$/,
  )
})

test('every way not to listen names where, and what to do', () => {
  for (const code of ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'EINVAL', 'ENOBUFS', 'ENOTFOUND'])
    for (const host of ['0.0.0.0', '::1', 'fe80::1', 'chat.example.org'])
      assert.match(saidOf(code, host), new RegExp(`${host}.*; .*--(host H|port N)$`), code)
  assert.match(saidOf('EACCES', '::', 80), 'choose a port of 1024 or above')
  assert.match(saidOf('EACCES', '::', 9090), 'choose another port')
})

test('a host name is told as the address that it became', async () => {
  await using host = await startHost({ args: ['--port', '0', '--host', 'localhost'] })
  const { port } = host
  await host.child.stdout.until('or: nc ')
  const [, address = '', join = ''] =
    /listening on (\S+):\d+\njoin with: telnet (\S+) /.exec(host.child.stdout.text) ?? []
  assert.ok(['127.0.0.1', '[::1]'].includes(address), address)
  assert.is(join, address.replaceAll(/[[\]]/g, ''))
  const socket = connect(port, join)
  await once(socket, 'connect')
  socket.destroy()
  await host.logged(`tcp server listening on address ${address}:${port}\n`)
})

const FIRST_FREE = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
const isRoot = process.getuid?.() === 0
const firstFree = existsSync(FIRST_FREE) ? Number(readFileSync(FIRST_FREE, 'utf8')) : 1024
const noPrivilege =
  firstFree <= 81
    ? 'this machine lets anybody listen on port 81'
    : isRoot && !isThere('setpriv')
      ? 'the program setpriv is not installed'
      : undefined

const testPrivilege = unless(test, noPrivilege)

testPrivilege('a privileged port is named, with another way', async () => {
  // Root without this one capability is, for ports, anybody.
  const dropped = ['setpriv', '--bounding-set', '-net_bind_service', process.execPath, CLI] as const
  const setup = isRoot ? { command: dropped } : {}
  await fails(
    ['--port', '81', '--host', '127.0.0.1'],
    setup,
    /may not listen on 127\.0\.0\.1:81\b/,
    /--port/,
  )
})

test('a log file that cannot be opened is named, and nothing listens', async () => {
  const config = `
    import { echo, logging } from 'multiecho/plugins'
    export default { plugins: [logging({ file: 'none/chat.log' }), echo()] }
  `
  await fails(
    ['--port', '0', '--host', '127.0.0.1'],
    { config },
    /logging/,
    /none\/chat\.log/,
    /; there is no folder \S+\/none: create it, or name another one$/,
  )
})

test.run()
