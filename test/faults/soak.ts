/**
 * The soak test: random clients join, talk, mute themselves, pause and leave in every possible way, and a model says who must
 * have been shown what. At the end, the table must agree with the model, and memory must not have grown.
 *
 *   npm run test:soak                        a million random cases of the line reader's properties, then 300 seconds
 *   npm run test:soak -- --seconds 20 --cases 0 --seed 7
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Failed, must, mustBe } from './check.ts'
import { startHost, tableOf, type RunningHost, type TableRow } from './host.ts'
import { MiB, mib, when } from './machine.ts'
import { Peer } from './peer.ts'
import { randomFrom } from '../../core/testing/random.ts'
import { below, type Random } from './random.ts'
import { act, arrive, examine, isHeard, leave, type Visitor } from './soak-visitor.ts'

const PROPERTIES = [
  'telnet/line-reader.test.ts',
  'support/safe-text.test.ts',
  'telnet/forgery.test.ts',
]
const MOST_VISITORS = 30
/** Milliseconds at the beginning during which memory may grow. */
const WARM_UP = 60_000
const SAMPLE_INTERVAL = 1000
const MOST_GROWTH = 1 * MiB

/** The expected rows of the table, in this order. */
interface Expected {
  readonly name: string
  /** Undefined for a client that reset its connection at once, which may or may not be in the table. */
  readonly visitor: Visitor | undefined
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})

function properties(cases: string): boolean {
  let good = true
  for (const file of PROPERTIES) {
    const begun = performance.now()
    const path = join(import.meta.dirname, '..', file)
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', path], {
      env: { ...process.env, TEST_CASES: cases },
      encoding: 'utf8',
    })
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    process.stdout.write(
      `${status === 0 ? 'ok  ' : 'FAIL'} ${file}, ${cases} cases (${seconds} s)\n`,
    )
    if (status !== 0) process.stdout.write(`${stdout}${stderr}`)
    good &&= status === 0
  }
  return good
}

/** Growth of memory in bytes per minute, by linear regression. */
function slopeOf(samples: ReadonlyArray<readonly [milliseconds: number, bytes: number]>): number {
  const count = samples.length
  const meanTime = samples.reduce((sum, [time]) => sum + time, 0) / count
  const meanBytes = samples.reduce((sum, [, bytes]) => sum + bytes, 0) / count
  let above = 0
  let below_ = 0
  for (const [time, bytes] of samples) {
    above += (time - meanTime) * (bytes - meanBytes)
    below_ += (time - meanTime) ** 2
  }
  return (above / below_) * 60_000
}

/** Waits until the host has read all input, and every client has received all lines. */
async function settle(visitors: readonly Visitor[], round: number): Promise<void> {
  for (const word of ['all-read', 'all-shown']) {
    await Promise.all(
      visitors.map(async ({ peer, name }) => {
        peer.resume()
        await peer.say(`/${word}-${round}`)
        const answer = `there is no command /${word}-${round};`
        await peer.line((line) => line.includes(answer), `answer to ${name} in round ${round}`)
      }),
    )
  }
}

async function playRound(
  host: RunningHost,
  here: Visitor[],
  visits: Expected[],
  round: number,
  random: Random,
): Promise<Visitor[]> {
  const door = async (): Promise<Visitor[]> => {
    const came: Visitor[] = []
    const wanted = here.length < MOST_VISITORS ? below(random, 4) : 0
    for (let index = 0; index < wanted; index++) {
      if (random() < 0.2) visits.push({ name: await passBy(host), visitor: undefined })
      const visitor = await arrive(host.room)
      visits.push({ name: visitor.name, visitor })
      came.push(visitor)
      await act(visitor, round, random)
    }
    return came
  }
  const [came] = await Promise.all([
    door(),
    ...here.map(async (visitor) => {
      await act(visitor, round, random)
      if (random() < 0.06) await leave(visitor, random)
    }),
  ])
  const everyone = [...here, ...came]
  const staying = everyone.filter(({ left }) => left === undefined)
  await settle(staying, round)
  for (const visitor of everyone) {
    examine(
      visitor,
      everyone.filter((other) => other !== visitor),
      round,
    )
  }
  for (const visitor of everyone) {
    visitor.settled = true
    visitor.echoed += visitor.said.length
    if (isHeard(visitor)) visitor.said = []
    visitor.peer.forget()
  }
  return staying
}

/** Connects and resets at once; this may or may not become a session. */
async function passBy(host: RunningHost): Promise<string> {
  const peer = await Peer.connect(host.address)
  const { name } = peer
  peer.reset()
  return name
}

/** Whether a row is the sum of all sessions without their own row. */
function isSums(row: TableRow | undefined): boolean {
  return row?.id.endsWith(' more') === true
}

/** Fails unless the rows of the table match the sessions and their counts. */
function compare(rows: readonly TableRow[], visits: readonly Expected[]): void {
  const left = [...rows]
  let index = 0
  for (const { name, visitor } of visits) {
    const row = left[index]
    // After its rows, the table has one of sums.
    if (row === undefined || isSums(row)) break
    if (visitor === undefined) {
      if (row.id === name && row.echoed === 0) index++
      continue
    }
    mustBe(row.id, name, `row ${index + 1} of the table`)
    const least = visitor.echoed - (isHeard(visitor) ? 0 : visitor.said.length)
    must(
      row.echoed >= least && row.echoed <= visitor.echoed,
      `${name} has ${row.echoed} lines delivered in the table, expected ${least} to ${visitor.echoed}`,
    )
    if (isHeard(visitor)) mustBe(row.muted, visitor.mutedLines, `muted lines of ${name}`)
    mustBe(row.quit, String(visitor.left === 'quit'), `/quit of ${name}`)
    index++
  }
  must(index === left.length || isSums(left[index]), 'the table has more rows than sessions')
}

async function soak(seconds: number, seed: number): Promise<string> {
  const random = randomFrom(seed)
  const host = await startHost()
  const descriptors = host.descriptors()
  const begun = performance.now()
  const samples: Array<readonly [number, number]> = []
  const visits: Expected[] = []
  let here: Visitor[] = []
  let rounds = 0
  try {
    while (performance.now() - begun < seconds * 1000) {
      here = await playRound(host, here, visits, ++rounds, random)
      const now = performance.now() - begun
      const last = samples.at(-1)?.[0] ?? 0
      if (now > WARM_UP && now - last >= SAMPLE_INTERVAL) samples.push([now, host.rss()])
    }
    await Promise.all(here.map((visitor) => leave(visitor, random)))
    const closed = (): boolean => Math.abs(host.descriptors() - descriptors) <= 2
    await when(closed, () => `${descriptors} descriptors before, ${host.descriptors()} after`)
    const rss = host.rss()
    const after = host.descriptors()
    const exit = await host.stop()
    mustBe([exit.code, exit.signal], [0, null], 'the status')
    mustBe(host.stderr, '', 'standard error')
    compare(tableOf(host.stdout), visits)
    const lines = visits.reduce((sum, { visitor }) => sum + (visitor?.echoed ?? 0), 0)
    const slope = samples.length > 10 ? slopeOf(samples) : undefined
    const growth =
      slope === undefined
        ? 'too short to tell how memory grows'
        : `memory ${(slope / MiB).toFixed(2)} MiB/min`
    const seen = `${rounds} rounds, ${visits.length} sessions, ${lines} lines, the table exact; ${growth}, ${mib(rss)} at the end; descriptors ${descriptors} → ${after}`
    must(slope === undefined || slope <= MOST_GROWTH, seen)
    return seen
  } finally {
    await host.kill()
  }
}

async function main(): Promise<number> {
  const good = values.cases === '0' || properties(values.cases)
  const seconds = Number(values.seconds)
  const seed = Number(values.seed)
  process.stdout.write(`soak: ${seconds} s, seed ${seed}\n`)
  try {
    process.stdout.write(`pass  ${await soak(seconds, seed)}\n`)
    return good ? 0 : 1
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    process.stdout.write(`fail  ${error.message} (seed ${seed})\n`)
    return 1
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
process.exit(await main())
