/** Faulty timers of a plugin: each fault is told, and the chat goes on. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost, type TestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import { assertBlamed, crashes, fickle, nonsense } from '../support/memory-faults.ts'
import { faults, join, logged, probe } from '../support/memory-plugins.ts'

const test = suite('faults in timers')

async function assertAlive(host: TestHost): Promise<void> {
  const [one, two] = [await join(host), await join(host)]
  await one.say('line')
  assert.equal(two.take(), [`(${one.id}) line`])
}

for (const { name, run, hangs } of crashes) {
  test(`a timeout that ${name} hurts nobody`, async () => {
    const [bad, good] = [probe('bad'), probe('good')]
    await using host = await createTestHost({ plugins: [bad.plugin, good.plugin, echo()] })
    let ran = 0
    bad.host.setTimeout(run, 10)
    good.host.setTimeout(() => ran++, 10)
    await host.advance(100)
    assert.is(ran, 1)
    if (hangs) assert.equal(faults(host), [])
    else assertBlamed(host, 'timer', 'TIMER_FAILED')
    await assertAlive(host)
  })

  test(`an interval that ${name} hurts nobody and goes on`, async () => {
    const bad = probe('bad')
    await using host = await createTestHost({ plugins: [bad.plugin, echo()] })
    let ran = 0
    const cancel = bad.host.setInterval(() => {
      ran++
      return run()
    }, 10)
    await host.advance(100)
    cancel()
    assert.is(ran, 10)
    assert.equal(faults(host), Array(hangs ? 0 : 10).fill('bad timer TIMER_FAILED'))
    assert.is(logged(host, 'plugins', 50).length, hangs ? 0 : 6)
    await assertAlive(host)
  })
}

test('what a timer answers is ignored', async () => {
  const bad = probe('bad')
  await using host = await createTestHost({ plugins: [bad.plugin] })
  for (const [, answer] of nonsense) {
    bad.host.setTimeout(() => answer, 1)
    bad.host.setTimeout(() => fickle(answer, answer), 1)
  }
  await host.advance(10)
  assert.equal(faults(host), [])
})

test('a timer that rejects when its plugin has gone is still told', async () => {
  const bad = probe('bad')
  let fail: (cause: Error) => void = () => {}
  await using host = await createTestHost({ plugins: [bad.plugin] })
  bad.host.setTimeout(() => new Promise((_, reject) => (fail = reject)), 10)
  await host.advance(10)
  await host.unload('bad')
  fail(new Error('oh'))
  await host.advance(0)
  assert.equal(faults(host), ['bad timer TIMER_FAILED'])
})

test('a timer that takes out its own plugin runs no more', async () => {
  const bad = probe('bad')
  await using host = await createTestHost({ plugins: [bad.plugin] })
  let ran = 0
  bad.host.setInterval(() => {
    ran++
    return host.unload('bad')
  }, 10)
  await host.advance(100)
  assert.is(ran, 1)
})

test('timers that a plugin sets while it goes do not run', async () => {
  let ran = 0
  const bad = probe('bad', (host) => {
    host.onDispose(() => {
      for (const set of [host.setTimeout, host.setInterval]) {
        try {
          set(() => ran++, 1)
        } catch {
          // It may be refused.
        }
      }
    })
  })
  await using host = await createTestHost({ plugins: [bad.plugin] })
  await host.unload('bad')
  await host.advance(100)
  assert.is(ran, 0)
})

test.run()
