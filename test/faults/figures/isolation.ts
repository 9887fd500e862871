/** A1: clients that never read do not affect readers. */
import { count, ms, peakOf, type Figure, type Stage } from '../figure.ts'
import { gather, Load, type CrowdReport } from '../load.ts'
import { MiB, mib } from '../machine.ts'

const STUCK = 50
const SMALLEST_BUFFER = 1024
/** Measurements depend on what else the machine does: the best of this many pairs of runs counts. */
const TRIES = 3

interface Run {
  readonly report: CrowdReport
  /** The server's peak memory, in bytes. */
  readonly grown: number
  readonly evicted: number
}

async function run(stage: Stage, stuck: number): Promise<Run> {
  const server = await stage.server()
  const crowd = await gather(server.address, { clients: 150, rate: 300, bytes: 1000, seconds: 15 })
  stage.later(() => crowd.end())
  const hold = stuck > 0 ? new Load('hold', server.address, stuck, SMALLEST_BUFFER) : undefined
  if (hold !== undefined) {
    stage.later(() => hold.end())
    await hold.line()
  }
  const before = server.rss()
  const peak = peakOf(() => server.rss())
  crowd.go()
  await crowd.line()
  const grown = peak() - before
  const report = await crowd.result<CrowdReport>()
  const ended = hold === undefined ? 0 : (await hold.result<{ ended: number }>()).ended
  const evicted = server.host?.log.split('(slow reader)').length
  await stage.end()
  return { report, grown, evicted: evicted === undefined ? ended : evicted - 1 }
}

export const isolation: Figure = {
  id: 'A1',
  title: '150 readers and 50 clients that never read, 300 lines/s of 1 kB for 15 s',
  promised:
    '0 lost of 670,500; 50 of 50 evicted; p50 ≤ 1.25×, p99 ≤ 3×; memory ≤ +64 MiB compared with the readers alone',
  ofOthers: true,
  async measure(stage) {
    let measured = ''
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const alone = await run(stage, 0)
      const among = await run(stage, STUCK)
      const p50 = among.report.p50us / alone.report.p50us
      const p99 = among.report.p99us / alone.report.p99us
      const more = Math.max(0, among.grown - alone.grown)
      measured = `${count(among.report.lost)} lost of ${count(among.report.expected)}; ${among.evicted} of ${STUCK} evicted; p50 ${p50.toFixed(2)}× (${ms(alone.report.p50us)} → ${ms(among.report.p50us)}), p99 ${p99.toFixed(2)}× (${ms(alone.report.p99us)} → ${ms(among.report.p99us)}); memory +${mib(more)} (${mib(alone.grown)} → ${mib(among.grown)})`
      const lost = alone.report.lost + among.report.lost
      const exact = lost === 0 && among.evicted === STUCK && more <= 64 * MiB
      if (!exact) return { measured, met: false }
      if (p50 <= 1.25 && p99 <= 3) return { measured, met: true }
    }
    return { measured: `${measured} (the last of ${TRIES} attempts)`, met: false }
  },
}
