/** Runs a host as a process: loads its config, opens its control socket, and prints its messages. */
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { PROTOCOL_VERSION } from '../chat/greeting.ts'
import { CONTROL_PATH, type Config } from '../host/config.ts'
import { createHost } from '../host/host.ts'
import { createOperations, type Operations } from '../host/operations.ts'
import { Database } from '../lifecycle/database.ts'
import { createTcpTransport } from '../net/tcp.ts'
import { systemClock } from '../support/clock.ts'
import { describe, errors } from '../support/errors.ts'
import { Log } from '../support/log.ts'
import { safeText } from '../support/safe-text.ts'
import { openControl, type Control } from './control.ts'
import { createDataFolder } from './data-folder.ts'
import { countRoom } from './descriptor-limit.ts'
import { receiveSignals } from './signals.ts'
import { watchFiles } from './watch.ts'

/** Where a host gets its config from. */
export interface ConfigSource {
  /** Reads it again. */
  load(): Promise<Config>
  /** The files that it was last read from. */
  files(): Iterable<string>
  /** Whether it is reloaded when one of them changes. */
  readonly watch: boolean
}

/** Runs a host until it is stopped; resolves to the exit status. */
export async function runHost(source: ConfigSource): Promise<number> {
  // Plugin authors, and whoever starts it on a terminal, look at the terminal rather than the log.
  const echo = source.watch || process.stderr.isTTY
  const log = new Log((text) => process.stderr.write(text), { echo })
  log.of(undefined).info(`Chat ${PROTOCOL_VERSION}`)
  const signals = receiveSignals(log)
  const { stopped } = signals
  const asked = await Promise.race([source.load(), stopped])
  if (typeof asked === 'number' || signals.stopping) return stopped
  const room = countRoom()
  const config = withRoom(asked, room, log)
  const host = createHost(config, {
    clock: systemClock,
    random: Math.random,
    log,
    database: new Database(createDataFolder(config)),
  })
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
    load: async () => withRoom(await source.load(), room, log),
    port: () => transport.port,
  })
  signals.pass(host, operations)
  // Notes are printed once it runs: a host that cannot start says why in one sentence.
  const notes: string[] = []
  const control = await openControlOf(config, operations, notes)
  try {
    const address = await Promise.race([host.start(transport), stopped.then(() => undefined)])
    if (address === undefined) return await stopped
    const watching = source.watch ? watchSource(source, operations, log) : undefined
    started()
    for (const note of [...notes, ...host.notes()]) log.of('multiecho').warn(note)
    process.stdout.write(
      `multiecho is listening on ${address}\n${joinHint(transport.address, transport.port)}\n`,
    )
    if (watching !== undefined) process.stdout.write(`watching ${watchedOf(config)}\n`)
    return await stopped.finally(() => watching?.close())
  } finally {
    control?.close()
  }
}

function watchedOf({ file }: Config): string {
  return file === undefined
    ? 'for a config file in this folder'
    : `${safeText(file)} and the local files that it imports`
}

/** Opens the control socket. If a configured one fails, the host does not start; the default one is optional. */
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
      void operations.reload().then(
        (text) => {
          watched.update(begun)
          process.stdout.write(`${text}\n`)
        },
        // The error has been logged, and so printed.
        () => watched.update(begun),
      )
    },
    (problem) => log.of('multiecho').warn(`cannot watch the config: ${problem}`),
  )
  return watched
}

/** Lowers the number of clients to what there are descriptors for. Throws `NO_DESCRIPTORS` when that is none. */
function withRoom(config: Config, room: ReturnType<typeof countRoom>, log: Log): Config {
  const { clients, reservedDescriptors } = config.limits
  const fit = room(reservedDescriptors)
  if (fit === undefined || fit >= clients) return config
  if (fit < 1) throw errors.noDescriptors(reservedDescriptors)
  log
    .of('tcpserver')
    .warn(
      `there is room for ${fit} clients, not ${clients}: this process may open too few files; raise the limit with ulimit -n`,
    )
  return { ...config, limits: { ...config.limits, clients: fit } }
}

/** How to join, from this machine and from others. */
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
