/** Who holds a place: those who come, are here and leave, but not those who were sent away. */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { refuse, type PluginContext } from '../../../core/index.ts'
import { createTestHost, type TestConfig, type TestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { join, plugin, probe, type Probe } from '../../support/memory-plugins.ts'

const test = suite('visits')

/** Streams that were sent away at a time and may linger. */
const LINGERING = 16
const FULL = 'the server is full, try again later\r\n'

/** One that never ends the stream from its side. */
class Lingerer extends Duplex {
  text = ''

  constructor() {
    super({ allowHalfOpen: true })
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** A host in which `no` is refused by a tap, and a way to bring in streams. */
async function open(
  clients: number,
  { plugins = [], ...config }: TestConfig = {},
): Promise<{ host: TestHost; chat: Probe; come: (label: string) => Promise<Lingerer> }> {
  const chat = probe()
  const guard = plugin('guard', ({ hooks }) => {
    hooks.connect.tap('no', ({ client }) =>
      client.id.startsWith('no') ? refuse('not you') : undefined,
    )
  })
  const host = await createTestHost({
    ...config,
    plugins: [...plugins, guard, chat.plugin, echo()],
    limits: { clients, ...config.limits },
  })
  return {
    host,
    chat,
    async come(label) {
      const stream = new Lingerer()
      chat.host.attach(stream, { label })
      await host.quiet()
      return stream
    },
  }
}

const idsOf = (chat: PluginContext): string[] => Array.from(chat.clients, ({ id }) => id)

test('those who are refused hold no place, however long they linger', async () => {
  const { host, chat, come } = await open(2)
  for (let count = 0; count < 10; count++) {
    const refused = await come(`no ${count}`)
    assert.is(refused.text, 'not you\r\n')
    assert.is(refused.closed, false)
  }
  await come('one')
  await come('two')
  assert.equal(idsOf(chat.host), ['one', 'two'])
  assert.is((await come('three')).text, FULL)
  await host.stop()
})

test('no more of them linger than so many, whatever they were sent away for; others are closed once told', async () => {
  const { host, come } = await open(1)
  await come('one')
  const full: Lingerer[] = []
  for (let count = 0; count < LINGERING / 2; count++) full.push(await come(`${count}`))
  await host.stop()
  assert.ok(full.every(({ text }) => text === FULL))

  const other = await open(LINGERING + 5)
  const refused: Lingerer[] = []
  for (let count = 0; count < LINGERING; count++) refused.push(await other.come(`no ${count}`))
  assert.ok(refused.every(({ destroyed }) => !destroyed))
  const last = await other.come('no more')
  assert.equal([last.text, last.destroyed], ['not you\r\n', true])
  // They share the number with those who come while it is full.
  for (let count = 0; count < LINGERING + 5; count++) await other.come(`${count}`)
  const late = await other.come('late')
  assert.equal([late.text, late.destroyed], [FULL, true])
  await other.host.advance(11_000)
  assert.ok(refused.every(({ destroyed }) => destroyed))
  const lingers = await other.come('later')
  assert.equal([lingers.text, lingers.destroyed], [FULL, false])
  await other.host.stop()
})

test('nobody lingers where no descriptors are kept back', async () => {
  const { host, come } = await open(1, { limits: { reservedDescriptors: 0 } })
  const refused = await come('no')
  assert.equal([refused.text, refused.destroyed], ['not you\r\n', true])
  await come('one')
  const late = await come('late')
  assert.equal([late.text, late.destroyed], [FULL, true])
  await host.stop()
})

test('one who waits for a tap of connect, and one who leaves, holds a place', async () => {
  let letIn = (): void => {}
  const slow = plugin('slow', ({ hooks }) => {
    hooks.connect.tapPromise('wait', async ({ client }) => {
      if (client.id === 'slow') await new Promise<void>((resolve) => (letIn = resolve))
    })
  })
  const { host, chat, come } = await open(2, { plugins: [slow] })
  const [leaver, third] = [new Lingerer(), new Lingerer()]
  chat.host.attach(new Lingerer(), { label: 'slow' })
  chat.host.attach(leaver, { label: 'leaver' })
  chat.host.attach(third, { label: 'third' })
  assert.is(third.text, FULL)
  letIn()
  await host.quiet()
  chat.host.clients.get('leaver')?.close()
  await host.quiet()
  assert.is((await come('fourth')).text, FULL, 'it has not left yet')
  await host.advance(1000)
  await come('fifth')
  assert.equal(idsOf(chat.host), ['slow', 'fifth'])
  await host.stop()
})

test('those who come while plugins change places are counted as they come, and told at once where it is full', async () => {
  const { host, chat, come } = await open(4)
  await come('here')
  const during: Lingerer[] = []
  const waits = plugin('waits', (given) => {
    given.onStart(async () => {
      for (const label of ['one', 'two', 'three', 'four', 'five']) {
        const stream = new Lingerer()
        during.push(stream)
        chat.host.attach(stream, { label })
        await turn()
      }
      assert.equal(
        during.map(({ text }) => text),
        ['', '', '', FULL, FULL],
      )
      // A place is free again when one of those who wait has gone.
      during[0]?.destroy(new Error('gone'))
      await turn()
      chat.host.attach(new Lingerer(), { label: 'six' })
      assert.equal(idsOf(given), ['here'])
    })
  })
  await host.reload({ plugins: [chat.plugin, waits, echo()], limits: { clients: 4 } })
  await host.quiet()
  assert.equal(idsOf(chat.host), ['here', 'two', 'three', 'six'])
  await host.stop()
})

test('when the host stops all are out of the chat before the first of them is seen off', async () => {
  const left: number[] = []
  const loud = plugin('loud', (host) => {
    host.hooks.close.tap('tell', ({ client }) => {
      left.push(host.clients.size)
      host.broadcast(`${client.id} has left`)
      client.send('bye')
    })
  })
  const host = await createTestHost({ plugins: [loud, echo()] })
  const people = [await join(host), await join(host), await join(host)]
  await host.stop()
  assert.equal(left, [0, 0, 0])
  assert.equal(
    people.map((one) => one.take()),
    [['bye'], ['bye'], ['bye']],
  )
})

test.run()
