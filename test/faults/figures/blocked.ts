/** A16: the host's output (terminal, pipe or log) is not read. */
import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { must } from '../check.ts'
import { count, ms, type Figure, type Stage } from '../figure.ts'
import type { Exit, HostSetup, RunningHost } from '../host.ts'
import { gather, type CrowdReport } from '../load.ts'
import { needPrograms, newFolder } from '../machine.ts'

const SECONDS = 5
const MOST_STOP = 2500
const MOST_TIMES = 3
const TRIES = 3
const CTRL_S = '\x13'

const toOutput = "plugins: [logging({ file: '-', lines: true }), stats(), echo()]"

interface Way {
  readonly name: string
  setup(stage: Stage, isRead: boolean): HostSetup
  /** Stops the reader. */
  hold(host: RunningHost): void
}

const WAYS: readonly Way[] = [
  {
    name: 'a paused terminal',
    setup: () => ({ terminal: true, config: toOutput }),
    hold: ({ child }) => void child.stdin?.write(CTRL_S),
  },
  {
    name: 'a pipe that is not read',
    // Node's own are sockets.
    setup: () => ({ before: ['bash', '-c', 'exec "$@" > >(exec cat)', 'bash'], config: toOutput }),
    hold({ child }) {
      child.stdout?.pause()
      child.once('exit', () => child.stdout?.resume())
    },
  },
  {
    name: 'a log that is a pipe without a reader',
    setup(stage, isRead) {
      const folder = newFolder()
      const log = join(folder, 'chat.log')
      execFileSync('mkfifo', [log])
      if (isRead) {
        const reader = spawn('cat', [log], { stdio: 'ignore' })
        stage.later(async () => void reader.kill('SIGKILL'))
      }
      return { folder, config: 'plugins: [logging({ lines: true }), stats(), echo()]' }
    },
    hold() {},
  },
]

interface Run {
  readonly report: CrowdReport
  readonly exit: Exit
}

/** Runs 50 readers while the host's output is read or not. */
async function run(stage: Stage, way: Way, isRead: boolean): Promise<Run> {
  const host = await stage.host(way.setup(stage, isRead))
  const crowd = await gather(host.address, { clients: 50, rate: 100, bytes: 200, seconds: SECONDS })
  stage.later(() => crowd.end())
  if (!isRead) way.hold(host)
  const before = host.stdout.length
  crowd.go()
  await crowd.line()
  const report = await crowd.result<CrowdReport>()
  // A terminal and a pipe still buffer some output.
  must(isRead || host.stdout.length - before < 200_000, `${way.name}: it was read`)
  const exit = await host.stop('SIGTERM')
  await stage.end()
  return { report, exit }
}

export const blocked: Figure = {
  id: 'A16',
  title: `the host's output is not read: ${WAYS.map(({ name }) => name).join(', ')}; 50 readers`,
  promised: `0 lost; p99 ≤ ${MOST_TIMES}× that with a reader; exit with 0 ≤ ${MOST_STOP / 1000} s after SIGTERM`,
  ofOthers: false,
  async measure(stage) {
    needPrograms('script', 'bash', 'mkfifo')
    const seen: string[] = []
    let met = true
    for (const way of WAYS) {
      let isMet = false
      let measured = ''
      for (let attempt = 1; attempt <= TRIES && !isMet; attempt++) {
        const idle = await run(stage, way, true)
        const { report, exit } = await run(stage, way, false)
        const times = report.p99us / idle.report.p99us
        measured = `${way.name}: ${report.lost} of ${count(report.expected)} lost, p99 ${times.toFixed(2)}× (${ms(idle.report.p99us)} → ${ms(report.p99us)}), SIGTERM ${Math.round(exit.milliseconds)} ms, status ${exit.code ?? exit.signal}`
        isMet = report.lost === 0 && times <= MOST_TIMES
        isMet &&= exit.milliseconds <= MOST_STOP && exit.code === 0
      }
      seen.push(measured)
      met &&= isMet
    }
    return { measured: seen.join('; '), met }
  },
}
