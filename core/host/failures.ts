/**
 * Reports plugins' failures to the log, with plugin and hook: a few in full, then a count once a minute, so that a
 * stranger who makes a plugin fail cannot fill the disk.
 */
import type { Clock } from '../support/clock.ts'
import type { ChatError } from '../support/errors.ts'
import type { Logger } from '../support/log.ts'

/** Failures of one plugin and hook that are logged in full within an interval. */
const IN_FULL = 5
/** Milliseconds. */
const INTERVAL = 60_000

interface Tally {
  count: number
  readonly since: number
}

export type Report = (error: ChatError) => void

export function createFailureLog(log: Logger, clock: Clock): Report {
  const tallies = new Map<string, Tally>()
  return (error) => {
    const key = `${error.plugin ?? ''} ${error.hook ?? ''}`
    let tally = tallies.get(key)
    const now = clock.now()
    if (tally === undefined || now - tally.since >= INTERVAL) {
      if (tally !== undefined && tally.count > IN_FULL) logMore(tally, error)
      tally = { count: 0, since: now }
      tallies.set(key, tally)
    }
    tally.count++
    if (tally.count <= IN_FULL) {
      log.error(`plugin ${error.plugin ?? '?'}: ${error.message}`, { err: error })
    } else if (tally.count === IN_FULL + 1) {
      log.error(
        `plugin ${error.plugin ?? '?'}: ${error.hook ?? ''} keeps failing; its failures are counted, not logged, for a minute`,
      )
    }
  }

  function logMore(tally: Tally, error: ChatError): void {
    const { plugin, hook } = error
    log.error(`plugin ${plugin ?? '?'}: ${hook ?? ''} failed ${tally.count - IN_FULL} more times`, {
      plugin,
      hook,
    })
  }
}

/** Unloads a plugin that has failed a number of times within an interval. */
export function createFailureLimit(
  limit: () => number | undefined,
  clock: Clock,
  unload: (plugin: string, faults: number) => void,
): Report {
  const tallies = new Map<string, Tally>()
  return ({ plugin }) => {
    const most = limit()
    if (plugin === undefined || most === undefined) return
    const now = clock.now()
    let tally = tallies.get(plugin)
    if (tally === undefined || now - tally.since >= INTERVAL) {
      tally = { count: 0, since: now }
      tallies.set(plugin, tally)
    }
    if (++tally.count < most) return
    tallies.delete(plugin)
    unload(plugin, most)
  }
}
