/** Where something was thrown: the first place in its stack that is neither the host's nor Node's. */
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { safeText } from './text.ts'

/** The folder of the host's own code. */
const HOST = import.meta.dirname + sep
/** What loads modules for the host. */
const LOADER = `${sep}node_modules${sep}jiti${sep}`

/** A line of a stack, as `    at setup (/chat/dice.ts:4:10)`. Node's own places have no slash in front. */
const FRAME = /^\s+at (?:.*?\()?(?:async )?((?:file:\/\/)?\/.*):(\d+):\d+\)?$/

/** Returns the place at which an error was thrown, as `/chat/dice.ts:4`, or undefined where it is not known. */
export function placeOf(error: unknown): string | undefined {
  for (const line of stackOf(error).split('\n')) {
    const [, at, number] = FRAME.exec(line) ?? []
    const file = at === undefined ? undefined : pathOf(at)
    if (file === undefined || file.startsWith(HOST) || file.includes(LOADER)) continue
    return safeText(`${file}:${number}`)
  }
  return undefined
}

/** The stack is whatever who threw it made of it, and may throw when it is looked at. */
function stackOf(error: unknown): string {
  try {
    const stack: unknown = error instanceof Error ? error.stack : undefined
    return typeof stack === 'string' ? stack : ''
  } catch {
    return ''
  }
}

function pathOf(at: string): string | undefined {
  if (!at.startsWith('file:')) return at
  try {
    return fileURLToPath(at.replace(/\?.*/, ''))
  } catch {
    return undefined
  }
}
