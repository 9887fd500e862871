/** Where in the code of a plugin, or of a config, something was thrown. */
import { dirname, isAbsolute, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { safeText } from './text.ts'

const CORE = dirname(fileURLToPath(import.meta.url)) + sep
/** What calls plugins: beyond it are those who called the host, and no fault is theirs. */
const CALLERS = /^(?:guard|isolation)\.[jt]s$/
/** What runs between the host and a plugin, and is neither. */
const BETWEEN = /[\\/]node_modules[\\/](?:tapable|jiti|tsx|zod|pino|cac)[\\/]/
const FRAME = /^\s*at (?:.*? \()?(?:async )?(.+):(\d+):\d+\)?$/

/**
 * Returns `file:line` of the first frame of an error's stack that is neither the host's own nor Node's, relative to the
 * working directory where that is shorter. Safe to show. Never throws.
 */
export function placeOf(error: unknown): string | undefined {
  try {
    if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined
    // A message may look like a frame, and may be what a stranger has typed.
    const begin = error.stack.indexOf(error.message)
    const frames = begin === -1 ? error.stack : error.stack.slice(begin + error.message.length)
    for (const frame of frames.split('\n')) {
      const [, where = '', line] = FRAME.exec(frame) ?? []
      const file = where.startsWith('file:') ? fileURLToPath(where) : where
      if (!isAbsolute(file) || BETWEEN.test(file)) continue
      if (!file.startsWith(CORE)) return safeText(`${near(file)}:${line}`)
      if (CALLERS.test(file.slice(CORE.length))) return undefined
    }
  } catch {
    // It fails when it is looked at.
  }
  return undefined
}

function near(file: string): string {
  const path = relative(process.cwd(), file)
  return path.length < file.length ? path : file
}
