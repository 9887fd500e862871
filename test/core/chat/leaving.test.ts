/** How connections end: what is queued, how long a peer is waited for, and how one too many is sent away. */
import { duplexPair, type Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost, type TestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { Peer } from '../../support/memory-peer.ts'
import { join, probe, type Probe } from '../../support/memory-plugins.ts'

const test = suite('leaving')

const FULL = 'the server is full, try again later'

interface Room {
  readonly host: TestHost
  readonly chat: Probe
  attach<Stream extends Duplex>(stream: Stream, label?: string): Promise<Stream>
}

async function room(clients = 100, reservedDescriptors = 100): Promise<Room> {
  const chat = probe()
  const limits = { clients, reservedDescriptors }
  const host = await createTestHost({ plugins: [chat.plugin, echo()], limits })
  return {
    host,
    chat,
    async attach(stream, label = 'far') {
      chat.host.attach(stream, { label })
      await host.quiet()
      return stream
    },
  }
}

// Who leaves

test('a client that is closed has a second to end its side', async () => {
  const { host, chat, attach } = await room()
  await using _ = host
  const far = await attach(new Peer())
  chat.host.clients.get('far')?.close()
  await host.quiet()
  assert.is(far.writableFinished, true)
  await host.advance(999)
  assert.is(far.destroyed, false)
  await host.advance(1)
  assert.is(far.destroyed, true)
})

test('a client that ends its side is gone at once', async () => {
  const { host, chat, attach } = await room()
  await using _ = host
  const far = await attach(new Peer({ ends: true }))
  chat.host.clients.get('far')?.close()
  await host.quiet()
  assert.is(far.destroyed, true)
})

test('a client that takes nothing has ten seconds for what is queued', async () => {
  const { host, chat, attach } = await room()
  await using _ = host
  const far = await attach(new Peer({ deaf: true }))
  chat.host.clients.get('far')?.close()
  await host.quiet()
  await host.advance(9999)
  assert.is(far.destroyed, false)
  await host.advance(1)
  assert.is(far.destroyed, true)
})

test('a client that is closed while it is handed something is closed when it has that', async () => {
  const { host, chat, attach } = await room()
  await using _ = host
  const far = await attach(new Peer())
  far._write = (chunk, _encoding, done) => {
    far.taken += String(chunk)
    chat.host.clients.get('far')?.close()
    done()
  }
  chat.host.broadcast('go')
  await host.quiet()
  assert.equal(far.lines.slice(2), ['go'])
  assert.is(far.writableFinished, true)
})

test('a client whose connection has broken is not waited for', async () => {
  const { host, chat, attach } = await room()
  await using _ = host
  const far = await attach(new Peer({ deaf: true }))
  const client = chat.host.clients.get('far')
  far.destroy(new Error('reset'))
  assert.is(client?.send('anybody?'), false)
  await host.quiet()
  assert.is(chat.host.clients.size, 0)
  assert.is(client?.send('anybody?'), false)
})

test('once a client has left, it can be sent nothing, and was sent nothing twice', async () => {
  const { host, chat, attach } = await room()
  await using _ = host
  const far = await attach(new Peer())
  const client = chat.host.clients.get('far')
  assert.is(client?.send('one'), true)
  client?.close()
  assert.is(client?.send('two'), true, 'it can still be sent something in the same step')
  await host.quiet()
  assert.equal(far.lines.slice(2), ['one', 'two'])
  assert.is(client?.send('three'), false)
  await host.quiet()
  await host.advance(10_000)
  assert.is(client?.send('four'), false)
  assert.equal(far.lines.slice(2), ['one', 'two'])
})

test('what a client sends after it was closed is read and thrown away', async () => {
  const { host, chat } = await room()
  await using _ = host
  const bob = await join(host, 'bob')
  const [theirs, ours] = duplexPair()
  chat.host.attach(ours, { label: 'far' })
  await host.quiet()
  chat.host.clients.get('far')?.close()
  await host.quiet()
  theirs.resume()
  await new Promise((resolve) => theirs.write('too late\r\n'.repeat(5000), resolve))
  await host.quiet()
  assert.equal(bob.lines.slice(2), [])
})

test('a client whose input was held back can end its side all the same', async () => {
  const { host, chat } = await room()
  await using _ = host
  const [theirs, ours] = duplexPair()
  chat.host.attach(ours, { label: 'far' })
  await host.quiet()
  const client = chat.host.clients.get('far')
  client?.hold()
  theirs.write(`${'x'.repeat(98)}\r\n`.repeat(1000))
  await host.quiet()
  assert.is(ours.isPaused(), true)
  client?.close()
  theirs.end()
  theirs.resume()
  await host.quiet()
  for (let count = 0; count < 20 && !ours.destroyed; count++) await turn()
  assert.is(ours.destroyed, true)
})

test('what waited for clients that have gone counts for nobody', async () => {
  const chat = probe()
  await using host = await createTestHost({
    plugins: [chat.plugin],
    limits: { backlogSoft: 1000, backlogHard: 50_000, backlogTotal: 60_000 },
  })
  const fill = async (label: string, lines: number, silent = false): Promise<Peer> => {
    const deaf = new Peer({ deaf: true, silent })
    chat.host.attach(deaf, { label })
    await host.quiet()
    for (let count = 0; count < lines; count++) {
      chat.host.clients.get(label)?.send('x'.repeat(3000))
      await host.quiet()
    }
    return deaf
  }
  for (const silent of [false, true]) {
    for (let round = 0; round < 3; round++) {
      const label = `gone ${round}`
      // Smaller than who stays, since the largest are closed first.
      const gone = await fill(label, 10, silent)
      assert.is(gone.destroyed, false)
      gone.destroy()
      if (silent) chat.host.clients.get(label)?.close()
      await host.quiet()
    }
  }
  const stays = await fill('stays', 15)
  for (let count = 0; count < 5; count++) await turn()
  assert.is(stays.destroyed, false)
})

// Who is sent away

/** A room with place for one client, who is there. */
async function fullRoom(reservedDescriptors?: number): Promise<Room> {
  const full = await room(1, reservedDescriptors)
  await join(full.host, 'first')
  return full
}

test('one too many is told so, has a second to read it, and is never a client', async () => {
  const { host, chat, attach } = await fullRoom()
  await using _ = host
  const far = await attach(new Peer())
  assert.equal(far.lines, [FULL])
  assert.is(far.writableFinished, true)
  assert.is(chat.host.clients.size, 1)
  await host.advance(999)
  assert.is(far.destroyed, false)
  await host.advance(1)
  assert.is(far.destroyed, true)
})

test('one too many whose connection breaks is nobody else’s fault', async () => {
  const { host, attach } = await fullRoom()
  await using _ = host
  for (let count = 0; count < 20; count++) {
    const far = await attach(new Peer())
    far.destroy(new Error('reset'))
    // The error of a stream that nobody listens for would end the process in the next turn.
    await turn()
  }
})

test('what one too many sends is read and thrown away, so that it can read why', async () => {
  const { host, chat } = await fullRoom()
  await using _ = host
  const [theirs, ours] = duplexPair()
  chat.host.attach(ours, { label: 'far' })
  await new Promise((resolve) => theirs.write('hello\r\n'.repeat(50_000), resolve))
  assert.is(String(theirs.read()), `${FULL}\r\n`)
})

test('sixteen at a time are given time to read it, the next is closed at once', async () => {
  const { host, attach } = await fullRoom()
  await using _ = host
  const most: Peer[] = []
  for (let count = 0; count < 16; count++) most.push(await attach(new Peer()))
  assert.ok(most.every(({ destroyed }) => !destroyed))
  for (let count = 0; count < 3; count++) {
    const more = await attach(new Peer())
    assert.equal(more.lines, [FULL])
    assert.is(more.destroyed, true)
  }
})

test('no more at a time than half of the descriptors that are kept back', async () => {
  const { host, attach } = await fullRoom(10)
  await using _ = host
  const told: Peer[] = []
  for (let count = 0; count < 7; count++) told.push(await attach(new Peer()))
  assert.equal(
    told.map(({ destroyed }) => destroyed),
    [false, false, false, false, false, true, true],
  )
})

test('there is time again for as many as have gone, however they went', async () => {
  const { host, attach } = await fullRoom()
  await using _ = host
  const lasting = async (): Promise<number> => {
    let lasts = 0
    for (let count = 0; count < 20; count++) {
      if (!(await attach(new Peer())).destroyed) lasts++
    }
    return lasts
  }
  const first = await attach(new Peer())
  assert.is(await lasting(), 15)
  first.destroy()
  await turn()
  assert.is(await lasting(), 1)
  for (let round = 0; round < 3; round++) {
    await host.advance(1000)
    assert.is(await lasting(), 16)
  }
})

test('one too many takes no place from who comes when there is room', async () => {
  const { host, chat, attach } = await fullRoom()
  await using _ = host
  for (let count = 0; count < 20; count++) await attach(new Peer(), `away ${count}`)
  chat.host.clients.get('first')?.close()
  await host.quiet()
  await attach(new Peer(), 'second')
  assert.ok(chat.host.clients.get('second'))
})

test.run()
