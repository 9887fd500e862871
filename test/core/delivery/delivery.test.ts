/** What each client is sent, in which order, and who is in an audience at which moment. */
import * as fc from 'fast-check'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deliver, type Audience, type LineEvent } from '../../../core/index.ts'
import { Delivery } from '../../../core/delivery/delivery.ts'
import { Group, type Recipient } from '../../../core/delivery/recipient-groups.ts'
import { createTestHost, type TestClient, type TestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { codeOf, faults, join, plugin, probe } from '../../support/memory-plugins.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('delivery')

// Order

test('what one is sent from a room, from everyone and privately in one turn arrives in order', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [inside, outside] = [await join(host), await join(host)]
  const client = chat.clientOf(inside)
  const room = chat.host.audience('room')
  room.add(client)
  chat.host.broadcast('room 1', { to: room })
  chat.host.broadcast('all 1')
  client.send('private 1')
  chat.host.broadcast('room 2', { to: room })
  client.send(['private 2', 'private 3'])
  chat.host.broadcast('all 2\nall 3')
  await host.quiet()
  assert.equal(inside.take(), [
    'room 1',
    'all 1',
    'private 1',
    'room 2',
    'private 2',
    'private 3',
    'all 2',
    'all 3',
  ])
  assert.equal(outside.take(), ['all 1', 'all 2', 'all 3'])
})

test('lines of several rooms arrive in the order in which they were said', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const members = [await join(host), await join(host), await join(host)]
  const [a, b] = [chat.host.audience('a'), chat.host.audience('b')]
  const [one, two, both] = members.map(chat.clientOf)
  assert.ok(one && two && both)
  a.add(one)
  b.add(two)
  for (const room of [a, b]) room.add(both)
  for (let count = 1; count <= 3; count++) {
    chat.host.broadcast(`b${count}`, { to: b })
    chat.host.broadcast(`a${count}`, { to: a })
  }
  await host.quiet()
  assert.equal(
    members.map((member) => member.take()),
    [
      ['a1', 'a2', 'a3'],
      ['b1', 'b2', 'b3'],
      ['b1', 'a1', 'b2', 'a2', 'b3', 'a3'],
    ],
  )
})

test('a sender sees answers to its lines among the lines of others in order', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  await Promise.all([one.send('1\r\n/x\r\n2\r\n'), two.send('3\r\n/y\r\n4\r\n')])
  const fromTwo = [`(${two.id}) 3`, `(${two.id}) 4`]
  assert.equal(one.lines.slice(2), ['there is no command /x', ...fromTwo])
  const fromOne = [`(${one.id}) 1`, `(${one.id}) 2`]
  assert.equal(two.lines.slice(2), [...fromOne, 'there is no command /y'])
})

test('more than a batch in one turn arrives complete and in order', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [one, two] = [await join(host), await join(host)]
  const lines = Array.from({ length: 5000 }, (_, index) => `${index} ${'é'.repeat(index % 50)}`)
  for (const line of lines) chat.host.broadcast(line)
  chat.clientOf(two).send('last')
  await host.quiet()
  assert.equal(one.take(), lines)
  assert.equal(two.take(), [...lines, 'last'])
})

test('a full batch is sent at once, and not at the end of the turn', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const client = await join(host)
  const greeting = client.bytes.length
  for (let count = 0; count < 63; count++) chat.host.broadcast('x'.repeat(1022))
  assert.is(client.bytes.length, greeting)
  chat.host.broadcast('x'.repeat(1022))
  assert.is(client.bytes.length, greeting + 64 * 1024)
})

test('one that is said while lines are handed over follows in the next turn, however large', async () => {
  const delivery = new Delivery()
  const sizes: number[] = []
  const bot: Recipient = {
    marks: undefined,
    groups: new Set(),
    write({ length }) {
      sizes.push(length)
      if (sizes.length === 1) delivery.toEach('x'.repeat(70_000), [bot])
    },
  }
  delivery.toEach('hello', [bot])
  await turn()
  assert.equal(sizes, [7])
  await turn()
  assert.equal(sizes, [7, 70_002])
})

test('one line larger than a batch arrives whole', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const client = await join(host)
  const long = '€'.repeat(200_000)
  chat.host.broadcast(long)
  chat.host.broadcast('next')
  await host.quiet()
  assert.equal(client.take(), [long, 'next'])
})

test('every line ends in CR LF, and a line feed in a text separates lines', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const client = await join(host)
  const before = client.bytes.length
  chat.clientOf(client).send('a\nb\r\nc\n')
  chat.clientOf(client).send('\x1b[2J\rx')
  await host.quiet()
  assert.is(client.bytes.subarray(before).toString(), 'a\r\nb\r\nc\r\n\r\n␛[2J␍x\r\n')
})

// Joining and leaving

test('joining and leaving an audience in mid-turn are exact positions', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const test1 = await join(host)
  const client = chat.clientOf(test1)
  const room = chat.host.audience('room')
  const say = (text: string): void => chat.host.broadcast(text, { to: room })
  say('before')
  room.add(client)
  say('in')
  room.delete(client)
  say('out')
  room.add(client)
  room.add(client)
  say('in again')
  room.delete(client)
  room.delete(client)
  say('out again')
  await host.quiet()
  assert.equal(test1.take(), ['in', 'in again'])
  say('next turn')
  room.add(client)
  await host.quiet()
  assert.equal(test1.take(), [])
})

test('one who joins the chat in mid-turn is not sent what was said before', async () => {
  const chat = probe('probe', (host) => {
    host.hooks.settled.tap('hello', ({ hook, event }) => {
      if (hook === 'connect') host.broadcast(`${event.client.id} joined`)
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const joining = [host.connect('a'), host.connect('b'), host.connect('c')]
  const [a, b, c] = await Promise.all(joining)
  assert.equal(a?.lines.slice(2), ['a joined', 'b joined', 'c joined'])
  assert.equal(b?.lines.slice(2), ['b joined', 'c joined'])
  assert.equal(c?.lines.slice(2), ['c joined'])
})

test('a client that leaves still gets what was accepted before', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [leaver, other] = [await join(host), await join(host)]
  const room = chat.host.audience('room')
  room.add(chat.clientOf(leaver))
  const client = chat.clientOf(leaver)
  chat.host.broadcast('all')
  chat.host.broadcast('room', { to: room })
  client.send('private')
  client.close()
  chat.host.broadcast('after')
  chat.host.broadcast('room after', { to: room })
  await host.quiet()
  assert.equal(leaver.take(), ['all', 'room', 'private'])
  assert.equal(other.take(), ['all', 'after'])
  assert.is(leaver.closed, true)
})

test('a client that leaves is out of every audience at once and does not come back', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const leaver = await join(host)
  const client = chat.clientOf(leaver)
  const room = chat.host.audience('room')
  room.add(client)
  assert.equal([room.size, chat.host.everyone.size, chat.host.clients.size], [1, 1, 1])
  client.close()
  assert.equal([room.size, chat.host.everyone.size, chat.host.clients.size], [0, 0, 0])
  assert.is(room.has(client), false)
  room.add(client)
  // It would still be sent what is said in this step.
  assert.equal(Array.from(room), [])
  chat.host.broadcast('anybody?', { to: room })
  await host.quiet()
  assert.equal(leaver.take(), [])
})

test('an orderly leaver can be sent a last line by the close hook', async () => {
  const bye = plugin('bye', (host) => {
    host.hooks.close.tap('bye', ({ client, orderly }) => void (orderly && client.send('bye')))
  })
  const chat = probe()
  await using host = await createTestHost({ plugins: [bye, chat.plugin] })
  const client = await join(host)
  chat.host.broadcast('all')
  chat.clientOf(client).close()
  await host.quiet()
  assert.equal(client.take(), ['all', 'bye'])
})

// Who

test('exceptions are left out of a broadcast, one client, several or an audience', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const clients = [await join(host), await join(host), await join(host)]
  const [one, two] = clients.map(chat.clientOf)
  assert.ok(one && two)
  const room = chat.host.audience('room')
  room.add(two)
  chat.host.broadcast('not one', { except: one })
  chat.host.broadcast('neither', { except: [one, two, one] })
  chat.host.broadcast('not the room', { except: room })
  chat.host.broadcast('only the room', { to: room })
  chat.host.broadcast('nobody', { to: room, except: two })
  chat.host.broadcast('one', { to: one })
  chat.host.broadcast('both', { to: [two, one, two] })
  chat.host.broadcast('others', { to: chat.host.everyone.without(room), except: [one] })
  await host.quiet()
  assert.equal(
    clients.map((client) => client.take()),
    [
      ['not the room', 'one', 'both'],
      ['not one', 'only the room', 'both'],
      ['not one', 'neither', 'not the room', 'others'],
    ],
  )
})

test('audiences are values: narrowing one makes another', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [one, two, three] = [await join(host), await join(host), await join(host)].map(
    chat.clientOf,
  )
  assert.ok(one && two && three)
  const { everyone } = chat.host
  const ids = (audience: Audience): number[] => Array.from(audience, ({ key }) => key)
  const others = everyone.without(one)
  assert.equal(ids(others), [two.key, three.key])
  assert.equal(ids(others.without(two)), [three.key])
  assert.equal(ids(others.without([two, three])), [])
  assert.equal(ids(everyone.and([one, three])), [one.key, three.key])
  assert.equal(ids(everyone.and([one, three]).and(one)), [one.key])
  assert.equal(ids(everyone.and(others)), [two.key, three.key])
  assert.equal(ids(everyone.without(others)), [one.key])
  assert.equal(ids(everyone.without(everyone.without(others))), [two.key, three.key])
  assert.equal(ids(everyone), [one.key, two.key, three.key])
  assert.equal([others.size, others.has(one), others.has(two)], [2, false, true])
})

test('an audience is looked at when a line is accepted, not when it was made', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [one, two] = [await join(host), await join(host)]
  const room = chat.host.audience('room')
  const notOne = room.without(chat.clientOf(one))
  const notTheRoom = chat.host.everyone.without(room)
  room.add(chat.clientOf(one))
  room.add(chat.clientOf(two))
  chat.host.broadcast('room', { to: notOne })
  chat.host.broadcast('not the room', { to: notTheRoom })
  room.delete(chat.clientOf(one))
  chat.host.broadcast('not the room now', { to: notTheRoom })
  await host.quiet()
  assert.equal(two.take(), ['room'])
  assert.equal(one.take(), ['not the room now'])
})

test('those in both of two rooms are in one and the other', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const clients = [await join(host), await join(host), await join(host)]
  const [one, two, three] = clients.map(chat.clientOf)
  assert.ok(one && two && three)
  const [a, b] = [chat.host.audience('a'), chat.host.audience('b')]
  for (const client of [one, two]) a.add(client)
  for (const client of [two, three]) b.add(client)
  chat.host.broadcast('both', { to: a.and(b) })
  chat.host.broadcast('a alone', { to: a.without(b) })
  await host.quiet()
  assert.equal(
    clients.map((client) => client.take()),
    [['a alone'], ['both'], []],
  )
})

test('a named audience is the same for all who ask for its name', async () => {
  const [one, two] = [probe('one'), probe('two')]
  await using host = await createTestHost({ plugins: [one.plugin, two.plugin] })
  const client = one.clientOf(await join(host))
  one.host.audience('room').add(client)
  assert.is(two.host.audience('room'), one.host.audience('room'))
  assert.is(two.host.audience('room').has(client), true)
  assert.is(two.host.audience('room').name, 'room')
  assert.is(two.host.audience('Room').size, 0)
})

test('a made-up client is refused wherever one is expected', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const client = chat.clientOf(await join(host))
  const madeUp = { ...client, key: client.key }
  const { everyone } = chat.host
  for (const use of [
    () => everyone.without(madeUp),
    () => everyone.and([madeUp]),
    () => everyone.has(madeUp),
    () => chat.host.audience('room').add(madeUp),
    () => chat.host.broadcast('x', { to: madeUp }),
  ]) {
    assert.is(codeOf(use), 'CLIENT_INVALID')
  }
})

// event.audience

interface Narrowing {
  readonly host: TestHost
  readonly clients: readonly [TestClient, TestClient, TestClient]
  readonly seen: () => boolean[]
}

/** Three clients, the first of which says a line that a tap narrows. Who sees it? */
async function narrowed(
  narrow: (event: LineEvent, chat: ReturnType<typeof probe>) => void,
): Promise<Narrowing> {
  const chat = probe('narrow', (host) => {
    host.hooks.line.tap('narrow', (event) => narrow(event, chat))
    host.hooks.line.tap('deliver', () => deliver())
  })
  const host = await createTestHost({ plugins: [chat.plugin] })
  const clients = [await join(host, 'a'), await join(host, 'b'), await join(host, 'c')] as const
  await clients[0].say('line')
  return {
    host,
    clients,
    seen: () => clients.map((client) => client.lines.includes('(a) line')),
  }
}

const named = (chat: ReturnType<typeof probe>, id: string) => {
  const client = chat.host.clients.get(id)
  assert.ok(client)
  return client
}

test('a line goes to everyone but its sender', async () => {
  const { host, seen } = await narrowed(() => {})
  await using _ = host
  assert.equal(seen(), [false, true, true])
})

test('a tap narrows the audience of a line', async () => {
  const { host, seen } = await narrowed((event, chat) => {
    event.audience = event.audience.without(named(chat, 'b'))
  })
  await using _ = host
  assert.equal(seen(), [false, false, true])
})

test('a tap that sets a wider audience does not widen it', async () => {
  const { host, seen } = await narrowed((event, chat) => {
    event.audience = event.audience.without(named(chat, 'b'))
    event.audience = chat.host.everyone
  })
  await using _ = host
  assert.equal(seen(), [false, true, true])
})

test('a room as audience is the room without the sender', async () => {
  const { host, seen } = await narrowed((event, chat) => {
    const room = chat.host.audience('room')
    room.add(event.client)
    room.add(named(chat, 'c'))
    event.audience = room
  })
  await using _ = host
  assert.equal(seen(), [false, false, true])
})

test('what one tap has taken out the next one cannot bring back', async () => {
  const widen = probe('widen', (host) => {
    host.hooks.line.tap('first', (event) => {
      event.audience = event.audience.without(named(widen, 'b'))
    })
    host.hooks.line.tap('second', (event) => {
      event.audience = host.everyone
    })
    host.hooks.line.tap('third', (event) => {
      event.audience = host.everyone.and([named(widen, 'a'), named(widen, 'b')])
      return deliver()
    })
  })
  await using host = await createTestHost({ plugins: [widen.plugin] })
  const [a, b, c] = [await join(host, 'a'), await join(host, 'b'), await join(host, 'c')]
  await a.say('line')
  assert.equal([a.take(), b.take(), c.take()], [[], [], []])
})

test('a made-up audience is refused and the line goes where it would have gone', async () => {
  const { host, seen } = await narrowed((event) => {
    event.audience = { size: 0, has: () => false } as unknown as Audience
  })
  await using _ = host
  assert.equal(seen(), [false, true, true])
  assert.equal(faults(host), ['narrow line HOOK_FAILED < AUDIENCE_INVALID'])
})

// At random

class Ear implements Recipient {
  marks: Recipient['marks']
  readonly groups: Recipient['groups'] = new Set()
  heard = ''
  /** What it must hear. */
  expected = ''

  write(chunk: Buffer): void {
    assert.ok(chunk.length > 0, 'an empty chunk')
    this.heard += chunk.toString()
  }
}

const PEOPLE = 6
const GROUPS = 4
const person = fc.nat({ max: PEOPLE - 1 })
const group = fc.nat({ max: GROUPS - 1 })
const people = fc.uniqueArray(person, { maxLength: 3 })

type Step = (room: { delivery: Delivery; ears: Ear[]; groups: Group[]; line: string }) => void

const at = <T>(list: readonly T[], index: number): T => {
  const item = list[index]
  if (item === undefined) throw new Error(`nothing at ${index}`)
  return item
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ to: group, except: people })
      .map(({ to, except }): Step => ({ delivery, ears, groups, line }) => {
        const spared = except.map((index) => at(ears, index))
        delivery.toGroup(line, at(groups, to), spared)
        for (const ear of ears) {
          const member = at(groups, to).members.has(ear)
          if (member && !spared.includes(ear)) ear.expected += `${line}\r\n`
        }
      }),
  },
  {
    weight: 2,
    arbitrary: people.map((to): Step => ({ delivery, ears, line }) => {
      const told = to.map((index) => at(ears, index))
      delivery.toEach(line, told)
      for (const ear of told) ear.expected += `${line}\r\n`
    }),
  },
  {
    weight: 1,
    arbitrary: person.map((to): Step => ({ delivery, ears }) => {
      delivery.bytesTo(Buffer.from('*'), at(ears, to))
      at(ears, to).expected += '*'
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ who: person, where: group }).map(
      ({ who, where }): Step =>
        ({ delivery, ears, groups }) =>
          delivery.join(at(groups, where), at(ears, who)),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record({ who: person, where: group }).map(
      ({ who, where }): Step =>
        ({ delivery, ears, groups }) =>
          delivery.leave(at(groups, where), at(ears, who)),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>(({ delivery }) => delivery.flush()) },
)

test('each recipient hears exactly its own lines in order, whoever joins, leaves and is left out', () => {
  const steps = fc.array(step, { maxLength: 40, size: 'max' })
  // Now and then lines so long that a turn is sent in several batches.
  const width = fc.constantFrom(...Array.from({ length: 19 }, () => 1), 3000)
  const property = fc.property(steps, width, (all, times) => {
    const delivery = new Delivery()
    const ears = Array.from({ length: PEOPLE }, () => new Ear())
    const groups = Array.from({ length: GROUPS }, () => new Group())
    for (const [index, run] of all.entries()) {
      run({ delivery, ears, groups, line: `line ${index} ${'é'.repeat((index % 3) * times)}` })
    }
    delivery.flush()
    for (const { heard, expected } of ears) assert.is(heard, expected)
  })
  fc.assert(property, { seed, numRuns: cases(5000) })
})

/** What happens in a chat, and what each client must have seen of it. */
interface Chat {
  readonly host: TestHost
  readonly doors: ReturnType<typeof probe>
  readonly clients: Array<{ readonly client: TestClient; here: boolean; expected: string[] }>
  readonly rooms: Map<string, Set<TestClient>>
  count: number
}
type Happening = (chat: Chat) => Promise<void> | void

const who = fc.nat({ max: 7 })
const roomName = fc.constantFrom('red', 'blue')
const someone = ({ clients }: Chat, index: number) => {
  const here = clients.filter((one) => one.here)
  return here.length === 0 ? undefined : here[index % here.length]
}

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constant<Happening>(async (chat) => {
      if (chat.clients.length < 8)
        chat.clients.push({ client: await join(chat.host), here: true, expected: [] })
    }),
  },
  {
    weight: 1,
    arbitrary: who.map((index): Happening => (chat) => {
      const leaver = someone(chat, index)
      if (leaver === undefined) return
      chat.doors.clientOf(leaver.client).close()
      leaver.here = false
      for (const members of chat.rooms.values()) members.delete(leaver.client)
    }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(who, roomName, fc.boolean()).map(([index, name, add]): Happening => {
      return (chat) => {
        const one = someone(chat, index)
        if (one === undefined) return
        const client = chat.doors.clientOf(one.client)
        const members = chat.rooms.get(name) ?? new Set()
        chat.rooms.set(name, members)
        chat.doors.host.audience(name)[add ? 'add' : 'delete'](client)
        members[add ? 'add' : 'delete'](one.client)
      }
    }),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.option(roomName), fc.option(who), fc.option(roomName))
      .map(([to, except, exceptRoom]): Happening => {
        return (chat) => {
          const spared = except === null ? undefined : someone(chat, except)
          const line = `line ${chat.count++}`
          const { host } = chat.doors
          const audience = to === null ? host.everyone : host.audience(to)
          host.broadcast(line, {
            to: exceptRoom === null ? audience : audience.without(host.audience(exceptRoom)),
            except: spared === undefined ? [] : chat.doors.clientOf(spared.client),
          })
          for (const one of chat.clients) {
            const inRoom = to === null || chat.rooms.get(to)?.has(one.client) === true
            const shut = exceptRoom !== null && chat.rooms.get(exceptRoom)?.has(one.client) === true
            if (one.here && inRoom && !shut && one !== spared) one.expected.push(line)
          }
        }
      }),
  },
  {
    weight: 2,
    arbitrary: who.map((index): Happening => (chat) => {
      const one = someone(chat, index)
      if (one === undefined) return
      const line = `line ${chat.count++}`
      chat.doors.clientOf(one.client).send(line)
      one.expected.push(line)
    }),
  },
  { weight: 1, arbitrary: fc.constant<Happening>(({ host }) => host.quiet()) },
)

test('whatever happens in a chat, each client sees what the rules say and nothing else', async () => {
  const property = fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (all) => {
    const doors = probe()
    await using host = await createTestHost({ plugins: [doors.plugin] })
    const chat: Chat = { host, doors, clients: [], rooms: new Map(), count: 0 }
    for (const happen of all) await happen(chat)
    await host.quiet()
    for (const { client, expected } of chat.clients) assert.equal(client.lines.slice(2), expected)
  })
  await fc.assert(property, { seed, numRuns: cases(300) })
})

printSeed()
test.run()
