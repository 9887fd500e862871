/** A5: one client sends a line without an end as fast as the server takes it. */
import { count, ms, peakOf, type Figure, type Stage } from '../figure.ts'
import type { Server } from '../host.ts'
import { gather, Load, type CrowdReport } from '../load.ts'
import { MiB, mib } from '../machine.ts'
import type { Member } from '../room.ts'

const SECONDS = 8
const LIMIT = 4096 + 64 * 1024
const STEP = 1024
const TRIES = 3

interface Flood {
  readonly bytes: number
  readonly seconds: number
  readonly connections: number
  readonly cuts: number
}

/** How many bytes without a line end the server accepts, in steps of 1 KiB; Infinity if it accepts a megabyte. */
async function cutAfter({ room }: Server): Promise<number> {
  const [speaker, watcher, third] = (await room.join(3)) as [Member, Member, Member]
  for (let sent = 0; sent < MiB; sent += STEP) {
    await speaker.peer.send(Buffer.alloc(STEP, 'x'))
    await room.heard(third, watcher, '')
    if (speaker.peer.end !== undefined) return sent + STEP
  }
  return Infinity
}

interface Run {
  readonly report: CrowdReport
  readonly grown: number
  readonly flood: Flood | undefined
}

/** Runs 50 readers, and a flood over a number of connections; 0 means no bound, undefined no flood. */
async function run(stage: Stage, connections?: number): Promise<Run> {
  const server = await stage.server()
  const crowd = await gather(server.address, {
    clients: 50,
    rate: 100,
    bytes: 200,
    seconds: SECONDS + 4,
  })
  stage.later(() => crowd.end())
  const before = server.rss()
  const peak = peakOf(() => server.rss())
  crowd.go()
  let flood: Flood | undefined
  if (connections !== undefined) {
    const endless_ = new Load('endless', server.address, SECONDS, connections)
    stage.later(() => endless_.end())
    flood = await endless_.result<Flood>()
  }
  await crowd.line()
  const grown = peak() - before
  const report = await crowd.result<CrowdReport>()
  await stage.end()
  return { report, grown, flood }
}

function rateOf(flood: Flood | undefined): number {
  return flood === undefined ? 0 : flood.bytes / flood.seconds / 1e6
}

export const endless: Figure = {
  id: 'A5',
  title: `a line without an end, as fast as it is accepted, for ${SECONDS} s with 50 readers`,
  promised:
    'at ≥ 300 MB/s: closed after ≤ 68 KiB; 0 lost of 58,800; p99 ≤ 3×, memory ≤ +8 MiB compared with the readers alone; reconnecting at once, still 0 lost and memory ≤ +64 MiB',
  ofOthers: true,
  async measure(stage) {
    const cut = await cutAfter(await stage.server())
    await stage.end()
    const after = cut === Infinity ? 'not closed' : `closed after ≤ ${cut / STEP} KiB`
    let measured = ''
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const alone = await run(stage)
      const once = await run(stage, 1)
      const again = await run(stage, 0)
      const p99 = (one: Run): number => one.report.p99us / alone.report.p99us
      const more = (one: Run): number => Math.max(0, one.grown - alone.grown)
      measured = `${Math.round(rateOf(once.flood))} MB/s, ${after}; ${count(once.report.lost)} lost of ${count(once.report.expected)}; p99 ${p99(once).toFixed(2)}× (${ms(alone.report.p99us)} → ${ms(once.report.p99us)}); memory +${mib(more(once))}; reconnecting ${count(again.flood?.connections ?? 0)} times at ${Math.round(rateOf(again.flood))} MB/s: ${count(again.report.lost)} lost, p99 ${p99(again).toFixed(2)}×, memory +${mib(more(again))}`
      const lost = alone.report.lost + once.report.lost + again.report.lost
      if (lost > 0 || cut > LIMIT || more(again) > 64 * MiB) return { measured, met: false }
      if (p99(once) <= 3 && more(once) <= 8 * MiB && rateOf(once.flood) >= 300) {
        return { measured, met: true }
      }
    }
    return { measured: `${measured} (the last of ${TRIES} attempts)`, met: false }
  },
}
