/** The doors of the context: clients and their state, connections from elsewhere, time and chance. */
import { once } from 'node:events'
import { duplexPair, type Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deliver, drop, refuse, type Client, type CloseEvent } from '../../../core/index.ts'
import { createTestHost, type TestClient, type TestHost } from '../../../core/testing/index.ts'
import { echo, quit } from '../../../plugins/index.ts'
import { collected } from '../../support/memory-garbage.ts'
import { codeOf, join, logged, plugin, probe, thrownBy } from '../../support/memory-plugins.ts'

const test = suite('context')

// Arguments

test('what a door does not take is told by the name of the door', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const person = await join(host)
  const client = chat.clientOf(person)
  // The types know better.
  const doors = chat.host as never as Record<string, (...args: unknown[]) => unknown>
  const call = (door: string, ...args: unknown[]) =>
    thrownBy(() => doors[door]?.(...args)).replace('ARGUMENT_INVALID: host.', '')
  for (const [told, ...found] of [
    [call('broadcast', 5), 'broadcast: expected a text or a list of texts, found 5'],
    [call('broadcast', ['a', 5]), 'broadcast: expected a text or a list of texts, found an array'],
    [
      call('broadcast', 'x', { exept: client }),
      'broadcast: exept: there is no such key; did you mean "except"? (known: to, except, author, tags)',
    ],
    [
      call('broadcast', 'x', null),
      'broadcast: expected options, such as { to, except, author, tags }, found null',
    ],
    [call('broadcast', 'x', { author: '' }), 'broadcast: author: expected a name, found ""'],
    [
      call('broadcast', 'x', { tags: { at: new Date(0) } }),
      'broadcast: tags: tags.at: expected plain data, found Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)',
    ],
    [
      call('say', client, 'a\nb'),
      'say: expected one line of text that is not empty, found "a\\nb"',
    ],
    [call('say', client, ''), 'say: expected one line of text that is not empty, found ""'],
    [
      call('say', client, 'a', { tag: {} }),
      'say: tag: there is no such key; did you mean "tags"? (known: tags, audience)',
    ],
    [
      call('clientState', { n: 0 }),
      'clientState: expected a function that makes the first value, found an object; write clientState(() => …)',
    ],
    [
      call('clientState', () => 1, { kep: 'x' }),
      'clientState: kep: there is no such key; did you mean "keep"? (known: keep)',
    ],
    [
      call('clientState', () => 1, 'x'),
      'clientState: expected options, such as { keep }, found "x"',
    ],
    [
      call('clientState', () => 1, { keep: true }),
      'clientState: keep: expected a text as the name, found true',
    ],
    [call('keep', () => ({})), 'keep: expected a text as the name, found a function'],
    [call('keep', 'x', {}), 'keep: expected a function after the name, found an object'],
    [call('onStart'), 'onStart: expected a function, found undefined'],
    [call('onDispose', 5), 'onDispose: expected a function, found 5'],
    [call('setTimeout', 5, () => {}), 'setTimeout: expected a function, found 5'],
    [call('setInterval', 5, () => {}), 'setInterval: expected a function, found 5'],
    [
      call('setTimeout', () => {}, Number.NaN),
      'setTimeout: expected milliseconds after the function, found NaN',
    ],
    [
      call('setInterval', () => {}),
      'setInterval: expected milliseconds after the function, found undefined',
    ],
    [call('keep', 'x', () => 5), 'keep: expected the function to return an object, found 5'],
    [call('inject', 'store'), 'inject: expected a service made with defineService, found "store"'],
    [call('find', undefined), 'find: expected a service made with defineService, found undefined'],
    [
      call('provide', {}, 5),
      'provide: expected a service made with defineService, found an object',
    ],
  ]) {
    assert.equal([told], found)
  }
  for (const [text, found] of [
    [5, '5'],
    [undefined, 'undefined'],
    [['a', 5], 'an array'],
  ]) {
    assert.is(
      thrownBy(() => client.send(text as string)),
      `ARGUMENT_INVALID: client.send: expected a text or a list of texts, found ${String(found)}`,
    )
  }
  assert.equal(person.take(), [])
})

test('an empty list sends nothing, and tells whether anything can be sent', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const person = await join(host)
  const client = chat.clientOf(person)
  assert.is(client.send([]), true)
  assert.is(client.send(['a', '']), true)
  await host.quiet()
  assert.equal(person.take(), ['a', ''])
  await person.reset()
  assert.is(client.send([]), false)
})

test('an id in place of a client is told how to find the client', async () => {
  const chat = probe()
  await using _ = await createTestHost({ plugins: [chat.plugin] })
  const { everyone } = chat.host
  const [bob, nobody] = ['bob' as never as Client, undefined as never as Client]
  const several =
    /^CLIENT_INVALID: expected a client or several, found "bob"; host\.clients\.get\(id\)/
  assert.match(
    thrownBy(() => everyone.without(bob)),
    several,
  )
  assert.match(
    thrownBy(() => everyone.and(bob)),
    several,
  )
  assert.match(
    thrownBy(() => chat.host.broadcast('x', { to: bob })),
    several,
  )
  assert.match(
    thrownBy(() => chat.host.broadcast('x', { except: bob })),
    several,
  )
  assert.match(
    thrownBy(() => everyone.without(nobody)),
    /or several, found undefined; host/,
  )
  assert.match(
    thrownBy(() => everyone.has(bob)),
    /a client of this host, found "bob"; host/,
  )
})

// Clients

test('the clients are those that have been let in and have not left', async () => {
  const seen: number[] = []
  const chat = probe('probe', (host) => {
    host.hooks.connect.tap('count', ({ client }) => {
      seen.push(host.clients.size)
      return client.id === 'no' ? refuse('no') : undefined
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [one] = [await join(host), await host.connect('no'), await join(host)]
  assert.equal(seen, [0, 1, 1])
  assert.is(chat.host.clients.size, 2)
  assert.equal(
    Array.from(chat.host.clients, ({ key }) => key),
    [1, 3],
  )
  assert.is(chat.host.clients.get('no'), undefined)
  assert.is(chat.host.clients.get(one.id)?.id, one.id)
  await one.end()
  assert.is(chat.host.clients.get(one.id), undefined)
  assert.is(chat.host.clients.size, 1)
})

test('two at a time never share an id, and a key is never used again', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const first = chat.clientOf(await join(host, 'same'))
  const second = await host.connect('same')
  const { lines } = second
  const [, id] = /^client id: (.+)$/.exec(lines[1] ?? '') ?? []
  assert.is.not(id, 'same')
  assert.ok(id !== undefined && chat.host.clients.get(id) !== undefined)
  first.close()
  await host.quiet()
  await host.advance(1000)
  const third = chat.clientOf(await join(host, 'same'))
  assert.is.not(third.key, first.key)
  assert.is(first.closed, true)
  assert.is(third.closed, false)
})

test('an id is made safe', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const client = await host.connect('a\x1b[2Jb')
  assert.equal(client.lines, ['multiecho server v1.0', 'client id: a␛[2Jb'])
  assert.equal(
    Array.from(chat.host.clients, ({ id }) => id),
    ['a␛[2Jb'],
  )
})

test('a name stands in front of the lines, the id stays', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const client = chat.clientOf(one)
  assert.is(client.name, one.id)
  client.name = 'Ada 😀'
  await one.say('hello')
  assert.equal(two.take(), ['(Ada 😀) hello'])
  assert.equal([client.name, client.id], ['Ada 😀', one.id])
})

test('a name is 1 to 64 characters that are seen', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const client = chat.clientOf(await join(host))
  for (const name of ['x', 'é', '😀'.repeat(64), ' ', '👩\u200d💻', '(x)']) {
    client.name = name
    assert.is(client.name, name)
  }
  const unsafe = ['a\nb', 'a\x1bb', 'a\tb', '\u202e', '\ud800']
  const unseen = ['a\u200b', '\u200da', 'a\u00adb', 'a\u200e', 'a\u00a0b', '\u3164', 'a\ufe0f']
  const faulty = ['', 'x'.repeat(65), '😀'.repeat(65), ...unsafe, ...unseen]
  for (const name of [...faulty, 5 as never, undefined as never, null as never]) {
    const set = (): void => {
      client.name = name
    }
    assert.is(codeOf(set), 'NAME_INVALID', JSON.stringify(name))
    assert.is(client.name, '(x)')
  }
})

test('an id holds nothing that is not seen', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  await join(host, 'a\u200bd\u00a0a\u202e')
  assert.equal(
    Array.from(chat.host.clients, ({ id }) => id),
    ['a\ufffdd\ufffda\ufffd'],
  )
})

test('when a client came and when it last sent something is known', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const client = chat.clientOf(one)
  const came = client.lastInputAt
  assert.is(came, chat.host.now())
  await host.advance(5000)
  await two.say('not from one')
  assert.is(client.lastInputAt, came)
  await one.say('x')
  assert.is(client.lastInputAt, came + 5000)
  assert.type(client.connectedAt, 'number')
})

test('a client is known by the address that it comes from', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  await host.connect('a', '192.0.2.7')
  assert.is(chat.host.clients.get('a')?.address, '192.0.2.7')
})

// Leaving

test('why a client leaves is known to the close hook', async () => {
  const closed: Array<Pick<CloseEvent, 'reason' | 'orderly'>> = []
  const chat = probe('probe', (host) => {
    host.hooks.close.tap('note', ({ reason, orderly }) => void closed.push({ reason, orderly }))
  })
  const host = await createTestHost({ plugins: [chat.plugin, quit()] })
  await (await join(host)).say('/quit')
  await (await join(host)).end()
  await (await join(host)).reset()
  chat.clientOf(await join(host)).close()
  chat.clientOf(await join(host)).close('bad\x1b manners')
  await (await join(host)).send('GET / HTTP/1.1\r\n')
  await (await join(host)).send('x'.repeat(70_000))
  await join(host)
  await host.stop()
  assert.equal(closed, [
    { reason: 'quit', orderly: true },
    { reason: 'end of input', orderly: true },
    { reason: 'connection error', orderly: false },
    { reason: 'closed by the host', orderly: true },
    { reason: 'bad␛ manners', orderly: true },
    { reason: 'not a chat client', orderly: true },
    { reason: 'line without end', orderly: true },
    { reason: 'shutdown', orderly: true },
  ])
})

test('only the first reason counts, and a client leaves once', async () => {
  const closed: string[] = []
  const chat = probe('probe', (host) => {
    host.hooks.close.tap('note', ({ client, reason }) => {
      closed.push(reason)
      client.close('from the close hook')
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const one = await join(host)
  const client = chat.clientOf(one)
  client.close('first')
  client.close('second')
  await one.end()
  await one.reset()
  assert.equal(closed, ['first'])
  assert.is(client.closed, true)
})

test('what a client sent behind its leaving is dropped, and what is in flight settles as dropped', async () => {
  const settled: string[] = []
  const chat = probe('probe', (host) => {
    host.hooks.line.tapPromise('slow', () => new Promise(() => {}))
    host.hooks.settled.tap('note', ({ hook, verdict, by }) => {
      if (hook === 'line') settled.push(`${verdict.kind} ${by}`)
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const one = await join(host)
  void one.send('one\r\ntwo\r\nthree\r\n')
  await host.advance(0)
  chat.clientOf(one).close()
  await host.quiet()
  assert.equal(settled, ['drop core'])
})

test('the end of input waits for the lines in front of it', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  void one.send('one\ntwo\nhalf')
  await one.end()
  assert.equal(two.take(), [`(${one.id}) one`, `(${one.id}) two`])
  assert.is(one.closed, true)
  assert.ok(
    logged(host, 'connmgr').includes(`dropped 4 bytes without a line end from ${one.id}`),
    'the rest is logged',
  )
})

test('sending tells whether it can still arrive', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const one = await join(host)
  const client = chat.clientOf(one)
  assert.is(client.send('x'), true)
  client.close()
  await host.quiet()
  assert.is(client.send('y'), false)
  assert.equal(one.take(), ['x'])
  const two = await join(host)
  const broken = chat.clientOf(two)
  await two.reset()
  assert.is(broken.send('z'), false)
})

test('what a client is sent while it comes stands in front of the greeting', async () => {
  const chat = plugin('motd', (host) => {
    host.hooks.connect.tap('motd', ({ client }) => void client.send('be nice'))
  })
  await using host = await createTestHost({ plugins: [chat] })
  const client = await host.connect('x')
  assert.equal(client.lines, ['be nice', 'multiecho server v1.0', 'client id: x'])
})

test('one who is refused is told why and never becomes a client', async () => {
  const notes: string[] = []
  const guard = plugin('guard', (host) => {
    host.hooks.connect.tap('no', () => refuse('go away\nplease'))
    host.hooks.settled.tap(
      'note',
      ({ hook, verdict, by }) => void notes.push(`${hook} ${verdict.kind} ${by}`),
    )
    host.hooks.close.tap('note', () => void notes.push('close'))
  })
  await using host = await createTestHost({ plugins: [guard, echo()] })
  const client = await host.connect()
  await client.send('hello?\r\n')
  assert.equal(client.lines, ['go away', 'please'])
  assert.is(client.closed, true)
  assert.equal(notes, ['connect refuse guard'])
})

test('lines that come before the connect hook has settled wait for it', async () => {
  let admit: () => void = () => {}
  const slow = plugin('slow', (host) => {
    host.hooks.connect.tapPromise('wait', ({ client }) =>
      client.id === 'slow' ? new Promise<void>((resolve) => (admit = resolve)) : Promise.resolve(),
    )
  })
  const chat = probe()
  const [theirs, ours] = duplexPair()
  await using host = await createTestHost({ plugins: [slow, chat.plugin, echo()] })
  const watcher = await join(host)
  chat.host.attach(ours, { label: 'slow' })
  theirs.write('early\r\n')
  await host.advance(100)
  assert.equal(watcher.take(), [])
  admit()
  await host.quiet()
  assert.equal(watcher.take(), ['(slow) early'])
})

// State

test('state is made for each client on first use and kept', async () => {
  const made: string[] = []
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const state = chat.host.clientState((client) => {
    made.push(client.id)
    return { lines: 0 }
  })
  const [one, two] = [await join(host, 'one'), await join(host, 'two')].map(chat.clientOf)
  assert.ok(one && two)
  assert.is(state.peek(one), undefined)
  state.get(one).lines = 5
  assert.equal([state.get(one).lines, state.peek(one)?.lines], [5, 5])
  assert.is(state.get(two).lines, 0)
  assert.equal(made, ['one', 'two'])
})

test('two kinds of state of one client are two', async () => {
  const [a, b] = [probe('a'), probe('b')]
  await using host = await createTestHost({ plugins: [a.plugin, b.plugin] })
  const client = a.clientOf(await join(host))
  const states = [a, a, b].map(({ host: doors }) => doors.clientState(() => ({ value: 0 })))
  for (const [index, state] of states.entries()) state.get(client).value = index
  assert.equal(
    states.map((state) => state.get(client).value),
    [0, 1, 2],
  )
})

test('a state that is false, 0 or empty is kept like any other', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const client = chat.clientOf(await join(host))
  let made = 0
  for (const value of [false, 0, '', null]) {
    const state = chat.host.clientState(() => (made++, value))
    assert.equal([state.get(client), state.get(client), state.peek(client)], [value, value, value])
  }
  assert.is(made, 4)
})

test('state is there in the close hook and freed behind it', async () => {
  const seen: unknown[] = []
  const chat = probe('probe', (host) => {
    const state = host.clientState(() => ({ word: 'none' }))
    host.hooks.line.tap('keep', ({ client, text }) => {
      state.get(client).word = text
      return drop('kept')
    })
    host.hooks.close.tap('look', ({ client }) => {
      seen.push(state.get(client).word)
      const look = (): unknown => state.peek(client)?.word
      chat.host.setTimeout(() => seen.push(look(), state.get(client).word, look()), 5000)
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const one = await join(host)
  await one.say('secret')
  await one.end()
  await host.advance(5000)
  assert.equal(seen, ['secret', undefined, 'none', undefined])
})

test('state goes with its plugin', async () => {
  const [goer, stays] = [probe('goer'), probe('stays')]
  await using host = await createTestHost({ plugins: [goer.plugin, stays.plugin] })
  const client = stays.clientOf(await join(host))
  const gone = goer.host.clientState(() => 'a')
  const kept = stays.host.clientState(() => 'b')
  gone.get(client)
  kept.get(client)
  await host.unload('goer')
  assert.equal([gone.peek(client), kept.peek(client)], [undefined, 'b'])
  assert.equal([gone.get(client), gone.peek(client)], ['a', undefined])
})

test('a name under which state is kept is for one state', async () => {
  const [one, two] = [probe('one'), probe('two')]
  await using _ = await createTestHost({ plugins: [one.plugin, two.plugin] })
  one.host.clientState(() => 1, { keep: 'a' })
  one.host.clientState(() => 1, { keep: 'b' })
  two.host.clientState(() => 1, { keep: 'a' })
  assert.match(
    thrownBy(() => one.host.clientState(() => 2, { keep: 'a' })),
    /^ARGUMENT_INVALID: host\.clientState: keep: there is a state "a" already; /,
  )
})

test('state is refused to a made-up client', async () => {
  const chat = probe()
  await using _ = await createTestHost({ plugins: [chat.plugin] })
  const state = chat.host.clientState(() => 1)
  for (const madeUp of [{}, null, undefined, 'x', { key: 1, id: 'x' }]) {
    assert.is(
      codeOf(() => state.get(madeUp as Client)),
      'CLIENT_INVALID',
    )
  }
})

test('the host keeps nothing of a client that has gone', async () => {
  const chat = probe('probe', (host) => {
    const state = host.clientState(() => ({ lines: 0 }))
    host.hooks.line.tap('touch', ({ client }) => {
      state.get(client)
      host.audience('room').add(client)
      return deliver()
    })
  })
  await using host = await createTestHost({ plugins: [chat.plugin] })
  await join(host)
  const visit = async (): Promise<WeakRef<object>> => {
    const client = await join(host)
    await client.say('hello')
    const reference = new WeakRef<object>(chat.clientOf(client))
    await client.end()
    await host.advance(20_000)
    return reference
  }
  const attached = async (): Promise<WeakRef<object>> => {
    const [theirs, ours] = duplexPair()
    chat.host.attach(ours, { label: 'elsewhere' })
    await host.quiet()
    const client = chat.host.clients.get('elsewhere')
    assert.ok(client)
    const reference = new WeakRef<object>(client)
    theirs.end()
    theirs.resume()
    await host.advance(20_000)
    await host.quiet()
    assert.is(chat.host.clients.get('elsewhere'), undefined)
    return reference
  }
  assert.equal(await collected([await visit(), await attached()]), [true, true])
})

// Connections from elsewhere

/** What has come out of a stream so far. */
function linesOf(stream: Duplex): () => string[] {
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text.split('\r\n').slice(0, -1)
}

test('any duplex stream can be brought in, under its label', async () => {
  const chat = probe('bridge')
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const local = await join(host)
  const [theirs, ours] = duplexPair()
  const lines = linesOf(theirs)
  chat.host.attach(ours, { label: 'irc:ada' })
  await host.quiet()
  theirs.write('hello\r\n')
  await host.quiet()
  assert.equal(local.take(), ['(irc:ada) hello'])
  await local.say('welcome')
  await turn()
  assert.equal(lines(), ['multiecho server v1.0', 'client id: irc:ada', `(${local.id}) welcome`])
  assert.ok(logged(host, 'bridge').includes('new connection irc:ada'))
})

test('what is brought in passes the connect hook', async () => {
  const chat = probe()
  const guard = plugin('guard', (host) => host.hooks.connect.tap('no', () => refuse('not you')))
  await using host = await createTestHost({ plugins: [chat.plugin, guard] })
  const [theirs, ours] = duplexPair()
  const lines = linesOf(theirs)
  chat.host.attach(ours, { label: 'x' })
  await host.quiet()
  await turn()
  assert.equal(lines(), ['not you'])
})

test('the label of what is brought in is made safe', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [, ours] = duplexPair()
  chat.host.attach(ours, { label: 'a\nb\x1b' })
  await host.quiet()
  assert.equal(
    Array.from(chat.host.clients, ({ id }) => id),
    ['a␊b␛'],
  )
  assert.not.match(host.records.map(({ message, json }) => message + json).join(''), /\p{Cc}/u)
})

test('what a plugin brought in leaves with it', async () => {
  const chat = probe('bridge')
  const closed: string[] = []
  const watcher = plugin('watcher', (host) => {
    host.hooks.close.tap('note', ({ client }) => void closed.push(client.id))
  })
  await using host = await createTestHost({ plugins: [chat.plugin, watcher] })
  const local = await join(host)
  const [, ours] = duplexPair()
  chat.host.attach(ours, { label: 'remote' })
  await host.quiet()
  await host.unload('bridge')
  assert.equal(closed, ['remote'])
  assert.is(local.closed, false)
})

test('a stream that is closed already never stays among the clients', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [, closed] = duplexPair()
  closed.destroy()
  await turn()
  chat.host.attach(closed, { label: 'closed' })
  await host.quiet()
  await host.advance(20_000)
  assert.is(chat.host.clients.size, 0)
})

test('a stream whose input has ended already leaves at once', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const [theirs, ended] = duplexPair()
  theirs.end()
  ended.resume()
  await once(ended, 'end')
  chat.host.attach(ended, { label: 'ended' })
  await host.quiet()
  await host.advance(20_000)
  assert.is(chat.host.clients.size, 0)
})

test('what is brought in while the host stops is closed', async () => {
  const [theirs, ours] = duplexPair()
  const chat = probe('probe', (host) => {
    host.hooks.shutdown.tap('late', () => host.attach(ours, { label: 'late' }))
  })
  const host = await createTestHost({ plugins: [chat.plugin] })
  theirs.resume()
  await host.stop()
  assert.is(ours.destroyed, true)
})

// Hold

test('a held client is read on when every hold has been released', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const releases = [chat.clientOf(one).hold(), chat.clientOf(one).hold()]
  await one.send('1\r\n2\r\n')
  assert.equal(two.take(), [])
  await two.say('not held')
  assert.equal(one.take(), [`(${two.id}) not held`])
  releases[0]?.()
  releases[0]?.()
  await host.quiet()
  assert.equal(two.take(), [], 'a hold is released once')
  releases[1]?.()
  await host.quiet()
  assert.equal(two.take(), [`(${one.id}) 1`, `(${one.id}) 2`])
})

test('a hold taken while a line runs begins behind that line', async () => {
  let release: () => void = () => {}
  const holder = plugin('holder', (host) => {
    host.hooks.line.tap('hold', ({ client, text }) => {
      if (text === 'hold') release = client.hold()
    })
  })
  await using host = await createTestHost({ plugins: [holder, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('hold\r\nafter\r\n')
  assert.equal(two.take(), [`(${one.id}) hold`])
  release()
  await host.quiet()
  assert.equal(two.take(), [`(${one.id}) after`])
})

test('a held client can still be sent to, and can leave', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const one = await join(host)
  chat.clientOf(one).hold()
  chat.host.broadcast('hello')
  await host.quiet()
  assert.equal(one.take(), ['hello'])
  chat.clientOf(one).close()
  await host.quiet()
  assert.is(one.closed, true)
})

test('lines that were read before the host stops are run, held or not', async () => {
  const chat = probe()
  const host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [one, two] = [await join(host), await join(host)]
  chat.clientOf(one).hold()
  await one.send('last words\r\n')
  await host.stop()
  assert.equal(two.take(), [`(${one.id}) last words`])
})

// Time and chance

test("time is the test clock's", async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const before = chat.host.now()
  await host.advance(1234)
  assert.is(chat.host.now(), before + 1234)
})

test('a timer runs once, at its time', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const ran: number[] = []
  const begun = chat.host.now()
  chat.host.setTimeout(() => ran.push(chat.host.now() - begun), 100)
  await host.advance(99)
  assert.equal(ran, [])
  await host.advance(1)
  await host.advance(1000)
  assert.equal(ran, [100])
})

test('an interval runs again and again until it is cancelled', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const ran: number[] = []
  const begun = chat.host.now()
  const cancel = chat.host.setInterval(() => ran.push(chat.host.now() - begun), 100)
  await host.advance(350)
  assert.equal(ran, [100, 200, 300])
  cancel()
  await host.advance(1000)
  assert.is(ran.length, 3)
})

test('an interval can be cancelled from within', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  let ran = 0
  const cancel = chat.host.setInterval(() => {
    if (++ran === 2) cancel()
  }, 100)
  await host.advance(1000)
  assert.is(ran, 2)
})

test('a cancelled timer does not run, and cancelling twice is cancelling once', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  let ran = 0
  const cancel = chat.host.setTimeout(() => ran++, 10)
  chat.host.setTimeout(() => ran++, 20)
  cancel()
  cancel()
  await host.advance(100)
  assert.is(ran, 1)
})

test('timers run in the order of their times', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [chat.plugin] })
  const ran: number[] = []
  for (const delay of [30, 10, 20]) chat.host.setTimeout(() => ran.push(delay), delay)
  await host.advance(100)
  assert.equal(ran, [10, 20, 30])
})

test('chance is the same for the same seed', async () => {
  const roll = async (seed?: number): Promise<number[]> => {
    const chat = probe()
    await using _ = await createTestHost({ plugins: [chat.plugin], seed })
    return Array.from({ length: 100 }, () => chat.host.random())
  }
  const [first, again, other] = [await roll(7), await roll(7), await roll(8)]
  assert.equal(first, again)
  assert.not.equal(first, other)
  assert.ok(first.every((number) => number >= 0 && number < 1))
  assert.equal(await roll(), await roll(1))
})

// Taps that take their time

test('with taps that answer at once a line is delivered in the turn in which it was read', async () => {
  const notes: string[] = []
  const chat = probe('probe', (host) => {
    host.hooks.line.tap('a', () => {})
    host.hooks.settled.tap('b', ({ hook }) => void notes.push(hook))
  })
  await using host = await createTestHost({ plugins: [chat.plugin, echo()] })
  const [theirs, ours] = duplexPair()
  chat.host.attach(ours, { label: 'x' })
  await host.quiet()
  notes.splice(0)
  ours.prependListener('data', () => queueMicrotask(() => notes.push('next microtask')))
  theirs.write('line\r\n')
  await host.quiet()
  assert.equal(notes, ['line', 'next microtask'])
})

test("an async tap holds back its client's later lines and keeps their order, and nobody else's", async () => {
  const waiting: Array<() => void> = []
  const slow = plugin('slow', (host) => {
    host.hooks.line.tapPromise('wait', ({ text }) =>
      text.startsWith('slow')
        ? new Promise<void>((resolve) => void waiting.push(resolve))
        : Promise.resolve(),
    )
  })
  await using host = await createTestHost({ plugins: [slow, echo()] })
  const [one, two, watcher] = [await join(host), await join(host), await join(host)]
  void one.send('slow 1\r\nquick 2\r\nslow 3\r\nquick 4\r\n')
  await host.advance(0)
  void two.send('quick\r\n')
  await host.advance(1)
  assert.equal(watcher.take(), [`(${two.id}) quick`])
  waiting.shift()?.()
  await host.advance(1)
  assert.equal(watcher.take(), [`(${one.id}) slow 1`, `(${one.id}) quick 2`])
  waiting.shift()?.()
  await host.quiet()
  assert.equal(watcher.take(), [`(${one.id}) slow 3`, `(${one.id}) quick 4`])
})

test('a paste of thousands of lines is taken in turns with the lines of others', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [paster, other, watcher] = [await join(host), await join(host), await join(host)]
  void paster.send('x\r\n'.repeat(3000))
  void other.send('y\r\n')
  await host.quiet()
  const lines = watcher.take()
  assert.is(lines.length, 3001)
  const place = lines.indexOf(`(${other.id}) y`)
  assert.ok(place >= 0 && place < 300, `behind ${place} lines`)
})

// What others may rely on

test('everything settles exactly once, before anything is sent', async () => {
  const settled: string[] = []
  const watcher = plugin('watcher', (host) => {
    host.hooks.settled.tap('note', ({ hook, event, by, verdict }) => {
      settled.push(`${hook} ${verdict.kind} ${by}`)
      if (hook === 'line') event.client.send('settled')
      if (hook === 'connect') assert.is(host.clients.get(event.client.id), event.client)
    })
  })
  const none: TestHost = await createTestHost({ plugins: [watcher] })
  await using host = none
  const client: TestClient = await join(host)
  assert.equal(await client.send('\r\nline\r\n\r\n/x\r\n'), ['settled', 'there is no command /x'])
  assert.equal(settled, ['connect admit core', 'line drop core', 'command refuse core'])
})

test('a line is settled before it is sent to anybody', async () => {
  const order: string[] = []
  const watcher = plugin('watcher', (host) => {
    host.hooks.settled.tap('note', ({ hook, event }) => {
      if (hook === 'line') for (const client of host.clients) client.send(`before ${event.text}`)
    })
  })
  await using host = await createTestHost({ plugins: [watcher, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('a\r\nb\r\n')
  order.push(...two.take())
  assert.equal(order, ['before a', `(${one.id}) a`, 'before b', `(${one.id}) b`])
})

test('a line that no plugin delivers goes nowhere', async () => {
  await using host = await createTestHost({ plugins: [] })
  const [one, two] = [await join(host), await join(host)]
  assert.equal(await one.say('hello'), [])
  assert.equal(two.take(), [])
})

test('a text that a tap has rewritten is what later taps and everybody see', async () => {
  const seen: string[] = []
  const loud = plugin('loud', (host) => {
    host.hooks.line.tap('loud', (event) => {
      event.text = event.text.toUpperCase()
    })
    host.hooks.line.tap('look', ({ text }) => void seen.push(text))
    host.hooks.settled.tap('look', ({ hook, event }) => {
      if (hook === 'line') seen.push(event.text)
    })
  })
  await using host = await createTestHost({ plugins: [loud, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('hello')
  assert.equal(seen, ['HELLO', 'HELLO'])
  assert.equal(two.take(), [`(${one.id}) HELLO`])
})

test('a text that a tap has rewritten is safe for those who see it next', async () => {
  const seen: string[] = []
  const nasty = plugin('nasty', (host) => {
    host.hooks.line.tap('nasty', (event) => {
      event.text = '\x1b[2J\u202e'
    })
    host.hooks.line.tap('look', ({ text }) => void seen.push(text))
  })
  await using host = await createTestHost({ plugins: [nasty, echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('hello')
  assert.equal(two.take(), [`(${one.id}) ␛[2J\ufffd`])
  assert.equal(seen, ['␛[2J\ufffd'])
})

test('a prefix of its own needs the name of the sender in it', async () => {
  const prefix = plugin('prefix', (host) => {
    host.hooks.line.tap('x', ({ client, text }) =>
      deliver({ prefix: text === 'good' ? `<${client.name}>\x1b ` : 'somebody: ' }),
    )
  })
  await using host = await createTestHost({ plugins: [prefix] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('good')
  assert.equal(two.take(), [`<${one.id}>␛ good`])
  await one.say('bad')
  assert.equal(two.take(), [])
  const [error, ...more] = host.takeErrors()
  assert.equal(more, [])
  assert.is((error?.cause as { code?: string } | undefined)?.code, 'PREFIX_INVALID')
})

test('a prefix in which the name is only a part of another word does not name the sender', async () => {
  const taps = plugin('taps', (host) => {
    host.hooks.line.tap('x', ({ text }) => deliver({ prefix: text }))
  })
  await using host = await createTestHost({ plugins: [taps] })
  const [one, two] = [await join(host, 'm'), await join(host)]
  for (const [prefix, passes] of [
    ['(m)', true],
    ['m:', true],
    ['admin, m:', true],
    ['«m»', true],
    ['(admin)', false],
    ['m1:', false],
    ['1m:', false],
    ['_m:', false],
    ['mé:', false],
    ['м m\u0301', false],
    ['Äm:', false],
  ] as const) {
    await one.say(prefix)
    assert.is(two.take().length, passes ? 1 : 0, prefix)
    assert.is(host.takeErrors().length, passes ? 0 : 1, prefix)
  }
})

test('deliver without a prefix puts the name in front', async () => {
  const plain = plugin('plain', (host) => host.hooks.line.tap('x', () => deliver()))
  await using host = await createTestHost({ plugins: [plain] })
  const [one, two] = [await join(host), await join(host)]
  await one.say('hi')
  assert.equal(two.take(), [`(${one.id}) hi`])
})

test('more clients than the limit are told that the server is full', async () => {
  await using host = await createTestHost({ limits: { clients: 2 } })
  const one = await join(host)
  await join(host)
  const third = await host.connect()
  assert.equal(third.lines, ['the server is full, try again later'])
  assert.is(third.closed, true)
  await one.reset()
  await join(host)
})

test.run()
