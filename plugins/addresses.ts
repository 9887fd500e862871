/** IP addresses as numbers, and which ranges contain them. */
import { isIP } from 'node:net'

interface Address {
  /** 32 for IPv4, 128 for IPv6. */
  readonly size: number
  readonly value: bigint
  /** The zone of a link-local address, if given (RFC 4007, section 11). */
  readonly zone: string | undefined
}

interface Range {
  readonly size: number
  readonly zone: string | undefined
  /** The number of trailing bits that are arbitrary, and the value of the bits before them. */
  readonly free: bigint
  readonly prefix: bigint
}

export type Ranges = readonly Range[]

/** The first 96 bits of an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2). */
const MAPPED = 0xffffn

/** Parses an address or a range, such as `fe80::1%eth0` or `10.0.0.0/8`; undefined when it is invalid. */
export function parseRange(text: string): Range | undefined {
  const [address = '', given, ...more] = text.split('/')
  const parsed = parse(address)
  if (parsed === undefined || more.length > 0) return undefined
  const { size, value, zone } = parsed
  // For an IPv4 address written as IPv6, the prefix length counts all 128 bits.
  const written = address.includes(':') ? 128 : 32
  const bits = given ?? `${written}`
  const free = written - Number(bits)
  if (!/^\d{1,3}$/.test(bits) || free < 0 || free > size) return undefined
  return { size, zone, free: BigInt(free), prefix: value >> BigInt(free) }
}

/** Parses ranges that are known to be valid. */
export function parseRanges(texts: readonly string[]): Ranges {
  return texts.flatMap((text) => parseRange(text) ?? [])
}

/**
 * Whether one of the ranges contains an address. IPv6 ranges never contain IPv4 addresses; a range without a zone
 * covers all zones. An invalid address is in none.
 */
export function contains(ranges: Ranges, address: string): boolean {
  const parsed = parse(address)
  return parsed !== undefined && ranges.some((range) => isIn(range, parsed))
}

/**
 * IPv6 ranges in which a /64 is not a single site: link-local, and translated IPv4 addresses (RFC 6052, 8215, 4380).
 */
const SINGLE = parseRanges(['fe80::/10', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/32'])

/**
 * Returns the site that an address counts toward: itself, or the first 64 bits of an IPv6 address, since whoever has
 * one address of a /64 has all of them (RFC 4291, section 2.5.4).
 */
export function siteOf(address: string): string {
  const parsed = parse(address)
  if (parsed === undefined) return address
  const { size, value, zone } = parsed
  const single = size === 32 || SINGLE.some((range) => isIn(range, parsed))
  return `${size} ${single ? value : value >> 64n} ${single ? (zone ?? '') : ''}`
}

function isIn(range: Range, { size, value, zone }: Address): boolean {
  return (
    range.size === size &&
    (range.zone === undefined || range.zone === zone) &&
    value >> range.free === range.prefix
  )
}

function parse(text: string): Address | undefined {
  const version = isIP(text)
  if (version === 0) return undefined
  if (version === 4) return { size: 32, value: valueOfIPv4(text), zone: undefined }
  const [address = '', zone] = text.split('%')
  const value = valueOfIPv6(address)
  return value >> 32n === MAPPED
    ? { size: 32, value: value & 0xffff_ffffn, zone: undefined }
    : { size: 128, value, zone }
}

function valueOfIPv4(text: string): bigint {
  return text.split('.').reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** Of a valid address, without its zone; the last 32 bits may be written as IPv4. */
function valueOfIPv6(text: string): bigint {
  const hex = text.replace(/[\d.]+\.\d+$/, (tail) => {
    const value = valueOfIPv4(tail)
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
  })
  const [left = [], right = []] = hex
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].reduce(
    (value, group) => (value << 16n) | BigInt(`0x${group}`),
    0n,
  )
}
