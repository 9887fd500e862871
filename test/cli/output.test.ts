/** Nobody has to read what the host prints: its output may go, or wait to be read, and it runs on and ends in order. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { endProcess, startChild } from '../support/child.ts'
import { CLI, makeFolder, startHost, type HostProcess } from '../support/host.ts'
import { dial, join } from '../support/tcp-client.ts'

const test = suite('closed output')

/** Runs a host whose output goes through a real pipe to `reader`, a command line of the shell. */
async function piped(
  reader: string,
  run: (host: HostProcess, pid: number) => Promise<void>,
  config?: string,
): Promise<void> {
  const script = `
    node=$1
    shift
    mkfifo go
    { "$node" "$@" & echo $! >pid; wait $!; echo $? >status; } | { ${reader}; }
  `
  const command = ['sh', '-c', script, 'sh', process.execPath, CLI] as const
  await using host = await startHost({ command: [...command], config })
  const pid = Number(host.folder.read('pid'))
  try {
    await run(host, pid)
  } finally {
    endProcess(pid)
    letRead(host)
  }
}

/** Prints by itself whatever is said, to whichever terminal or pipe there is. */
const SHOUTING = `
  import { definePlugin } from 'multiecho'
  import { echo, logging, quit, stats } from 'multiecho/plugins'
  const shout = definePlugin({
    name: 'shout',
    apiVersion: 1,
    setup: ({ hooks }) => hooks.settled.tap('print', ({ hook, event }) => {
      if (hook === 'line') console.log(event.text)
    }),
  })
  export default { plugins: [logging(), stats(), quit(), shout(), echo()] }
`

/** Reads the first line, and the rest when it is let. */
const SLOW_READER = 'head -n 1; read -r go <go; cat'

function letRead({ folder }: HostProcess): void {
  // Opened for both, a pipe needs no other side.
  const go = openSync(path(folder.path, 'go'), 'r+')
  writeSync(go, '\n')
  closeSync(go)
}

/** Lets so many clients come and go that the table is longer than what a pipe holds, which is 64 KiB. */
async function fillTable({ port }: HostProcess): Promise<number> {
  const rounds = 50
  const visits = 100
  for (let round = 0; round < rounds; round++) {
    const clients = await Promise.all(Array.from({ length: visits }, () => dial(port)))
    for (const client of clients) client.end()
    for (const client of clients) await client.closed()
  }
  return rounds * visits
}

test('the host outlives the reader of its output, and still ends in order', async () => {
  await using host = await startHost()
  host.child.closeOutput()
  using speaker = await join(host.port)
  using listener = await join(host.port)
  speaker.say('one')
  await listener.hears(`(${speaker.id}) one`)
  const { status, stderr, log } = await host.stop()
  assert.is(status, 0)
  assert.is(stderr, '')
  assert.match(log, new RegExp(`^TIME stats: ${speaker.id} +1 +0   false$`, 'm'))
})

test('| head -n 1 gets its line, and the host runs on', () =>
  piped('head -n 1', async (host, pid) => {
    using speaker = await join(host.port)
    using listener = await join(host.port)
    speaker.say('one')
    await listener.hears(`(${speaker.id}) one`)
    process.kill(pid, 'SIGINT')
    const { stdout } = await host.child.ended()
    assert.is(stdout.split('\n').length, 2, stdout)
    assert.is(host.folder.read('status'), '0\n')
    const row = new RegExp(`^TIME stats: ${speaker.id} +1 +0   false$`, 'm')
    assert.match(host.folder.log(), row)
  }))

for (const [where, redirected] of [
  ['closed', '>&- 2>&-'],
  ['on a full disk', '>/dev/full 2>&1'],
] as const) {
  test(`it starts with standard output and standard error ${where}, and ends in order`, async () => {
    const config = `export default { port: 0, host: '127.0.0.1' }`
    using folder = makeFolder({ config })
    const args = ['-c', `exec "$@" ${redirected}`, 'sh', process.execPath, CLI]
    await using child = startChild('sh', args, { cwd: folder.path })
    const logged = await folder.holds('chat.log', /listening on address \S+\n/)
    using client = await join(Number(/:(\d+)\n$/.exec(logged)?.[1]))
    child.kill('SIGINT')
    await client.closed()
    const { status } = await child.ended()
    assert.is(status, 0)
    assert.match(folder.log(), new RegExp(`^TIME stats: ${client.id} `, 'm'))
  })
}

test('a table that is longer than what a pipe holds is printed whole', () =>
  piped(SLOW_READER, async (host, pid) => {
    const visits = await fillTable(host)
    process.kill(pid, 'SIGINT')
    await host.logged('Used /quit')
    letRead(host)
    const { stdout } = await host.child.ended()
    assert.is(stdout.match(/^127\.0\.0\.1:\d+ +0 +0 {3}false$/gm)?.length, visits)
    assert.is(host.folder.read('status'), '0\n')
  }))

test('a reader of the output that never reads does not hold the end up', () =>
  piped(SLOW_READER, async (host, pid) => {
    await fillTable(host)
    const begun = performance.now()
    process.kill(pid, 'SIGINT')
    assert.is(await host.folder.holds('status', '\n'), '0\n')
    const seconds = (performance.now() - begun) / 1000
    assert.ok(seconds < 3, `it took ${seconds} s`)
    letRead(host)
    await host.child.ended()
  }))

test('what is printed beyond a megabyte that nobody reads is counted, and the count told', () =>
  piped(
    SLOW_READER,
    async (host, pid) => {
      const said = 3000
      using client = await join(host.port)
      for (let line = 0; line < said; line++) client.say('x'.repeat(1000))
      client.say('/quit')
      await client.closed()
      letRead(host)
      await host.child.stdout.until('were not printed here')
      process.kill(pid, 'SIGINT')
      const { stdout } = await host.child.ended()
      const printed = stdout.match(/^x{1000}$/gm)?.length ?? 0
      const [, lost] = /^multiecho: (\d+) lines were not printed here: .*$/m.exec(stdout) ?? []
      assert.ok(printed * 1001 > 1024 * 1024 && printed < said, `${printed} lines`)
      assert.is(printed + Number(lost), said)
      assert.match(stdout, 'Used /quit')
    },
    SHOUTING,
  ))

test('a command whose only purpose is to print waits for a slow reader of what it prints', async () => {
  const config = `
    import { definePlugin } from 'multiecho'
    const name = (number) => 'a'.repeat(50) + number
    export default {
      plugins: Array.from({ length: 3000 }, (_, number) =>
        definePlugin({ name: name(number), apiVersion: 1, setup() {} })()),
    }
  `
  using folder = makeFolder({ config })
  const script = '"$@" | { sleep 3; cat; }'
  const args = ['-c', script, 'sh', process.execPath, CLI, 'check']
  await using child = startChild('sh', args, { cwd: folder.path })
  const { stdout } = await child.ended()
  assert.ok(stdout.length > 2 * 65_536)
  assert.match(stdout, /, a{50}2999\n/)
})

test.run()
