/** What is measured: each scenario has contestants, which take turns in every round. */
import { join } from 'node:path'
import { measureHooks } from './hooks-process.ts'
import { freePort, runLoad, startServer } from './processes.ts'
import type { Server } from './servers.ts'
import { short } from './statistics.ts'
import { startTime } from './start.ts'

/** The result of one turn: figures by column name, and its faults. */
export interface Sample {
  readonly figures: Readonly<Record<string, number>>
  /** Empty if every line arrived, once, unchanged and in order. */
  readonly faults: string
}

export interface Column {
  readonly key: string
  readonly label: string
}

export interface Scenario {
  readonly name: string
  readonly title: string
  /** How it works, in a sentence. */
  readonly how: string
  readonly columns: readonly Column[]
  readonly contestants: ReadonlyMap<string, () => Promise<Sample>>
  /** The contestant that the others are compared with, by the first column. */
  readonly base: string | undefined
  readonly rounds: number
}

/** The line of JSON that the load prints. */
interface LoadReport {
  readonly deliveries: number
  readonly seconds: number
  readonly cpu: number
  readonly loadCpu: number
  readonly lost: number
  readonly reordered: number
  readonly duplicated: number
  readonly altered: number
  readonly other: number
  readonly p50us: number
  readonly p99us: number
  readonly last50us: number
  readonly joinsPerSecond?: number
  readonly joinCpu?: number
  readonly bytesPerClient?: number
}

const LATENCY: readonly Column[] = [
  { key: 'p50', label: 'p50 ms' },
  { key: 'p99', label: 'p99 ms' },
]
const THROUGHPUT: readonly Column[] = [
  { key: 'perSecond', label: 'deliveries/s' },
  { key: 'cpu', label: 'CPU µs per delivery' },
  ...LATENCY,
]
const FAN_OUT: readonly Column[] = [
  { key: 'cpu', label: 'CPU µs per delivery' },
  { key: 'last', label: 'ms to the last client' },
]
const CROWD: readonly Column[] = [
  { key: 'joins', label: 'joins/s' },
  { key: 'joinCpu', label: 'CPU µs per join' },
  { key: 'memory', label: 'KiB per client' },
]

export interface Setting {
  readonly load: string
  readonly servers: ReadonlyMap<string, Server>
  readonly host: string
  readonly folder: string
  readonly isQuick: boolean
  readonly rounds: number | undefined
}

/** Seconds that a turn may take beyond its own times. */
const SLACK = 60

const ALL = ['multiecho', 'c', 'inspircd', 'inspircd-acknowledged', 'ngircd', 'ncat', 'naive']
const FEW = ['multiecho', 'c', 'naive']

export function scenariosOf(setting: Setting): Scenario[] {
  const { isQuick, servers } = setting

  /** A scenario of the load generator: a mode and its options; `warmup` and `measure` are milliseconds. */
  function loadScenario(
    scenario: Pick<Scenario, 'name' | 'title' | 'how' | 'columns'>,
    names: readonly string[],
    mode: string,
    warmup: number,
    measure: number,
    rest = 0,
    rounds = 5,
  ): Scenario {
    const times = `--warmup ${warmup} --measure ${measure}${rest > 0 ? ` --rest ${rest}` : ''}`
    const limit = (warmup + measure + rest) / 1000 + SLACK
    const contestants = new Map<string, () => Promise<Sample>>()
    for (const name of names) {
      const server = servers.get(name)
      if (server === undefined) continue
      contestants.set(name, () => underLoad(setting.load, server, `${mode} ${times}`, limit))
    }
    return { ...scenario, contestants, base: 'c', rounds: setting.rounds ?? rounds }
  }

  const saturated = loadScenario(
    {
      name: 'saturated',
      title: 'Saturated broadcast',
      how: '90 clients, 45 of them sending, one line of 60 bytes per packet, 256 lines always in flight',
      columns: THROUGHPUT,
    },
    isQuick ? ['multiecho', 'c', 'inspircd', 'naive'] : ALL,
    'saturate',
    isQuick ? 300 : 2000,
    isQuick ? 400 : 3000,
  )
  const crowd = loadScenario(
    {
      name: 'crowd',
      title: '10,000 clients join as fast as they can',
      how: '200 at a time; a join is complete with the greeting. Then one client sends 10 lines a second to all others',
      columns: [...CROWD, ...FAN_OUT],
    },
    isQuick ? ['multiecho', 'c'] : FEW,
    'paced --clients 10000 --rate 10',
    isQuick ? 300 : 1000,
    isQuick ? 600 : 1000,
    isQuick ? 300 : 1000,
  )
  const quick = [saturated, crowd, hooks(setting), start(setting)]
  if (isQuick) return quick
  return [
    saturated,
    loadScenario(
      {
        name: 'bursts',
        title: 'Saturated broadcast, in bursts',
        how: 'as above, 64 lines per packet, 4,096 lines in flight',
        columns: THROUGHPUT,
      },
      ALL,
      'saturate --burst 64 --window 4096',
      1500,
      1500,
      0,
      3,
    ),
    loadScenario(
      {
        name: 'deaf',
        title: 'Saturated broadcast, with 50 clients that never read',
        how: 'as the first, with 50 more clients that are sent everything and read nothing',
        columns: THROUGHPUT,
      },
      FEW,
      'saturate --deaf 50',
      1500,
      2000,
      0,
      3,
    ),
    loadScenario(
      {
        name: 'chatter',
        title: 'Chatter',
        how: '100 clients, 20 of them sending 10 lines a second each',
        columns: [{ key: 'cpu', label: 'CPU µs per delivery' }, ...LATENCY],
      },
      ALL,
      'paced --clients 100 --senders 20 --rate 200',
      1000,
      3000,
      0,
      3,
    ),
    loadScenario(
      {
        name: 'one-to-1000',
        title: 'One line to 1,000 idle clients',
        how: 'one client sends 10 lines a second to 1,000 silent others',
        columns: FAN_OUT,
      },
      FEW,
      'paced --clients 1001 --rate 10',
      1000,
      2000,
      0,
      3,
    ),
    loadScenario(
      {
        name: 'one-to-9000',
        title: 'One line to 9,000 idle clients',
        how: 'one client sends 5 lines a second to 9,000 silent others',
        columns: FAN_OUT,
      },
      FEW,
      'paced --clients 9001 --rate 5',
      1000,
      4000,
      500,
      7,
    ),
    crowd,
    hooks(setting),
    start(setting),
  ]
}

/** Numbers of clients in the picture of the growth. */
export const GROWTH = [10, 30, 100, 300, 1000, 3000, 10_000]

/** One line at a time to more and more clients, some 20,000 deliveries a second. */
export async function measureGrowth(
  setting: Setting,
  name: string,
  clients: number,
): Promise<Sample> {
  const server = setting.servers.get(name) as Server
  const rate = Math.max(2, Math.min(200, Math.round(20_000 / clients)))
  const times = '--warmup 1000 --measure 2000'
  const sample = await underLoad(
    setting.load,
    server,
    `paced --clients ${clients} --rate ${rate} ${times}`,
    SLACK,
  )
  return sample
}

async function underLoad(
  load: string,
  server: Server,
  mode: string,
  limit: number,
): Promise<Sample> {
  const port = await freePort()
  const running = await startServer(server.command(port), port, server.cwd)
  try {
    const [name = '', ...options] = mode.split(' ')
    const words = [load, name, '127.0.0.1', String(port), ...server.load, ...options]
    return sampleOf(await runLoad<LoadReport>([...words, '--pid', String(running.pid)], limit))
  } finally {
    await running.stop()
  }
}

function sampleOf(report: LoadReport): Sample {
  const { deliveries, seconds, cpu, joinsPerSecond, joinCpu, bytesPerClient } = report
  const faults = (['lost', 'reordered', 'duplicated', 'altered', 'other'] as const)
    .filter((key) => report[key] > 0)
    .map((key) => `${short(report[key])} ${key}`)
  return {
    faults: faults.join(', '),
    figures: {
      perSecond: deliveries / seconds,
      cpu: (cpu * 1e6) / deliveries,
      serverLoad: cpu / seconds,
      clientLoad: report.loadCpu / seconds,
      p50: report.p50us / 1000,
      p99: report.p99us / 1000,
      last: report.last50us / 1000,
      ...(joinsPerSecond !== undefined && { joins: joinsPerSecond }),
      ...(joinCpu !== undefined && { joinCpu }),
      ...(bytesPerClient !== undefined && { memory: bytesPerClient / 1024 }),
    },
  }
}

function hooks({ isQuick, rounds }: Setting): Scenario {
  const counts = [0, 5, 10, 20]
  return {
    name: 'hooks',
    title: 'A line through the hooks',
    how: 'from bytes to bytes, in memory, with plugins that each tap the line and let it pass; measured with mitata',
    columns: [{ key: 'line', label: 'µs per line' }],
    contestants: new Map(
      counts.map((count) => [
        `${count} plugins`,
        async () => ({ figures: { line: await measureHooks(count) }, faults: '' }),
      ]),
    ),
    base: '0 plugins',
    rounds: rounds ?? (isQuick ? 1 : 3),
  }
}

function start({ host, folder, rounds, isQuick }: Setting): Scenario {
  const time = (words: readonly string[], cwd: string, until?: string) => async () => ({
    figures: { start: await startTime(words, cwd, until) },
    faults: '',
  })
  const words = [...host.split(' '), '-p', '0']
  return {
    name: 'start',
    title: 'From launch to listening',
    how: 'until the address is printed; the config file is the one that `npm start` uses',
    columns: [{ key: 'start', label: 'ms' }],
    contestants: new Map([
      ['node -e 0', time(['node', '-e', '0'], folder)],
      ['no config file', time(words, join(folder, 'empty'), 'listening')],
      ['chat.config.ts', time(words, join(folder, 'configured'), 'listening')],
    ]),
    base: 'node -e 0',
    rounds: rounds ?? (isQuick ? 5 : 15),
  }
}
