/** A faulty tap of `connect`: who comes is let in, or kept out where the tap says so, and is told once. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  refuse,
  type Client,
  type ConnectEvent,
  type Plugin,
  type Refuse,
} from '../../core/index.ts'
import { createTestHost, type TestClient, type TestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import {
  ANSWER,
  assertBlamed,
  between,
  crashes,
  fickle,
  nonsense,
} from '../support/memory-faults.ts'
import { faults, join, passing, plugin } from '../support/memory-plugins.ts'

const test = suite('faults in connect')

type Run = (event: ConnectEvent) => unknown

function bad(run: Run, onFailure?: Refuse): Plugin {
  return plugin('bad', (host) => {
    host.hooks.connect.tap({ onFailure }, run as () => undefined)
  })
}

interface Came {
  readonly host: TestHost
  readonly client: TestClient
  readonly ran: { readonly before: number; readonly after: number }
  readonly settled: readonly string[]
}

/** Somebody comes while a faulty plugin is between two good ones. */
async function came(run: Run, onFailure?: Refuse, milliseconds = 0): Promise<Came> {
  const { plugins, ran } = between(bad(run, onFailure), ({ hooks }, count) =>
    hooks.connect.tap('count', count),
  )
  const settled: string[] = []
  const watcher = plugin('watcher', ({ hooks }) => {
    hooks.settled.tap('note', ({ hook, verdict, by }) => {
      if (hook === 'connect') settled.push(`${verdict.kind} ${by}`)
    })
  })
  const host = await createTestHost({ plugins: [...plugins, echo(), watcher] })
  const client = await passing(host, milliseconds, host.connect('me'))
  return { host, client, ran, settled }
}

const greeting = ['multiecho server v1.0', 'client id: me']

for (const { name, run, hangs } of crashes) {
  const code = hangs ? 'HOOK_TIMEOUT' : 'HOOK_FAILED'
  const wait = hangs ? ANSWER : 0

  test(`a tap that ${name} is passed over and the client greeted once`, async () => {
    const { host, client, ran, settled } = await came(run, undefined, wait)
    await using _ = host
    assert.equal(client.lines, greeting)
    assert.is(client.closed, false)
    assert.equal(ran, { before: 1, after: 1 })
    assert.equal(settled, ['admit core'])
    assertBlamed(host, 'connect', code)
  })

  test(`a guard with onFailure that ${name} stays closed`, async () => {
    const { host, client, ran, settled } = await came(run, refuse('not now'), wait)
    await using _ = host
    assert.equal(client.lines, ['not now'])
    assert.is(client.closed, true)
    assert.equal(ran, { before: 1, after: 0 })
    assert.equal(settled, ['refuse bad'])
    assertBlamed(host, 'connect', code)
  })
}

const wrong: typeof nonsense = [
  ...nonsense,
  ['a drop', { kind: 'drop', reason: 'x' }],
  ['a deliver', { kind: 'deliver' }],
]

for (const [name, answer] of wrong) {
  test(`a tap that answers ${name} is passed over`, async () => {
    for (const run of [() => answer, () => Promise.resolve(answer)]) {
      const { host, client, ran } = await came(run)
      await using _ = host
      assert.equal(client.lines, greeting)
      assert.equal(ran, { before: 1, after: 1 })
      assertBlamed(host, 'connect', 'HOOK_FAILED')
    }
  })

  test(`a guard with onFailure that answers ${name} stays closed`, async () => {
    const { host, client } = await came(() => answer, refuse('not now'))
    await using _ = host
    assert.equal(client.lines, ['not now'])
    assertBlamed(host, 'connect', 'HOOK_FAILED')
  })
}

test('a thenable that settles twice refuses once', async () => {
  const { host, client, settled } = await came(() => fickle(refuse('once'), refuse('twice')))
  await using _ = host
  assert.equal(client.lines, ['once'])
  assert.equal(settled, ['refuse bad'])
})

test('a thenable that settles twice admits once', async () => {
  const { host, client, ran, settled } = await came(() => fickle(undefined, refuse('twice')))
  await using _ = host
  assert.equal(client.lines, greeting)
  assert.equal(ran, { before: 1, after: 1 })
  assert.equal(settled, ['admit core'])
})

test('a refusal that comes when the tap was given up is ignored', async () => {
  let answer: (verdict: Refuse) => void = () => {}
  const { host, client } = await came(
    () => new Promise<Refuse>((resolve) => (answer = resolve)),
    undefined,
    ANSWER,
  )
  await using _ = host
  answer(refuse('too late'))
  await host.quiet()
  assert.equal(client.lines, greeting)
  assert.is(client.closed, false)
  assertBlamed(host, 'connect', 'HOOK_TIMEOUT')
})

test('the event cannot be changed', async () => {
  const { host, client } = await came((event) => {
    ;(event as { client: Client }).client = {} as Client
  })
  await using _ = host
  assert.equal(client.lines, greeting)
  assertBlamed(host, 'connect', 'HOOK_FAILED')
})

test('nobody else waits for a tap that hangs on one', async () => {
  const hanging = bad(({ client }) => (client.id === 'slow' ? new Promise(() => {}) : undefined))
  await using host = await createTestHost({ plugins: [hanging, echo()] })
  const slow = host.connect('slow')
  await turn()
  const quick = host.connect('quick')
  await host.advance(1)
  await host.advance(ANSWER)
  assert.equal((await slow).lines[1], 'client id: slow')
  assert.equal((await quick).lines[1], 'client id: quick')
  assertBlamed(host, 'connect', 'HOOK_TIMEOUT')
})

test('one who goes while a tap hangs is not waited for, and never was a client', async () => {
  const notes: string[] = []
  const hanging = bad(() => new Promise(() => {}))
  const watcher = plugin('watcher', (host) => {
    host.hooks.settled.tap(
      'note',
      ({ hook, verdict }) => void notes.push(`${hook} ${verdict.kind}`),
    )
    host.hooks.close.tap('note', () => void notes.push('close'))
  })
  const full = { clients: 1 }
  await using host = await createTestHost({ plugins: [hanging, watcher], limits: full })
  const first = host.connect('first')
  await turn()
  await host.advance(100)
  const stopping = host.stop()
  const client = await first
  await stopping.catch(() => {})
  assert.equal(notes, ['connect refuse'])
  assert.equal(client.lines, [])
  host.takeErrors()
})

test('a tap that hangs three times in a row is skipped for a minute', async () => {
  let called = 0
  const hanging = bad(() => {
    called++
    return new Promise(() => {})
  })
  await using host = await createTestHost({ plugins: [hanging] })
  for (let count = 1; count <= 3; count++) await passing(host, ANSWER, host.connect())
  await join(host)
  assert.is(called, 3)
  assert.equal(faults(host), Array(3).fill('bad connect HOOK_TIMEOUT'))
})

test.run()
