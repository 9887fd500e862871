/** Who may connect, how many from one address and how often. */
import { duplexPair } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ConfigError, refuse } from '../../core/index.ts'
import { createTestHost, type TestClient, type TestHost } from '../../core/testing/index.ts'
import { access, stats } from '../../plugins/index.ts'
import { plugin, probe, rejection } from '../support/memory-plugins.ts'

const test = suite('access')

type Options = Parameters<typeof access>[0]

let visits = 0
/** Somebody connects from an address. */
function from(host: TestHost, address: string): Promise<TestClient> {
  return host.connect(`${address}#${visits++}`, address)
}

/** How many of so many visitors from one address are let in, each of whom leaves before the next one comes. */
async function comers(host: TestHost, count: number): Promise<number> {
  let welcome = 0
  for (let visitor = 0; visitor < count; visitor++) {
    const client = await from(host, '192.0.2.1')
    if (!client.closed) welcome++
    await client.reset()
  }
  return welcome
}

/** What is said to somebody from each of some addresses; nothing to who is let in. */
async function refusals(options: Options, addresses: readonly string[]): Promise<string[]> {
  await using host = await createTestHost({ plugins: [access(options)] })
  const said: string[] = []
  for (const address of addresses) {
    const client = await from(host, address)
    said.push(client.closed ? client.lines.join() : '')
  }
  return said
}

const NO = 'connections from your address are not accepted here'

test('everybody may come', async () => {
  assert.equal(await refusals({}, ['192.0.2.7', '2001:db8::1', '127.0.0.1']), ['', '', ''])
})

test('who is denied may not, by address and by range', async () => {
  const deny = ['192.0.2.7', '10.0.0.0/8', '2001:db8::/32']
  assert.equal(
    await refusals({ deny }, [
      '192.0.2.7',
      '192.0.2.8',
      '10.255.255.255',
      '11.0.0.0',
      '2001:db8:ffff::1',
      '2001:db9::1',
      '127.0.0.1',
    ]),
    [NO, '', NO, '', NO, '', ''],
  )
})

test('where some are allowed nobody else may, and denied stays denied', async () => {
  const options = { allow: ['192.0.2.0/24', '::1'], deny: ['192.0.2.7'] }
  assert.equal(
    await refusals(options, ['192.0.2.8', '192.0.2.7', '192.0.3.1', '::1', '127.0.0.1']),
    ['', NO, NO, '', NO],
  )
})

test('where none are allowed nobody may', async () => {
  assert.equal(await refusals({ allow: [] }, ['192.0.2.1', '::1']), [NO, NO])
})

test('from one address no more than so many may be there at a time', async () => {
  await using host = await createTestHost({ plugins: [access({ perAddress: 2 })] })
  const [first] = [await from(host, '192.0.2.1'), await from(host, '192.0.2.1')]
  const third = await from(host, '192.0.2.1')
  assert.equal(third.lines, [
    'there are 2 connections from your address already, which is the limit',
  ])
  assert.is((await from(host, '192.0.2.2')).closed, false)
  await first.reset()
  assert.is((await from(host, '192.0.2.1')).closed, false)
  assert.is((await from(host, '192.0.2.1')).closed, true)
})

test('for IPv6 one /64 counts as one address, however it is written', async () => {
  const options = { perAddress: 1 }
  const many = 'there are 1 connections from your address already, which is the limit'
  assert.equal(
    await refusals(options, [
      '2001:db8::1',
      '2001:db8:0:0:ffff::2',
      '2001:0db8:0000:0000::3',
      '2001:db8:0:1::1',
      '2001:db8:0:0:1:2:3:4',
    ]),
    ['', many, many, '', many],
  )
})

test('from one address no more than so many may come in a minute', async () => {
  await using host = await createTestHost({ plugins: [access({ perMinute: 6 })] })
  assert.is(await comers(host, 8), 6)
  await host.advance(9999)
  assert.is(await comers(host, 2), 0)
  await host.advance(1)
  assert.is(await comers(host, 2), 1)
})

test('nor more at once when none has come for long, whether the address is still known or not', async () => {
  for (const stays of [true, false]) {
    await using host = await createTestHost({ plugins: [access({ perMinute: 3 })] })
    const first = await from(host, '192.0.2.1')
    if (!stays) await first.reset()
    await host.advance(240_000)
    assert.equal(await comers(host, 12), 3)
  }
})

test('an address is not forgotten before its minute is over, nor while somebody is there', async () => {
  await using host = await createTestHost({ plugins: [access({ perMinute: 6, perAddress: 1 })] })
  // What has passed is looked at each minute.
  await host.advance(59_000)
  assert.is(await comers(host, 7), 6)
  await host.advance(1000)
  assert.is(await comers(host, 7), 0)
  await host.advance(60_000)
  const stays = await from(host, '192.0.2.1')
  await host.advance(600_000)
  assert.is(stays.closed, false)
  assert.is(await comers(host, 1), 0)
})

test('one who is refused since others are there has not used up anything', async () => {
  await using host = await createTestHost({ plugins: [access({ perMinute: 2, perAddress: 1 })] })
  const first = await from(host, '192.0.2.1')
  assert.is(await comers(host, 5), 0)
  await first.reset()
  assert.is(await comers(host, 5), 1)
})

test('how many have come is known after a reload', async () => {
  const config = (perMinute: number) => ({ plugins: [access({ perMinute })] })
  await using host = await createTestHost(config(1))
  assert.is(await comers(host, 2), 1)
  await host.reload(config(2))
  assert.is(await comers(host, 2), 0)
})

test('an address is forgotten when its minute is over', async () => {
  const config = (perMinute: number) => ({ plugins: [access({ perMinute })] })
  await using host = await createTestHost(config(1))
  assert.is(await comers(host, 1), 1)
  await host.advance(30_000)
  assert.is(await comers(host, 1), 0)
  await host.advance(30_000)
  await host.reload(config(12))
  // One who is known has what half a minute has earned it, a stranger all of it.
  assert.is(await comers(host, 13), 12)
})

test('loopback, or whoever else is exempt, has no such limits but can be denied', async () => {
  const options = { perAddress: 1, perMinute: 1 }
  assert.equal(await refusals(options, ['127.0.0.1', '127.0.0.1', '::1', '::1']), ['', '', '', ''])
  const exempt = { ...options, exempt: ['192.0.2.0/24'], deny: ['192.0.2.9'] }
  const [one, two, other, denied] = await refusals(exempt, [
    '192.0.2.1',
    '192.0.2.1',
    '127.0.0.1',
    '192.0.2.9',
  ])
  assert.equal([one, two, other, denied], ['', '', '', NO])
  const [, again] = await refusals(exempt, ['127.0.0.1', '127.0.0.1'])
  assert.match(again ?? '', /already/)
})

test('one whom another plugin refuses does not count as being there', async () => {
  const moody = plugin('moody', ({ hooks }) => {
    hooks.connect.tap('no', ({ client }) => (client.key <= 3 ? refuse('not now') : undefined))
  })
  await using host = await createTestHost({ plugins: [access({ perAddress: 1 }), moody] })
  for (let count = 1; count <= 3; count++) {
    assert.equal((await from(host, '192.0.2.1')).lines, ['not now'])
  }
  assert.is((await from(host, '192.0.2.1')).closed, false)
})

test('what comes over something else than IP is not its business', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [access({ allow: [] }), chat.plugin] })
  const [, ours] = duplexPair()
  chat.host.attach(ours, { label: 'bridge' })
  await host.quiet()
  assert.ok(chat.host.clients.get('bridge'))
})

test('one who is refused has no row in the table', async () => {
  let text = ''
  const output = { write: (more: string) => (text += more) }
  const host = await createTestHost({ plugins: [stats({ output }), access({ allow: [] })] })
  await from(host, '192.0.2.1')
  await host.stop()
  assert.is(text.split('\n').length, 3)
})

test('who is denied, or no longer allowed, after a reload is told so and closed', async () => {
  const reasons: string[] = []
  const watcher = plugin('watcher', ({ hooks }) => {
    hooks.close.tap('note', ({ client, reason }) => {
      reasons.push(`${client.address} ${reason}`)
    })
  })
  await using host = await createTestHost({ plugins: [access(), watcher] })
  const [bad, good, other] = [
    await from(host, '192.0.2.7'),
    await from(host, '10.0.0.1'),
    await from(host, '127.0.0.1'),
  ]
  await host.reload({ plugins: [access({ deny: ['192.0.2.0/24'] }), watcher] })
  await host.advance(0)
  assert.equal(bad.take(), [`closed: ${NO}`])
  assert.equal([bad.closed, good.closed, other.closed], [true, false, false])
  await host.reload({ plugins: [access({ allow: ['127.0.0.0/8'] }), watcher] })
  await host.advance(0)
  assert.equal(good.take(), [`closed: ${NO}`])
  assert.equal([good.closed, other.closed], [true, false])
  assert.equal(reasons, ['192.0.2.7 address not accepted', '10.0.0.1 address not accepted'])
})

test('a reload that fails closes nobody', async () => {
  const chat = probe()
  await using host = await createTestHost({ plugins: [access(), chat.plugin] })
  const client = await from(host, '192.0.2.7')
  const bad = plugin('bad', ({ onStart }) => {
    onStart(() => {
      throw new Error('no')
    })
  })
  await rejection(host.reload({ plugins: [access({ deny: ['192.0.2.7'] }), bad, chat.plugin] }))
  await host.advance(1000)
  assert.is(client.closed, false)
})

test('limits that a reload lowers hold for those who come, and who is here is counted by the new options', async () => {
  await using host = await createTestHost({ plugins: [access({ perAddress: 3 })] })
  const here = [await from(host, '192.0.2.1'), await from(host, '192.0.2.1')]
  const free = [await from(host, '127.0.0.1'), await from(host, '127.0.0.1')]
  await host.reload({ plugins: [access({ perAddress: 2, exempt: ['192.0.2.0/24'] })] })
  await host.advance(0)
  assert.equal(
    [...here, ...free].map(({ closed }) => closed),
    [false, false, false, false],
  )
  assert.is((await from(host, '192.0.2.1')).closed, false)
  assert.is((await from(host, '127.0.0.1')).closed, true)
  await free[0]?.end()
  assert.is((await from(host, '127.0.0.1')).closed, false)
})

test('who stays over reloads counts once, and who is exempt for nobody else of the same site', async () => {
  const options = { perAddress: 2, exempt: ['2001:db8::1'] }
  const config = (perMinute: number) => ({ plugins: [access({ ...options, perMinute })] })
  await using host = await createTestHost(config(60))
  await from(host, '192.0.2.1')
  await from(host, '2001:db8::1')
  await from(host, '2001:db8::1')
  for (const perMinute of [61, 62, 63]) await host.reload(config(perMinute))
  for (const address of ['192.0.2.1', '2001:db8::2']) {
    assert.is((await from(host, address)).closed, false, address)
  }
})

test('what is no address or range is a fault of the config', async () => {
  for (const range of ['', 'x', '10.0.0', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8']) {
    const error = await rejection(createTestHost({ plugins: [access({ deny: [range] })] }))
    assert.instance(error, ConfigError)
    assert.equal(
      (error as ConfigError).problems.map(({ path }) => path),
      ['plugins[0] (access): deny[0]'],
      range,
    )
  }
})

test.run()
