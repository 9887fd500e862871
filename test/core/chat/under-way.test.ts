/** What is under way when its client is closed, or when a plugin goes. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deliver, refuse, Stage } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { join, plugin, probe } from '../../support/memory-plugins.ts'

const test = suite('under way')

/** A host with a command `/go` behind a tap that waits, and a line tap that waits at `wait`. */
async function waiting() {
  let answer: (verdict?: ReturnType<typeof refuse>) => void = () => {}
  const wait = () =>
    new Promise<ReturnType<typeof refuse> | undefined>((resolve) => (answer = resolve))
  const slow = plugin('slow', ({ hooks }) => {
    hooks.command.tapPromise('wait', wait)
    hooks.line.tapPromise('wait', async ({ text }) => {
      if (text === 'wait') await wait()
    })
  })
  let ran = 0
  const owner = plugin('owner', (host) => {
    host.command({
      name: 'go',
      help: '',
      run: () => {
        ran++
        return 'gone'
      },
    })
  })
  const settled: string[] = []
  const chat = probe('probe', ({ hooks }) => {
    hooks.settled.tap('note', ({ hook, verdict, by }) => {
      if (hook === 'connect') return
      const said =
        'message' in verdict ? verdict.message : 'reason' in verdict ? verdict.reason : ''
      settled.push(`${hook} ${verdict.kind} ${said} ${by}`)
    })
  })
  const host = await createTestHost({ plugins: [slow, owner, chat.plugin, echo()] })
  const [ann, bob] = [await join(host, 'ann'), await join(host, 'bob')]
  return {
    host,
    chat,
    ann,
    bob,
    settled,
    ran: () => ran,
    /** Lets the tap answer, and waits for what follows from that. */
    async answer(verdict?: ReturnType<typeof refuse>) {
      answer(verdict)
      await host.quiet()
    },
    async types(line: string) {
      void ann.send(`${line}\n`)
      await turn()
      await turn()
    },
  }
}

const LEFT = 'command refuse the caller left core'

test('a command runs once the taps have answered', async () => {
  const { host, ann, ran, settled, answer, types } = await waiting()
  await using _ = host
  await types('/go')
  assert.is(ran(), 0)
  await answer()
  assert.is(ran(), 1)
  assert.equal(ann.lines.slice(2), ['gone'])
  assert.equal(settled, ['command done  owner'])
})

test('a command whose caller is closed while a tap waits does not run, and settles once', async () => {
  const { host, chat, ann, ran, settled, answer, types } = await waiting()
  await using _ = host
  await types('/go')
  chat.clientOf(ann).close('thrown out')
  assert.equal(settled, [LEFT])
  await answer()
  assert.is(ran(), 0)
  assert.equal(settled, [LEFT])
  assert.equal(ann.lines.slice(2), [])
})

test('a command whose caller has broken off while a tap waits does not run either', async () => {
  const { host, ann, ran, settled, answer, types } = await waiting()
  await using _ = host
  await types('/go')
  await ann.reset()
  await answer()
  assert.is(ran(), 0)
  assert.equal(settled, [LEFT])
})

test('what a tap answers when the caller has left is neither sent nor settled once more', async () => {
  const { host, chat, ann, ran, settled, answer, types } = await waiting()
  await using _ = host
  await types('/go')
  chat.clientOf(ann).close()
  await answer(refuse('not you'))
  assert.is(ran(), 0)
  assert.equal(settled, [LEFT])
  assert.equal(ann.lines.slice(2), [])
})

test('the command of a plugin that goes while a tap waits does not run, and the caller is told', async () => {
  const { host, ann, ran, settled, answer, types } = await waiting()
  await using _ = host
  await types('/go')
  await host.unload('owner')
  await answer()
  assert.is(ran(), 0)
  assert.equal(ann.lines.slice(2), ['there is no command /go'])
  assert.equal(settled, ['command refuse there is no command /go core'])
})

test('a line whose sender is closed while a tap waits is heard by nobody, and settles once', async () => {
  const { host, chat, ann, bob, settled, answer, types } = await waiting()
  await using _ = host
  await types('wait\nbehind it')
  chat.clientOf(ann).close()
  await answer()
  assert.equal(bob.lines.slice(2), [])
  assert.equal(settled, ['line drop its sender left core'])
})

test('a line goes on without a plugin that goes while it waits for it', async () => {
  const { host, ann, bob, answer, types } = await waiting()
  await using _ = host
  await types('wait')
  await host.unload('slow')
  await answer()
  assert.equal(bob.lines.slice(2), [`(${ann.id}) wait`])
})

test('what a plugin answers that has gone meanwhile does not count', async () => {
  let answer = (): void => {}
  const loud = plugin('loud', ({ hooks }) => {
    hooks.line.tapPromise({ stage: Stage.Filter }, async ({ client }) => {
      await new Promise<void>((resolve) => (answer = resolve))
      return deliver({ prefix: `${client.name} shouts ` })
    })
  })
  await using host = await createTestHost({ plugins: [loud, echo()] })
  const [ann, bob] = [await join(host), await join(host)]
  void ann.send('hello\n')
  await turn()
  await host.unload('loud')
  answer()
  await host.quiet()
  assert.equal(bob.take(), [`(${ann.id}) hello`])
})

test.run()
