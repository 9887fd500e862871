/** PLUGIN_DESCRIPTION */
import { definePlugin, z } from 'multiecho'

export const PLUGIN_EXPORT = definePlugin({
  name: 'PLUGIN_NAME',
  apiVersion: 1,
  options: z
    .strictObject({
      /** Precedes the client's name. */
      greeting: z.string().min(1).default('Hello'),
    })
    .prefault({}),
  setup(host, { greeting }) {
    const state = host.clientState(() => ({ times: 0 }), { keep: 'times' })

    host.command({
      name: 'PLUGIN_COMMAND',
      help: 'Be greeted.',
      examples: [{ type: '/PLUGIN_COMMAND', sees: /, ada! \(1\)$/ }],
      run({ client }) {
        const mine = state.get(client)
        mine.times++
        return `${greeting}, ${client.name}! (${mine.times})`
      },
    })
  },
})
