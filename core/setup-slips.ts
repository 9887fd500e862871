/** A slip of the pen in a plugin's setup: where it is, and which door or hook was meant. */
import type { PluginContext } from './context.ts'
import { didYouMean } from './nearest.ts'
import { placeOf } from './place.ts'

const NOT_A_FUNCTION = /(?:^|\.)(\w+) is not a function/
const OF_UNDEFINED = /^Cannot read properties of undefined \(reading '(?:tap|tapPromise)'\)/

/** What to add to the message of what setup threw; nothing where it is no such slip. */
export function slipOf(cause: unknown, host: PluginContext): string {
  try {
    if (!(cause instanceof TypeError) && !(cause instanceof ReferenceError)) return ''
    const place = placeOf(cause)
    return `${place === undefined ? '' : ` (at ${place})`}${meantBy(cause.message, host)}`
  } catch {
    // It fails when it is looked at, as a revoked proxy does.
    return ''
  }
}

function meantBy(message: string, host: PluginContext): string {
  if (OF_UNDEFINED.test(message)) {
    return `; there is no hook of that name (the hooks are ${Object.keys(host.hooks).join(', ')})`
  }
  const [, missing] = NOT_A_FUNCTION.exec(message) ?? []
  return missing === undefined ? '' : didYouMean(missing, namesOf(host))
}

function namesOf({ hooks, ...doors }: PluginContext): Set<string> {
  const sides = Object.values(hooks).flatMap((side) => Object.keys(side))
  return new Set([...Object.keys(doors), ...Object.keys(hooks), ...sides])
}
