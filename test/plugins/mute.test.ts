/** `/mute` and `/unmute`. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost } from '../../core/testing/index.ts'
import { echo, mute } from '../../plugins/index.ts'
import { join, plugin, probe } from '../support/memory-plugins.ts'

const test = suite('mute')

test('the lines of a muted client go to nobody until it is unmuted, and neither is answered', async () => {
  await using host = await createTestHost({ plugins: [mute(), echo()] })
  const [one, two] = [await join(host), await join(host)]
  assert.equal(await one.send('a\r\n/mute\r\nb\r\nc\r\n/unmute\r\nd\r\n'), [])
  assert.equal(two.take(), [`(${one.id}) a`, `(${one.id}) d`])
})

test('both commands are known in any case, and doing either twice is doing it once', async () => {
  await using host = await createTestHost({ plugins: [mute(), echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('/UNMUTE\r\na\r\n/Mute\r\n/mute\r\nb\r\n/unmute\r\nc\r\n')
  assert.equal(two.take(), [`(${one.id}) a`, `(${one.id}) c`])
})

test('with confirm the two commands are answered', async () => {
  await using host = await createTestHost({ plugins: [mute({ confirm: true }), echo()] })
  const one = await join(host)
  assert.equal(await one.say('/mute'), ['you are muted: nobody sees your lines until /unmute'])
  assert.equal(await one.say('/unmute'), ['you are no longer muted'])
})

test('a muted client still sees the lines of others and can use commands', async () => {
  const ping = plugin('ping', (host) => {
    host.command({ name: 'ping', help: '', run: () => 'pong' })
  })
  await using host = await createTestHost({ plugins: [mute(), ping, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('/mute')
  await two.say('hello')
  assert.equal(await one.say('/ping'), [`(${two.id}) hello`, 'pong'])
})

test('muting one mutes nobody else, nor who comes later under the same id', async () => {
  await using host = await createTestHost({ plugins: [mute(), echo()] })
  const [one, two] = [await join(host, 'same'), await join(host)]
  await one.say('/mute')
  await two.say('mine')
  assert.equal(one.take(), [`(${two.id}) mine`])
  await one.reset()
  const again = await join(host, 'same')
  await again.say('not muted')
  assert.equal(two.take(), ['(same) not muted'])
})

test('a muted line settles as dropped by mute, an empty one not at all', async () => {
  const settled: string[] = []
  const watcher = plugin('watcher', ({ hooks }) => {
    hooks.settled.tap('note', ({ hook, event, verdict, by }) => {
      if (hook === 'line') settled.push(`${event.text}: ${verdict.kind} ${by}`)
    })
  })
  await using host = await createTestHost({ plugins: [mute(), watcher, echo()] })
  const one = await join(host)
  await one.send('/mute\r\nx\r\n\r\n/y\r\n')
  assert.equal(settled, ['x: drop mute'])
})

test('both commands are in the list for /help', async () => {
  const chat = probe()
  await using _ = await createTestHost({ plugins: [mute(), chat.plugin] })
  assert.equal(
    [...chat.host.commands].map(({ usage, help }) => [usage, help !== '']),
    [
      ['/mute', true],
      ['/unmute', true],
    ],
  )
})

test.run()
