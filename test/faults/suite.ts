/**
 * The black-box fault suite: one check or more for each promised row of the fault catalogue, and the acceptance figures.
 *
 *   npm run test:faults                              everything, on hosts that it starts itself (build first)
 *   npm run test:faults -- 127.0.0.1:9090            what needs only TCP, against a running server
 *   npm run test:faults -- --only T,N7               rows
 *   npm run test:faults -- --list                    all rows
 *   npm run test:faults -- --figures [A1,A5]         the acceptance figures
 *
 * With --server 'ncat -l --chat -m 500 127.0.0.1 {port}' the rows, or the figures, are those of another server, as far
 * as they can be asked of one.
 */
import { isIP } from 'node:net'
import { parseArgs } from 'node:util'
import type { Check } from './check.ts'
import { runFigures } from './figures.ts'
import type { Address } from './peer.ts'
import { countsOf, rowOf, type Result } from './report.ts'
import { groups } from './rows/index.ts'
import { runGroup, type Target } from './run.ts'

/** A row such as `T5`, or the letter of a group. */
type Selection = readonly string[]

function isSelected({ id }: Check, only: Selection): boolean {
  return only.length === 0 || only.some((part) => part === id || part === id.replace(/\d+$/, ''))
}

function usage(problem: string): never {
  process.stderr.write(`test:faults: ${problem}\n`)
  process.exit(2)
}

/** Only this machine itself may be tested: the input is meant to do harm. */
function addressOf(text: string): Address {
  const [, host = '', port = ''] =
    /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text)?.filter(Boolean) ?? []
  const name = host === 'localhost' ? '127.0.0.1' : host
  if (isIP(name) === 0 || Number(port) < 1 || Number(port) > 65535) {
    usage(`expected HOST:PORT, such as 127.0.0.1:9090 or [::1]:9090, found ${JSON.stringify(text)}`)
  }
  if (!name.startsWith('127.') && name !== '::1') {
    usage(`${name} is not a loopback address; only this machine itself may be tested`)
  }
  return { host: name, port: Number(port) }
}

function list(only: Selection): number {
  for (const [group, checks] of groups) {
    for (const check of checks.filter((one) => isSelected(one, only))) {
      const needs = 'run' in check ? 'TCP' : 'host'
      process.stdout.write(
        `${check.id.padEnd(4)} ${needs.padEnd(5)} ${group.padEnd(12)} ${check.title}\n`,
      )
    }
  }
  return 0
}

async function runRows(only: Selection, target: Target): Promise<number> {
  const results: Result[] = []
  for (const checks of groups.values()) {
    const chosen = checks.filter((check) => isSelected(check, only))
    if (chosen.length === 0) continue
    await runGroup(chosen, target, (result) => {
      results.push(result)
      process.stdout.write(rowOf(result))
    })
  }
  if (results.length === 0) usage(`unknown row ${only.join(', ')}; see --list`)
  process.stdout.write(`\n${countsOf(results)}`)
  return results.some(({ outcome }) => outcome === 'fail') ? 1 : 0
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      figures: { type: 'boolean', default: false },
      server: { type: 'string' },
    },
  })
  const split = (text: string): string[] => text.split(',').filter((part) => part !== '')
  const only = split(values.only)
  if (values.list) return list(only)
  if (values.figures) return runFigures(positionals.flatMap(split), values.server)
  const [address, more] = positionals
  if (more !== undefined) usage(`one address at a time, found ${JSON.stringify(more)}`)
  if (address !== undefined && values.server !== undefined) usage('either an address or --server')
  if (values.server !== undefined) return runRows(only, { command: values.server })
  return runRows(only, address === undefined ? undefined : { address: addressOf(address) })
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
process.exit(await main())
