/** Who may connect: by address, and how many and how often from the same one. */
import { BlockList, isIP, isIPv4 } from 'node:net'
import { definePlugin, refuse, Stage, z, type Refuse } from '../core/index.ts'

/** An address, or a range as `10.0.0.0/8` or `2001:db8::/32`. */
const rangeSchema = z.string().refine(isRange, {
  error: ({ input }) =>
    `expected an address or a range, as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, found ${JSON.stringify(input)}`,
})
const ranges = z.array(rangeSchema)

export const access = definePlugin({
  name: 'access',
  apiVersion: 1,
  options: z
    .strictObject({
      /** Addresses that may connect, all others may not; everybody may when left out. */
      allow: ranges.optional(),
      /** Addresses that may not connect, whatever `allow` says. */
      deny: ranges.default([]),
      /** Connections at a time from one address; for IPv6 from one /64. */
      perAddress: z.int().min(1).default(16),
      /** New connections a minute from one address, with as many at once. */
      perMinute: z.int().min(1).default(60),
      /** Addresses without these two limits. */
      exempt: ranges.default(['127.0.0.0/8', '::1']),
    })
    .prefault({}),
  setup(host, options) {
    const allowed = options.allow && blockList(options.allow)
    const denied = blockList(options.deny)
    const exempt = blockList(options.exempt)
    const visitors = host.keep('visitors', () => new Map<string, Visitor>())
    /** By which key each client counts, while it does. */
    const counted = host.clientState<{ key: string | undefined }>(() => ({ key: undefined }), {
      keep: 'counted',
    })

    host.hooks.connect.tap(
      { stage: Stage.Guard, onFailure: refuse('you cannot be let in now') },
      ({ client }) => {
        const { address } = client
        // What comes over something else than IP is let in by whoever brought it.
        if (address === undefined) return undefined
        if (contains(denied, address) || (allowed !== undefined && !contains(allowed, address))) {
          return refuse('connections from your address are not accepted here')
        }
        if (contains(exempt, address)) {
          counted.get(client).key = undefined
          return undefined
        }
        const key = keyOf(address)
        const refusal = admit(key)
        if (refusal === undefined) counted.get(client).key = key
        return refusal
      },
    )

    function visitorOf(key: string): Visitor {
      const known = visitors.get(key)
      if (known !== undefined) return known
      const visitor = { here: 0, tokens: options.perMinute, filledAt: host.now() }
      visitors.set(key, visitor)
      return visitor
    }

    /** Counts a visitor in, or says why not. */
    function admit(key: string): Refuse | undefined {
      const now = host.now()
      const visitor = visitorOf(key)
      refill(visitor, now)
      if (visitor.here >= options.perAddress) {
        return refuse(
          `there are ${visitor.here} connections from your address already, which is the limit`,
        )
      }
      if (visitor.tokens < 1)
        return refuse('too many new connections from your address, try again in a minute')
      visitor.tokens--
      visitor.here++
      return undefined
    }

    function refill(visitor: Visitor, now: number): void {
      const earned = ((now - visitor.filledAt) / MINUTE) * options.perMinute
      visitor.tokens = Math.min(options.perMinute, visitor.tokens + earned)
      visitor.filledAt = now
    }

    function leave(key: string | undefined): void {
      const visitor = key === undefined ? undefined : visitors.get(key)
      if (visitor !== undefined) visitor.here--
    }

    host.hooks.close.tap('count', ({ client }) => leave(counted.peek(client)?.key))
    host.hooks.settled.tap('count', ({ hook, verdict, event }) => {
      // Somebody else refused it behind this plugin's back.
      if (hook === 'connect' && verdict.kind === 'refuse') leave(counted.peek(event.client)?.key)
    })

    host.onStart(() => {
      // Who is here already, where this runs from a later moment on than the host.
      for (const client of host.clients) {
        const { address } = client
        if (address === undefined || counted.peek(client) !== undefined) continue
        const key = contains(exempt, address) ? undefined : keyOf(address)
        counted.get(client).key = key
        if (key !== undefined) visitorOf(key).here++
      }
      // Strangers decide how many addresses there are: those with nothing to remember are forgotten.
      host.setInterval(() => {
        const now = host.now()
        for (const [key, visitor] of visitors) {
          refill(visitor, now)
          if (visitor.here === 0 && visitor.tokens >= options.perMinute) visitors.delete(key)
        }
      }, MINUTE)
    })
  },
})

interface Visitor {
  /** Connections that are open. */
  here: number
  /** New connections that it may still make. */
  tokens: number
  filledAt: number
}

/** Milliseconds. */
const MINUTE = 60_000

function isRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}

function blockList(list: readonly string[]): BlockList {
  const blocks = new BlockList()
  for (const range of list) {
    const [address = '', bits] = range.split('/')
    const family = familyOf(address)
    if (bits === undefined) blocks.addAddress(address, family)
    else blocks.addSubnet(address, Number(bits), family)
  }
  return blocks
}

/** BlockList takes an address without its family for IPv4, and an IPv6 one is then never found. */
function contains(blocks: BlockList, address: string): boolean {
  return blocks.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

/** An IPv4 address, or the first 64 bits of an IPv6 one: who has one address of a /64 has all of them (RFC 4291, 2.5.4). */
function keyOf(address: string): string {
  if (isIPv4(address)) return address
  const [withoutZone = ''] = address.split('%')
  const [head = '', tail] = withoutZone.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return groups
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':')
}
