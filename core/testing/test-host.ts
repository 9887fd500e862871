/** A host in memory, with the pump, hooks and delivery of a real one, no port and no waiting, and a clock that stands still. */
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

/** What a config file may say, and for tests: */
export interface TestConfig extends ConfigInput {
  /** Seed of `host.random`; 1 when left out. */
  readonly seed?: number | undefined
  /** What `host.random` returns, number by number, in place of what comes of the seed. */
  readonly random?: (() => number) | undefined
  /** What `host.now()` returns at first, in milliseconds since the Unix epoch; the begin of 2026 when left out. */
  readonly now?: number | undefined
}

/** Milliseconds by the wall clock after which what does not settle is given up. */
const PATIENCE = 3000

/** Faults that no test has looked at, of every host that has not been stopped. */
const unread = new Set<readonly ChatError[]>()

// A test that does not stop its host must not pass over them.
process.on('exit', () => {
  for (const [fault] of unread) {
    if (fault === undefined) continue
    process.stderr.write(`${errors.faultsUnread(fault).message}\n`)
    process.exitCode = 1
  }
})

export interface TestClient {
  /** The client's id, which is also its name until a plugin gives it another one. */
  readonly id: string
  /** Every line that it was sent so far, its greeting included, without line ends. */
  readonly lines: readonly string[]
  /** Every byte that it was sent so far. */
  readonly bytes: Buffer
  /** Whether the host has closed the connection. */
  readonly closed: boolean
  /**
   * Types a line; resolves, once the host has done with it, to what this client was sent since it was last looked at. Lines
   * of others may still be under way: `host.quiet()` waits for those too.
   */
  say(line: string): Promise<string[]>
  /** Sends bytes as they are, to the same effect. */
  send(bytes: Uint8Array | string): Promise<string[]>
  /** The lines that it was sent since it was last looked at: since the last `say`, `send` or `take`. */
  take(): string[]
  /** Ends its input, as `nc` does at the end of a file, and waits for what follows from that. */
  end(): Promise<void>
  /** Breaks the connection, as a pulled plug does in the end, and waits for what follows from that. */
  reset(): Promise<void>
}

export interface TestHost extends AsyncDisposable {
  /**
   * Lets a client join, by default as if from 127.0.0.1; resolves when it has been greeted or turned away. Its greeting
   * counts as looked at.
   */
  connect(id?: string, address?: string): Promise<TestClient>
  /** What was logged so far. */
  readonly records: readonly LogRecord[]
  /** Faults of plugins since the last call. Stopping throws when there are some that were not taken. */
  takeErrors(): ChatError[]
  /** Moves the clock on, running the timers that come due, and waits for what follows from that. */
  advance(milliseconds: number): Promise<void>
  /** Resolves when every line has settled and everything said has been sent. */
  quiet(): Promise<void>
  /** Switches a plugin off, as `multiecho plugins off` does: once the lines under way have settled. Rejects as that does. */
  off(plugin: string): Promise<Change>
  /** Switches it on again, in its place, as `multiecho plugins on` does. */
  on(plugin: string): Promise<Change>
  /**
   * Takes a plugin out at once, with all that it registered, guards too: lines under way go on without it, or are answered
   * by its `onFailure` where they waited for it. Rejects with `PLUGIN_UNKNOWN`.
   */
  unload(plugin: string): Promise<void>
  /**
   * Runs on by another config, as a reload does. A plugin counts as changed when its options differ or it comes from
   * another `definePlugin`. Its clock runs meanwhile, as while it starts. Rejects, with nothing changed, with what is wrong.
   */
  reload(config: ConfigInput): Promise<Change>
  /** Stops the host in order. While it starts and stops its clock runs by itself, ten times as fast as others. */
  stop(): Promise<void>
}

/** Starts a host in memory. Rejects with what is wrong with the config, or with a plugin that cannot start. */
export async function createTestHost({
  seed = 1,
  random = randomFrom(seed),
  now = Date.UTC(2026, 0, 1),
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
    // A turn for streams to bring what was pushed, one after the lines have settled for the delivery to flush.
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
    // What was typed just now is read first, so that its deadlines count.
    await turn()
    await clock.advance(milliseconds)
    await turn()
  }

  /** Waits for the host while its clock runs, ten times as fast as others, so that what hangs is given up. */
  async function running<T>(done: Promise<T>): Promise<T> {
    const timer = setInterval(() => void clock.advance(10), 1)
    return done.finally(() => clearInterval(timer))
  }

  async function turnPlugin(plugin: string, on: boolean): Promise<Change> {
    // What was typed just now is read first.
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
      // What was typed just now is read first.
      await turn()
      return running(host.reload(checkConfig(next, undefined, [])))
    },
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  }
}

/** Waits, and rejects where it would for ever, as for a command that waits for a clock which stands still. */
async function patiently(settling: Promise<void>, given: () => ChatError): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(given()), PATIENCE)
  })
  await Promise.race([settling, late]).finally(() => clearTimeout(timer))
}

/** The host's side of a connection in memory. */
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
