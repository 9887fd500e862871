/**
 * `checkPlugin`: the conformance checks for plugins, run in hosts in memory. Each part adds its findings, which are
 * reported together at the end.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Plugin } from '../lifecycle/define-plugin.ts'
import { errors } from '../support/errors.ts'
import { checkCycles } from './check-cycles.ts'
import { checkExamples } from './check-examples.ts'
import { checkSetUp } from './check-setup.ts'
import { checkVisits } from './check-visits.ts'
import { watchUncaught } from './leftovers.ts'
import { Subject } from './subject.ts'

export interface CheckOptions {
  /** Plugins to run with it: those that it requires, and any other that it needs to be useful. */
  readonly with?: readonly Plugin[] | undefined
}

/** What was checked, if there were no findings. */
export interface CheckReport {
  /** The plugin's name. */
  readonly plugin: string
  /** Examples of its commands that were run. */
  readonly examples: number
  /** How often it was loaded and unloaded: 1000 times, or as often as time allowed. */
  readonly cycles: number
}

/**
 * Runs the conformance checks: the plugin is loaded and unloaded a thousand times and must leave nothing behind,
 * clients connect, leave and disconnect in the middle, and the examples of its commands must work. `plugin` is a
 * plugin, or a function that makes one. Rejects with a `CheckError` (`CHECK_FAILED`) that lists all findings and what
 * to do.
 */
export async function checkPlugin(
  plugin: Plugin | (() => Plugin),
  { with: others = [] }: CheckOptions = {},
): Promise<CheckReport> {
  const uncaught = watchUncaught()
  const subject = new Subject(plugin, others)
  let examples = 0
  let cycles = 0
  try {
    if (await subject.loads()) {
      await checkSetUp(subject)
      examples = await checkExamples(subject)
      await checkVisits(subject)
      cycles = await checkCycles(subject)
    }
    await wait(1)
  } finally {
    uncaught.stop()
  }
  for (const seen of uncaught.seen) {
    subject.found(
      'rejection',
      `nothing caught what was ${seen}; that would end the host, so await the promise or catch it, and use host.setTimeout instead of setTimeout`,
    )
  }
  if (subject.findings.length > 0) throw errors.checkFailed(subject.name, subject.findings)
  return { plugin: subject.name, examples, cycles }
}
