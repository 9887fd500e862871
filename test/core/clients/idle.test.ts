/** Clients that type nothing: when they are closed, and by which limit. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost, type TestHost } from '../../../core/testing/index.ts'
import { echo, flood } from '../../../plugins/index.ts'
import { join, plugin, probe, type Probe } from '../../support/memory-plugins.ts'

const test = suite('idle')

interface Room {
  readonly host: TestHost
  readonly chat: Probe
  /** Who was closed, why, and how many milliseconds after the host began to look. */
  readonly closed: string[]
  /** Milliseconds since the host began to look. */
  since(): number
  /** Moves the clock on to so many milliseconds after that. */
  until(milliseconds: number): Promise<void>
}

async function room(idle: number | undefined): Promise<Room> {
  const closed: string[] = []
  let begun = 0
  const chat: Probe = probe('probe', (host) => {
    host.onStart(() => {
      begun = host.now()
    })
    host.hooks.close.tap('note', ({ client, reason }) => {
      if (reason !== 'shutdown') closed.push(`${client.id} ${reason} ${since()}`)
    })
  })
  const since = (): number => chat.host.now() - begun
  const host = await createTestHost({ plugins: [chat.plugin, echo()], limits: { idle } })
  return { host, chat, closed, since, until: (at) => host.advance(at - since()) }
}

test('a client is closed when it has typed nothing for just as long as the limit says', async () => {
  const { host, closed, until } = await room(10_000)
  await using _ = host
  const ann = await join(host, 'ann')
  await until(5000)
  await ann.say('hello')
  await until(14_999)
  assert.equal(closed, [])
  await until(15_000)
  assert.equal(closed, ['ann idle 15000'])
  assert.equal(ann.lines.slice(2), ['closed: you have typed nothing for 10 s'])
  assert.is(ann.closed, true)
})

for (const [limit, tenth] of [
  [1000, 100],
  [10_000, 1000],
  [300_000, 30_000],
  [3_600_000, 30_000],
] as const) {
  test(`with a limit of ${limit} ms a client is closed at most ${tenth} ms late`, async () => {
    const { host, closed, until, since } = await room(limit)
    await using _ = host
    const [early, late] = [await join(host, 'early'), await join(host, 'late')]
    await until(tenth)
    await early.say('as the host looks')
    await host.advance(1)
    await late.say('just behind that')
    await until(tenth + limit)
    assert.equal(closed, [`early idle ${since()}`])
    await host.advance(tenth - 1)
    assert.is(closed.length, 1)
    await host.advance(1)
    assert.equal(closed.slice(1), [`late idle ${tenth + limit + tenth}`])
  })
}

test('a client that types is not closed, though it ends no line', async () => {
  const { host, closed } = await room(10_000)
  await using _ = host
  const ann = await join(host, 'ann')
  for (let count = 0; count < 10; count++) {
    await host.advance(9000)
    await ann.send('.')
  }
  assert.equal(closed, [])
})

test('what a client is sent is nothing that it typed', async () => {
  const { host, closed, chat, since } = await room(10_000)
  await using _ = host
  await join(host, 'ann')
  while (since() < 12_000) {
    chat.host.broadcast('tick')
    await host.advance(500)
  }
  assert.is(closed.length, 1)
})

test('without a limit a client may be silent for as long as it likes', async () => {
  const { host, closed } = await room(undefined)
  await using _ = host
  await join(host, 'ann')
  await host.advance(1e9)
  assert.equal(closed, [])
})

test('after a reload the limit of before closes nobody', async () => {
  const { host, chat, closed } = await room(10_000)
  await using _ = host
  const plugins = [chat.plugin, echo()]
  await join(host, 'ann')
  await host.reload({ plugins, limits: { idle: 60_000 } })
  await host.advance(50_000)
  assert.equal(closed, [])
  await host.advance(16_000)
  assert.is(closed.length, 1)
  assert.match(closed[0] ?? '', /^ann idle /)
})

test('a reload that takes the limit away closes nobody any more, and one that brings it does', async () => {
  const { host, chat, closed } = await room(10_000)
  await using _ = host
  const plugins = [chat.plugin, echo()]
  await join(host, 'ann')
  await host.reload({ plugins })
  await host.advance(1e6)
  assert.equal(closed, [])
  await host.reload({ plugins, limits: { idle: 2e6 } })
  await host.advance(9e5)
  assert.equal(closed, [])
  await host.advance(1.2e6)
  assert.is(closed.length, 1)
})

test('a client is not closed before all that it typed has been heard', async () => {
  await using host = await createTestHost({
    plugins: [flood({ burst: 1, perSecond: 0.1, notice: '' }), echo()],
    limits: { idle: 15_000 },
  })
  const [ann, watcher] = [await join(host, 'ann'), await join(host)]
  const heard: string[] = []
  void ann.send('1\n2\n3\n4\n')
  for (let time = 0; time < 40_000; time += 3000) {
    await host.advance(3000)
    heard.push(...(await watcher.send('.')))
  }
  assert.equal(heard, ['(ann) 1', '(ann) 2', '(ann) 3', '(ann) 4'])
  await host.advance(3000)
  assert.equal(ann.lines.slice(2), ['closed: you have typed nothing for 15 s'])
})

test('nor is one whose line still waits for an answer', async () => {
  const slow = plugin('slow', (context) => {
    context.hooks.line.tapPromise({ timeout: 60_000 }, async () => {
      await new Promise<void>((resolve) => context.setTimeout(resolve, 30_000))
    })
  })
  await using host = await createTestHost({ plugins: [slow, echo()], limits: { idle: 10_000 } })
  const [ann, watcher] = [await join(host, 'ann'), await join(host)]
  const heard: string[] = []
  void ann.send('hello\n')
  for (let time = 0; time < 31_000; time += 1000) {
    await host.advance(1000)
    heard.push(...(await watcher.send('.')))
  }
  assert.equal(heard, ['(ann) hello'])
})

test('who types while plugins change places is not closed when they have, and the new limit counts', async () => {
  const { host, chat, closed } = await room(5000)
  await using _ = host
  const [ann] = [await join(host, 'ann'), await join(host, 'bob')]
  const reload = async (idle: number, then: () => void): Promise<void> => {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => (open = resolve))
    const slow = plugin('slow', (context) => context.onStart(() => opened))
    const reloading = host.reload({ plugins: [chat.plugin, slow, echo()], limits: { idle } })
    await turn()
    await host.advance(6000)
    then()
    await turn()
    open()
    await reloading
  }
  await reload(30_000, () => {})
  assert.equal(closed, [])
  await host.advance(15_000)
  await reload(20_000, () => void ann.send('.'))
  assert.equal(closed.length, 1)
  assert.match(closed[0] ?? '', /^bob idle /)
})

test('a client that is closed for something else is not told that it was idle', async () => {
  const { host, chat, closed } = await room(10_000)
  await using _ = host
  const ann = await join(host, 'ann')
  chat.clientOf(ann).close('thrown out')
  await host.advance(30_000)
  assert.equal(ann.lines.slice(2), [])
  assert.is(closed.length, 1)
  assert.match(closed[0] ?? '', /^ann thrown out /)
})

test.run()
