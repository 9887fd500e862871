/** The way of lines through a host in memory, from bytes to bytes, with plugins that look on. */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '../../core/support/clock.ts'
import { checkConfig } from '../../core/host/config.ts'
import { createHost } from '../../core/host/host.ts'
import { definePlugin, Stage, type Plugin } from '../../core/index.ts'
import { Log } from '../../core/support/log.ts'
import { echo } from '../../plugins/index.ts'

/** Lines that are said at a time. */
export const LINES = 200
const LINE = 'a line of some forty characters, as usual\r\n'

/** A client in memory, whose output is counted. */
class Client extends Duplex {
  received = 0

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received += chunk.length
    done()
  }
}

/** Plugins that tap the line hook, each at another stage, and let every line pass. */
function onlookers(count: number): Plugin[] {
  const stages: readonly Stage[] = [Stage.Guard, Stage.Filter, Stage.Normal]
  return Array.from({ length: count }, (_, index) =>
    definePlugin({
      name: `onlooker-${index}`,
      apiVersion: 1,
      setup(host) {
        let seen = 0
        host.hooks.line.tap(
          { stage: stages[index % stages.length] ?? Stage.Normal },
          ({ text }) => {
            seen += text.length
            return undefined
          },
        )
      },
    })(),
  )
}

export interface HooksWay {
  /** Says `LINES` lines; resolves when they have been heard. */
  say(): Promise<void>
  end(): Promise<void>
}

/** A host in which one client speaks and another hears, past some plugins. */
export async function hooksWay(plugins: number): Promise<HooksWay> {
  const config = checkConfig({ plugins: [...onlookers(plugins), echo()] }, undefined, [])
  const log = new Log(() => {})
  const host = createHost(config, { clock: systemClock, random: Math.random, log })
  host.setUp()
  await host.start()
  const [speaker, listener] = [new Client(), new Client()]
  host.accept(listener, { label: 'listener' })
  host.accept(speaker, { label: 'speaker' })
  await turn()
  const chunk = Buffer.from(LINE.repeat(LINES))
  const expected = LINES * ('(speaker) '.length + LINE.length)
  return {
    async say() {
      const until = listener.received + expected
      speaker.push(chunk)
      while (listener.received < until) await turn()
    },
    end: () => host.stop('end of the measurement'),
  }
}
