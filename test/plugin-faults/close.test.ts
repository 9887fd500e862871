/** A faulty tap of `close`: the client leaves all the same, the others are told, and its state is freed. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Client, type CloseEvent, type Plugin } from '../../core/index.ts'
import { createTestHost, type TestClient, type TestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import {
  assertBlamed,
  between,
  crashes,
  FAREWELL,
  fickle,
  nonsense,
} from '../support/memory-faults.ts'
import { faults, join, passing, plugin, probe } from '../support/memory-plugins.ts'

const test = suite('faults in close')

type Run = (event: CloseEvent) => unknown

function bad(run: Run): Plugin {
  return plugin('bad', (host) => {
    host.hooks.close.tap('bad', run)
  })
}

interface Left {
  readonly host: TestHost
  readonly leaver: TestClient
  readonly ran: { readonly before: number; readonly after: number }
}

/** A client with something queued leaves while a faulty plugin is between two good ones. */
async function left(run: Run, milliseconds = 0): Promise<Left> {
  const { plugins, ran } = between(bad(run), ({ hooks }, count) =>
    hooks.close.tap('count', ({ client }) => {
      count()
      client.send('bye')
    }),
  )
  const host = await createTestHost({ plugins: [...plugins, echo()] })
  const [leaver, other] = [await join(host), await join(host)]
  await other.say('last')
  await passing(host, milliseconds, leaver.end())
  await host.quiet()
  return { host, leaver, ran }
}

for (const { name, run, hangs } of crashes) {
  test(`a tap that ${name} keeps nobody from leaving nor from being told`, async () => {
    const { host, leaver, ran } = await left(run, hangs ? FAREWELL : 0)
    assert.is(leaver.closed, true)
    assert.equal(ran, { before: 1, after: 1 })
    assert.equal(leaver.lines.slice(2), ['(127.0.0.1:50002) last', 'bye', 'bye'])
    assertBlamed(host, 'close', hangs ? 'HOOK_TIMEOUT' : 'HOOK_FAILED')
    // The other client leaves while the host stops: the fault comes again.
    await host.stop().catch(() => {})
    assert.equal(ran, { before: 2, after: 2 })
  })
}

for (const [name, answer] of nonsense) {
  test(`a tap that answers ${name} answers nothing`, async () => {
    for (const run of [() => answer, () => Promise.resolve(answer), () => fickle(answer, answer)]) {
      const { host, leaver, ran } = await left(run)
      await using _ = host
      assert.is(leaver.closed, true)
      assert.equal(ran, { before: 1, after: 1 })
      assert.equal(faults(host), [])
    }
  })
}

test('a client stays no longer than a tap that hangs has time', async () => {
  const hanging = bad(() => new Promise(() => {}))
  const chat = probe()
  await using host = await createTestHost({ plugins: [hanging, chat.plugin] })
  const leaver = await join(host)
  const client = chat.clientOf(leaver)
  client.close()
  assert.is(chat.host.clients.size, 0)
  await passing(host, FAREWELL - 1, host.quiet())
  assert.is(leaver.closed, false)
  await passing(host, 1, host.quiet())
  assert.is(leaver.closed, true)
  assertBlamed(host, 'close', 'HOOK_TIMEOUT')
})

test('state is there until every tap has answered, and then freed whoever failed', async () => {
  const seen: unknown[] = []
  const keeper = probe('keeper', (host) => {
    const state = host.clientState(() => ({ word: 'kept' }))
    host.hooks.connect.tap('make', ({ client }) => void state.get(client))
    host.hooks.close.tapPromise('slow', async ({ client }) => {
      await new Promise<void>((resolve) => host.setTimeout(resolve, 500))
      seen.push(state.peek(client)?.word)
      host.setTimeout(() => seen.push(state.peek(client)), 10_000)
    })
  })
  const broken = bad(() => {
    throw new Error('oh')
  })
  await using host = await createTestHost({ plugins: [broken, keeper.plugin] })
  const client = await join(host)
  await client.reset()
  await host.advance(500)
  await host.advance(20_000)
  assert.equal(seen, ['kept', undefined])
  assertBlamed(host, 'close', 'HOOK_FAILED')
})

for (const [name, change] of [
  ['the reason', (event: CloseEvent) => ((event as { reason: string }).reason = 'other')],
  ['the client', (event: CloseEvent) => ((event as { client: Client }).client = {} as Client)],
  [
    'whether it is orderly',
    (event: CloseEvent) => ((event as { orderly: boolean }).orderly = false),
  ],
] as const) {
  test(`a tap that sets ${name} changes nothing`, async () => {
    const { host, leaver } = await left(change)
    assert.is(leaver.closed, true)
    assertBlamed(host, 'close', 'HOOK_FAILED')
    await host.stop().catch(() => {})
  })
}

test('a tap that closes the client again closes it once', async () => {
  const { host, leaver, ran } = await left(({ client }) => client.close('again'))
  await using _ = host
  assert.is(leaver.closed, true)
  assert.equal(ran, { before: 1, after: 1 })
})

test.run()
