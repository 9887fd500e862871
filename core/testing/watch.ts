/** Observes a plugin under check: through its context, and from a plugin beside it. */
import type { NamedAudience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import type { SettledEvent } from '../hooks/events.ts'
import { definePlugin, type Plugin } from '../lifecycle/define-plugin.ts'
import type { PluginContext } from '../lifecycle/plugin-context.ts'

/** What was recorded of a plugin's use of its host. */
export interface Watch {
  readonly audiences: Set<NamedAudience>
  /** Methods that it called after it had been unloaded. */
  readonly late: Set<string>
  gone: boolean
  context: WeakRef<PluginContext> | undefined
}

export function createWatch(): Watch {
  return { audiences: new Set(), late: new Set(), gone: false, context: undefined }
}

/** The plugin, with a context that records what it does. What is not a plugin is left for the host to reject. */
export function watched(made: unknown, watch: Watch): Plugin {
  const plugin = made as Plugin
  if (typeof plugin?.setup !== 'function') return plugin
  return {
    ...plugin,
    setup(host, options) {
      const context = noting(host, watch)
      watch.context = new WeakRef(context)
      return plugin.setup(context, options)
    },
  }
}

const METHODS = [
  'command',
  'broadcast',
  'clientState',
  'attach',
  'provide',
  'setTimeout',
  'setInterval',
  'onStart',
  'onDispose',
  'addLogSink',
] as const

function noting(host: PluginContext, watch: Watch): PluginContext {
  const noted = METHODS.map((method) => {
    const call = host[method] as (...args: unknown[]) => unknown
    const run = (...args: unknown[]): unknown => {
      if (watch.gone) watch.late.add(method)
      return call(...args)
    }
    return [method, run] as const
  })
  return Object.freeze({
    ...host,
    ...Object.fromEntries(noted),
    audience(name: string): NamedAudience {
      const audience = host.audience(name)
      watch.audiences.add(audience)
      return audience
    },
  })
}

/** A settled event, without its client. */
export interface Settled {
  readonly hook: SettledEvent['hook']
  readonly kind: string
  readonly by: string
}

export interface Watcher {
  readonly plugin: Plugin
  /** Throws before the plugin has been set up. */
  readonly host: PluginContext
  /** The outcome of each line and command. */
  readonly settled: Settled[]
  /** Every client that has connected. */
  readonly clients: Array<WeakRef<Client>>
}

export function createWatcher(): Watcher {
  const settled: Settled[] = []
  const clients: Array<WeakRef<Client>> = []
  let host: PluginContext | undefined
  const watcher = definePlugin({
    name: 'multiecho:check',
    apiVersion: 1,
    setup(given) {
      host = given
      given.hooks.settled.tap('watch', ({ hook, event, verdict, by }) => {
        if (hook === 'connect') clients.push(new WeakRef(event.client))
        else settled.push({ hook, kind: verdict.kind, by })
      })
    },
  })
  return {
    plugin: watcher(),
    get host() {
      return host as PluginContext
    },
    settled,
    clients,
  }
}
