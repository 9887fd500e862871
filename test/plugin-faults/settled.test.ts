/** A faulty tap of `settled`: it only watches, so nothing changes for anybody. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drop, refuse, type LineEvent, type Plugin, type SettledEvent } from '../../core/index.ts'
import { createTestHost, type TestClient, type TestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import { between, crashes, fickle, nonsense } from '../support/memory-faults.ts'
import { faults, join, logged, plugin } from '../support/memory-plugins.ts'

const test = suite('faults in settled')

type Run = (event: SettledEvent) => unknown

function bad(run: Run): Plugin {
  return plugin('bad', (host) => {
    host.hooks.settled.tap('bad', run)
  })
}

interface Watched {
  readonly host: TestHost
  readonly one: TestClient
  readonly two: TestClient
  readonly ran: { readonly before: number; readonly after: number }
}

/** A client comes, says `line` and types /nope, while a faulty plugin watches between two good ones. */
async function watched(run: Run): Promise<Watched> {
  const { plugins, ran } = between(bad(run), ({ hooks }, count) =>
    hooks.settled.tap('count', count),
  )
  const host = await createTestHost({ plugins: [...plugins, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('line\r\n/nope\r\n')
  return { host, one, two, ran }
}

/** Two have come, a line and a command. */
const EVENTS = 4

for (const { name, run, hangs } of crashes) {
  test(`a watcher that ${name} changes nothing, and the others watch`, async () => {
    const { host, one, two, ran } = await watched(run)
    await using _ = host
    assert.equal(one.lines.slice(2), ['there is no command /nope'])
    assert.equal(two.lines.slice(2), [`(${one.id}) line`])
    assert.equal(ran, { before: EVENTS, after: EVENTS })
    const count = hangs ? 0 : EVENTS
    assert.equal(faults(host), Array(count).fill('bad settled HOOK_FAILED'))
    assert.is(logged(host, 'plugins', 50).length, count)
  })
}

for (const [name, answer] of nonsense) {
  test(`a watcher that answers ${name} answers nothing`, async () => {
    for (const run of [() => answer, () => Promise.resolve(answer), () => fickle(answer, answer)]) {
      const { host, one, two, ran } = await watched(run)
      await using _ = host
      assert.equal(two.lines.slice(2), [`(${one.id}) line`])
      assert.equal(ran, { before: EVENTS, after: EVENTS })
    }
  })
}

test('a watcher that answers with a verdict decides nothing', async () => {
  const { host, one, two } = await watched(() => drop('no'))
  await using _ = host
  assert.equal(two.lines.slice(2), [`(${one.id}) line`])
})

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

const changes: ReadonlyArray<readonly [name: string, change: (settled: SettledEvent) => void]> = [
  ['the verdict', (settled) => ((settled as { verdict: unknown }).verdict = drop('no'))],
  ['the kind of the verdict', (settled) => ((settled.verdict as { kind: string }).kind = 'drop')],
  ['whose it was', (settled) => ((settled as { by: string }).by = 'me')],
  ['the event', (settled) => ((settled as { event: unknown }).event = {})],
  [
    'the text',
    ({ hook, event }) => {
      if (hook === 'line') (event as Writable<LineEvent>).text = 'forged'
    },
  ],
  [
    'the audience',
    ({ hook, event }) => {
      if (hook === 'line') {
        const line = event as Writable<LineEvent>
        line.audience = line.audience.without([...line.audience])
      }
    },
  ],
  [
    'whatever there is about a line',
    ({ hook, event }) => {
      if (hook !== 'line') return
      const line = event as unknown as Record<string, unknown>
      for (const key of Object.keys(line)) {
        if (typeof line[key] === 'string') line[key] = 'forged'
      }
    },
  ],
]

for (const [name, change] of changes) {
  test(`a watcher that changes ${name} changes it for nobody`, async () => {
    const seen: string[] = []
    const watcher = plugin('watcher', ({ hooks }) => {
      hooks.settled.tap('look', ({ hook, verdict, by, event }) => {
        if (hook === 'line') {
          seen.push(`${event.text} to ${event.audience.size} ${verdict.kind} ${by}`)
        }
      })
    })
    await using host = await createTestHost({ plugins: [bad(change), watcher, echo()] })
    const [one, two] = [await join(host), await join(host)]
    await one.say('line')
    assert.equal(two.take(), [`(${one.id}) line`])
    assert.equal(seen, ['line to 1 deliver echo'])
    host.takeErrors()
  })
}

test('a watcher is heard ahead of a line and of a refusal, and behind a greeting and an answer', async () => {
  const telling = plugin('telling', (host) => {
    host.hooks.settled.tap('tell', ({ hook, verdict, event }) => {
      event.client.send(`${hook} ${verdict.kind}`)
      if (hook === 'line') host.broadcast('line settled')
    })
    host.command({ name: 'answer', help: '', run: () => 'answered' })
    host.hooks.connect.tap('refuse', ({ client }) =>
      client.id === 'nobody' ? refuse('refused') : undefined,
    )
  })
  await using host = await createTestHost({ plugins: [telling, echo()] })
  const ann = await host.connect('ann')
  assert.equal(ann.lines, ['multiecho server v1.0', 'client id: ann', 'connect admit'])
  assert.equal((await host.connect('nobody')).lines, ['connect refuse', 'refused'])
  assert.equal(await ann.say('/answer'), ['answered', 'command done'])
  assert.equal(await ann.say('/nothing'), ['command refuse', 'there is no command /nothing'])
  const bob = await host.connect('bob')
  await ann.say('hello')
  assert.equal(bob.take(), ['line settled', '(ann) hello'])
})

test.run()
