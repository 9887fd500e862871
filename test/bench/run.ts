/**
 * The benchmark: the host and other servers on the same work, in turn, in one run. README.md explains the results.
 *
 *   npm run bench -- [scenario...] [--quick] [--docs] [options]
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { chart, type Bar, type Series } from './chart.ts'
import { isPinned, killAll } from './processes.ts'
import { faultsOf, scenarioTable, targetTable } from './report.ts'
import { Results } from './results.ts'
import { GROWTH, measureGrowth, scenariosOf, type Sample, type Setting } from './scenarios.ts'
import { compile, findServers, TITLES } from './servers.ts'
import { median, short } from './statistics.ts'
import { isMet, targetsOf } from './targets.ts'

const root = resolve(import.meta.dirname, '../..')
const DOCS = join(root, 'docs/performance.md')
const JSON_FILE = join(root, 'test/bench/results.json')
const CHART_FILE = join(root, 'docs/performance.svg')
/** The host's name in results. */
const HOST = 'multiecho'
const GROWTH_ROUNDS = 3

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'string' },
    require: { type: 'string' },
    server: { type: 'string', default: `node ${join(root, 'dist/core/cli/bin.js')}` },
  },
})

const say = (text: string): boolean => process.stderr.write(`${text}\n`)

/** One turn; an error in it is printed and counts as a failure. */
async function turn(run: () => Promise<Sample>): Promise<Sample | undefined> {
  try {
    return await run()
  } catch (error) {
    say(`  failed: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

async function measure(setting: Setting): Promise<Results> {
  const results = new Results()
  const all = scenariosOf(setting)
  const unknown = positionals.find((name) => !all.some((scenario) => scenario.name === name))
  if (unknown !== undefined) {
    throw new Error(`unknown scenario ${unknown}; known: ${all.map(({ name }) => name).join(', ')}`)
  }
  for (const scenario of all) {
    if (positionals.length > 0 && !positionals.includes(scenario.name)) continue
    for (let round = 0; round < scenario.rounds; round++) {
      say(`${scenario.name}, round ${round + 1} of ${scenario.rounds}`)
      for (const [name, run] of scenario.contestants) {
        results.add(scenario, name, round, await turn(run))
      }
    }
  }
  return results
}

/** How the cost of a delivery grows with the clients. */
async function growth(setting: Setting): Promise<Series[]> {
  const names = ['multiecho', 'c', 'naive'].filter((name) => setting.servers.has(name))
  const series = new Map(names.map((name) => [name, [] as { clients: number; cost: number }[]]))
  for (const clients of GROWTH) {
    say(`growth, ${clients} clients`)
    const costs = new Map(names.map((name) => [name, [] as number[]]))
    for (let round = 0; round < GROWTH_ROUNDS; round++) {
      for (const name of names) {
        const sample = await turn(() => measureGrowth(setting, name, clients))
        const cost = sample?.faults === '' ? sample.figures['cpu'] : undefined
        if (cost !== undefined) costs.get(name)?.push(cost)
      }
    }
    for (const [name, measured] of costs) {
      if (measured.length > 0) series.get(name)?.push({ clients, cost: median(measured) })
    }
  }
  return names.map((name) => ({ name: TITLES[name] ?? name, points: series.get(name) ?? [] }))
}

/** Deliveries a second under full load, the fastest server first; without servers that failed. */
function throughput(results: Results): Bar[] {
  return Object.entries(TITLES)
    .filter(([server]) => faultsOf(results.turns('saturated', server)) === '')
    .flatMap(([server, name]) => {
      const perSecond = results.figure('saturated', 'perSecond', server)
      return perSecond === undefined ? [] : { name, perSecond }
    })
    .toSorted((a, b) => b.perSecond - a.perSecond)
}

function machine(): string {
  const [first] = cpus()
  const pinned = isPinned ? 'the server on one core and the load on another' : 'not pinned to cores'
  return `Node ${process.versions.node}, Linux ${release()}, ${cpus().length} cores of ${first?.model.trim()}; ${pinned}`
}

/** The growth as text, for readers who do not see the picture. */
function growthLine(series: readonly Series[]): string {
  return series
    .map(({ name, points }) => {
      const [first, last] = [points[0], points.at(-1)]
      return `${name}: ${short(first?.cost ?? Number.NaN)} µs at ${first?.clients} clients, ${short(last?.cost ?? Number.NaN)} µs at ${last?.clients.toLocaleString('en')}`
    })
    .join('; ')
}

/** Replaces what is between the markers on the page. */
function writeDocs(report: string): void {
  const page = readFileSync(DOCS, 'utf8')
  const [begin, end] = ['<!-- measured -->', '<!-- /measured -->']
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${DOCS} has no markers`)
  writeFileSync(DOCS, `${before}${begin}\n\n${report}\n\n${end}${after}`)
}

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'chat-bench-'))
  process.on('exit', () => {
    killAll()
    rmSync(folder, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
  if (!existsSync(join(root, 'dist/core/cli/bin.js'))) {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
  }
  const load = compile('load', folder)
  if (load === undefined)
    throw new Error('the load generator is written in C, and there is no cc; install one')
  const servers = findServers(folder, values.server, say)
  if (values.only !== undefined) {
    const wanted = values.only.split(',')
    for (const name of servers.keys()) if (!wanted.includes(name)) servers.delete(name)
  }
  mkdirSync(join(folder, 'configured'))
  cpSync(join(root, 'chat.config.ts'), join(folder, 'configured/chat.config.ts'))
  const setting: Setting = {
    load,
    servers,
    host: values.server,
    folder,
    isQuick: values.quick,
    rounds: values.rounds === undefined ? undefined : Number(values.rounds),
  }

  const results = await measure(setting)
  const series = values.docs ? await growth(setting) : undefined
  const targets = targetsOf(results)
  const tables = [...results.scenarios.keys()].map((scenario) => scenarioTable(scenario, results))
  const report = [`Measured with ${machine()}.`, targetTable(targets), ...tables].join('\n\n')
  process.stdout.write(`${report}\n`)
  if (series !== undefined) process.stdout.write(`\n${growthLine(series)}\n`)

  const record = {
    machine: machine(),
    targets,
    scenarios: Object.fromEntries(
      [...results.scenarios].map(([{ name }, contestants]) => [
        name,
        Object.fromEntries(contestants),
      ]),
    ),
    ...(series !== undefined && { growth: series }),
  }
  const file = values.json ?? (values.docs ? JSON_FILE : undefined)
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(record, undefined, 2)}\n`)
  if (series !== undefined) {
    writeFileSync(CHART_FILE, chart(throughput(results), series))
    writeDocs(report)
  }
  return verdict(results, targets, Number(values.require ?? 0))
}

/** 1 if the host lost or reordered a line or failed, or misses the required share of a target. */
function verdict(results: Results, targets: ReturnType<typeof targetsOf>, share: number): number {
  const failures: string[] = []
  for (const [{ name, contestants }] of results.scenarios) {
    for (const contestant of contestants.keys()) {
      if (contestant in TITLES && contestant !== HOST) continue
      const faults = faultsOf(results.turns(name, contestant))
      if (faults !== '') failures.push(`${name}, ${contestant}: ${faults}`)
    }
  }
  for (const target of share > 0 ? targets : []) {
    if (!isMet(target, share)) {
      const { what, is, limit, measured } = target
      failures.push(
        `${what}: ${short(measured ?? Number.NaN)}, required: ${is} ${short(is === 'at least' ? limit * share : limit / share)}`,
      )
    }
  }
  for (const failure of failures) say(`FAILED: ${failure}`)
  return failures.length === 0 ? 0 : 1
}

process.exit(await main())
