/** `access`: limits who may connect: by address, and by the number and rate of connections from each. */
import {
  definePlugin,
  refill,
  refuse,
  Stage,
  z,
  type Client,
  type Refuse,
  type TokenBucket,
} from '../core/index.ts'
import { contains, parseRange, parseRanges, siteOf } from './addresses.ts'

/** An address, or a range such as `10.0.0.0/8` or `2001:db8::/32`. */
const rangeSchema = z.string().refine((text) => parseRange(text) !== undefined, {
  error: ({ input }) =>
    `expected an address or a range, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, found ${JSON.stringify(input)}`,
})
const ranges = z.array(rangeSchema)

export const access = definePlugin({
  name: 'access',
  apiVersion: 1,
  options: z
    .strictObject({
      /** Addresses that may connect, and no others; when left out, all may. */
      allow: ranges.optional(),
      /** Addresses that may not connect, even if `allow` includes them. */
      deny: ranges.default([]),
      /** Concurrent connections from one address; for IPv6 usually from one /64. */
      perAddress: z.int().min(1).default(16),
      /** New connections per minute from one address, all of which may arrive at once. */
      perMinute: z.int().min(1).default(60),
      /** Addresses exempt from these two limits. */
      exempt: ranges.default(['127.0.0.0/8', '::1']),
    })
    .prefault({}),
  setup(host, options) {
    const allowed = options.allow && parseRanges(options.allow)
    const denied = parseRanges(options.deny)
    const exempt = parseRanges(options.exempt)
    const rate = { burst: options.perMinute, perSecond: options.perMinute / 60 }
    const visitors = host.keep('visitors', () => new Map<string, Visitor>())
    /** The site that each client counts toward, while it does. */
    const counted = host.clientState<{ site: string | undefined }>(() => ({ site: undefined }))

    // Connections without an IP address are the responsibility of the plugin that attached them.
    const isWelcome = (address: string | undefined): boolean =>
      address === undefined ||
      (!contains(denied, address) && (allowed === undefined || contains(allowed, address)))
    const isLimited = (address: string | undefined): address is string =>
      address !== undefined && !contains(exempt, address)

    host.hooks.connect.tap(
      { stage: Stage.Guard, onFailure: refuse('you cannot join right now') },
      ({ client }) => {
        const { address } = client
        if (!isWelcome(address)) return refuse(NOT_WELCOME)
        if (!isLimited(address)) return undefined
        const site = siteOf(address)
        const refusal = admit(site)
        if (refusal === undefined) counted.get(client).site = site
        return refusal
      },
    )

    function visitorOf(site: string): Visitor {
      const known = visitors.get(site)
      if (known !== undefined) return known
      const visitor = { here: 0, tokens: options.perMinute, filledAt: host.now() }
      visitors.set(site, visitor)
      return visitor
    }

    /** Counts a new connection, or says why it is refused. */
    function admit(site: string): Refuse | undefined {
      const visitor = visitorOf(site)
      refill(visitor, rate, host.now())
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

    function leave(client: Client): void {
      const site = counted.peek(client)?.site
      const visitor = site === undefined ? undefined : visitors.get(site)
      if (visitor !== undefined) visitor.here--
    }

    host.hooks.close.tap('count', ({ client }) => leave(client))
    host.hooks.settled.tap('count', ({ hook, verdict, event }) => {
      // A plugin after this one refused it.
      if (hook === 'connect' && verdict.kind === 'refuse') leave(event.client)
    })

    /** Recounts the clients that connected under other options. */
    function recount(): void {
      for (const visitor of visitors.values()) visitor.here = 0
      for (const client of host.clients) {
        if (!isLimited(client.address)) continue
        const site = siteOf(client.address)
        counted.get(client).site = site
        visitorOf(site).here++
      }
    }

    function closeUnwelcome(): void {
      for (const client of host.clients) {
        if (isWelcome(client.address)) continue
        client.send(`closed: ${NOT_WELCOME}`)
        client.close('address not accepted')
      }
    }

    host.onStart(() => {
      recount()
      // Only after all other plugins have started: a reload that fails closes nobody.
      host.setTimeout(closeUnwelcome, 0)
      // Strangers decide how many addresses there are: those without state are forgotten.
      host.setInterval(() => {
        const now = host.now()
        for (const [site, visitor] of visitors) {
          refill(visitor, rate, now)
          if (visitor.here === 0 && visitor.tokens >= options.perMinute) visitors.delete(site)
        }
      }, MINUTE)
    })
  },
})

/** Tokens are the new connections that it may still make. */
interface Visitor extends TokenBucket {
  /** Open connections. */
  here: number
}

/** Milliseconds. */
const MINUTE = 60_000

const NOT_WELCOME = 'connections from your address are not accepted here'
