/** Signals, and the other ways in which a host ends: always in order, always with the table. */
import { renameSync } from 'node:fs'
import { join as path } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost, type Stopped } from '../support/host.ts'
import { join } from '../support/tcp-client.ts'

const test = suite('the end of a run')

/** Milliseconds above which a second signal is another one than the first. */
const SAME_KEY = 200

/** A config with a plugin beside those that write the table and the log. */
function configWith(plugin: string): string {
  return `
    import { definePlugin } from 'multiecho'
    import { echo, logging, stats } from 'multiecho/plugins'
    const own = definePlugin({ name: 'own', apiVersion: 1, setup(host) { ${plugin} } })
    export default { plugins: [logging(), stats(), echo(), own()] }
  `
}

/** Its shutdown never ends, and it says that it may take a minute. */
const HANGING = configWith(
  `host.hooks.shutdown.tapPromise({ timeout: 60_000 }, () => new Promise(() => {}))`,
)

function hasOneTable({ stdout, log }: Stopped): void {
  assert.is(stdout.split('Used /quit').length, 2, stdout)
  assert.is(log.split('Used /quit').length, 2, log)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} closes every client, writes the table and ends with status 0`, async () => {
    await using host = await startHost()
    using client = await join(host.port)
    const stopped = await host.stop(signal)
    await client.closed()
    assert.is(stopped.status, 0)
    assert.is(stopped.stderr, '')
    assert.match(stopped.log, 'TIME chat: interrupt signal received\n')
    hasOneTable(stopped)
  })
}

test('lines that were read before the signal are delivered', async () => {
  await using host = await startHost()
  using speaker = await join(host.port)
  using listener = await join(host.port)
  speaker.write('x\n'.repeat(1000))
  await speaker.isRead()
  await host.stop()
  const heard = (await listener.closed()).split(`(${speaker.id}) x\r\n`)
  assert.is(heard.length, 1001)
})

test('a shutdown hook that hangs holds the end up for two seconds at most', async () => {
  await using host = await startHost({ config: HANGING })
  const begun = performance.now()
  const stopped = await host.stop()
  const seconds = (performance.now() - begun) / 1000
  assert.is(stopped.status, 0)
  assert.ok(seconds < 3, `it took ${seconds} s`)
  hasOneTable(stopped)
})

test('a second SIGINT ends it at once, with the table and status 130', async () => {
  await using host = await startHost({ config: HANGING })
  host.child.kill('SIGINT')
  await host.logged('interrupt signal received')
  await pass(SAME_KEY + 50)
  const begun = performance.now()
  const stopped = await host.stop()
  const seconds = (performance.now() - begun) / 1000
  assert.is(stopped.status, 130)
  assert.ok(seconds < 1, `it took ${seconds} s`)
  hasOneTable(stopped)
})

test('the same SIGINT from the terminal and from npm counts as one', async () => {
  await using host = await startHost({ config: HANGING })
  host.child.kill('SIGINT')
  await host.logged('interrupt signal received')
  const stopped = await host.stop()
  assert.is(stopped.status, 0)
  hasOneTable(stopped)
})

test('SIGHUP without a terminal opens chat.log anew after it was moved away', async () => {
  await using host = await startHost()
  const log = path(host.folder.path, 'chat.log')
  const begun = performance.now()
  // The log looks for its file once a second by itself; so often in so short a time it cannot be that.
  const rounds = 5
  for (let round = 0; round < rounds; round++) {
    renameSync(log, `${log}.${round}`)
    host.child.kill('SIGHUP')
    await host.logged('')
    using client = await join(host.port)
    await host.logged(client.id)
  }
  assert.ok(performance.now() - begun < (rounds - 1) * 1000, 'not by the signal')
  const { status } = await host.stop()
  assert.is(status, 0)
  assert.match(host.folder.read('chat.log.0'), 'Chat v1.0')
})

for (const [what, plugin] of [
  ['a bare timer', `setTimeout(() => { throw new Error('lost in own') }, 0)`],
  ['a detached promise', `void Promise.reject(new Error('lost in own'))`],
] as const) {
  test(`an error in ${what} of a plugin ends it in order, with status 70`, async () => {
    const config = configWith(`host.command({ name: 'fail', help: 'Fail.', run() { ${plugin} } })`)
    await using host = await startHost({ config })
    using client = await join(host.port)
    client.say('one')
    client.say('/fail')
    await client.closed()
    const ended = { ...(await host.child.ended()), log: host.folder.log() }
    assert.is(ended.status, 70)
    const remedy = String.raw` \(chat\.config\.ts:\d+\): from a plugin's own timer or promise; use host\.setTimeout, and catch rejections`
    assert.match(ended.stderr, new RegExp(`^multiecho: uncaught error, stopping${remedy}$`, 'm'))
    assert.match(ended.stderr, 'lost in own')
    assert.match(
      ended.log,
      new RegExp(`^TIME FATAL chat: uncaught error: lost in own${remedy}$`, 'm'),
    )
    assert.match(ended.log, `TIME connmgr: closing connection: ${client.id}\n`)
    assert.match(ended.stdout, new RegExp(`^${client.id} +1 +0   false$`, 'm'))
    hasOneTable(ended)
  })
}

test('an error while it stops still ends it with the table, and status 70', async () => {
  const config = configWith(
    `host.hooks.close.tap('late', () => { queueMicrotask(() => { throw new Error('late') }) })`,
  )
  await using host = await startHost({ config })
  using client = await join(host.port)
  const stopped = await host.stop()
  await client.closed()
  assert.is(stopped.status, 70)
  hasOneTable(stopped)
})

test('fifty clients that never read do not hold the end up', async () => {
  // Limits that let them stay: what waits for each of them is shared.
  const config = `export default { limits: { backlogHard: 100_000_000, backlogTotal: 5_000_000_000 } }`
  await using host = await startHost({ config })
  using speaker = await join(host.port)
  using listener = await join(host.port)
  const stuck = await Promise.all(Array.from({ length: 50 }, () => join(host.port)))
  for (const { socket } of stuck) socket.pause()
  const line = 'x'.repeat(4000)
  const rounds = 100
  for (let round = 0; round < rounds; round++) {
    speaker.write(`${line}\n`.repeat(15) + `round ${round}\n`)
    await listener.received.until(`) round ${round}\r\n`)
  }
  const begun = performance.now()
  const stopped = await host.stop()
  const seconds = (performance.now() - begun) / 1000
  assert.is(stopped.status, 0)
  assert.ok(seconds < 2.5, `it took ${seconds} s`)
  hasOneTable(stopped)
  assert.match(stopped.stdout, new RegExp(`^${speaker.id} +${16 * rounds} +0   false$`, 'm'))
  for (const client of stuck) {
    client.socket.resume()
    const received = await client.closed()
    assert.ok(received.length < listener.received.text.length, 'it was not stuck')
  }
})

test.run()
