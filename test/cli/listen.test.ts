/** Where a host cannot listen: one sentence that says what, where and what to do, within a second. */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CLI, runCli, sentenceOf, type Setup } from '../support/host.ts'
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
    const where = new RegExp(`\\b${port} on 127\\.0\\.0\\.1 is taken`)
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
  await fails(['--port', '0', '--host', '127.0.0.1'], { config }, /logging/, /none\/chat\.log/)
})

test.run()
