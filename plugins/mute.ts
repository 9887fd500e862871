/** `mute`: `/mute` and `/unmute`, for a client that speaks to nobody for a while. */
import { definePlugin, drop, Stage, z, type Client } from '../core/index.ts'

/** The plugin's name, by which others see that it dropped a line. */
export const MUTE = 'mute'

export const mute = definePlugin({
  name: MUTE,
  apiVersion: 1,
  options: z
    .strictObject({
      /** Whether the two commands send a confirmation. */
      confirm: z.boolean().default(false),
    })
    .prefault({}),
  setup(host, { confirm }) {
    const state = host.clientState(() => ({ muted: false }), { keep: 'muted' })

    host.hooks.line.tap({ stage: Stage.Filter }, ({ client }) =>
      state.peek(client)?.muted === true ? drop('muted') : undefined,
    )

    const set =
      (to: boolean, answer: string | undefined) =>
      ({ client }: { client: Client }) => {
        state.get(client).muted = to
        return answer
      }
    const muted = confirm ? 'you are muted: nobody sees your lines until /unmute' : undefined
    const unmuted = confirm ? 'you are no longer muted' : undefined
    host.command({
      name: 'mute',
      help: 'Send your lines to nobody until /unmute.',
      examples: [{ type: '/mute', sees: muted }],
      run: set(true, muted),
    })
    host.command({
      name: 'unmute',
      help: 'Send your lines to everybody again.',
      examples: [{ type: ['/mute', '/unmute'], sees: unmuted }],
      run: set(false, unmuted),
    })
  },
})
