/** Delivers what a client types to all the others, with its name in front. */
import { definePlugin, deliver, Stage, z } from '../core/index.ts'

const NAME = '{name}'

/** `(127.0.0.1:53362)` and `([::1]:53362)`, or their first part, which another row may complete. */
const LOOKALIKE = /\((\s*(?:[0-9]{1,3}(?:\.[0-9]{1,3}){1,3}|\[[0-9a-f:.%]+\])[^()]*)\)?/gi

export const echo = definePlugin({
  name: 'echo',
  apiVersion: 1,
  options: z
    .strictObject({
      /** What stands in front of each line; `{name}` is the sender's name. */
      prefix: z
        .string()
        .max(100)
        .refine((prefix) => prefix.includes(NAME), {
          error: `must contain ${NAME}, so that everybody sees who speaks`,
        })
        .default(`(${NAME}) `),
      /**
       * Whether what looks like a client's id in parentheses within a line is shown in brackets. Without it a line can
       * be padded so that a terminal's wrapping puts such a text at the beginning of a row.
       */
      guardLookalikes: z.boolean().default(false),
    })
    .prefault({}),
  setup(host, { prefix, guardLookalikes }) {
    if (guardLookalikes) {
      host.hooks.line.tap('look-alikes', (event) => {
        event.text = event.text.replace(LOOKALIKE, '[$1]')
      })
    }
    const parts = prefix.split(NAME)
    host.hooks.line.tap({ stage: Stage.Deliver }, ({ client }) =>
      deliver({ prefix: parts.join(client.name) }),
    )
  },
})
