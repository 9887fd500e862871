/** A client that sends too fast is slowed down, and loses nothing. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost } from '../../core/testing/index.ts'
import { echo, flood } from '../../plugins/index.ts'
import { collected } from '../support/memory-garbage.ts'
import { join, plugin, probe } from '../support/memory-plugins.ts'

const test = suite('flood')

const numbered = (count: number): string =>
  Array.from({ length: count }, (_, index) => `${index + 1}\r\n`).join('')

test('a burst goes out at once, what follows one by one in order, and nobody else waits', async () => {
  const plugins = [flood({ burst: 5, perSecond: 2 }), echo()]
  await using host = await createTestHost({ plugins })
  const [fast, other, watcher] = [await join(host), await join(host), await join(host)]
  const numbers = (): string[] => watcher.take().map((line) => line.replace(/^.*\) /, ''))
  await fast.send(numbered(9))
  // The line that uses up more than there is still goes out.
  assert.equal(numbers(), ['1', '2', '3', '4', '5', '6'])
  await other.say('not held')
  assert.equal(numbers(), ['not held'])
  await host.advance(499)
  assert.equal(numbers(), [])
  await host.advance(1)
  assert.equal(numbers(), ['7'])
  await host.advance(500)
  assert.equal(numbers(), ['8'])
  await host.advance(10_000)
  assert.equal(numbers(), ['9'])
})

test('who goes on sending while it is held keeps its order', async () => {
  const plugins = [flood({ burst: 1, perSecond: 20 }), echo()]
  await using host = await createTestHost({ plugins })
  const [fast, watcher] = [await join(host), await join(host)]
  for (let line = 1; line <= 60; line++) {
    await fast.send(`${line}\n`)
    if (line % 2 === 0) await host.advance(50)
  }
  await host.advance(60_000)
  const numbers = watcher.take().map((line) => Number(line.replace(/^.*\) /, '')))
  assert.equal(
    numbers,
    Array.from({ length: 60 }, (_, index) => index + 1),
  )
})

test('who waits may burst again', async () => {
  const plugins = [flood({ burst: 3, perSecond: 1 }), echo()]
  await using host = await createTestHost({ plugins })
  const [fast, watcher] = [await join(host), await join(host)]
  await fast.send(numbered(3))
  assert.is(watcher.take().length, 3)
  await host.advance(60_000)
  await fast.send(numbered(4))
  assert.is(watcher.take().length, 4)
  await fast.send('one more\r\n')
  assert.is(watcher.take().length, 0)
})

test('it is told once why', async () => {
  const plugins = [flood({ burst: 1, perSecond: 1 }), echo()]
  await using host = await createTestHost({ plugins })
  const fast = await join(host)
  await fast.send(numbered(5))
  await host.advance(60_000)
  await fast.send(numbered(5))
  await host.advance(60_000)
  assert.equal(fast.lines.slice(2), [
    'you are sending fast: your lines go out one at a time, and none is lost',
  ])
})

test('the notice can be another one, or none', async () => {
  for (const [notice, lines] of [
    ['slow down', ['slow down']],
    ['', []],
  ] as const) {
    const plugins = [flood({ burst: 1, perSecond: 1, notice })]
    await using host = await createTestHost({ plugins })
    const fast = await join(host)
    await fast.send(numbered(3))
    assert.equal(fast.lines.slice(2), lines)
  }
})

test('commands count like lines', async () => {
  const ping = plugin('ping', (host) => {
    host.command({ name: 'ping', help: '', run: () => 'pong' })
  })
  const plugins = [flood({ burst: 2, perSecond: 1, notice: '' }), ping]
  await using host = await createTestHost({ plugins })
  const fast = await join(host)
  assert.equal(await fast.send('/ping\r\n'.repeat(5)), ['pong', 'pong', 'pong'])
})

test('one who is held can leave, and who comes next is not held', async () => {
  const plugins = [flood({ burst: 1, perSecond: 1 }), echo()]
  await using host = await createTestHost({ plugins })
  const [fast, watcher] = [await join(host, 'same'), await join(host)]
  await fast.send(numbered(5))
  await fast.reset()
  watcher.take()
  const next = await join(host, 'same')
  await next.say('hello')
  assert.equal(watcher.take(), ['(same) hello'])
})

test('a reload gives nobody a new burst', async () => {
  const config = (notice: string) => ({
    plugins: [flood({ burst: 3, perSecond: 1, notice }), echo()],
  })
  await using host = await createTestHost(config(''))
  const [fast, watcher] = [await join(host), await join(host)]
  await fast.send(numbered(3))
  await host.reload(config('slow down'))
  await fast.send(numbered(3))
  assert.is(watcher.take().length, 4)
  await host.advance(1000)
  assert.is(watcher.take().length, 1)
})

test('of a client that was held and has left nothing is kept', async () => {
  const chat = probe()
  await using host = await createTestHost({
    plugins: [flood({ burst: 1, perSecond: 1 }), chat.plugin],
  })
  const visit = async (): Promise<WeakRef<object>> => {
    const fast = await join(host)
    const client = chat.clientOf(fast)
    await fast.send(numbered(3))
    await host.advance(10_000)
    await fast.reset()
    return new WeakRef(client)
  }
  const left = await visit()
  // Another one comes, for what is kept of the last one alone.
  await (await join(host)).reset()
  assert.equal(await collected([left]), [true])
})

test('when the plugin goes nobody stays held', async () => {
  const plugins = [flood({ burst: 1, perSecond: 1 }), echo()]
  await using host = await createTestHost({ plugins })
  const [fast, watcher] = [await join(host), await join(host)]
  await fast.send(numbered(5))
  await host.unload('flood')
  await host.advance(60_000)
  await host.quiet()
  assert.is(watcher.take().length, 5)
})

test.run()
