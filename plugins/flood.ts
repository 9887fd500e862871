/**
 * `flood`: slows down clients that send too fast. Their input is held, so that TCP makes them wait; no line is lost.
 */
import { definePlugin, refill, Stage, z, type Client } from '../core/index.ts'

export const flood = definePlugin({
  name: 'flood',
  apiVersion: 1,
  options: z
    .strictObject({
      /** Lines that a client may send at once, for example by pasting. */
      burst: z.int().min(1).default(100),
      /** Lines per second after that. */
      perSecond: z.number().min(0.01).default(20),
      /** What a client is sent the first time it is held; nothing if empty. */
      notice: z
        .string()
        .default('you are sending fast: your lines go out one at a time, and none is lost'),
    })
    .prefault({}),
  setup(host, { notice, ...rate }) {
    const held = new Set<() => void>()

    // Each line takes a token; a client without one is held until it has earned the next.
    const buckets = host.clientState(
      () => ({ tokens: rate.burst, filledAt: host.now(), told: false }),
      { keep: 'buckets' },
    )

    function take({ client }: { readonly client: Client }): void {
      const bucket = buckets.get(client)
      refill(bucket, rate, host.now())
      bucket.tokens--
      if (bucket.tokens >= 0) return
      hold(client, (-bucket.tokens / rate.perSecond) * 1000)
      if (bucket.told || notice === '') return
      bucket.told = true
      client.send(notice)
    }

    function hold(client: Client, milliseconds: number): void {
      const release = client.hold()
      held.add(release)
      host.setTimeout(() => {
        held.delete(release)
        release()
      }, milliseconds)
    }

    host.onDispose(() => {
      for (const release of held) release()
    })
    host.hooks.line.tap({ stage: Stage.Guard }, take)
    host.hooks.command.tap({ stage: Stage.Guard }, take)
  },
})
