/** What is only set up for a reload is not there yet: nobody meets it, and nothing of it stays when it comes to nothing. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ChatError, defineService, deliver, Stage } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { join, plugin, probe, rejection, type Probe } from '../../support/memory-plugins.ts'

const test = suite('staged')

/** A plugin that keeps the line `slow` until it is told to let it go. */
function slowPlugin(): { readonly chat: Probe; settle(): void } {
  let settle = (): void => {}
  const chat = probe('slow', (host) => {
    host.hooks.line.tapPromise({ timeout: 60_000 }, async ({ text }) => {
      if (text === 'slow') await new Promise<void>((resolve) => (settle = resolve))
    })
  })
  return { chat, settle: () => settle() }
}

const LATE =
  'RELOAD_FAILED not reloaded: lines that were under way did not settle within 10 s; try again'

test('a reload for which lines took too long can be tried again: nothing of it is in its own way', async () => {
  const notes: string[] = []
  const slow = slowPlugin()
  const words = defineService<string>('words')
  const fresh = plugin('fresh', (host) => {
    host.command({ name: 'fresh', aliases: ['f'], help: '', run: () => 'here' })
    host.provide(words, 'x')
    host.hooks.line.tap({ stage: Stage.Deliver }, () => {
      notes.push('tapped')
      return deliver()
    })
    host.setInterval(() => notes.push('ticked'), 100)
    host.signal.addEventListener('abort', () => notes.push('aborted'))
  })
  await using host = await createTestHost({ plugins: [slow.chat.plugin, echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  void ann.send('slow\n')
  await turn()
  const error = await rejection(host.reload({ plugins: [fresh, slow.chat.plugin, echo()] }))
  assert.ok(error instanceof ChatError)
  assert.is(`${error.code} ${error.message}`, LATE)
  assert.equal(notes.splice(0), ['aborted'])
  slow.settle()
  await host.quiet()
  await ann.send('another\n')
  await host.advance(1000)
  assert.equal(notes, [])
  assert.equal(bob.take(), [`(${ann.id}) slow`, `(${ann.id}) another`])
  assert.equal(await ann.send('/fresh\n'), ['there is no command /fresh'])

  const { added } = await host.reload({ plugins: [fresh, slow.chat.plugin, echo()] })
  assert.equal(added, ['fresh'])
  assert.equal(await ann.send('/f\n'), ['here'])
  await ann.send('third\n')
  assert.equal(notes, ['tapped'])
})

test('a plugin that is set up while lines are under way is not called before all of it counts', async () => {
  const notes: string[] = []
  const slow = slowPlugin()
  const fresh = plugin('fresh', (host) => {
    host.hooks.settled.tap('note', ({ hook, event }) => {
      if (hook === 'line') notes.push(event.text)
    })
  })
  await using host = await createTestHost({ plugins: [slow.chat.plugin, echo()] })
  const ann = await join(host)
  void ann.send('slow\n')
  await turn()
  const reloaded = host.reload({ plugins: [fresh, slow.chat.plugin, echo()] })
  await turn()
  await turn()
  // The hook is made anew with it.
  slow.chat.host.hooks.settled.tap('late', ({ hook }) => void notes.push(`late ${hook}`))
  slow.settle()
  await reloaded
  assert.equal(notes.splice(0), ['late line'])
  await ann.send('next\n')
  assert.equal(notes, ['next', 'late line'])
})

test.run()
