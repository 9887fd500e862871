import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlugin, createTestHost } from 'multiecho/testing'
import { poll } from '../src/poll.ts'

test('it passes the conformance checks, and its examples work', async () => {
  const { examples } = await checkPlugin(() => poll())
  assert.equal(examples, 4)
})

test('each client has one vote, and everyone is told the result when the time is up', async () => {
  const host = await createTestHost({ plugins: [poll({ minutes: 1 })] })
  const ada = await host.connect('ada')
  const bob = await host.connect('bob')
  await ada.say('/poll Tea?')
  assert.deepEqual(bob.take(), ['ada asks: Tea? Type /vote yes or /vote no.'])
  assert.deepEqual(await ada.say('/vote yes'), ['you have voted yes'])
  assert.deepEqual(await ada.say('/vote yes'), ['you have voted already'])
  assert.deepEqual(await bob.say('/vote no'), ['you have voted no'])
  await host.advance(59_999)
  assert.deepEqual(bob.take(), [])
  await host.advance(1)
  assert.deepEqual(bob.take(), ['poll: Tea? 1 yes, 1 no'])
  assert.deepEqual(await bob.say('/vote no'), ['there is no poll; begin one with /poll'])
  await host.stop()
})

test('in the next poll everyone may vote again', async () => {
  const host = await createTestHost({ plugins: [poll({ minutes: 1 })] })
  const ada = await host.connect('ada')
  for (const question of ['Tea?', 'Cake?']) {
    await ada.say(`/poll ${question}`)
    assert.deepEqual(await ada.say('/vote yes'), ['you have voted yes'])
    await host.advance(60_000)
    assert.deepEqual(ada.take(), [`poll: ${question} 1 yes, 0 no`])
  }
  await host.stop()
})
