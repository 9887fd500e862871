/** `echo`: delivers what a client types to all others, prefixed with its name. */
import { definePlugin, deliver, Stage, z } from '../core/index.ts'
import { bracketOf, lookalikeGuard } from './lookalikes.ts'

const NAME = '{name}'
/** The name, where it is not part of a longer word. */
const NAME_APART = /(?<![\p{L}\p{M}\p{N}_}])\{name\}(?![\p{L}\p{M}\p{N}_{])/u

function beforeName(prefix: string): string {
  return prefix.slice(0, prefix.indexOf(NAME))
}

export const echo = definePlugin({
  name: 'echo',
  apiVersion: 1,
  options: z
    .strictObject({
      /** What precedes each line; `{name}` is the sender's name. */
      prefix: z
        .string()
        .max(100)
        .refine((prefix) => NAME_APART.test(prefix), {
          error: `must contain ${NAME}, with no letter or digit next to it, so that everybody sees who speaks`,
        })
        .default(`(${NAME}) `),
      /**
       * Whether text that looks like a client's id within a line is shown in other brackets. Otherwise a line can be
       * padded so that a terminal's wrapping puts such text at the beginning of a row.
       */
      guardLookalikes: z.boolean().default(false),
    })
    .refine(
      ({ prefix, guardLookalikes }) => !guardLookalikes || bracketOf(beforeName(prefix)) !== '',
      {
        path: ['prefix'],
        error: `must have a bracket right before ${NAME}, so that guardLookalikes can tell ids from other text`,
      },
    )
    .prefault({}),
  setup(host, { prefix, guardLookalikes }) {
    const parts = prefix.split(NAME)
    if (guardLookalikes) {
      const guarded = lookalikeGuard(bracketOf(beforeName(prefix)))
      host.hooks.line.tap('look-alikes', (event) => {
        event.text = guarded(event.text)
      })
    }
    host.hooks.line.tap({ stage: Stage.Deliver }, ({ client }) =>
      deliver({ prefix: parts.join(client.name) }),
    )
  },
})
