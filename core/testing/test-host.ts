/**
 * A host in memory, with the pump, hooks and delivery of a real one, but no port, no waiting, and a clock that only
 * tests advance.
 */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { checkConfig, type ConfigInput } from '../host/config.ts'
import { createHost } from '../host/host.ts'
import type { Change } from '../lifecycle/reload-plan.ts'
import { errors, type ChatError } from '../support/errors.ts'
import { Log, type LogRecord } from '../support/log.ts'
import { didYouMean } from '../support/suggest.ts'
import { randomFrom } from './random.ts'
import { createTestClock } from './test-clock.ts'
import { createTestStore, databaseOf, type TestStore } from './test-store.ts'

/** The keys of a config file, and for tests: */
export interface TestConfig extends ConfigInput {
  /** Seed of `host.random`; 1 when left out. */
  readonly seed?: number | undefined
  /** Called for each `host.random()`, instead of the seeded generator. */
  readonly random?: (() => number) | undefined
  /** The initial value of `host.now()`, in milliseconds since the Unix epoch; the beginning of 2026 when left out. */
  readonly now?: number | undefined
  /** What plugins find in their stores and store there, made by `createTestStore`; one of its own when left out. */
  readonly store?: TestStore | undefined
}

/** Milliseconds of real time after which what does not settle is given up. */
const PATIENCE = 3000

/** Failures that no test has taken, of every host that has not been stopped. */
const unread = new Set<readonly ChatError[]>()

// A test that does not stop its host must not ignore them.
process.on('exit', () => {
  for (const [fault] of unread) {
    if (fault === undefined) continue
    process.stderr.write(`${errors.faultsUnread(fault).message}\n`)
    process.exitCode = 1
  }
})

export interface TestClient {
  /** The client's id, which is also its name until a plugin changes it. */
  readonly id: string
  /** Every line that it was sent so far, including its greeting, without line ends. */
  readonly lines: readonly string[]
  /** Every byte that it was sent so far. */
  readonly bytes: Buffer
  /** Whether the host has closed the connection. */
  readonly closed: boolean
  /**
   * Types a line; resolves, once the host is done with it, to what this client was sent since the last `say`, `send` or
   * `take`. Other clients' lines may still be in progress: `host.quiet()` waits for those too.
   */
  say(line: string): Promise<string[]>
  /** Sends raw bytes; resolves like `say`. */
  send(bytes: Uint8Array | string): Promise<string[]>
  /** The lines that it was sent since the last `say`, `send` or `take`. */
  take(): string[]
  /** Ends its input, as `nc` does at the end of a file, and waits for the consequences. */
  end(): Promise<void>
  /** Resets the connection, as if its cable had been pulled, and waits for the consequences. */
  reset(): Promise<void>
}

export interface TestHost extends AsyncDisposable {
  /**
   * Connects a client, by default as if from 127.0.0.1; resolves when it has been greeted or refused. Its greeting
   * counts as taken.
   */
  connect(id?: string, address?: string): Promise<TestClient>
  /** The log records so far. */
  readonly records: readonly LogRecord[]
  /** Failures of plugins since the last call. Stopping rejects if some were not taken. */
  takeErrors(): ChatError[]
  /** Advances the clock, running the timers that come due, and waits for the consequences. */
  advance(milliseconds: number): Promise<void>
  /** Resolves when every line has settled and everything said has been sent. */
  quiet(): Promise<void>
  /**
   * Switches a plugin off, as `multiecho plugins off` does: once the lines in progress have settled. Rejects as that
   * does.
   */
  off(plugin: string): Promise<Change>
  /** Switches it on again, at its place in the order, as `multiecho plugins on` does. */
  on(plugin: string): Promise<Change>
  /**
   * Removes a plugin at once, with everything that it registered, guards included: lines in progress go on without it,
   * or are answered by its `onFailure` if they were waiting for it. Rejects with `PLUGIN_UNKNOWN`.
   */
  unload(plugin: string): Promise<void>
  /**
   * Continues with another config, as a reload does. A plugin counts as changed when its options differ or it comes
   * from another `definePlugin`. The clock runs meanwhile, as it does during the start. Rejects, with nothing changed,
   * with what is wrong.
   */
  reload(config: ConfigInput): Promise<Change>
  /** Shuts the host down gracefully. During start and stop the clock runs by itself, at ten times real speed. */
  stop(): Promise<void>
}

/** Starts a host in memory. Rejects with what is wrong with the config, or with a plugin that cannot start. */
export async function createTestHost({
  seed = 1,
  random = randomFrom(seed),
  now = Date.UTC(2026, 0, 1),
  store = createTestStore(),
  ...config
}: TestConfig = {}): Promise<TestHost> {
  const clock = createTestClock(now)
  const records: LogRecord[] = []
  const faults: ChatError[] = []
  const log = new Log(() => {}, { date: () => clock.date() })
  log.addSink({ level: 'debug', write: (record) => records.push(record) })
  const host = createHost(checkConfig(config, undefined, []), {
    clock,
    random,
    log,
    database: databaseOf(store),
    testing: true,
    onFault: (error) => faults.push(error),
  })
  host.setUp()
  await running(host.start())
  unread.add(faults)

  let stopped: Promise<void> | undefined
  let clients = 0

  /** Waits for every line, or for those of one client. */
  async function quiet(stream?: ClientStream, id?: string): Promise<void> {
    // A turn for streams to deliver what was pushed, and another one after the lines have settled for the delivery to
    // flush.
    await turn()
    await patiently(host.quiet(stream), () =>
      errors.notSettled(
        id === undefined ? 'a line' : `what ${id} sent`,
        PATIENCE,
        host.unanswered(),
      ),
    )
    await turn()
  }

  async function advance(milliseconds: number): Promise<void> {
    // Read what was just typed first, so that its deadlines count.
    await turn()
    await clock.advance(milliseconds)
    await turn()
  }

  /** Waits for the host while its clock runs at ten times real speed, so that what hangs is given up. */
  async function running<T>(done: Promise<T>): Promise<T> {
    const timer = setInterval(() => void clock.advance(10), 1)
    return done.finally(() => clearInterval(timer))
  }

  async function turnPlugin(plugin: string, on: boolean): Promise<Change> {
    // Read what was just typed first.
    await turn()
    return running(host.switchPlugin(plugin, on))
  }

  async function stop(): Promise<void> {
    await running(host.stop('end of test'))
    unread.delete(faults)
    const [fault] = faults
    if (fault !== undefined) {
      throw new AggregateError(faults, errors.faultsUnread(fault).message)
    }
  }

  const stopOnce = (): Promise<void> => (stopped ??= stop())

  return {
    records,
    advance,
    quiet: () => quiet(),
    async connect(id = `127.0.0.1:${50_000 + ++clients}`, address = '127.0.0.1') {
      const stream = new ClientStream()
      host.accept(stream, { label: id, address })
      await quiet(stream, id)
      const client = createClient(stream, id, () => quiet(stream, id))
      client.take()
      return client
    },
    takeErrors: () => faults.splice(0),
    off: (plugin) => turnPlugin(plugin, false),
    on: (plugin) => turnPlugin(plugin, true),
    async unload(plugin) {
      const names = host.inspect().plugins.map(({ name }) => name)
      if (!names.includes(plugin)) throw errors.pluginUnknown(plugin, didYouMean(plugin, names))
      await host.unload(plugin)
    },
    async reload(next) {
      // Read what was just typed first.
      await turn()
      return running(host.reload(checkConfig(next, undefined, [])))
    },
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  }
}

/** Waits, and rejects if it would wait forever, for example for a command that waits for the clock. */
async function patiently(settling: Promise<void>, given: () => ChatError): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(given()), PATIENCE)
  })
  await Promise.race([settling, late]).finally(() => clearTimeout(timer))
}

/** The host's end of a connection in memory. */
class ClientStream extends Duplex {
  readonly sent: Buffer[] = []

  constructor() {
    super({ allowHalfOpen: true })
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(chunk)
    done()
  }

  /** When the host has ended the stream, so does the client. */
  override _final(done: () => void): void {
    if (!this.readableEnded) this.push(null)
    done()
  }
}

function createClient(stream: ClientStream, id: string, quiet: () => Promise<void>): TestClient {
  let looked = 0
  const lines = (): string[] => Buffer.concat(stream.sent).toString().split('\r\n').slice(0, -1)
  const take = (): string[] => {
    const all = lines()
    const fresh = all.slice(looked)
    looked = all.length
    return fresh
  }
  const send = async (bytes: Uint8Array | string): Promise<string[]> => {
    if (!stream.destroyed) stream.push(bytes)
    await quiet()
    return take()
  }
  return {
    id,
    get lines() {
      return lines()
    },
    get bytes() {
      return Buffer.concat(stream.sent)
    },
    get closed() {
      return stream.writableEnded || stream.destroyed
    },
    take,
    send,
    say: (line) => send(`${line}\r\n`),
    async end() {
      stream.push(null)
      await quiet()
    },
    async reset() {
      stream.destroy(new Error('reset by the test'))
      await quiet()
    },
  }
}
