/** A14: sixteen clients send bytes that never form a line, as fast as the server accepts them. */
import { count, ms, peakOf, type Figure, type Stage } from '../figure.ts'
import { gather, Load, type CrowdReport } from '../load.ts'
import { MiB, mib } from '../machine.ts'
import { bytes, DO, IAC, TIMING_MARK, times } from '../rows/bytes.ts'

const SENDERS = 16
const SECONDS = 3
const TRIES = 3
/** Bytes after which each sender sends a line, for which `flood` holds it. */
const BETWEEN_LINES = 32 * 1024

interface Kind {
  readonly name: string
  readonly bytes: Buffer
  /** Bytes per packet; 0 for as many as fit. */
  readonly packet: number
}

/** Sent repeatedly. None leaves part of a line, so that none is closed for a line without an end. */
const KINDS: readonly Kind[] = [
  { name: 'erase keys', bytes: bytes('é€x'.repeat(100), times(300, bytes(0x7f))), packet: 0 },
  { name: '^U', bytes: bytes('x', 0x15), packet: 0 },
  { name: 'IAC IAC', bytes: bytes(times(1000, bytes(IAC, IAC)), 0x15), packet: 0 },
  { name: 'timing marks', bytes: bytes(IAC, DO, TIMING_MARK), packet: 0 },
  { name: 'empty lines', bytes: bytes('\n'), packet: 0 },
  { name: 'packets of one byte', bytes: bytes('x', 0x7f), packet: 1 },
]

interface Run {
  readonly report: CrowdReport
  readonly grown: number
  /** Bytes a second. */
  readonly rate: number
}

async function run(stage: Stage, flood: boolean, kind?: Kind): Promise<Run> {
  const server = await stage.server({
    config: `plugins: [${flood ? 'flood(), ' : ''}stats(), mute(), quit(), help(), echo()]`,
  })
  const crowd = await gather(server.address, {
    clients: 50,
    // Below what flood lets through.
    rate: 20,
    bytes: 200,
    seconds: SECONDS + 1,
  })
  stage.later(() => crowd.end())
  const before = server.rss()
  const peak = peakOf(() => server.rss())
  crowd.go()
  let rate = 0
  if (kind !== undefined) {
    const block = times(Math.ceil(BETWEEN_LINES / kind.bytes.length), kind.bytes)
    const hex = bytes(block, '\r\nhi\r\n').toString('hex')
    const pour = new Load('pour', server.address, SECONDS, SENDERS, kind.packet, hex)
    stage.later(() => pour.end())
    const poured = await pour.result<{ bytes: number; seconds: number }>()
    rate = poured.bytes / poured.seconds
  }
  await crowd.line()
  const grown = peak() - before
  const report = await crowd.result<CrowdReport>()
  await stage.end()
  return { report, grown, rate }
}

export const noLines: Figure = {
  id: 'A14',
  title: `${SENDERS} senders of ${KINDS.map(({ name }) => name).join(', ')}, with and without flood, with 50 readers`,
  promised: 'in each case 0 lost, p99 ≤ 3× that of the readers alone, memory ≤ +32 MiB',
  ofOthers: false,
  async measure(stage) {
    const seen: string[] = []
    let met = true
    for (const flood of [false, true]) {
      let alone = await run(stage, flood)
      seen.push(`${flood ? 'with' : 'without'} flood`)
      for (const kind of KINDS) {
        for (let attempt = 1; attempt <= TRIES; attempt++) {
          // Measurements depend on what else the machine does.
          if (attempt > 1) alone = await run(stage, flood)
          const among = await run(stage, flood, kind)
          const { lost, p99us } = among.report
          const p99 = p99us / alone.report.p99us
          const more = Math.max(0, among.grown - alone.grown)
          const good = lost + alone.report.lost === 0 && p99 <= 3 && more <= 32 * MiB
          if (!good && attempt < TRIES) continue
          seen.push(
            `${kind.name} at ${(among.rate / 1e6).toFixed(1)} MB/s: ${count(lost)} lost, p99 ${p99.toFixed(2)}× (${ms(alone.report.p99us)} → ${ms(p99us)}), memory +${mib(more)}`,
          )
          met &&= good
          break
        }
      }
    }
    return { measured: seen.join('; '), met }
  },
}
