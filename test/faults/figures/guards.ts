/** A10: the cost of isolating plugins, and that slow ones keep each sender's order. */
import { hooksWay, LINES, type HooksWay } from '../../support/hooks-way.ts'
import { count, type Figure, type Stage as FigureStage } from '../figure.ts'

const PLUGINS = 10
const MOST_MICROSECONDS = 5
const ROUNDS = 15
const LINES_A_ROUND = 20_000
const SENDERS = 20
const LINES_EACH = 200

/** Microseconds a line, from bytes to bytes. */
async function round(way: HooksWay): Promise<number> {
  const begun = performance.now()
  for (let said = 0; said < LINES_A_ROUND; said += LINES) await way.say()
  return ((performance.now() - begun) * 1000) / LINES_A_ROUND
}

/** The minimum of many rounds is the cost on an otherwise idle machine. */
async function overhead(): Promise<{ without: number; among: number }> {
  const plain = await hooksWay(0)
  const guarded = await hooksWay(PLUGINS)
  let without = Infinity
  let among = Infinity
  for (let turn = 0; turn < ROUNDS; turn++) {
    without = Math.min(without, await round(plain))
    among = Math.min(among, await round(guarded))
  }
  await plain.end()
  await guarded.end()
  return { without, among }
}

/** Lines that arrive after a later line of the same sender, with a plugin that answers after random delays. */
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
  if (watcher === undefined) throw new Error('there is no watcher')
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
  title: `${PLUGINS} isolated plugins on each line; async plugins with random delays`,
  promised: `isolation costs ≤ ${MOST_MICROSECONDS} µs per line; 0 inversions per sender and 0 lost of ${count(SENDERS * LINES_EACH)} (the 40 cells of faults by hooks: test/plugin-faults)`,
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
