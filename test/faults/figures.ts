/** Measures acceptance figures and prints for each the promise, the measurement, and whether it is met. */
import { Failed, Skipped } from './check.ts'
import { Stage, type Figure, type Measured } from './figure.ts'
import { figures } from './figures/index.ts'
import { countsOf, type Outcome, type Result } from './report.ts'

/** Resolves to the exit status. */
export async function runFigures(
  ids: readonly string[],
  other: string | undefined,
): Promise<number> {
  const unknown = ids.filter((id) => !figures.some((figure) => figure.id === id))
  if (unknown.length > 0) {
    process.stderr.write(`test:faults: unknown figure ${unknown.join(', ')}\n`)
    return 2
  }
  const results: Result[] = []
  for (const figure of figures) {
    if (ids.length > 0 && !ids.includes(figure.id)) continue
    const { id, title, promised } = figure
    process.stdout.write(`${id.padEnd(4)} ${title}\n     promised: ${promised}\n`)
    const begun = performance.now()
    const [outcome, seen] = await measure(figure, other)
    const milliseconds = performance.now() - begun
    const time = `${(milliseconds / 1000).toFixed(1)} s`
    process.stdout.write(`     measured: ${seen}\n     ${outcome} (${time})\n\n`)
    results.push({ id, title, outcome, seen, milliseconds })
  }
  process.stdout.write(countsOf(results))
  return results.some(({ outcome }) => outcome === 'fail') ? 1 : 0
}

async function measure(figure: Figure, other: string | undefined): Promise<[Outcome, string]> {
  if (other !== undefined && !figure.ofOthers) return ['skip', 'applies to this host only']
  const stage = new Stage(other)
  try {
    const { measured, met }: Measured = await figure.measure(stage)
    return [met ? 'pass' : 'fail', measured]
  } catch (error) {
    if (error instanceof Skipped) return ['skip', error.message]
    if (error instanceof Failed) return ['fail', error.message]
    return ['fail', error instanceof Error ? (error.stack ?? error.message) : String(error)]
  } finally {
    await stage.end()
  }
}
