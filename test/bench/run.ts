/**
 * The benchmark driver: compiles the C programs, starts each server in turn, puts the load on it,
 * and prints a table for each mode. README.md says what the columns mean.
 *
 *   node --import tsx test/bench/run.ts [saturate|idle|joins|all] [options]
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { rssOf } from '../support/usage.ts'
import { killAll, type LoadResult, runLoad, type Running, startServer } from './processes.ts'

const root = resolve(import.meta.dirname, '../..')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: 'string', default: 'node dist/core/cli.js -p {port}' },
    only: { type: 'string', default: 'multiecho,c,naive' },
    rounds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '5' },
    clients: { type: 'string' },
    senders: { type: 'string', default: '45' },
    window: { type: 'string', default: '256' },
    lines: { type: 'string', default: '100' },
    rate: { type: 'string', default: '5' },
  },
})

/** What one round gave for one server. */
interface Sample extends LoadResult {
  rssBefore: number
  rssHeld: number
}

interface Mode {
  /** The options for the load. */
  load: string
  /** Seconds after which the load is given up. */
  limit: number
  columns: Record<string, (samples: readonly Sample[]) => string>
  /** The columns for which the last rows compare a server with the C server. */
  ratios: Record<string, (sample: Sample) => number>
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN
  const high = sorted[Math.floor(middle)] ?? Number.NaN
  return (low + high) / 2
}

/** A number with three digits that count, or all of those before the point. */
function short(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

const middleOf =
  (pick: (sample: Sample) => number) =>
  (samples: readonly Sample[]): string =>
    short(median(samples.map(pick)))

const rangeOf =
  (pick: (sample: Sample) => number) =>
  (samples: readonly Sample[]): string => {
    const numbers = samples.map(pick)
    return `${short(Math.min(...numbers))}-${short(Math.max(...numbers))}`
  }

const sumOf =
  (...keys: ('lost' | 'reordered' | 'duplicated' | 'altered' | 'other')[]) =>
  (samples: readonly Sample[]): string =>
    String(
      samples.reduce((sum, { report }) => sum + keys.reduce((s, k) => s + (report[k] ?? 0), 0), 0),
    )

const perSecond = (sample: Sample): number => sample.report.perSecond
const deliveryCpu = ({ cpu, report }: Sample): number => (cpu * 1e6) / (report.deliveries ?? 0)
const joinCpu = ({ cpu, report }: Sample): number => (cpu * 1e6) / (report.joins ?? 0)
const clientKiB = ({ rssHeld, rssBefore, report }: Sample): number =>
  (rssHeld - rssBefore) / (report.joins ?? 0) / 1024

const latencyAndCpu = {
  'p50 ms': middleOf(({ report }) => report.p50us / 1000),
  'p99 ms': middleOf(({ report }) => report.p99us / 1000),
  'server CPU %': middleOf(({ cpu, report }) => (cpu / report.seconds) * 100),
  'load CPU %': middleOf(({ report }) => report.loadCpu * 100),
}
const faults = {
  lost: sumOf('lost'),
  reordered: sumOf('reordered'),
  'other faults': sumOf('duplicated', 'altered', 'other'),
}

const { warmup, seconds, senders, window, lines, rate } = values
const modes: Record<string, Mode> = {
  saturate: {
    load: `--clients ${values.clients ?? '90'} --senders ${senders} --window ${window}
      --warmup ${warmup} --seconds ${seconds}`,
    limit: Number(warmup) + Number(seconds) + 60,
    columns: {
      'deliveries/s': middleOf(perSecond),
      'min-max': rangeOf(perSecond),
      'CPU µs/delivery': middleOf(deliveryCpu),
      ...latencyAndCpu,
      ...faults,
    },
    ratios: { 'deliveries/s': perSecond, 'CPU µs/delivery': deliveryCpu },
  },
  idle: {
    load: `--clients ${values.clients ?? '9000'} --lines ${lines} --rate ${rate}`,
    limit: Number(lines) / Number(rate) + 120,
    columns: {
      'CPU µs/delivery': middleOf(deliveryCpu),
      'min-max': rangeOf(deliveryCpu),
      ...latencyAndCpu,
      ...faults,
    },
    ratios: { 'CPU µs/delivery': deliveryCpu },
  },
  joins: {
    load: `--clients ${values.clients ?? '10000'}`,
    limit: 120,
    columns: {
      'joins/s': middleOf(perSecond),
      'min-max': rangeOf(perSecond),
      'CPU µs/join': middleOf(joinCpu),
      'KiB/client': middleOf(clientKiB),
      'MiB at start': middleOf(({ rssBefore }) => rssBefore / 2 ** 20),
      ...latencyAndCpu,
    },
    ratios: { 'joins/s': perSecond, 'CPU µs/join': joinCpu, 'KiB/client': clientKiB },
  },
}

async function measure(mode: string, setup: Mode, load: string, server: Running): Promise<Sample> {
  // Its memory and its compiled code settle before the first look.
  await sleep(1000)
  const rssBefore = rssOf(server.pid)
  let rssHeld = rssBefore
  const command = [load, mode, '127.0.0.1', String(server.port), ...setup.load.split(/\s+/)]
  const result = await runLoad(command, server, setup.limit, async () => {
    if (mode === 'joins') await sleep(1000)
    rssHeld = rssOf(server.pid)
  })
  return { ...result, rssBefore, rssHeld }
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    )
    process.stdout.write(`${cells.join('  ')}\n`)
  }
}

function printMode(mode: string, setup: Mode, results: ReadonlyMap<string, Sample[]>): void {
  const names = Object.keys(setup.columns)
  const rows = [['server', ...names]]
  for (const [name, samples] of results) {
    const cells = Object.values(setup.columns).map((cell) => (samples.length ? cell(samples) : '-'))
    rows.push([name, ...cells])
  }
  const base = results.get('c') ?? []
  for (const [name, samples] of results) {
    if (name === 'c' || base.length === 0 || samples.length === 0) continue
    const ratios = names.map((column) => {
      const pick = setup.ratios[column]
      return pick ? `${short(median(samples.map(pick)) / median(base.map(pick)))} x` : ''
    })
    rows.push([`${name} / c`, ...ratios])
  }
  process.stdout.write(
    `\n${mode} (${setup.load.replaceAll(/\s+/g, ' ')}; ${values.rounds} rounds)\n`,
  )
  printTable(rows)
}

async function main(): Promise<number> {
  const wanted = positionals[0] ?? 'all'
  const names = wanted === 'all' ? Object.keys(modes) : [wanted]
  const folder = mkdtempSync(join(tmpdir(), 'chat-bench-'))
  let failures = 0

  process.on('exit', () => {
    killAll()
    rmSync(folder, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

  const compile = (name: string): string => {
    const output = join(folder, name)
    execFileSync('cc', ['-O2', '-o', output, join(import.meta.dirname, `${name}.c`)])
    return output
  }
  const load = compile('load')
  const yardstick = compile('epoll-server')
  // The host runs elsewhere, so that it finds no configuration: its files need full paths.
  const host = values.server
    .split(/\s+/)
    .map((word) => (word.includes('/') && existsSync(join(root, word)) ? join(root, word) : word))
  const servers: Record<string, { command: string[]; cwd: string }> = {
    multiecho: { command: host, cwd: join(folder, 'empty') },
    c: { command: [yardstick, '{port}'], cwd: root },
    'c-per-line': { command: [yardstick, '--per-line', '{port}'], cwd: root },
    naive: { command: ['node', '--import', 'tsx', 'test/bench/naive.ts', '{port}'], cwd: root },
  }
  mkdirSync(join(folder, 'empty'))

  for (const mode of names) {
    const setup = modes[mode]
    if (!setup) throw new Error(`no such mode: ${mode}`)
    const results = new Map<string, Sample[]>(values.only.split(',').map((name) => [name, []]))
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const [name, samples] of results) {
        const entry = servers[name]
        if (!entry) throw new Error(`no such server: ${name}`)
        process.stderr.write(`${mode}, round ${round}: ${name}\n`)
        let server: Running | undefined
        try {
          server = await startServer(entry.command, entry.cwd)
          samples.push(await measure(mode, setup, load, server))
        } catch (error) {
          failures++
          process.stderr.write(
            `  failed: ${error instanceof Error ? error.message : String(error)}\n`,
          )
        } finally {
          await server?.stop()
        }
      }
    }
    printMode(mode, setup, results)
  }
  return failures === 0 ? 0 : 1
}

process.exit(await main())
