/** A host as a process: what it prints, the signals that stop it, and the status it ends with. */
import { networkInterfaces } from 'node:os'
import { isIPv6 } from 'node:net'
import { systemClock } from './clock.ts'
import { CONTROL_PATH, type Config } from './config.ts'
import { clientsThatFit } from './descriptors.ts'
import { describe, errors } from './errors.ts'
import { openControl, type Control } from './control.ts'
import { createReport, type Report } from './faults.ts'
import { createHost, type ChatHost } from './host.ts'
import { Log } from './log.ts'
import { createOperations, type Operations } from './operations.ts'
import { placeOf } from './place.ts'
import { createTcpTransport } from './tcp.ts'
import { safeText } from './text.ts'
import { PROTOCOL_VERSION } from './visits.ts'
import { watchFiles } from './watch.ts'

/** The statuses that the program ends with. */
export const Status = {
  Ok: 0,
  /** It could not start, or a file or an address is not to be had. */
  Failed: 1,
  /** The command line or the config is wrong. */
  Misused: 2,
  /** An error that nobody caught (EX_SOFTWARE of sysexits.h). */
  Uncaught: 70,
  /** Stopped by a second signal (128 and SIGINT). */
  Interrupted: 130,
} as const

/** Milliseconds within which a second signal is the same key: npm and the terminal both deliver it. */
const SAME_KEY = 200
/** Milliseconds beyond the deadline after which a stop that does not end is ended. */
const STOP_GRACE = 500

/** How a host comes by its config. */
export interface ConfigSource {
  /** Reads it anew. */
  load(): Promise<Config>
  /** The files that it was last read from. */
  files(): Iterable<string>
  /** Whether it is read again when one of them changes. */
  readonly watch: boolean
}

/** Runs a host until it is stopped; resolves to the status to end with. */
export async function runHost(asked: Config, source: ConfigSource): Promise<number> {
  const log = new Log((text) => process.stderr.write(text))
  log.of(undefined).info(`Chat ${PROTOCOL_VERSION}`)
  const config = withRoom(asked, log)
  const onFault = source.watch ? reportToTerminal(log) : undefined
  const host = createHost(config, { clock: systemClock, random: Math.random, log, onFault })
  host.setUp()
  const transport = createTcpTransport(config.host, config.port, log.of('tcpserver'))
  let started = (): void => {}
  const ready = new Promise<void>((resolve) => {
    started = resolve
  })
  const operations = createOperations({
    host,
    log,
    ready,
    load: async () => withRoom(await source.load(), log),
    port: () => transport.port,
  })
  const stopped = stopOnSignals(host, log, operations)
  // What is odd is told once it runs: a host that does not says in one sentence why.
  const notes: string[] = []
  const control = await openControlOf(config, operations, notes)
  const address = await host.start(transport).catch((error: unknown) => {
    control?.close()
    throw error
  })
  const watching =
    source.watch && address !== undefined ? watchSource(source, operations, log) : undefined
  void stopped.then(() => {
    control?.close()
    watching?.close()
  })
  if (address === undefined) return stopped
  started()
  for (const note of [...notes, ...host.notes()]) log.of('multiecho').warn(note)
  process.stdout.write(
    `multiecho is listening on ${address}\n${joinHint(transport.address, transport.port)}\n`,
  )
  if (watching !== undefined) process.stdout.write(`watching ${watchedOf(config)}\n`)
  return stopped
}

function watchedOf({ file }: Config): string {
  return file === undefined
    ? 'for a config file in this folder'
    : `${safeText(file)} and the local files that it imports`
}

/** Whoever writes a plugin looks there, and not into the log. Where there is no log, it has the faults already. */
function reportToTerminal(log: Log): Report {
  const terminal = new Log((text) => {
    if (log.hasSink) process.stderr.write(text)
  })
  terminal.started()
  return createReport(terminal.of('plugins'), systemClock)
}

/** Without one that was asked for the host does not start; without the usual one it only cannot be told anything. */
async function openControlOf(
  { control }: Config,
  operations: Operations,
  notes: string[],
): Promise<Control | undefined> {
  const usual = control === CONTROL_PATH
  if (control === false || (usual && process.platform === 'win32')) return undefined
  try {
    return await openControl(control, operations)
  } catch (error) {
    if (!usual) throw error
    notes.push(describe(error))
    return undefined
  }
}

function watchSource(source: ConfigSource, operations: Operations, log: Log): { close(): void } {
  const watched = watchFiles(
    () => source.files(),
    () => {
      const begun = Date.now()
      void operations
        .reload()
        .catch((error: unknown) => (error instanceof Error ? error.message : describe(error)))
        .then((text) => {
          watched.update(begun)
          process.stdout.write(`${text}\n`)
        })
    },
    (problem) => log.of('multiecho').warn(`cannot watch the config: ${problem}`),
  )
  return watched
}

/** Lowers the number of clients to what there are descriptors for. Throws `NO_DESCRIPTORS` where that is none. */
function withRoom(config: Config, log: Log): Config {
  const { clients, reservedDescriptors } = config.limits
  const fit = clientsThatFit(reservedDescriptors)
  if (fit === undefined || fit >= clients) return config
  if (fit < 1) throw errors.noDescriptors(reservedDescriptors)
  log
    .of('tcpserver')
    .warn(
      `there is room for ${fit} clients, not ${clients}: this process may open too few files; raise that with ulimit -n`,
    )
  return { ...config, limits: { ...config.limits, clients: fit } }
}

/** Resolves to the status once the host has stopped, for whatever reason. */
function stopOnSignals(host: ChatHost, log: Log, operations: Operations): Promise<number> {
  return new Promise((resolve) => {
    const chat = log.of('chat')
    let status: number = Status.Ok
    let stoppingSince: number | undefined

    const stop = (reason: string): void => {
      if (stoppingSince !== undefined) return
      stoppingSince = performance.now()
      setTimeout(() => resolve(status), host.config.stopDeadline + STOP_GRACE)
      host.stop(reason).then(
        () => resolve(status),
        (cause: unknown) => uncaught(cause),
      )
    }
    const interrupt = (signal: NodeJS.Signals): void => {
      if (stoppingSince === undefined) {
        // The terminal shows ^C; what is printed now begins a line of its own.
        if (signal === 'SIGINT' && process.stdout.isTTY) process.stdout.write('\n')
        chat.info('interrupt signal received')
        stop('signal')
      } else if (performance.now() - stoppingSince > SAME_KEY) {
        status = status === Status.Ok ? Status.Interrupted : status
        host.expire()
      }
    }
    const uncaught = (cause: unknown): void => {
      status = Status.Uncaught
      const stack = cause instanceof Error ? (cause.stack ?? cause.message) : describe(cause)
      const remedy = uncaughtRemedy(cause)
      chat.fatal(`uncaught error: ${describe(cause)}${remedy}`, { err: cause })
      process.stderr.write(
        `multiecho: uncaught error, stopping${remedy}\n${stack.split('\n').map(safeText).join('\n')}\n`,
      )
      stop('uncaught error')
    }

    const renew = (): void => {
      log.reopen()
      // A fault of the config is in the log.
      operations.reload().catch(() => {})
    }

    process.on('SIGINT', interrupt)
    process.on('SIGTERM', interrupt)
    // On a terminal it means that the terminal has gone; a service is told by it that its log was rotated.
    process.on('SIGHUP', process.stdin.isTTY ? interrupt : renew)
    process.on('uncaughtException', uncaught)
  })
}

/** What to do about an error that came neither out of the host nor out of what it calls, and could not be held up. */
function uncaughtRemedy(cause: unknown): string {
  const place = placeOf(cause)
  return place === undefined
    ? ''
    : ` (${place}): a plugin's own timer or promise; use host.setTimeout, and catch what a promise rejects with`
}

/** How to join, from this machine and from another one. */
function joinHint(host: string, port: number): string {
  const everywhere = host === '0.0.0.0' || host === '::'
  const here = everywhere ? 'localhost' : host
  const lines = [`join with: telnet ${here} ${port}   or: nc ${here} ${port}`]
  const address = everywhere ? lanAddress() : undefined
  if (address !== undefined) lines.push(`from another machine: telnet ${address} ${port}`)
  return lines.join('\n')
}

function lanAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.find(({ address, internal }) => !internal && !isIPv6(address))?.address
}
