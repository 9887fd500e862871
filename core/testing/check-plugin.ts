/**
 * `checkPlugin`: what every plugin has to stand, tried in hosts in memory. Each part adds what it finds, and all of it is
 * told at the end.
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
  /** Plugins to run beside it: those that it requires, and any other that it needs to be of use. */
  readonly with?: readonly Plugin[] | undefined
}

/** What was tried, where nothing was found. */
export interface CheckReport {
  /** The plugin's name. */
  readonly plugin: string
  /** Examples of its commands that were run. */
  readonly examples: number
  /** How often it was loaded and unloaded: 1000 times, or as often as there was time for. */
  readonly cycles: number
}

/**
 * Checks what every plugin has to stand: it loads and unloads a thousand times and leaves nothing behind, clients come,
 * leave and break off in the middle, and the examples of its commands come true. `plugin` is a plugin, or a function that
 * makes one. Rejects with a `CheckError` (`CHECK_FAILED`) that names everything found and what to do.
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
      `nobody caught what was ${seen}; that ends a chat, so await the promise or catch it, and use host.setTimeout in place of setTimeout`,
    )
  }
  if (subject.findings.length > 0) throw errors.checkFailed(subject.name, subject.findings)
  return { plugin: subject.name, examples, cycles }
}
