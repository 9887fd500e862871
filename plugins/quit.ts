/** `quit`: `/quit`, which closes the connection. */
import { definePlugin, z } from '../core/index.ts'

export const quit = definePlugin({
  name: 'quit',
  apiVersion: 1,
  options: z
    .strictObject({
      /** A last line for the client that leaves; none when left out. */
      farewell: z.string().min(1).optional(),
    })
    .prefault({}),
  setup(host, { farewell }) {
    host.command({
      name: 'quit',
      help: 'Leave the chat.',
      examples: [{ type: '/quit' }],
      run({ client }) {
        if (farewell !== undefined) client.send(farewell)
        client.close('quit')
      },
    })
  },
})
