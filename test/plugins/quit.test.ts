/** `/quit`. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost } from '../../core/testing/index.ts'
import { echo, quit } from '../../plugins/index.ts'
import { join, plugin, probe } from '../support/memory-plugins.ts'

const test = suite('quit')

test('the host closes the connection and says nothing to anybody', async () => {
  await using host = await createTestHost({ plugins: [quit(), echo()] })
  const [one, two] = [await join(host), await join(host)]
  assert.equal(await one.say('/quit'), [])
  assert.is(one.closed, true)
  assert.equal(two.take(), [])
})

test('what was sent before it is delivered, what stands behind it is not', async () => {
  await using host = await createTestHost({ plugins: [quit(), echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('before\r\n/quit\r\nbehind\r\n/quit\r\n')
  assert.equal(two.take(), [`(${one.id}) before`])
})

test('what was on its way to who leaves still arrives', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [quit(), chat.plugin] })
  const one = await join(host)
  chat.host.broadcast('last news')
  assert.equal(await one.say('/QUIT'), ['last news'])
})

test('with a farewell that is the last line', async () => {
  await using host = await createTestHost({ plugins: [quit({ farewell: 'bye\nbye' }), echo()] })
  const one = await join(host)
  assert.equal(await one.say('/quit'), ['bye', 'bye'])
  assert.is(one.closed, true)
})

test('the reason is quit, and the command settles once as done', async () => {
  const notes: string[] = []
  const watcher = plugin('watcher', ({ hooks }) => {
    hooks.settled.tap('note', ({ hook, verdict, by }) => {
      if (hook === 'command') notes.push(`${verdict.kind} ${by}`)
    })
    hooks.close.tap('note', ({ reason }) => void notes.push(reason))
  })
  await using host = await createTestHost({ plugins: [quit(), watcher] })
  await (await join(host)).say('/quit')
  assert.equal(notes.toSorted(), ['done quit', 'quit'])
})

test('with something behind it nobody leaves', async () => {
  await using host = await createTestHost({ plugins: [quit()] })
  const one = await join(host)
  assert.equal(await one.say('/quit now'), ['too many arguments for /quit. Usage: /quit'])
  assert.is(one.closed, false)
})

test.run()
