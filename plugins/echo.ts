/** Delivers what a client types to all the others, with its name in front. */
import { definePlugin, deliver, Stage, z } from '../core/index.ts'

const NAME = '{name}'

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
    })
    .prefault({}),
  setup(host, { prefix }) {
    const [before = '', ...rest] = prefix.split(NAME)
    const after = rest.join(NAME)
    host.hooks.line.tap({ stage: Stage.Deliver }, ({ client }) =>
      deliver({ prefix: before + client.name + after }),
    )
  },
})
