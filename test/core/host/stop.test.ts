/** The way out: each step has its part of the deadline, none waits longer than it must, and nothing is left. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig, type ConfigInput } from '../../../core/host/config.ts'
import { createHost } from '../../../core/host/host.ts'
import { Log } from '../../../core/support/log.ts'
import { createTestHost, type TestHost } from '../../../core/testing/index.ts'
import type { Transport } from '../../../core/net/transport.ts'
import { createTestClock } from '../../../core/testing/test-clock.ts'
import type { Plugin } from '../../../core/index.ts'
import { access, echo, flood } from '../../../plugins/index.ts'
import { Peer } from '../../support/memory-peer.ts'
import { join, plugin, probe, rejection, type Probe } from '../../support/memory-plugins.ts'

const test = suite('stop')

const DEADLINE = 2000
/** Milliseconds by which a test host's clock moves on at a time. */
const TICK = 20

interface Stopping {
  readonly host: TestHost
  readonly chat: Probe
  /** What happened, and how many milliseconds after the stop began. */
  readonly happened: ReadonlyMap<string, number>
  stop(): Promise<void>
}

async function stopping(...plugins: Plugin[]): Promise<Stopping> {
  const happened = new Map<string, number>()
  let begun = 0
  const note = (what: string): void => {
    if (!happened.has(what)) happened.set(what, chat.host.now() - begun)
  }
  const chat: Probe = probe('probe', ({ hooks }) => {
    hooks.settled.tap('note', ({ hook, verdict }) => {
      if (hook !== 'connect') note(`${hook} ${verdict.kind}`)
    })
    hooks.close.tap('note', ({ client }) => note(`${client.id} closed`))
    hooks.shutdown.tap('note', () => note('shutdown'))
  })
  const host = await createTestHost({
    plugins: [...plugins, chat.plugin, echo()],
    stopDeadline: DEADLINE,
  })
  return {
    host,
    chat,
    happened,
    async stop() {
      begun = chat.host.now()
      await host.stop()
      note('end')
    },
  }
}

function assertAt({ happened }: Stopping, what: string, milliseconds: number): void {
  const at = happened.get(what) ?? NaN
  assert.ok(at >= milliseconds - 5 && at <= milliseconds + TICK, `${what} after ${at} ms`)
}

/** A plugin that keeps every line for some milliseconds. */
function keeping(milliseconds: number): Plugin {
  return plugin('keeping', (host) => {
    host.hooks.line.tapPromise(
      { timeout: 60_000 },
      () => new Promise((resolve) => host.setTimeout(() => resolve(undefined), milliseconds)),
    )
  })
}

test('a host that has nothing to wait for stops at once', async () => {
  const way = await stopping()
  const ann = await join(way.host)
  await way.stop()
  assertAt(way, 'shutdown', 0)
  assertAt(way, 'end', 0)
  assert.is(ann.closed, true)
})

test('lines that were read have half of the deadline, and nobody is closed before', async () => {
  const way = await stopping(keeping(60_000))
  const [ann] = [await join(way.host, 'ann'), await join(way.host, 'bob')]
  void ann.send('hello\n')
  await way.host.advance(0)
  await way.stop()
  for (const what of ['line drop', 'ann closed', 'bob closed', 'shutdown', 'end']) {
    assertAt(way, what, DEADLINE / 2)
  }
})

test('with many clients that time is a tenth of a millisecond shorter for each', async () => {
  const way = await stopping(keeping(60_000))
  const ann = await join(way.host, 'ann')
  for (let count = 1; count < 500; count++) {
    way.chat.host.attach(new Peer({ ends: true }), { label: `peer ${count}` })
  }
  void ann.send('hello\n')
  await way.host.advance(0)
  await way.stop()
  assertAt(way, 'line drop', DEADLINE / 2 - 50)
})

test('the stop goes on as soon as the last of these lines has settled', async () => {
  const way = await stopping(keeping(300))
  const [ann, bob] = [await join(way.host, 'ann'), await join(way.host, 'bob')]
  void ann.send('one\ntwo\n')
  await way.host.advance(0)
  await way.stop()
  assertAt(way, 'line deliver', 300)
  assertAt(way, 'ann closed', 600)
  assertAt(way, 'end', 600)
  assert.equal(bob.lines.slice(2), ['(ann) one', '(ann) two'])
})

test('who takes nothing is cut off by three quarters of the deadline', async () => {
  const way = await stopping()
  const deaf = new Peer({ deaf: true })
  way.chat.host.attach(deaf, { label: 'deaf' })
  await way.host.quiet()
  await way.stop()
  assertAt(way, 'deaf closed', 0)
  assertAt(way, 'shutdown', (DEADLINE * 3) / 4)
  assert.is(deaf.destroyed, true)
})

test('what lines have taken of the deadline is not given to clients once more', async () => {
  const way = await stopping(keeping(60_000))
  const deaf = new Peer({ deaf: true })
  way.chat.host.attach(deaf, { label: 'deaf' })
  const ann = await join(way.host, 'ann')
  void ann.send('hello\n')
  await way.host.advance(0)
  await way.stop()
  assertAt(way, 'deaf closed', DEADLINE / 2)
  assertAt(way, 'shutdown', (DEADLINE * 3) / 4)
})

test('a change of plugins that does not end has a quarter of the deadline, and lines wait for it', async () => {
  const way = await stopping()
  const [ann, bob] = [await join(way.host, 'ann'), await join(way.host, 'bob')]
  let reached = (): void => {}
  const starting = new Promise<void>((resolve) => (reached = resolve))
  const hanging = plugin('hanging', (host) =>
    host.onStart(() => {
      reached()
      return new Promise(() => {})
    }),
  )
  const reloaded = way.host.reload({
    plugins: [hanging, way.chat.plugin, echo()],
    stopDeadline: DEADLINE,
  })
  const refused = rejection(reloaded)
  await starting
  void ann.send('hello\n')
  await way.stop()
  await refused
  assertAt(way, 'line deliver', DEADLINE / 4)
  assertAt(way, 'end', DEADLINE / 4)
  assert.equal(bob.lines.slice(2), ['(ann) hello'])
  way.host.takeErrors()
})

test('each thousand clients take a tenth of a second of what lines have', async () => {
  const way = await stopping(keeping(60_000))
  for (let count = 0; count < 999; count++) {
    way.chat.host.attach(new Peer({ ends: true }), { label: `peer ${count}` })
  }
  const ann = await join(way.host, 'ann')
  void ann.send('hello\n')
  await way.host.advance(0)
  await way.stop()
  assertAt(way, 'line drop', DEADLINE / 2 - 100)
})

test('a client that does not end its side is waited for 200 ms when the host stops', async () => {
  const way = await stopping()
  const peer = new Peer()
  way.chat.host.attach(peer, { label: 'far' })
  await way.host.quiet()
  await way.stop()
  assert.is(peer.writableFinished, true)
  assertAt(way, 'shutdown', 200)
})

test('what is typed once the host stops is not read', async () => {
  const way = await stopping(keeping(300))
  const [ann, bob] = [await join(way.host, 'ann'), await join(way.host, 'bob')]
  void ann.send('read before\n')
  await way.host.advance(0)
  const stopped = way.stop()
  void ann.say('too late').catch(() => {})
  void bob.say('too late as well').catch(() => {})
  await stopped
  assert.equal(bob.lines.slice(2), ['(ann) read before'])
  assert.equal(ann.lines.slice(2), [])
})

test('what a held client has sent before is still said', async () => {
  const way = await stopping()
  const [ann, bob] = [await join(way.host, 'ann'), await join(way.host, 'bob')]
  way.chat.clientOf(ann).hold()
  void ann.send('one\ntwo\n')
  await way.host.advance(0)
  assert.equal(bob.lines.slice(2), [])
  await way.stop()
  assert.equal(bob.lines.slice(2), ['(ann) one', '(ann) two'])
})

test('nobody is let in any more', async () => {
  const way = await stopping(keeping(300))
  const ann = await join(way.host, 'ann')
  void ann.send('hello\n')
  await way.host.advance(0)
  const stopped = way.stop()
  const late = new Peer()
  way.chat.host.attach(late, { label: 'late' })
  await stopped
  assert.is(late.destroyed, true)
  assert.is(late.taken, '')
})

test('a connection may be asked for no more from the first moment on, and plugins are told why it stops', async () => {
  const events: string[] = []
  const telling = plugin('telling', ({ hooks }) => {
    hooks.shutdown.tap('note', ({ reason }) => void events.push(reason))
  })
  const { host, clock } = await quietHost(
    { plugins: [keeping(300), telling, echo()] },
    { listen: async () => 'nowhere', stop: () => events.push('accepts no more') },
  )
  const ann = new Peer({ ends: true })
  host.accept(ann, { label: 'ann' })
  await clock.advance(0)
  ann.push('hello\r\n')
  await clock.advance(0)
  const stopped = host.stop('end of test')
  assert.equal(events, ['accepts no more'])
  await untilOver(clock, stopped)
  assert.equal(events, ['accepts no more', 'end of test'])
})

test('a stop that is cut short waits for nothing more', async () => {
  const { host, clock } = await quietHost({ plugins: [keeping(60_000), echo()] })
  const [ann, deaf] = [new Peer({ ends: true }), new Peer({ deaf: true })]
  host.accept(ann, { label: 'ann' })
  host.accept(deaf, { label: 'deaf' })
  await clock.advance(0)
  ann.push('hello\r\n')
  await clock.advance(0)
  const begun = clock.now()
  const stopped = host.stop('signal')
  await clock.advance(100)
  host.expire()
  await untilOver(clock, stopped, 1)
  assert.ok(clock.now() - begun < 200, `it took ${clock.now() - begun} ms`)
  assert.equal([ann.destroyed, deaf.destroyed], [true, true])
})

test('connections that were only counted are told of before the end', async () => {
  const { host, clock, records } = await quietHost({
    plugins: [echo()],
    limits: { clients: 1 },
  })
  for (let count = 0; count < 10_001; count++) host.accept(new Peer(), { label: 'one more' })
  await untilOver(clock, host.stop('end'))
  const at = records.findIndex((message) => message.startsWith('connections not logged one by one'))
  assert.ok(at >= 0)
  assert.ok(at < records.indexOf('multiecho server is shutting down'))
})

// What is left

/** A clock whose timers are counted. */
function countingClock() {
  const clock = createTestClock(0)
  const pending = new Set<() => void>()
  return {
    ...clock,
    get pending() {
      return pending.size
    },
    setTimeout(run: () => void, milliseconds: number) {
      assert.ok(Number.isFinite(milliseconds), `a timer of ${milliseconds} ms`)
      const done = (): void => {
        pending.delete(done)
        run()
      }
      const cancel = clock.setTimeout(done, milliseconds)
      pending.add(done)
      return () => {
        pending.delete(done)
        cancel()
      }
    },
  }
}

async function quietHost(config: ConfigInput, transport?: Transport) {
  const clock = countingClock()
  const records: string[] = []
  const log = new Log(() => {})
  log.addSink({ write: ({ message }) => void records.push(message) })
  const host = createHost(checkConfig(config, undefined, []), { clock, random: Math.random, log })
  host.setUp()
  await host.start(transport)
  return { host, clock, records }
}

/** Lets time pass, so many milliseconds at a time, until something is over. */
async function untilOver(
  clock: ReturnType<typeof countingClock>,
  underWay: Promise<unknown>,
  step = 10,
): Promise<void> {
  let over = false
  const ended = underWay.then(() => (over = true))
  while (!over) await clock.advance(step)
  await ended
}

test('a host that nobody has joined waits for no timer, unless a limit or a plugin asks for one', async () => {
  const { host, clock } = await quietHost({ plugins: [echo()] })
  assert.is(clock.pending, 0)
  await host.stop('end')
  const idle = await quietHost({ plugins: [echo()], limits: { idle: 1000 } })
  assert.is(idle.clock.pending, 1)
  await idle.host.stop('end')
})

test('nor does it when a reload has ended', async () => {
  const { host, clock } = await quietHost({ plugins: [echo()] })
  await host.reload(checkConfig({ plugins: [echo(), flood()] }, undefined, []))
  assert.is(clock.pending, 0)
  await host.stop('end')
})

test('nor when a tap has answered in time', async () => {
  let answered = 0
  const slow = plugin('slow', ({ hooks }) => {
    hooks.line.tapPromise('wait', async () => void answered++)
  })
  const { host, clock } = await quietHost({ plugins: [slow, echo()] })
  const ann = new Peer({ ends: true })
  host.accept(ann, { label: 'ann' })
  ann.push('hello\n')
  while (answered === 0) await turn()
  await host.quiet()
  assert.is(clock.pending, 0)
  await host.stop('end')
})

test('a host that has stopped waits for no timer', async () => {
  const { host, clock } = await quietHost({
    plugins: [flood({ burst: 1 }), access(), echo()],
    limits: { idle: 1000, backlogSoft: 100 },
  })
  const [ann, deaf] = [new Peer({ ends: true }), new Peer({ deaf: true })]
  host.accept(deaf, { label: 'deaf' })
  host.accept(ann, { label: 'ann' })
  const line = `${'x'.repeat(4000)}\r\n`
  ann.push(line.repeat(20))
  await host.quiet()
  for (let count = 0; count < 20; count++) await clock.advance(100)
  const begun = clock.now()
  await untilOver(clock, host.stop('end'))
  assert.ok(clock.now() < begun + DEADLINE)
  assert.is(clock.pending, 0)
})

test('nor does one that had nothing to wait for', async () => {
  const { host, clock } = await quietHost({ plugins: [echo()] })
  await host.stop('end')
  assert.is(clock.pending, 0)
})

test.run()
