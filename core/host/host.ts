/** The host: its parts put together, and its life from set-up to stop. */
import type { Duplex } from 'node:stream'
import { ChosenAudience } from '../clients/audience.ts'
import { createAudiences } from '../clients/named-audiences.ts'
import type { Clock } from '../support/clock.ts'
import { CommandRegistry } from '../hooks/commands.ts'
import type { Config } from './config.ts'
import { ConnectionLog } from '../clients/connection-log.ts'
import type { Peer, Transport } from '../net/transport.ts'
import type { ContextParts } from '../lifecycle/context.ts'
import { Delivery } from '../delivery/delivery.ts'
import { Group } from '../delivery/recipient-groups.ts'
import { describe, errors, type ChatError } from '../support/errors.ts'
import { createFaultLimit, createReport } from './failures.ts'
import { Gate } from '../support/pause.ts'
import { createHooks } from '../hooks/hooks.ts'
import { Stage } from '../hooks/registration.ts'
import { IdleWatch } from '../clients/idle.ts'
import { inspectHost, inspectTimings, type HostReport } from './inspect.ts'
import { Isolation } from '../hooks/isolation.ts'
import { createLedgers } from '../hooks/tap-registries.ts'
import { createLines } from '../chat/lines.ts'
import type { Log } from '../support/log.ts'
import { Backlogs } from '../delivery/outbox.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { PluginLives } from '../lifecycle/plugin-lifecycle.ts'
import { createPump } from '../chat/pump.ts'
import { Quiet } from '../chat/pending-lines.ts'
import { createReload } from '../lifecycle/reload.ts'
import type { Change } from '../lifecycle/reload-plan.ts'
import { Services } from '../lifecycle/services.ts'
import { ClientStates } from '../clients/client-state.ts'
import { stopHost, type Stop } from './stop.ts'
import { switched } from '../lifecycle/toggle.ts'
import { safeName } from '../support/safe-text.ts'
import { Visits } from '../chat/sessions.ts'

/** What the host has from outside, so that a test can drive it. */
export interface Environment {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** Whether it is a host of the test kit; false when left out. */
  readonly testing?: boolean | undefined
  /** Told of every fault of a plugin, beside the log. */
  readonly onFault?: ((error: ChatError) => void) | undefined
}

export interface ChatHost {
  /** By which it runs now. */
  readonly config: Config
  /** Sets up all plugins. Throws `CONFIG_INVALID` with the faults of all of them. */
  setUp(): void
  /**
   * Starts all plugins, then listens; resolves to the address, or to nothing when it was stopped before. Rejects with what
   * could not start; all is undone then.
   */
  start(transport?: Transport): Promise<string | undefined>
  /** What is odd about the config but no fault of it. */
  notes(): string[]
  /** The plugins that do something at the start, which set-up cannot tell to go well. */
  starters(): string[]
  /** Takes in a connection. */
  accept(stream: Duplex, peer: Peer): void
  /** Stops in order; resolves when all is done. Stopping twice is stopping once. */
  stop(reason: string): Promise<void>
  /** Ends the time to stop at once. */
  expire(): void
  /** Takes a plugin out of the running host, with all that it registered. */
  unload(name: string): Promise<void>
  /**
   * Runs on by another config: its plugins take the place of those that changed, and whatever else can change while it
   * runs does; port and host stay. Rejects, with nothing changed, with `CONFIG_INVALID` or `RELOAD_FAILED`.
   */
  reload(next: Config): Promise<Change>
  /**
   * Switches a plugin of the config off, or on again in its place, until the next reload. Rejects with `PLUGIN_UNKNOWN`,
   * `PLUGIN_REQUIRED`, or as a reload does.
   */
  switchPlugin(name: string, on: boolean): Promise<Change>
  /** What runs. With `timings`, from the first time on, how often each plugin was called, and how long that took. */
  inspect(options?: { readonly timings?: boolean | undefined }): HostReport
  /** Resolves when every line that was read has settled, or every one that came over one stream. */
  quiet(stream?: Duplex): Promise<void>
  /** Plugins that have not answered yet, each with what was asked, as `slow: /slow`. */
  unanswered(): string[]
}

export function createHost(first: Config, environment: Environment): ChatHost {
  const { clock, random, log, testing = false, onFault } = environment
  let config = first
  /** Read whenever they are needed, so that a reload can change them. */
  const limits = { ...first.limits }
  const report = createReport(log.of('plugins'), clock)
  const isolation = new Isolation(clock, (error) => {
    report(error)
    onFault?.(error)
    limitFaults(error)
  })
  const limitFaults = createFaultLimit(
    () => config.unloadAfterFaults,
    clock,
    (plugin, faults) =>
      void changes.fail(plugin, `unloaded after ${faults} faults within a minute`),
  )
  const hooks = createHooks()
  const ledgers = createLedgers(hooks, isolation)
  const commands = new CommandRegistry()
  const delivery = new Delivery()
  const group = new Group()
  const everyone = new ChosenAudience([group])
  const backlogs = new Backlogs(limits, clock)
  const runLine = createLines({
    hooks,
    commands,
    delivery,
    everyone,
    isolation,
    setting: () => config,
  })
  const gate = new Gate()
  const connectionLog = new ConnectionLog(log, clock)
  let stop: Stop | undefined
  let closed = false

  const pump = createPump({
    line: runLine,
    tooLong: (connection) =>
      connection.send(`your line was not sent: it is longer than ${limits.line} bytes`),
    ended(connection, leftOver) {
      if (leftOver > 0) connectionLog.leftOver(connection.id, leftOver)
      visits.leave(connection, 'end of input')
    },
    leave: (connection, reason) => visits.leave(connection, reason),
    rested: () => quiet.check(),
  })
  const visits: Visits = new Visits({
    hooks,
    everyone,
    log: connectionLog,
    limits,
    accepts: () => stop === undefined && !closed,
    ended: () => quiet.check(),
    heirOf: ({ name }) => lives.live.find((owner) => owner.name === name),
    broke: ({ name }, label, cause) => isolation.report(errors.streamFailed(name, label, cause)),
    connection: {
      limits,
      delivery,
      backlogs,
      clock,
      gate,
      conductor: {
        pump,
        leave: (connection, reason) => visits.leave(connection, reason),
        failed(connection, cause) {
          const { id, attachedBy, left } = connection
          if (attachedBy !== undefined && !left) connectionLog.failed(id, attachedBy.name, cause)
          visits.leave(connection, 'connection error')
        },
        broke(connection, cause) {
          const { id, attachedBy } = connection
          if (attachedBy !== undefined)
            isolation.report(errors.streamFailed(attachedBy.name, id, cause))
          visits.leave(connection, 'connection error')
        },
        closed(connection) {
          visits.closed(connection)
          quiet.check()
        },
      },
    },
  })

  const idle = new IdleWatch({
    connections: visits.connections,
    limit: () => limits.idle,
    clock,
    gate,
    close(connection, seconds) {
      connection.send(`closed: you have typed nothing for ${seconds} s`)
      visits.leave(connection, 'idle')
    },
  })
  const quiet: Quiet = new Quiet(visits.connections)
  const states = new ClientStates()
  const services = new Services()
  let transport: Transport | undefined

  const accept = (stream: Duplex, peer: Peer, attachedBy?: PluginInstance): void => {
    visits.come(stream, { ...peer, label: safeName(peer.label) }, attachedBy)
  }

  const parts: ContextParts = {
    ledgers,
    commands,
    clients: Object.freeze({
      get size() {
        return group.members.size
      },
      get: (id: string) => visits.get(id),
      [Symbol.iterator]: () => everyone[Symbol.iterator](),
    }),
    everyone,
    audience: createAudiences(group, delivery),
    delivery,
    states,
    services,
    isolation,
    clock,
    random,
    testing,
    log,
    accept,
  }

  const lives: PluginLives = new PluginLives(parts, visits.connections)
  const changes = createReload({
    lives,
    services,
    gate,
    quiet,
    log,
    clock,
    isolation,
    connections: visits.connections,
    resume: pump,
  })

  async function start(from?: Transport): Promise<string | undefined> {
    try {
      await changes.begin(async () => {
        await lives.start(lives.owners, () => stop === undefined)
        if (stop !== undefined) return
        gate.open()
        log.started()
      })
      if (stop !== undefined) return undefined
      idle.renew()
      transport = from
      return await transport?.listen({
        connection: (stream, peer) => accept(stream, peer),
        lost: () => connectionLog.lost(),
      })
    } catch (error) {
      // Whoever started it says so, too.
      log.of('multiecho', { prints: false }).error(describe(error))
      // It may be that it had no time to start.
      if (stop !== undefined) return undefined
      await close()
      throw error
    }
  }

  function notes(): string[] {
    if (ledgers.line.hasStage(Stage.Deliver)) return []
    return [
      'no plugin delivers lines at Stage.Deliver, as echo() does, so it may be that nobody sees what is typed',
    ]
  }

  function takeOver(next: Config): void {
    const { port, host, control } = config
    config = { ...next, port, host, control }
    Object.assign(limits, { idle: undefined }, next.limits)
    if (stop === undefined) idle.renew()
  }

  /** The plugins first and the log last, so that each can still log why it could not go. */
  async function close(): Promise<void> {
    closed = true
    await lives.disposeAll()
    gate.openForGood()
    idle.stop()
    backlogs.close()
    log.close()
  }

  function inspect({ timings = false }: { timings?: boolean | undefined } = {}): HostReport {
    const { owners } = lives
    const { file, plugins } = config
    const found = inspectHost({ file, plugins, owners, ledgers, commands, services })
    if (!timings) return found
    if (isolation.timings.since === undefined) {
      isolation.timings.since = clock.now()
      for (const ledger of Object.values(ledgers)) ledger.refresh()
    }
    return { ...found, timings: inspectTimings(owners, isolation.timings, clock.now()) }
  }

  return {
    get config() {
      return config
    },
    setUp: () =>
      lives.replace(
        lives.stage(
          config.plugins.map((validated) => ({ validated })),
          config.file,
        ),
      ),
    notes,
    starters: () => lives.owners.filter(({ starts }) => starts.length > 0).map(({ name }) => name),
    start,
    accept,
    stop(reason) {
      changes.cancel()
      stop ??= stopHost(reason, {
        deadline: config.stopDeadline,
        clock,
        hooks,
        isolation,
        delivery,
        visits,
        quiet,
        log,
        connectionLog,
        stopTransport: () => transport?.stop(),
        whenChanged: (done) => gate.pass(done),
        letGo: () => changes.letGo(),
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
        plugins: switched(config.plugins, lives.owners, name, on),
        file: config.file,
        retries: (other) => on && other === name,
      })),
    inspect,
    quiet: (stream) => new Promise((resolve) => quiet.when(resolve, stream)),
    unanswered: () => isolation.unanswered(),
  }
}
