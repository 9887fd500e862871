/** What belongs to a plugin or a client is nobody else's when that has gone. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ClientState } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { join, plugin, probe, rejection } from '../../support/memory-plugins.ts'

const test = suite('states')

interface Word {
  word: string
}

/** A plugin with a state, which a test reads from outside. */
function wording(name: string) {
  let state: ClientState<Word> | undefined
  const chat = probe(name, (host) => {
    state = host.clientState(() => ({ word: `${name} says nothing` }))
  })
  return {
    chat,
    plugin: chat.plugin,
    get state() {
      if (state === undefined) throw new Error(`${name} has not been set up`)
      return state
    },
  }
}

// State of clients

test('a plugin that has gone neither reads nor changes the state of the one that came after it', async () => {
  const [one, two] = [wording('one'), wording('two')]
  await using host = await createTestHost({ plugins: [one.plugin] })
  const client = one.chat.clientOf(await join(host))
  one.state.get(client).word = 'of one'
  await host.reload({ plugins: [] })
  await host.reload({ plugins: [two.plugin] })
  two.state.get(client).word = 'of two'
  assert.is(one.state.peek(client), undefined)
  const stale = one.state.get(client)
  assert.is(stale.word, 'one says nothing')
  stale.word = 'of one again'
  assert.is(one.state.peek(client), undefined)
  assert.is(two.state.get(client).word, 'of two')
})

test('a plugin finds nothing of one that has gone before it', async () => {
  const [one, two] = [wording('one'), wording('two')]
  await using host = await createTestHost({ plugins: [one.plugin] })
  const client = one.chat.clientOf(await join(host))
  one.state.get(client).word = 'of one'
  await host.reload({ plugins: [] })
  await host.reload({ plugins: [two.plugin] })
  assert.is(two.state.peek(client), undefined)
  assert.is(two.state.get(client).word, 'two says nothing')
})

test('a plugin that was only set up leaves the states of others as they are', async () => {
  const [one, two] = [wording('one'), wording('two')]
  const broken = plugin('broken', () => {
    throw new Error('boom')
  })
  await using host = await createTestHost({ plugins: [one.plugin] })
  const client = one.chat.clientOf(await join(host))
  one.state.get(client).word = 'of one'
  await rejection(host.reload({ plugins: [one.plugin, two.plugin, broken] }))
  assert.is(two.state.get(client).word, 'two says nothing')
  assert.is(two.state.peek(client), undefined)
  const three = wording('three')
  await host.reload({ plugins: [one.plugin, three.plugin] })
  three.state.get(client).word = 'of three'
  assert.is(two.state.peek(client), undefined)
  assert.is(one.state.peek(client)?.word, 'of one')
})

test('two states of one plugin are two, and those of two clients are two', async () => {
  let states: ClientState<Word>[] = []
  const chat = probe('probe', (host) => {
    states = ['a', 'b'].map((word) => host.clientState(() => ({ word })))
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const clients = [await join(host), await join(host)].map(chat.clientOf)
  for (const [index, state] of states.entries()) {
    for (const client of clients) state.get(client).word += `${index}${client.key}`
  }
  assert.equal(
    states.map((state) => clients.map((client) => state.peek(client)?.word)),
    [
      ['a01', 'a02'],
      ['b11', 'b12'],
    ],
  )
})

// Audiences

test('a client that leaves cannot be brought into an audience any more, nor hears what is said there', async () => {
  const chat = probe('probe', ({ hooks }) => {
    hooks.close.tap('add', ({ client }) => chat.host.audience('room').add(client))
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [leaver, other] = [await join(host), await join(host)]
  const client = chat.clientOf(leaver)
  const room = chat.host.audience('room')
  room.add(chat.clientOf(other))
  client.send('bye')
  client.close()
  room.add(client)
  assert.is(room.size, 1)
  chat.host.broadcast('to the room', { to: room })
  await host.quiet()
  assert.equal(leaver.lines.slice(2), ['bye'])
  assert.equal(other.take(), ['to the room'])
})

test('a client that is not let in yet cannot be brought into an audience', async () => {
  const chat = probe('probe', ({ hooks }) => {
    hooks.connect.tap('early', ({ client }) => {
      const room = chat.host.audience('room')
      room.add(client)
      chat.host.broadcast('too early', { to: room })
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const ann = await join(host)
  assert.equal(ann.lines.length, 2)
  assert.is(chat.host.audience('room').size, 0)
})

test.run()
