/** Who is closed when too much waits for all clients together: no more than needed, whatever their leaving waits for. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PluginContext } from '../../../core/index.ts'
import { Backlogs } from '../../../core/delivery/backlogs.ts'
import { Outbox } from '../../../core/delivery/outbox.ts'
import { createTestHost, type TestHost } from '../../../core/testing/index.ts'
import { plugin, probe } from '../../support/memory-plugins.ts'
import { Stuck } from '../../support/stuck.ts'

const test = suite('eviction')

/** Below what waits for five clients that are sent ten lines of 1000 characters, above what waits for four. */
const TOTAL = 50_000
const LINE = 'x'.repeat(1000)

/** Brings in clients that do not read. */
async function stuck(host: TestHost, chat: PluginContext, ...labels: string[]): Promise<void> {
  for (const label of labels) chat.attach(new Stuck(), { label })
  await host.quiet()
}

/** Says lines to all, each in a turn of its own, and lets who is over be judged. */
async function say(chat: PluginContext, lines: number): Promise<void> {
  for (let count = 0; count < lines; count++) {
    chat.broadcast(LINE)
    await turn()
  }
  for (let count = 0; count < 4; count++) await turn()
}

const idsOf = (chat: PluginContext): string[] => Array.from(chat.clients, ({ id }) => id)

test('one is closed where one is enough, also while a tap of close has not ended', async () => {
  const slow = plugin('slow', ({ hooks }) => {
    hooks.close.tapPromise({ timeout: 60_000 }, () => new Promise(() => {}))
  })
  const chat = probe()
  const host = await createTestHost({
    plugins: [slow, chat.plugin],
    limits: { backlogTotal: TOTAL },
  })
  await stuck(host, chat.host, 'a', 'b', 'c', 'd', 'e')
  await say(chat.host, 10)
  assert.is(chat.host.clients.size, 4)
  await say(chat.host, 1)
  assert.is(chat.host.clients.size, 4)
  await host.stop()
  host.takeErrors()
})

test('one is closed where one is enough, also while plugins change places', async () => {
  let closedMeanwhile: number | undefined
  const chat = probe()
  const loud = plugin('loud', (host) => {
    host.onStart(async () => {
      await say(host, 10)
      await say(host, 1)
      closedMeanwhile = host.clients.size
    })
  })
  await using host = await createTestHost({
    plugins: [chat.plugin],
    limits: { backlogTotal: TOTAL },
  })
  await stuck(host, chat.host, 'a', 'b', 'c', 'd', 'e')
  await host.reload({ plugins: [chat.plugin, loud], limits: { backlogTotal: TOTAL } })
  await host.quiet()
  assert.is(closedMeanwhile, 5, 'nobody leaves meanwhile')
  assert.is(chat.host.clients.size, 4)
})

test('one who is on the way out is cut off before anybody else is closed', async () => {
  const chat = probe()
  await using host = await createTestHost({
    plugins: [chat.plugin],
    limits: { backlogTotal: TOTAL },
  })
  const leaver = new Stuck()
  chat.host.attach(leaver, { label: 'leaver' })
  await host.quiet()
  for (let count = 0; count < 10; count++) {
    chat.host.clients.get('leaver')?.send(LINE + LINE)
    await turn()
  }
  chat.host.clients.get('leaver')?.close()
  await stuck(host, chat.host, 'a', 'b', 'c')
  await say(chat.host, 10)
  await host.quiet()
  assert.is(leaver.destroyed, true)
  assert.equal(idsOf(chat.host), ['a', 'b', 'c'])
})

test('who is closed as a slow reader can be sent nothing more', async () => {
  const sent: boolean[] = []
  const chat = probe('probe', ({ hooks }) => {
    hooks.close.tap('last', ({ client }) => void sent.push(client.send('bye')))
  })
  await using host = await createTestHost({
    plugins: [chat.plugin],
    limits: { backlogSoft: 1000, backlogHard: 5000 },
  })
  await stuck(host, chat.host, 'a')
  await say(chat.host, 10)
  assert.equal(sent, [false])
})

test('what waits for several clients is stored once, and keeps nothing else in memory', async () => {
  const limits = { backlogSoft: 1e6, backlogHard: 1e7, backlogTotal: 1e8, writeDeadline: 30_000 }
  const backlogs = new Backlogs(limits, {
    now: () => 0,
    date: () => 0,
    setTimeout: () => () => {},
  })
  const streams = [new Stuck(), new Stuck(), new Stuck()]
  const outboxes = streams.map(
    (stream) =>
      new Outbox(
        stream,
        {
          backlogged() {},
          evict() {},
          broke(cause) {
            throw cause
          },
        },
        backlogs,
      ),
  )
  const slab = Buffer.alloc(1000, 'x')
  const chunks = [slab.subarray(0, 10), slab.subarray(10, 20)]
  for (const outbox of outboxes) outbox.write(Buffer.from('first'))
  for (const chunk of chunks) for (const outbox of outboxes) outbox.write(chunk)
  assert.is(backlogs.total, 3 * (20 + 2 * 64))
  for (const stream of streams) {
    for (let count = 0; count < 3; count++) {
      stream.takeOne()
      await turn()
    }
  }
  assert.is(backlogs.total, 0)
  const [first, ...others] = streams.map(({ given }) => given.slice(1))
  assert.is(first?.length, 2)
  assert.ok(first?.every((chunk) => chunk.buffer.byteLength === 10))
  for (const other of others) {
    assert.ok(other.every((chunk, index) => chunk === first?.[index]))
  }
})

test.run()
