/** The sessions of the original multi-echo server, through the test kit. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { echo, mute, quit } from '../../../plugins/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'

const test = suite('seed sessions in memory')
const plugins = () => [mute(), quit(), echo()]

test('a line goes to all others and never back to its sender', async () => {
  await using host = await createTestHost({ plugins: plugins() })
  const [one, two, three] = [await host.connect(), await host.connect(), await host.connect()]
  assert.equal(await one.say('one'), [])
  assert.equal(await two.say('two'), [`(${one.id}) one`])
  assert.equal(await three.say('three'), [`(${one.id}) one`, `(${two.id}) two`])
  assert.equal(one.take(), [`(${two.id}) two`, `(${three.id}) three`])
  assert.equal(one.lines.slice(0, 2), ['multiecho server v1.0', `client id: ${one.id}`])
})

test('what stands behind /quit in the same packet is never delivered', async () => {
  await using host = await createTestHost({ plugins: plugins() })
  const [one, two] = [await host.connect(), await host.connect()]
  await one.send('one\r\n/quit\r\nlater\r\n')
  assert.is(one.closed, true)
  assert.equal(two.take(), [`(${one.id}) one`])
})

test.run()
