/** A faulty tap of `shutdown`: the others still get their turn, and the host stops in time. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ChatError, type Plugin, type ShutdownEvent } from '../../core/index.ts'
import { createTestHost, type TestHost } from '../../core/testing/index.ts'
import { crashes, FAREWELL, fickle, nonsense } from '../support/memory-faults.ts'
import { join, logged, plugin, probe, rejection } from '../support/memory-plugins.ts'

const test = suite('faults in shutdown')

type Run = (event: ShutdownEvent) => unknown

function bad(run: Run): Plugin {
  return plugin('bad', (host) => {
    host.hooks.shutdown.tap('bad', run)
  })
}

interface Stopped {
  readonly host: TestHost
  readonly ran: readonly string[]
  /** Milliseconds that it took. */
  readonly took: number
  readonly errors: readonly ChatError[]
}

/** A host stops while a faulty plugin is between two good ones. */
async function stopped(run: Run, stopDeadline = 10_000): Promise<Stopped> {
  const ran: string[] = []
  const good = (name: string): Plugin =>
    plugin(name, (host) => {
      host.hooks.shutdown.tap('note', () => void ran.push(`${name} shutdown`))
      host.onDispose(() => void ran.push(`${name} dispose`))
    })
  const clock = probe('clock')
  const host = await createTestHost({
    plugins: [clock.plugin, good('before'), bad(run), good('after')],
    stopDeadline,
  })
  const begun = clock.host.now()
  const failure = await host.stop().then(
    () => undefined,
    (error: AggregateError) => error,
  )
  const errors = (failure?.errors ?? []) as ChatError[]
  return { host, ran, took: clock.host.now() - begun, errors }
}

const ALL = ['after shutdown', 'before shutdown', 'after dispose', 'before dispose']

for (const { name, run, hangs } of crashes) {
  test(`a tap that ${name} keeps nobody from shutting down`, async () => {
    const { host, ran, took, errors } = await stopped(run)
    assert.equal(ran, ALL)
    assert.equal(
      errors.map(({ plugin: who, hook, code }) => [who, hook, code]),
      [['bad', 'shutdown', hangs ? 'HOOK_TIMEOUT' : 'HOOK_FAILED']],
    )
    assert.ok(took <= (hangs ? FAREWELL + 20 : 20), `it took ${took} ms`)
    assert.match(logged(host, 'plugins', 50).join(), /^plugin bad: shutdown/)
  })
}

for (const [name, answer] of nonsense) {
  test(`a tap that answers ${name} answers nothing`, async () => {
    for (const run of [() => answer, () => Promise.resolve(answer), () => fickle(answer, answer)]) {
      const { ran, errors } = await stopped(run)
      assert.equal(ran, ALL)
      assert.equal(errors, [])
    }
  })
}

test('the deadline of the host cuts short what a tap has left of its own', async () => {
  const { ran, took, errors } = await stopped(() => new Promise(() => {}), 300)
  assert.equal(ran, ALL)
  assert.ok(took <= 320, `it took ${took} ms`)
  assert.equal(
    errors.map(({ code }) => code),
    ['HOOK_TIMEOUT'],
  )
})

test('any number of hanging taps together have no more than the deadline', async () => {
  const hanging = Array.from({ length: 10 }, (_, index) =>
    plugin(`bad-${index}`, (host) => {
      host.hooks.shutdown.tapPromise('hang', () => new Promise(() => {}))
      host.onDispose(() => new Promise(() => {}))
    }),
  )
  const clock = probe('clock')
  const host = await createTestHost({ plugins: [clock.plugin, ...hanging] })
  const begun = clock.host.now()
  const failure = (await rejection(host.stop())) as AggregateError
  assert.ok(clock.host.now() - begun <= 2020, `it took ${clock.host.now() - begun} ms`)
  assert.is(failure.errors.length, 20)
})

test('the signal of the event is aborted when the time is over', async () => {
  const aborted: boolean[] = []
  await stopped(({ signal }) => {
    aborted.push(signal.aborted)
    signal.addEventListener('abort', () => aborted.push(signal.aborted))
    return new Promise(() => {})
  }, 300)
  assert.equal(aborted, [false, true])
})

for (const [name, change] of [
  ['the reason', (event: ShutdownEvent) => ((event as { reason: string }).reason = 'other')],
  ['the signal', (event: ShutdownEvent) => ((event as { signal: unknown }).signal = undefined)],
] as const) {
  test(`a tap that sets ${name} changes nothing`, async () => {
    const { ran, errors } = await stopped(change)
    assert.equal(ran, ALL)
    assert.equal(
      errors.map(({ code }) => code),
      ['HOOK_FAILED'],
    )
  })
}

test('every connection is closed before the first tap runs', async () => {
  const seen: string[] = []
  const chat = probe('probe', (host) => {
    host.hooks.close.tap('note', () => void seen.push(`close, ${host.clients.size} left`))
    host.hooks.shutdown.tap('note', () => void seen.push(`shutdown, ${host.clients.size} left`))
  })
  const host = await createTestHost({ plugins: [chat.plugin] })
  const clients = [await join(host), await join(host)]
  await host.stop()
  // All are out before the first is told of, so that nobody is sent thousands of farewells.
  assert.equal(seen, ['close, 0 left', 'close, 0 left', 'shutdown, 0 left'])
  assert.ok(clients.every(({ closed }) => closed))
})

test.run()
