/** A host in memory with all that its operator can do to it, and clients who join it. */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '../../core/support/clock.ts'
import { checkConfig, type ConfigInput } from '../../core/host/config.ts'
import { createHost, type ChatHost } from '../../core/host/host.ts'
import { Log } from '../../core/support/log.ts'

export interface OperatedHost extends AsyncDisposable {
  readonly host: ChatHost
  /** Messages of the plugins' log. */
  readonly logged: string[]
  reload(config: ConfigInput): Promise<unknown>
  join(id: string): Visitor
  /** Resolves when every line has settled and been sent. */
  quiet(): Promise<void>
}

/** A host that runs by the system's clock. */
export async function operatedHost(config: ConfigInput): Promise<OperatedHost> {
  const log = new Log(() => {})
  const logged: string[] = []
  log.addSink({
    write: ({ origin, message }) => void (origin === 'plugins' && logged.push(message)),
  })
  const host = createHost(checkConfig(config, undefined, []), {
    clock: systemClock,
    random: Math.random,
    log,
  })
  host.setUp()
  await host.start()
  return {
    host,
    logged,
    reload: (next) => host.reload(checkConfig(next, undefined, [])),
    join(id) {
      const visitor = new Visitor()
      host.accept(visitor, { label: id })
      return visitor
    },
    async quiet() {
      await turn()
      await host.quiet()
      await turn()
    },
    [Symbol.asyncDispose]: () => host.stop('end of test'),
  }
}

/** The host's side of a client in memory. */
export class Visitor extends Duplex {
  #sent = ''

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#sent += String(chunk)
    done()
  }

  override _final(done: () => void): void {
    if (!this.readableEnded) this.push(null)
    done()
  }

  /** All that it was sent so far. */
  get sent(): string {
    return this.#sent
  }

  say(line: string): void {
    this.push(`${line}\r\n`)
  }
}
