/** A host counts how many clients it has file descriptors for, and keeps to that. */
import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CLI, startHost, type HostProcess } from '../support/host.ts'
import { unless } from '../support/programs.ts'
import { dial, join, type TcpClient } from '../support/tcp-client.ts'

const test = suite('file descriptors')

const testLinux = unless(
  test,
  existsSync('/proc/self/limits') ? undefined : 'this system does not say how many there are',
)

const DESCRIPTORS = 256
const RESERVED = 32

/** How often, and for how many clients, the log says that there is room. */
async function rooms(host: HostProcess, times: number): Promise<number[]> {
  const said = /there is room for (\d+) clients, not 10000: /g
  const text = await host.logged(new RegExp(`(${said.source}[^]*){${times}}`))
  return [...text.matchAll(said)].map(([, room]) => Number(room))
}

testLinux(
  'a reload leaves as much room as a fresh start, however many clients there are',
  async () => {
    const limited = [
      'sh',
      '-c',
      `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`,
      process.execPath,
      CLI,
    ]
    const [program = '', ...first] = limited
    await using host = await startHost({ command: [program, ...first] })
    const clients: TcpClient[] = []
    try {
      while (clients.length < 120) clients.push(await join(host.port))
      host.child.kill('SIGHUP')
      await host.logged('reloaded the defaults')
      const [atStart = 0, afterReload] = await rooms(host, 2)
      assert.is(afterReload, atStart)
      assert.ok(atStart > 120 && atStart < DESCRIPTORS - RESERVED, `there was room for ${atStart}`)
      // It is really there: as many can join, one more is told, and the log can still be opened anew.
      while (clients.length < atStart) clients.push(await join(host.port))
      using late = await dial(host.port)
      assert.match(await late.closed(), 'full')
      host.child.kill('SIGHUP')
      assert.equal(await rooms(host, 3), [atStart, atStart, atStart])
    } finally {
      for (const client of clients) client[Symbol.dispose]()
    }
  },
)

test.run()
