/** A plugin as a stranger writes it: a line that ends in a mark is said in capitals, and a command tells the mark. */
import { definePlugin, z } from 'multiecho'

export const shout = definePlugin({
  name: 'stranger:shout',
  apiVersion: 1,
  options: z.strictObject({ mark: z.string().min(1).default('!!') }).prefault({}),
  setup(host, { mark }) {
    host.hooks.line.tap('capitals', (event) => {
      if (event.text.endsWith(mark)) event.text = event.text.toUpperCase()
    })
    host.command({
      name: 'mark',
      help: 'Tell how to shout.',
      run: () => `end your line in ${mark}`,
    })
  },
})
