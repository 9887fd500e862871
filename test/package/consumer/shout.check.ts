/** The plugin's own test, by the test kit of the package. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { echo } from 'multiecho/plugins'
import { createTestHost } from 'multiecho/testing'
import { shout } from './shout.ts'

await test('a line that ends in the mark is said in capitals', async () => {
  await using host = await createTestHost({ plugins: [shout(), echo()] })
  const speaker = await host.connect()
  const listener = await host.connect()
  await speaker.say('hello!!')
  await speaker.say('hello!')
  assert.deepEqual(listener.take(), [`(${speaker.id}) HELLO!!`, `(${speaker.id}) hello!`])
  assert.deepEqual(await speaker.say('/mark'), ['end your line in !!'])
})
