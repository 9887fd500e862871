/** Markdown tables of what was measured, and whether the targets are met. */
import type { Results, Turns } from './results.ts'
import { TITLES } from './servers.ts'
import type { Scenario } from './scenarios.ts'
import { short } from './statistics.ts'
import { isMet, type Target } from './targets.ts'

/** Every fault in a contestant's turns; a turn without a result is one. */
export function faultsOf(turns: Turns): string {
  return turns.flatMap((turn) => (turn === undefined ? 'failed' : turn.faults || [])).join('; ')
}

export function scenarioTable(scenario: Scenario, results: Results): string {
  const { name, title, how, columns, contestants, base } = scenario
  const [first] = columns
  const ratioHead = base === undefined ? [] : [`vs. ${headOf(base)}`]
  const rows = [...contestants.keys()].map((contestant) => {
    const label = TITLES[contestant] ?? contestant
    const faults = faultsOf(results.turns(name, contestant))
    if (faults !== '') return [label, `**FAILED: ${faults}**`, ...columns.map(() => '')]
    const cells = columns.map(({ key }) =>
      short(results.figure(name, key, contestant) ?? Number.NaN),
    )
    if (base === undefined || first === undefined) return [label, ...cells]
    const ratio = results.ratio(name, first.key, contestant, base)
    return [label, ...cells, contestant === base || ratio === undefined ? '' : `${short(ratio)} ×`]
  })
  const heads = [
    name === 'hooks' || name === 'start' ? '' : 'server',
    ...columns.map(({ label }) => label),
    ...ratioHead,
  ]
  return `### ${title}\n\n${capital(how)}. ${scenario.rounds} round${scenario.rounds === 1 ? '' : 's'}.\n\n${table(heads, rows)}`
}

export function targetTable(targets: readonly Target[]): string {
  const rows = targets.map((target) => {
    const { what, is, limit, unit, measured } = target
    const amount = (value: number): string => [short(value), unit].filter(Boolean).join(' ')
    const verdict = measured === undefined ? 'not measured' : isMet(target) ? 'yes' : '**no**'
    return [
      what,
      `${is} ${bare(limit)}${unit && ` ${unit}`}`,
      measured === undefined ? '-' : amount(measured),
      verdict,
    ]
  })
  return `### Targets\n\n${table(['what', 'target', 'measured', 'met'], rows)}`
}

function bare(value: number): string {
  return value.toLocaleString('en')
}

/** The name of a base in a column heading. */
function headOf(base: string): string {
  return base === 'c' ? 'C' : base
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** A table laid out as by prettier: the first column left-aligned, all others right-aligned. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows]
  const widths = heads.map((_, column) =>
    Math.max(3, ...all.map((row) => (row[column] ?? '').length)),
  )
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(heads), rule, ...rows.map(line)].join('\n')
}
