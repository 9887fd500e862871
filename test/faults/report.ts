/** Formats results: a table, and the counts. */

export type Outcome = 'pass' | 'fail' | 'skip'

export interface Result {
  readonly id: string
  readonly title: string
  readonly outcome: Outcome
  /** What was observed, or why it was skipped. */
  readonly seen: string
  readonly milliseconds: number
}

/** One result; the observation is below the title, since both are long. */
export function rowOf({ id, title, outcome, seen, milliseconds }: Result): string {
  const time = `${(milliseconds / 1000).toFixed(1)} s`
  return `${id.padEnd(4)} ${outcome}  ${time.padStart(7)}  ${title}\n${' '.repeat(20)}${seen}\n`
}

export function countsOf(results: readonly Result[]): string {
  const count = (outcome: Outcome): number =>
    results.filter((result) => result.outcome === outcome).length
  return `${count('pass')} passed, ${count('fail')} failed, ${count('skip')} skipped\n`
}
