/** A plugin as a package may have it: an option, a service, a filter, a verdict and a command, by another copy of the host. */
import { defineService, definePlugin, deliver, Stage, z } from 'multiecho'

const loud = defineService('copy:loud')

export const theirs = definePlugin

export const copy = definePlugin({
  name: 'copy',
  apiVersion: 1,
  requires: ['echo'],
  options: z.strictObject({ own: z.boolean() }),
  setup(host, { own }) {
    host.provide(loud, (text) => text.toUpperCase())
    host.hooks.line.tap({ stage: Stage.Filter }, (event) => {
      event.text = host.inject(loud)(event.text)
      event.audience = event.audience.without(event.client)
    })
    host.hooks.line.tap('deliver', ({ client }) => deliver({ prefix: `(${client.name}) ` }))
    host.command({
      name: 'copy',
      help: 'Tell which copy of the host this talks to.',
      args: { why: z.string().optional() },
      examples: [{ type: '/copy', sees: /^ada talks/ }],
      run: ({ client }) => `${client.name} talks to a copy of its own: ${own}`,
    })
  },
})
