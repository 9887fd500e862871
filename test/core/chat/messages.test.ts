/** What is said is a message: observed once, in one order, by whatever means it is said; and lines said for clients. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  deliver,
  drop,
  Stage,
  z,
  type ChatError,
  type MessageEvent,
  type PluginContext,
} from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo, mute, stats } from '../../../plugins/index.ts'
import { join, plugin, probe } from '../../support/memory-plugins.ts'

const test = suite('messages')

/** Keeps every message that it observes. */
function observer(name = 'observer', also?: (message: MessageEvent, host: PluginContext) => void) {
  const seen: MessageEvent[] = []
  let host: PluginContext | undefined
  return {
    seen,
    get host(): PluginContext {
      return host as PluginContext
    },
    plugin: plugin(name, (context) => {
      host = context
      context.hooks.message.tap('observe', (message) => {
        seen.push(message)
        also?.(message, context)
      })
    }),
  }
}

const messageOf = (error: ChatError | undefined): string =>
  (error?.cause as Error | undefined)?.message ?? ''

const lines = (seen: readonly MessageEvent[]): string[] =>
  seen.filter(({ kind }) => kind !== 'private').map(({ prefix, text }) => prefix + text)

test('a line is observed once, before it is sent, with its author and audience', async () => {
  const log = observer()
  await using host = await createTestHost({ plugins: [log.plugin, echo()] })
  const [one, two] = [await join(host, 'ann'), await join(host)]
  log.seen.length = 0
  await one.say('hi')
  assert.equal(two.take(), ['(ann) hi'])
  const [message, ...more] = log.seen
  assert.equal(more, [])
  const { author, audience, whole, time, number, ...rest } = message as MessageEvent
  assert.equal(rest, { kind: 'line', prefix: '(ann) ', text: 'hi', tags: {}, plugin: 'echo' })
  assert.is(author?.name, 'ann')
  assert.is(author?.client?.id, one.id)
  assert.equal(
    [...audience].map(({ id }) => id),
    [two.id],
  )
  assert.is(whole, log.host.everyone)
  assert.is(time, log.host.date().getTime())
  assert.ok(number > 0)
  assert.ok(Object.isFrozen(message))
})

test('a dropped line is no message, and a narrowed one went to no whole audience', async () => {
  const log = observer()
  const filter = plugin('filter', (host) => {
    host.hooks.line.tap({ stage: Stage.Filter }, (event) => {
      if (event.text === 'no') return drop('no')
      if (event.text === 'attic') event.audience = host.audience('attic')
      if (event.text === 'not two')
        event.audience = event.audience.without([...host.clients].filter(({ id }) => id === 'two'))
      return undefined
    })
    host.command({
      name: 'up',
      help: '',
      run: ({ client }) => host.audience('attic').add(client),
    })
  })
  await using host = await createTestHost({ plugins: [log.plugin, filter, echo()] })
  const [one] = [await join(host, 'one'), await join(host, 'two'), await join(host, 'three')]
  await one.say('/up')
  log.seen.length = 0
  for (const text of ['no', 'attic', 'not two', 'all']) await one.say(text)
  assert.equal(lines(log.seen), ['(one) attic', '(one) not two', '(one) all'])
  const { audience, everyone } = {
    audience: log.host.audience('attic'),
    everyone: log.host.everyone,
  }
  assert.equal(
    log.seen.map(({ whole }) => whole),
    [audience, undefined, everyone],
  )
})

test('broadcasts are notices, one for each line, and what one client is sent is private', async () => {
  const log = observer()
  await using host = await createTestHost({ plugins: [log.plugin, echo()] })
  const [one, two] = [await join(host), await join(host)]
  log.seen.length = 0
  log.host.broadcast(['a', 'b\nc'], { tags: { from: 'me' } })
  log.host.broadcast([])
  log.host.broadcast('d', { except: [...log.host.clients].slice(0, 1) })
  ;[...log.host.clients][0]?.send('e')
  await turn()
  assert.equal(one.take(), ['a', 'b', 'c', 'e'])
  assert.equal(two.take(), ['a', 'b', 'c', 'd'])
  const { everyone } = log.host
  assert.equal(
    log.seen.map(({ kind, text, author, whole, tags, plugin: by }) => [
      kind,
      text,
      author,
      whole,
      tags,
      by,
    ]),
    [
      ['notice', 'a', undefined, everyone, { from: 'me' }, 'observer'],
      ['notice', 'b', undefined, everyone, { from: 'me' }, 'observer'],
      ['notice', 'c', undefined, everyone, { from: 'me' }, 'observer'],
      ['notice', 'd', undefined, undefined, {}, 'observer'],
      ['private', 'e', undefined, undefined, {}, undefined],
    ],
  )
  assert.equal(
    [...(log.seen[4]?.audience ?? [])].map(({ id }) => id),
    [one.id],
  )
})

test('somebody of elsewhere can be an author, but not by the name of a client', async () => {
  const log = observer()
  await using host = await createTestHost({ plugins: [log.plugin, echo()] })
  const [one] = [await join(host, 'ann')]
  log.seen.length = 0
  log.host.broadcast('hi', { author: 'ann@irc' })
  await turn()
  assert.equal(one.take(), ['(ann@irc) hi'])
  assert.equal(log.seen[0]?.author, { name: 'ann@irc', client: undefined })
  assert.is(log.seen[0]?.kind, 'line')
  assert.throws(
    () => log.host.broadcast('hi', { author: 'ann' }),
    /author: "ann" is the name of a client here/,
  )
})

test('numbers rise by one, in the order in which everybody is sent the lines', async () => {
  const first = observer('first', ({ text }, host) => {
    if (text === 'question') host.broadcast('answer')
  })
  const second = observer('second')
  await using host = await createTestHost({ plugins: [first.plugin, second.plugin, echo()] })
  const [one, two] = [await join(host, 'one'), await join(host)]
  second.seen.length = 0
  await one.send('question\nnext\n')
  assert.equal(two.take(), ['(one) question', 'answer', '(one) next'])
  assert.equal(lines(second.seen), ['(one) question', 'answer', '(one) next'])
  const numbers = second.seen.map(({ number }) => number)
  assert.equal(
    numbers,
    numbers.map((_, index) => (numbers[0] ?? 0) + index),
  )
})

test('what an observer sends to a client that it closes arrives', async () => {
  const log = observer('closer', ({ text }, host) => {
    if (text !== 'bye') return
    const [client] = host.clients
    client?.send('goodbye')
    client?.close()
  })
  await using host = await createTestHost({ plugins: [log.plugin, echo()] })
  const [one, two] = [await join(host), await join(host, 'two')]
  await two.say('bye')
  await host.quiet()
  assert.equal(one.take(), ['goodbye'])
  assert.is(one.closed, true)
})

// Tags

test('taps add tags, each to those of the ones before, and the watchers see them', async () => {
  const log = observer()
  const settled: unknown[] = []
  const tags = plugin('tags', (host) => {
    host.hooks.line.tap({ name: 'a', stage: Stage.Guard }, (event) => {
      event.tags['room'] = { name: 'attic', floors: [3, 4] }
    })
    host.hooks.line.tap({ name: 'b', stage: Stage.Filter }, (event) => {
      assert.equal(event.tags, { room: { name: 'attic', floors: [3, 4] } })
      event.tags = { ...event.tags, loud: true }
    })
    host.hooks.settled.tap('see', ({ hook, event }) => {
      if (hook === 'line') settled.push(event.tags)
    })
  })
  await using host = await createTestHost({ plugins: [log.plugin, tags, echo()] })
  const [one] = [await join(host), await join(host)]
  log.seen.length = 0
  await one.say('hi')
  const expected = { room: { name: 'attic', floors: [3, 4] }, loud: true }
  assert.equal(log.seen[0]?.tags, expected)
  assert.equal(settled, [expected])
  assert.ok(Object.isFrozen(log.seen[0]?.tags['room']))
})

test('tags that are no plain data are the failure of their tap, and change nothing', async () => {
  const log = observer()
  for (const wrong of [new Date(), () => {}, Number.NaN, 1n, new Map(), Symbol('x')]) {
    const bad = plugin('bad', (host) => {
      host.hooks.line.tap({ name: 'bad', onFailure: drop('bad') }, (event) => {
        event.tags['x'] = wrong
      })
    })
    await using host = await createTestHost({ plugins: [bad, echo()] })
    const [one, two] = [await join(host), await join(host)]
    await one.say('hi')
    assert.equal(two.take(), [], typeof wrong)
    const [error] = host.takeErrors()
    assert.match(messageOf(error), /^event\.tags: tags\.x: expected plain data/)
  }
  assert.equal(log.seen, [])
})

test('tags that go round in a circle end', async () => {
  const bad = plugin('bad', (host) => {
    host.hooks.line.tap('bad', (event) => {
      event.tags['self'] = event.tags
    })
  })
  await using host = await createTestHost({ plugins: [bad, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('hi')
  assert.is(two.take().length, 1)
  assert.match(messageOf(host.takeErrors()[0]), /nested more than 8 levels deep/)
})

// Lines that are said for a client

const say = plugin('say', (host) => {
  host.command({
    name: 'me',
    help: '',
    args: { action: z.string() },
    rest: true,
    run: async ({ client, input }) =>
      (await host.say(client, input, { tags: { emote: true } })) ? 'said' : 'not said',
  })
  host.hooks.line.tap({ stage: Stage.Deliver }, ({ client, tags }) =>
    tags['emote'] === true ? deliver({ prefix: `* ${client.name} ` }) : undefined,
  )
})

test('a line that is said for a client passes the line hook, so mute and stats see it', async () => {
  let table = ''
  const output = { write: (text: string) => void (table += text) }
  const host = await createTestHost({ plugins: [say, mute(), stats({ output }), echo()] })
  const [one, two] = [await join(host, 'ann'), await join(host)]
  assert.equal(await one.say('/me waves'), ['said'])
  assert.equal(two.take(), ['* ann waves'])
  await one.say('/mute')
  assert.equal(await one.say('/me waves'), ['not said'])
  assert.equal(two.take(), [])
  await host.stop()
  assert.match(table, /^\S+ +1 +1 +false$/m)
})

test('an audience narrows it, and never widens it to the client itself', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, two, three] = [await join(host, 'one'), await join(host), await join(host)]
  const audience = chat.host.everyone.without(chat.clientOf(three))
  assert.is(await chat.host.say(chat.clientOf(one), 'psst', { audience }), true)
  await turn()
  assert.equal([one.take(), two.take(), three.take()], [[], ['(one) psst'], []])
})

test('it waits for no line of the client that is under way, and is dropped when that leaves', async () => {
  const chat = probe()
  const settled: string[] = []
  const slow = plugin('slow', (host) => {
    host.hooks.line.tapPromise('slow', async ({ text }) => {
      if (text === 'slow') await new Promise(() => {})
      return undefined
    })
    host.hooks.settled.tap('see', ({ hook, event, verdict }) => {
      if (hook === 'line') settled.push(`${event.text}: ${verdict.kind}`)
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin, slow, echo()] })
  const [one, two] = [await join(host, 'one'), await join(host)]
  const client = chat.clientOf(one)
  const typed = one.say('slow')
  await turn()
  assert.is(await chat.host.say(client, 'quick'), true)
  await turn()
  assert.equal(two.take(), ['(one) quick'])
  const said = chat.host.say(client, 'slow')
  client.close()
  assert.is(await said, false)
  await typed
  assert.is(await chat.host.say(client, 'late'), false)
  assert.equal(settled, ['quick: deliver', 'slow: drop', 'slow: drop'])
})

test('a reload waits for it, and what is said meanwhile comes after', async () => {
  let answer = (): void => {}
  const slow = plugin('slow', (host) => {
    host.hooks.line.tapPromise('slow', async ({ text }) => {
      if (text === 'slow') await new Promise<void>((resolve) => (answer = resolve))
      return undefined
    })
  })
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, slow, echo()] })
  const [one, two] = [await join(host, 'one'), await join(host)]
  const client = chat.clientOf(one)
  const said = chat.host.say(client, 'slow')
  const reloaded = host.reload({ plugins: [chat.plugin, slow, echo({ prefix: '{name}: ' })] })
  await turn()
  const later = chat.host.say(client, 'later')
  await turn()
  assert.equal(two.take(), [])
  answer()
  await reloaded
  assert.equal(await Promise.all([said, later]), [true, true])
  await host.quiet()
  assert.equal(two.take(), ['(one) slow', 'one: later'])
})

test('a faulty observer changes nothing, and the others observe', async () => {
  const bad = plugin('bad', (host) => {
    host.hooks.message.tap('bad', () => {
      throw new Error('oh')
    })
  })
  const log = observer()
  await using host = await createTestHost({ plugins: [bad, log.plugin, echo()] })
  const [one, two] = [await join(host, 'one'), await join(host)]
  host.takeErrors()
  log.seen.length = 0
  await one.say('hi')
  assert.equal(two.take(), ['(one) hi'])
  assert.equal(lines(log.seen), ['(one) hi'])
  assert.equal(
    host.takeErrors().map(({ plugin: name, hook, code }) => [name, hook, code]),
    [['bad', 'message', 'HOOK_FAILED']],
  )
})

test.run()
