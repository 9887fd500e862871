/** The lives of plugins in a host: all are set up, all are started, and each is disposed of once, in reverse. */
import type { Config } from './config.ts'
import type { Connection } from './connection.ts'
import { createContext, type ContextParts } from './context.ts'
import { ChatError, errors, type Problem } from './errors.ts'
import { createOwner, type Owner } from './owner.ts'

/** Milliseconds that a plugin has to start, and to go. */
const START_TIMEOUT = 10_000
const DISPOSE_TIMEOUT = 1000

export interface PluginLives {
  /** Throws `CONFIG_INVALID` with the faults of all plugins. */
  setUp(): void
  /** Rejects with `PLUGIN_START_FAILED` at the first that cannot start. Ends early when they are disposed of meanwhile. */
  start(): Promise<void>
  /** Disposes of one plugin while the others go on. */
  unload(name: string): Promise<void>
  disposeAll(): Promise<void>
}

export function createPluginLives(
  config: Config,
  parts: ContextParts,
  connections: Iterable<Connection>,
): PluginLives {
  const { isolation, ledgers, log } = parts
  const owners: Owner[] = config.plugins.map(createOwner)

  function setUp(): void {
    const problems: Problem[] = []
    for (const owner of owners) {
      const { plugin, options, path } = owner.checked
      try {
        const answer: unknown = plugin.setup(createContext(owner, parts), options)
        if (!(answer instanceof Promise)) continue
        answer.catch(() => {})
        const { code, message } = errors.pluginSetupAsync(owner.name)
        problems.push({ path, code, message })
      } catch (cause) {
        const { code, message } = errors.pluginSetupFailed(owner.name, cause)
        problems.push({ path, code: cause instanceof ChatError ? cause.code : code, message })
      }
    }
    if (problems.length > 0) throw errors.configInvalid(config.file, problems)
  }

  async function start(): Promise<void> {
    for (const owner of owners) {
      const wrap = (cause: unknown) => errors.pluginStartFailed(owner.name, cause)
      if (owner.disposed === undefined) owner.started = true
      for (const run of owner.starts) {
        if (owner.disposed !== undefined) return
        const error = await isolation.settle(owner, 'onStart', START_TIMEOUT, run, wrap)
        if (error?.code === 'HOOK_TIMEOUT') throw wrap(error)
        if (error !== undefined) throw error
      }
    }
  }

  function dispose(owner: Owner): Promise<void> {
    owner.disposed ??= undo(owner)
    return owner.disposed
  }

  async function undo(owner: Owner): Promise<void> {
    owner.active = false
    owner.abort.abort()
    for (const ledger of Object.values(ledgers)) ledger.remove(owner)
    parts.commands.remove(owner)
    parts.services.remove(owner)
    for (const cancel of owner.timers) cancel()
    owner.timers.clear()
    // Nothing calls it any more, so that what it releases now is not used again.
    const wrap = (cause: unknown) => errors.pluginDisposeFailed(owner.name, cause)
    for (const run of owner.started ? owner.disposers.toReversed() : []) {
      const error = await isolation.settle(owner, 'onDispose', DISPOSE_TIMEOUT, run, wrap)
      if (error !== undefined) isolation.report(error)
    }
    owner.starts.length = owner.disposers.length = 0
    parts.states.remove(owner, connections)
    for (const connection of connections) {
      if (connection.attachedBy === owner) connection.close('closed by the host')
    }
  }

  return {
    setUp,
    start,
    async unload(name) {
      const owner = owners.find((one) => one.name === name)
      if (owner === undefined) return
      await dispose(owner)
      for (const sink of owner.sinks) log.removeSink(sink)
    },
    async disposeAll() {
      for (const owner of owners.toReversed()) await dispose(owner)
    },
  }
}
