/** Hints for typos in a plugin's setup: where it is, and which method or hook was meant. */
import { locationOf } from '../support/error-location.ts'
import { didYouMean } from '../support/suggest.ts'
import type { PluginContext } from './plugin-context.ts'

const NOT_A_FUNCTION = /(?:(?:^|\.)(\w+)\.)?(?<=^|\.)(\w+) is not a function/
const OF_UNDEFINED = /^Cannot read properties of undefined \(reading '(?:tap|tapPromise)'\)/

/** Returns what to add to the message of an error from setup; empty when it is not such a typo. */
export function setupHint(cause: unknown, host: PluginContext): string {
  try {
    if (!(cause instanceof TypeError) && !(cause instanceof ReferenceError)) return ''
    const place = locationOf(cause)
    return `${place === undefined ? '' : ` (at ${place})`}${meantBy(cause.message, host)}`
  } catch {
    // Looking at it throws, as for a revoked proxy.
    return ''
  }
}

function meantBy(message: string, host: PluginContext): string {
  if (OF_UNDEFINED.test(message)) {
    return `; there is no hook of that name (the hooks are ${Object.keys(host.hooks).join(', ')})`
  }
  const [, from = '', missing] = NOT_A_FUNCTION.exec(message) ?? []
  if (missing === undefined) return ''
  const hook = Object.entries(host.hooks).find(([name]) => name === from)
  if (hook !== undefined) return `; the hook ${from} has ${Object.keys(hook[1]).join(' and ')}`
  // A name that exists elsewhere is no help, such as the tapPromise of another hook.
  return didYouMean(
    missing,
    [...namesOf(host)].filter((name) => name !== missing),
  )
}

function namesOf({ hooks, ...methods }: PluginContext): Set<string> {
  const sides = Object.values(hooks).flatMap((side) => Object.keys(side))
  return new Set([...Object.keys(methods), ...Object.keys(hooks), ...sides])
}
