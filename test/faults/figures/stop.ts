/** A11: all kinds of shutdown, with clients that never read. */
import { setTimeout as after } from 'node:timers/promises'
import { must } from '../check.ts'
import type { Figure, Stage } from '../figure.ts'
import { tableOf, type Exit, type HostSetup, type Server } from '../host.ts'
import { Load } from '../load.ts'

const STUCK = 50
const SMALLEST_BUFFER = 1024
/** Lines of 1 kB: more than the kernel buffers for a client that never reads, but not enough to close it. */
const LINES = 2000
const MOST = 2500
const MOST_SECOND = 200
/** Milliseconds after the first signal before a second one counts. */
const NOT_THE_SAME_KEY = 300

interface Way {
  readonly name: string
  readonly signals: readonly NodeJS.Signals[]
  readonly terminal: boolean
  readonly closedOutput?: boolean
}

const WAYS: readonly Way[] = [
  { name: 'SIGINT', signals: ['SIGINT'], terminal: true },
  { name: 'SIGTERM', signals: ['SIGTERM'], terminal: true },
  { name: 'SIGHUP', signals: ['SIGHUP'], terminal: true },
  { name: 'SIGINT twice', signals: ['SIGINT', 'SIGINT'], terminal: true },
  { name: 'SIGINT without an output', signals: ['SIGINT'], terminal: false, closedOutput: true },
]

/** Sends lines among clients that never read; resolves to their number. */
async function talkPastStuck(stage: Stage, server: Server): Promise<number> {
  const [speaker, watcher] = await server.room.pair()
  const hold = new Load('hold', server.address, STUCK, SMALLEST_BUFFER)
  stage.later(() => hold.end())
  await hold.line()
  const line = `${'x'.repeat(998)}\r\n`
  for (let said = 0; said < LINES; said += 100) {
    const { texts } = await server.room.heard(speaker, watcher, line.repeat(100))
    must(texts.length === 100, `${texts.length} of 100 lines shown`)
  }
  // Each hundred is followed by one that marks its end.
  return LINES + LINES / 100
}

interface Stopped {
  readonly exit: Exit
  readonly said: number
  readonly tables: number
  readonly echoed: number
  readonly visits: number
}

async function stopIn(stage: Stage, way: Way): Promise<Stopped> {
  const setup: HostSetup = { terminal: way.terminal }
  const server = await stage.server(setup)
  const said = await talkPastStuck(stage, server)
  const { host } = server
  if (way.closedOutput === true) {
    host?.child.stdout?.destroy()
    host?.child.stderr?.destroy()
  }
  const [first, second] = way.signals
  let begun = performance.now()
  server.signal(first as NodeJS.Signals)
  if (second !== undefined) {
    await after(NOT_THE_SAME_KEY)
    begun = performance.now()
    server.signal(second)
  }
  const exit = await server.end(begun)
  const logged = host?.log.split('\n').flatMap((line) => line.split('stats: ')[1] ?? []) ?? []
  const output = way.closedOutput === true ? logged.join('\n') : server.stdout
  const tables = output.split('Client ID').length - 1
  const rows = tables === 1 ? tableOf(output) : []
  await stage.end()
  return {
    exit,
    said,
    tables,
    echoed: rows.reduce((sum, { echoed }) => sum + echoed, 0),
    visits: rows.length,
  }
}

export const stop: Figure = {
  id: 'A11',
  title: `SIGINT, SIGTERM, SIGHUP, a second SIGINT, no standard output; ${STUCK} clients that never read, on a terminal`,
  promised: `exit with 0 ≤ ${MOST / 1000} s; a second SIGINT ≤ 0.2 s with 130; the table once, its sums exact`,
  ofOthers: true,
  async measure(stage) {
    const seen: string[] = []
    let met = true
    for (const way of WAYS) {
      const { exit, said, tables, echoed, visits } = await stopIn(stage, way)
      const twice = way.signals.length > 1
      const table = tables === 1 ? `${visits} rows, ${echoed} of ${said} lines` : `${tables} tables`
      seen.push(
        `${way.name}: ${Math.round(exit.milliseconds)} ms, status ${exit.code ?? exit.signal}, ${table}`,
      )
      met &&= exit.code === (twice ? 130 : 0)
      met &&= exit.milliseconds <= (twice ? MOST_SECOND : MOST)
      met &&= tables === 1 && echoed === said && visits === STUCK + 2
    }
    return { measured: seen.join('; '), met }
  },
}
