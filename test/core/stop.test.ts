/** The way out: each step has its part of the deadline, none waits longer than it must, and nothing is left. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig, type ConfigInput } from '../../core/config.ts'
import { createHost } from '../../core/host.ts'
import { Log } from '../../core/log.ts'
import { createTestHost, type TestHost } from '../../core/testing/index.ts'
import { createTestClock } from '../../core/testing/test-clock.ts'
import type { Plugin } from '../../core/index.ts'
import { access, echo, flood } from '../../plugins/index.ts'
import { Peer } from '../support/memory-peer.ts'
import { join, plugin, probe, type Probe } from '../support/memory-plugins.ts'

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

async function quietHost(config: ConfigInput) {
  const clock = countingClock()
  const host = createHost(checkConfig(config, undefined, []), {
    clock,
    random: Math.random,
    log: new Log(() => {}),
  })
  host.setUp()
  await host.start()
  return { host, clock }
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
  let over = false
  const stopped = host.stop('end').then(() => (over = true))
  while (!over) await clock.advance(10)
  await stopped
  assert.ok(clock.now() < begun + DEADLINE)
  assert.is(clock.pending, 0)
})

test.run()
