/** The host: wires its parts together, and runs from setup to stop. */
import type { Duplex } from 'node:stream'
import { createChat } from '../chat/chat.ts'
import { ClientStates } from '../clients/client-state.ts'
import { IdleWatch } from '../clients/idle.ts'
import { createAudiences } from '../clients/named-audiences.ts'
import { CommandRegistry } from '../commands/commands.ts'
import { createHooks } from '../hooks/hooks.ts'
import { Isolation } from '../hooks/isolation.ts'
import { Stage } from '../hooks/tap-options.ts'
import { createTapRegistries } from '../hooks/tap-registries.ts'
import type { ContextParts } from '../lifecycle/context.ts'
import { Database } from '../lifecycle/database.ts'
import { PluginLifecycle } from '../lifecycle/plugin-lifecycle.ts'
import type { Change } from '../lifecycle/reload-plan.ts'
import { createReload } from '../lifecycle/reload.ts'
import { Services } from '../lifecycle/services.ts'
import { isOfStore } from '../lifecycle/store.ts'
import { toggled } from '../lifecycle/toggle.ts'
import type { Peer, Transport } from '../net/transport.ts'
import type { Clock } from '../support/clock.ts'
import { describe, type ChatError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { Pause } from '../support/pause.ts'
import type { Config } from './config.ts'
import { createFailureLimit, createFailureLog } from './failures.ts'
import { inspectHost, inspectTimings, type HostReport } from './inspect.ts'
import { stopHost, type Stop } from './stop.ts'

/** The host's dependencies, so that a test can replace them. */
export interface Environment {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** In which plugins store things; they cannot when left out. */
  readonly database?: Database | undefined
  /** Whether this is a host of the test kit; false when left out. */
  readonly testing?: boolean | undefined
  /** Called for every failure of a plugin, in addition to the log. */
  readonly onFault?: ((error: ChatError) => void) | undefined
}

export interface ChatHost {
  /** The current config. */
  readonly config: Config
  /** Sets up all plugins. Throws `CONFIG_INVALID` with the problems of all of them. */
  setUp(): void
  /**
   * Starts all plugins, then listens; resolves to the address, or to undefined if it was stopped meanwhile. Rejects
   * with what could not start; everything is undone by then.
   */
  start(transport?: Transport): Promise<string | undefined>
  /** What is odd about the config but not an error. */
  notes(): string[]
  /** The plugins that have an `onStart`, which setup does not run. */
  starters(): string[]
  /** Accepts a connection. */
  accept(stream: Duplex, peer: Peer): void
  /** Shuts down gracefully; resolves when done. Further calls return the same promise. */
  stop(reason: string): Promise<void>
  /** Ends the shutdown deadline at once. */
  expire(): void
  /** Removes a plugin from the running host, with everything that it registered. */
  unload(name: string): Promise<void>
  /**
   * Continues with another config: its plugins replace those that changed, and other settings change where they can;
   * port and host stay. Rejects, with nothing changed, with `CONFIG_INVALID` or `RELOAD_FAILED`.
   */
  reload(next: Config): Promise<Change>
  /**
   * Switches a plugin of the config off, or on again at its place in the order, until the next reload. Rejects with
   * `PLUGIN_UNKNOWN`, `PLUGIN_REQUIRED`, or as a reload does.
   */
  switchPlugin(name: string, on: boolean): Promise<Change>
  /**
   * Reports what runs. With `timings`, starts measuring on the first call, and reports how often each plugin was called
   * and how long that took.
   */
  inspect(options?: { readonly timings?: boolean | undefined }): HostReport
  /**
   * Reports a rejection that nobody has caught as a fault of its plugin, where it is one of a store; false where not.
   */
  unawaited(rejection: unknown): boolean
  /** Resolves when every line that was read has settled, or every line that arrived over one stream. */
  quiet(stream?: Duplex): Promise<void>
  /** Plugins that have not answered yet, each with what was called, such as `slow: /slow`. */
  unanswered(): string[]
}

export function createHost(first: Config, environment: Environment): ChatHost {
  const { clock, random, log, database = new Database(), testing = false, onFault } = environment
  let config = first
  /** Read each time they are needed, so that a reload can change them. */
  const limits = { ...first.limits }
  const report = createFailureLog(log.of('plugins'), clock)
  const isolation = new Isolation(clock, (error) => {
    report(error)
    onFault?.(error)
    limitFaults(error)
  })
  const limitFaults = createFailureLimit(
    () => config.unloadAfterFaults,
    clock,
    (plugin, faults) =>
      void changes.fail(plugin, `unloaded after ${faults} faults within a minute`),
  )
  const hooks = createHooks()
  const registries = createTapRegistries(hooks, isolation)
  const commands = new CommandRegistry()
  const pause = new Pause()
  const chat = createChat({
    hooks,
    commands,
    isolation,
    pause,
    clock,
    log,
    limits,
    setting: () => config,
    successorOf: ({ name }) => lifecycle.live.find((plugin) => plugin.name === name),
  })
  const { sessions, everyone } = chat
  const idle = new IdleWatch({
    connections: sessions.connections,
    limit: () => limits.idle,
    clock,
    pause,
    close(connection, seconds) {
      connection.send(`closed: you have typed nothing for ${seconds} s`)
      connection.close('idle')
    },
  })
  const states = new ClientStates()
  const services = new Services()
  let stop: Stop | undefined
  let transport: Transport | undefined

  const parts: ContextParts = {
    registries,
    commands,
    clients: Object.freeze({
      get size() {
        return chat.group.members.size
      },
      get: (id: string) => sessions.get(id),
      [Symbol.iterator]: () => everyone[Symbol.iterator](),
    }),
    everyone,
    audience: createAudiences(chat.group, chat.delivery),
    messages: chat.messages,
    say: (client, line, done) => chat.say(client, line, done),
    states,
    services,
    database,
    isolation,
    clock,
    random,
    testing,
    log,
    accept: (stream, peer, attachedBy) => sessions.accept(stream, peer, attachedBy),
  }

  const lifecycle: PluginLifecycle = new PluginLifecycle(parts, sessions.connections)
  const changes = createReload({
    lifecycle,
    services,
    pause,
    pending: chat.pending,
    log,
    clock,
    isolation,
    resume: () => sessions.resume(),
  })

  async function start(from?: Transport): Promise<string | undefined> {
    try {
      await changes.begin(async () => {
        await lifecycle.start(lifecycle.instances, () => stop === undefined)
        if (stop !== undefined) return
        pause.end()
        log.started()
      })
      if (stop !== undefined) return undefined
      idle.renew()
      transport = from
      return await transport?.listen({
        connection: (stream, peer) => sessions.accept(stream, peer),
        lost: () => chat.log.lost(),
      })
    } catch (error) {
      // The caller of start() prints it too.
      log.of('multiecho', { prints: false }).error(describe(error))
      // Perhaps it only failed because it was stopped.
      if (stop !== undefined) return undefined
      sessions.stopAccepting()
      await lifecycle.disposeAll()
      await lifecycle.closeDatabase()
      close()
      throw error
    }
  }

  function notes(): string[] {
    if (registries.line.hasStage(Stage.Deliver)) return []
    return [
      'no plugin delivers lines at Stage.Deliver, as echo() does, so perhaps nobody sees what is typed',
    ]
  }

  function takeOver(next: Config): void {
    const { port, host, control, data } = config
    config = { ...next, port, host, control, data }
    Object.assign(limits, { idle: undefined }, next.limits)
    if (stop === undefined) idle.renew()
  }

  /** The log last, so that everything else can still log why it failed to close. */
  function close(): void {
    pause.endForGood()
    idle.stop()
    chat.backlogs.close()
    log.close()
  }

  function inspect({ timings = false }: { timings?: boolean | undefined } = {}): HostReport {
    const { instances: owners } = lifecycle
    const { file, plugins } = config
    const found = inspectHost({ file, plugins, owners, registries, commands, services })
    if (!timings) return found
    if (isolation.timings.since === undefined) {
      isolation.timings.since = clock.now()
      for (const registry of Object.values(registries)) registry.refresh()
    }
    return { ...found, timings: inspectTimings(owners, isolation.timings, clock.now()) }
  }

  return {
    get config() {
      return config
    },
    setUp: () =>
      lifecycle.replace(
        lifecycle.stage(
          config.plugins.map((validated) => ({ validated })),
          config.file,
        ),
      ),
    notes,
    starters: () =>
      lifecycle.instances.filter(({ starts }) => starts.length > 0).map(({ name }) => name),
    start,
    accept: (stream, peer) => sessions.accept(stream, peer),
    stop(reason) {
      changes.cancel()
      stop ??= stopHost(reason, {
        deadline: config.stopDeadline,
        clock,
        hooks,
        isolation,
        chat,
        log,
        stopTransport: () => transport?.stop(),
        whenChanged: (done) => pause.whenOver(done),
        letGo: () => changes.letGo(),
        dispose: () => lifecycle.disposeAll(),
        closeStores: () => lifecycle.closeDatabase(),
        close,
      })
      return stop.done
    },
    expire: () => stop?.expire(),
    unload: (name) => changes.unload(name),
    reload: (next) =>
      changes.change(() => ({
        plugins: next.plugins,
        file: next.file,
        retries: () => true,
        made: () => takeOver(next),
      })),
    switchPlugin: (name, on) =>
      changes.change(() => ({
        plugins: toggled(config.plugins, lifecycle.instances, name, on),
        file: config.file,
        retries: (other) => on && other === name,
      })),
    inspect,
    unawaited(rejection) {
      const ofStore = isOfStore(rejection)
      if (ofStore) isolation.report(rejection)
      return ofStore
    },
    quiet: (stream) => new Promise((resolve) => chat.pending.when(resolve, stream)),
    unanswered: () => isolation.unanswered(),
  }
}
