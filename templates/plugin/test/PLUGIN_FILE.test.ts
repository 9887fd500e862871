import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlugin, createTestHost } from 'multiecho/testing'
import { PLUGIN_EXPORT } from '../src/PLUGIN_FILE.ts'

test('it passes the conformance checks, and its examples work', async () => {
  await checkPlugin(() => PLUGIN_EXPORT())
})

test('each client has its own count', async () => {
  const host = await createTestHost({ plugins: [PLUGIN_EXPORT({ greeting: 'Hi' })] })
  const ada = await host.connect('ada')
  const bob = await host.connect('bob')
  assert.deepEqual(await ada.say('/PLUGIN_COMMAND'), ['Hi, ada! (1)'])
  assert.deepEqual(await ada.say('/PLUGIN_COMMAND'), ['Hi, ada! (2)'])
  assert.deepEqual(await bob.say('/PLUGIN_COMMAND'), ['Hi, bob! (1)'])
  await host.stop()
})

test('a reload with other options keeps the counts', async () => {
  const host = await createTestHost({ plugins: [PLUGIN_EXPORT({ greeting: 'Hi' })] })
  const ada = await host.connect('ada')
  assert.deepEqual(await ada.say('/PLUGIN_COMMAND'), ['Hi, ada! (1)'])
  await host.reload({ plugins: [PLUGIN_EXPORT({ greeting: 'Hello' })] })
  assert.deepEqual(await ada.say('/PLUGIN_COMMAND'), ['Hello, ada! (2)'])
  await host.stop()
})
