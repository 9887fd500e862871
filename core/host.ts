/** The host: its parts put together, and its life from set-up to stop. */
import type { Duplex } from 'node:stream'
import { ChosenAudience } from './audience.ts'
import { createAudiences } from './audiences.ts'
import type { Cancel, Clock } from './clock.ts'
import { CommandRegistry } from './commands.ts'
import type { Config } from './config.ts'
import { ConnectionLog } from './connection-log.ts'
import type { Peer } from './connection.ts'
import type { ContextParts } from './context.ts'
import { Delivery, Group } from './delivery.ts'
import { describe, type ChatError } from './errors.ts'
import { createFaultLimit, createReport } from './faults.ts'
import { createHooks, Stage } from './hooks.ts'
import { watchIdle } from './idle.ts'
import { Isolation } from './isolation.ts'
import { createLedgers } from './ledgers.ts'
import { createLines } from './lines.ts'
import type { Log } from './log.ts'
import { Backlogs } from './outbox.ts'
import type { Owner } from './owner.ts'
import { createPluginLives } from './plugin-lives.ts'
import { createPump } from './pump.ts'
import { Quiet } from './quiet.ts'
import { Services } from './services.ts'
import { ClientStates } from './states.ts'
import { stopHost, type Stop } from './stop.ts'
import { safeText } from './text.ts'
import type { Transport } from './transport.ts'
import { Visits } from './visits.ts'

/** What the host has from outside, so that a test can drive it. */
export interface Environment {
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** Told of every fault of a plugin, beside the log. */
  readonly onFault?: ((error: ChatError) => void) | undefined
}

export interface ChatHost {
  /** Sets up all plugins. Throws `CONFIG_INVALID` with the faults of all of them. */
  setUp(): void
  /**
   * Starts all plugins, then listens; resolves to the address, or to nothing when it was stopped before. Rejects with what
   * could not start; all is undone then.
   */
  start(transport?: Transport): Promise<string | undefined>
  /** What is odd about the config but no fault of it. */
  notes(): string[]
  /** Takes in a connection. */
  accept(stream: Duplex, peer: Peer): void
  /** Stops in order; resolves when all is done. Stopping twice is stopping once. */
  stop(reason: string): Promise<void>
  /** Ends the time to stop at once. */
  expire(): void
  /** Takes a plugin out of the running host, with all that it registered. */
  unload(name: string): Promise<void>
  /** Resolves when every line that was read has settled. */
  quiet(): Promise<void>
}

export function createHost(config: Config, { clock, random, log, onFault }: Environment): ChatHost {
  const report = createReport(log.of('plugins'), clock)
  const isolation = new Isolation(clock, (error) => {
    report(error)
    onFault?.(error)
    if (limitFaults !== false) limitFaults(error)
  })
  const { unloadAfterFaults: mostFaults } = config
  const limitFaults =
    mostFaults !== undefined &&
    createFaultLimit(mostFaults, clock, (plugin) => {
      log
        .of('plugins')
        .warn(`plugin ${plugin}: unloaded after ${mostFaults} faults within a minute`)
      void lives.unload(plugin)
    })
  const hooks = createHooks()
  const ledgers = createLedgers(hooks, isolation)
  const commands = new CommandRegistry()
  const delivery = new Delivery()
  const group = new Group()
  const everyone = new ChosenAudience([group])
  const { limits } = config
  const backlogs = new Backlogs(
    {
      soft: limits.backlogSoft,
      hard: limits.backlogHard,
      total: limits.backlogTotal,
      writeDeadline: limits.writeDeadline,
    },
    clock,
  )
  const runLine = createLines({
    hooks,
    commands,
    delivery,
    everyone,
    isolation,
    unknownCommand: config.unknownCommand,
  })
  const connectionLog = new ConnectionLog(log, clock)
  let stop: Stop | undefined
  let stopIdleWatch: Cancel | undefined

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
    clients: limits.clients,
    connection: {
      limits,
      delivery,
      backlogs,
      clock,
      conductor: {
        pump,
        leave: (connection, reason) => visits.leave(connection, reason),
        closed(connection) {
          visits.closed(connection)
          quiet.check()
        },
      },
    },
  })

  const quiet: Quiet = new Quiet(visits.connections)
  const states = new ClientStates()
  const services = new Services()
  let transport: Transport | undefined

  const accept = (stream: Duplex, peer: Peer, attachedBy?: Owner): void => {
    if (stop !== undefined) {
      stream.destroy()
      return
    }
    const label = safeText(peer.label)
    connectionLog.came(label, attachedBy?.name ?? 'tcpserver')
    visits.come(stream, { label, address: peer.address }, attachedBy)
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
    log,
    accept,
  }

  const lives = createPluginLives(config, parts, visits.connections)

  async function start(from?: Transport): Promise<string | undefined> {
    try {
      await lives.start()
      if (stop !== undefined) return undefined
      log.started()
      if (limits.idle !== undefined) stopIdleWatch = watchClients(limits.idle)
      transport = from
      return await transport?.listen({
        connection: (stream, peer) => accept(stream, peer),
        lost: () => connectionLog.lost(),
      })
    } catch (error) {
      if (log.hasSink) log.of('multiecho').error(describe(error))
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

  function watchClients(limit: number): Cancel {
    return watchIdle({
      connections: visits.connections,
      limit,
      clock,
      close(connection) {
        connection.send(`closed: you have typed nothing for ${Math.round(limit / 1000)} s`)
        visits.leave(connection, 'idle')
      },
    })
  }

  /** The plugins first and the log last, so that each can still log why it could not go. */
  async function close(): Promise<void> {
    await lives.disposeAll()
    stopIdleWatch?.()
    backlogs.close()
    log.close()
  }

  return {
    setUp: lives.setUp,
    notes,
    start,
    accept,
    stop(reason) {
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
        close,
      })
      return stop.done
    },
    expire: () => stop?.expire(),
    unload: lives.unload,
    quiet: () => new Promise((resolve) => quiet.when(resolve)),
  }
}
