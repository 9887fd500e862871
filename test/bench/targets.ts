/** The targets, and whether a run meets them. */
import type { Results } from './results.ts'

export interface Target {
  readonly what: string
  readonly limit: number
  /** Whether the limit is a minimum or a maximum. */
  readonly is: 'at least' | 'at most'
  readonly unit: string
  /** What was measured; undefined if a contestant or the scenario is missing. */
  readonly measured: number | undefined
}

export function targetsOf(results: Results): Target[] {
  const { figure, ratio } = results
  const target = (
    what: string,
    is: Target['is'],
    limit: number,
    unit: string,
    measured: number | undefined,
  ): Target => ({ what, is, limit, unit, measured })
  const fanOut = results.has('one-to-9000') ? 'one-to-9000' : 'crowd'
  return [
    target(
      'saturated broadcast, vs. the C server',
      'at least',
      0.9,
      '×',
      ratio('saturated', 'perSecond', 'multiecho', 'c'),
    ),
    target(
      'saturated broadcast, vs. InspIRCd',
      'at least',
      2.5,
      '×',
      ratio('saturated', 'perSecond', 'multiecho', 'inspircd'),
    ),
    target(
      'saturated broadcast, vs. a Node server that writes each line to each recipient',
      'at least',
      40,
      '×',
      ratio('saturated', 'perSecond', 'multiecho', 'naive'),
    ),
    target(
      'p99 latency in that run, vs. the C server',
      'at most',
      3,
      '×',
      ratio('saturated', 'p99', 'multiecho', 'c'),
    ),
    target(
      fanOut === 'crowd'
        ? 'CPU of one line to 9,999 idle clients, vs. the C server'
        : 'CPU of one line to 9,000 idle clients, vs. the C server',
      'at most',
      1.3,
      '×',
      ratio(fanOut, 'cpu', 'multiecho', 'c'),
    ),
    target('memory of an idle client', 'at most', 8, 'KiB', figure('crowd', 'memory', 'multiecho')),
    target('joins per second', 'at least', 5000, '', figure('crowd', 'joins', 'multiecho')),
    target(
      'a line through the hooks, with ten plugins',
      'at most',
      5,
      'µs',
      figure('hooks', 'line', '10 plugins'),
    ),
    target(
      'launch without a config file, vs. `node -e 0`',
      'at most',
      4,
      '×',
      ratio('start', 'start', 'no config file', 'node -e 0'),
    ),
    target(
      'launch with chat.config.ts, vs. `node -e 0`',
      'at most',
      8,
      '×',
      ratio('start', 'start', 'chat.config.ts', 'node -e 0'),
    ),
  ]
}

/** Whether a target is met, or a share of it: with 0.5, half of a minimum, or twice a maximum. */
export function isMet({ is, limit, measured }: Target, share = 1): boolean {
  if (measured === undefined) return true
  return is === 'at least' ? measured >= limit * share : measured <= limit / share
}
