/** Which addresses a range of `access` is meant for, and which addresses count as one. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost } from '../../core/testing/index.ts'
import { access } from '../../plugins/index.ts'
import { cases, printSeed, seed } from '../support/memory-random.ts'
import { rejection } from '../support/memory-plugins.ts'

const test = suite('addresses')

type Options = Parameters<typeof access>[0]

/** Whether somebody from each of some addresses is let in, one after the other, and all stay. */
async function letIn(options: Options, addresses: readonly string[]): Promise<boolean[]> {
  await using host = await createTestHost({ plugins: [access(options)] })
  const seen: boolean[] = []
  for (const [visit, address] of addresses.entries()) {
    seen.push(!(await host.connect(`${address}#${visit}`, address)).closed)
  }
  return seen
}

// Ranges

const MAPPED = `${'0'.repeat(80)}${'1'.repeat(16)}`

/** Bits as IPv4, or as IPv6 in one of its spellings. */
function written(bits: string, spelling: number): string {
  if (bits.length === 32) {
    return (
      bits
        .match(/.{8}/g)
        ?.map((byte) => parseInt(byte, 2))
        .join('.') ?? ''
    )
  }
  const groups = bits.match(/.{16}/g)?.map((group) => parseInt(group, 2).toString(16)) ?? []
  const [tail = ''] = bits.match(/.{32}$/) ?? []
  if (spelling === 0) return groups.map((group) => group.padStart(4, '0')).join(':')
  if (spelling === 1) return groups.join(':').toUpperCase()
  if (spelling === 2) return `${groups.slice(0, 6).join(':')}:${written(tail, 0)}`
  // The first run of zeros, as groups: those at the end of 20 are none.
  return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::')
}

/** What a range or an address is: IPv4 that is mapped to IPv6 is IPv4. */
function meant(bits: string): string {
  return bits.startsWith(MAPPED) && bits.length === 128 ? bits.slice(MAPPED.length) : bits
}

const bit = fc.constantFrom('0', '1')
const random = (length: number) =>
  fc.array(bit, { minLength: length, maxLength: length }).map((bits) => bits.join(''))
const bitsOfAddress = fc.oneof(
  random(32),
  random(128),
  random(32).map((bits) => MAPPED + bits),
  random(16).map((bits) => bits + '0'.repeat(112)),
  random(16).map((bits) => '0'.repeat(112) + bits),
)
const spelling = fc.nat(3)

interface Case {
  readonly range: string
  readonly address: string
  readonly inside: boolean
}

/** A range, and an address that shares some of its bits. */
const oneCase: fc.Arbitrary<Case> = fc
  .tuple(bitsOfAddress, bitsOfAddress, fc.nat(128), fc.nat(128), spelling, spelling, fc.boolean())
  .map(([base, other, length, shared, one, two, alike]) => {
    const least = base.startsWith(MAPPED) && base.length === 128 ? 96 : 0
    const bits = Math.max(least, Math.min(length, base.length))
    const address =
      alike && base.length === other.length ? base.slice(0, shared) + other.slice(shared) : other
    const [range, from] = [meant(base), meant(address)]
    const prefix = range.slice(0, bits - (base.length - range.length))
    return {
      range: `${written(base, one)}/${bits}`,
      address: written(address, two),
      inside: range.length === from.length && from.startsWith(prefix),
    }
  })

test('a range has the addresses in it that begin with its bits, and no others', async () => {
  printSeed()
  await fc.assert(
    fc.asyncProperty(oneCase, async ({ range, address, inside }) => {
      const exempt = ['::/0', '0.0.0.0/0']
      assert.equal(await letIn({ deny: [range], exempt }, [address]), [!inside])
      assert.equal(await letIn({ allow: [range], exempt }, [address]), [inside])
    }),
    { seed, numRuns: cases(300) },
  )
})

test('every IPv6 address is no IPv4 address', async () => {
  const addresses = ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1']
  assert.equal(await letIn({ allow: ['::/0'] }, addresses), [false, false, true])
  assert.equal(await letIn({ deny: ['::/0'] }, addresses), [true, true, false])
  assert.equal(await letIn({ allow: ['0.0.0.0/0'] }, addresses), [true, true, false])
})

test('a range of IPv4 may be written as IPv6, and is meant however its addresses are written', async () => {
  for (const range of ['::ffff:10.0.0.0/104', '::ffff:a00:0/104', '10.0.0.0/8']) {
    assert.equal(
      await letIn({ deny: [range] }, ['10.255.0.1', '::ffff:10.0.0.1', '::ffff:a00:1', '11.0.0.1']),
      [false, false, false, true],
      range,
    )
  }
})

test('a range with bits that only IPv6 has, but the address of IPv4, is a fault of the config', async () => {
  for (const range of ['::ffff:10.0.0.0/8', '::ffff:10.0.0.0/95', '10.0.0.0/104', '::/0x0']) {
    assert.match(
      String(await rejection(createTestHost({ plugins: [access({ deny: [range] })] }))),
      /deny\[0\]: expected an address or a range/,
    )
  }
})

test('a link-local range is meant for every link, unless it names one', async () => {
  const links = ['fe80::1%eth0', 'fe80::1%eth1', 'fe80::2%eth0', '2001:db8::1']
  assert.equal(await letIn({ deny: ['fe80::/10'] }, links), [false, false, false, true])
  assert.equal(await letIn({ deny: ['fe80::1'] }, links), [false, false, true, true])
  assert.equal(await letIn({ deny: ['fe80::1%eth0'] }, links), [false, true, true, true])
  assert.equal(await letIn({ allow: ['fe80::%eth0/64'] }, links), [true, false, true, false])
})

// What counts as one address

const alike: ReadonlyArray<readonly [why: string, same: boolean, one: string, other: string]> = [
  ['an IPv4 address, mapped or not', true, '192.0.2.1', '::ffff:192.0.2.1'],
  ['two IPv4 addresses', false, '192.0.2.1', '192.0.2.2'],
  ['two mapped IPv4 addresses', false, '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
  ['two addresses of a /64', true, '2001:db8::1', '2001:db8::ffff:1'],
  ['two addresses of two /64', false, '2001:db8::1', '2001:db8:0:1::1'],
  ['two local addresses of a /64', true, 'fd00::1', 'fd00::2'],
  ['two machines of a link', false, 'fe80::1%eth0', 'fe80::2%eth0'],
  ['one link-local address on two links', false, 'fe80::1%eth0', 'fe80::1%eth1'],
  ['one link-local address', true, 'fe80::1%eth0', 'fe80:0::0:1%eth0'],
  [
    'two IPv4 addresses that NAT64 has translated',
    false,
    '64:ff9b::192.0.2.1',
    '64:ff9b::c000:202',
  ],
  ['one that it has', true, '64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ['the same of a network of its own', false, '64:ff9b:1::192.0.2.1', '64:ff9b:1::192.0.2.2'],
  ['two IPv4 addresses behind Teredo', false, '2001:0:1::1', '2001:0:1::2'],
]

for (const [why, same, one, other] of alike) {
  test(`what counts as ${same ? 'one' : 'two'}: ${why}`, async () => {
    assert.equal(await letIn({ perAddress: 1 }, [one, other]), [true, !same])
  })
}

test.run()
