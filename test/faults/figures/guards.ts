/** A10: what it costs to guard plugins, and that slow ones keep each sender's order. */
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '../../../core/clock.ts'
import { checkConfig } from '../../../core/config.ts'
import { createHost } from '../../../core/host.ts'
import { definePlugin, Stage, type Plugin } from '../../../core/index.ts'
import { Log } from '../../../core/log.ts'
import { echo } from '../../../plugins/index.ts'
import { count, type Figure, type Stage as FigureStage } from '../figure.ts'

const PLUGINS = 10
const MOST_MICROSECONDS = 5
const ROUNDS = 15
const LINES_A_ROUND = 20_000
const SENDERS = 20
const LINES_EACH = 200

/** A client in memory, whose output is counted. */
class Client extends Duplex {
  received = 0

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received += chunk.length
    done()
  }
}

/** Ten plugins that tap the line hook and let every line pass. */
function onlookers(): Plugin[] {
  const stages = [Stage.Guard, Stage.Filter, Stage.Normal]
  return Array.from({ length: PLUGINS }, (_, index) =>
    definePlugin({
      name: `onlooker-${index}`,
      apiVersion: 1,
      setup(host) {
        let seen = 0
        host.hooks.line.tap({ stage: stages[index % stages.length] }, ({ text }) => {
          seen += text.length
          return undefined
        })
      },
    })(),
  )
}

interface Bench {
  /** Microseconds a line, from bytes to bytes. */
  round(): Promise<number>
  end(): Promise<void>
}

async function bench(plugins: Plugin[]): Promise<Bench> {
  const log = new Log(() => {})
  const host = createHost(checkConfig({ plugins }, undefined, []), {
    clock: systemClock,
    random: Math.random,
    log,
  })
  host.setUp()
  await host.start()
  const [speaker, listener] = [new Client(), new Client()]
  host.accept(listener, { label: 'listener' })
  host.accept(speaker, { label: 'speaker' })
  await turn()
  const line = 'a line of some forty characters, as usual\r\n'
  const chunk = Buffer.from(line.repeat(200))
  const expected = LINES_A_ROUND * ('(speaker) '.length + line.length)
  return {
    async round() {
      const until = listener.received + expected
      const begun = performance.now()
      for (let sent = 0; sent < LINES_A_ROUND; sent += 200) {
        speaker.push(chunk)
        await turn()
      }
      while (listener.received < until) await turn()
      return ((performance.now() - begun) * 1000) / LINES_A_ROUND
    },
    end: () => host.stop('end of the figure'),
  }
}

/** The least of many rounds is what it costs when the machine does nothing else. */
async function overhead(): Promise<{ without: number; among: number }> {
  const plain = await bench([echo()])
  const guarded = await bench([...onlookers(), echo()])
  let without = Infinity
  let among = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    without = Math.min(without, await plain.round())
    among = Math.min(among, await guarded.round())
  }
  await plain.end()
  await guarded.end()
  return { without, among }
}

/** Lines of senders that arrive behind a later one of the same sender, with a plugin that answers when it likes. */
async function inversions(stage: FigureStage): Promise<{ lost: number; inverted: number }> {
  const { room } = await stage.host({
    code: `const late = definePlugin({ name: 'late', apiVersion: 1, setup(host) {
      host.hooks.line.tapPromise({ stage: Stage.Guard }, () =>
        new Promise((done) => host.setTimeout(done, host.random() * 3)))
      host.hooks.line.tapPromise({ stage: Stage.Filter }, async () => {
        if (host.random() < 0.5) await new Promise((done) => setImmediate(done)) }) } })`,
    config: 'plugins: [late(), echo()]',
  })
  const senders = await room.join(SENDERS)
  const [watcher] = await room.join(1)
  if (watcher === undefined) throw new Error('nobody watches')
  const lines = Array.from({ length: LINES_EACH }, (_, index) => `${index}\r\n`).join('')
  const heard = await Promise.all(senders.map((sender) => room.heard(sender, watcher, lines)))
  let lost = 0
  let inverted = 0
  for (const { texts } of heard) {
    lost += LINES_EACH - texts.length
    inverted += texts.filter(
      (text, index) => index > 0 && Number(text) < Number(texts[index - 1]),
    ).length
  }
  return { lost, inverted }
}

export const guards: Figure = {
  id: 'A10',
  title: `${PLUGINS} guarded plugins on each line; async plugins with random delays`,
  promised: `the guards cost ≤ ${MOST_MICROSECONDS} µs a line; 0 inversions per sender and 0 lost of ${count(SENDERS * LINES_EACH)} (the 40 cells of faults by hooks: test/plugin-faults)`,
  ofOthers: false,
  async measure(stage) {
    const { without, among } = await overhead()
    const { lost, inverted } = await inversions(stage)
    const cost = among - without
    return {
      measured: `${cost.toFixed(2)} µs a line for ${PLUGINS} plugins (${without.toFixed(2)} → ${among.toFixed(2)} µs from bytes to bytes); ${inverted} inversions, ${lost} lost`,
      met: cost <= MOST_MICROSECONDS && lost === 0 && inverted === 0,
    }
  },
}
