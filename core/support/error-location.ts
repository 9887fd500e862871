/** Finds where in the code of a plugin, or of a config, something was thrown. */
import { isAbsolute, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BOUNDARY } from './boundary.ts'
import { safeText } from './safe-text.ts'
import { isError } from './thrown.ts'

/** The folder of the host's own files, or the single file that they were bundled into. */
const OWN = fileURLToPath(import.meta.url).replace(
  /(?<=[\\/])support[\\/]error-location\.[jt]s$/,
  '',
)
/** Libraries that run between the host and a plugin. */
const BETWEEN = /[\\/]node_modules[\\/](?:tapable|jiti|tsx|zod|pino|cac)[\\/]/
/** Characters. */
const MOST_LOOKED_AT = 65_536
const LONGEST_FRAME = 1024
const FRAME = /^\s*at (?:.*? \()?(?:async )?(.+):(\d+):\d+\)?$/

/**
 * Returns `file:line` of the first frame of an error's stack that is neither the host's own nor Node's, relative to the
 * working directory if that is shorter. Safe to show. Never throws.
 */
export function locationOf(error: unknown): string | undefined {
  try {
    if (!isError(error)) return undefined
    const { message, stack } = error as { message: unknown; stack?: unknown }
    if (typeof message !== 'string' || typeof stack !== 'string') return undefined
    // The message may look like a frame, and may contain what a stranger typed.
    const begin = stack.indexOf(message)
    const frames = begin === -1 ? stack : stack.slice(begin + message.length)
    for (const frame of frames.slice(0, MOST_LOOKED_AT).split('\n')) {
      if (frame.length > LONGEST_FRAME) continue
      // The frames below are the callers of the host: the error is not theirs.
      if (frame.includes(`at ${BOUNDARY} (`)) return undefined
      const [, where = '', line] = FRAME.exec(frame) ?? []
      const file = where.startsWith('file:') ? fileURLToPath(where) : where
      if (!isAbsolute(file) || BETWEEN.test(file)) continue
      if (!file.startsWith(OWN)) return safeText(`${near(file)}:${line}`)
    }
  } catch {
    // Looking at it throws.
  }
  return undefined
}

function near(file: string): string {
  const path = relative(process.cwd(), file)
  return path.length < file.length ? path : file
}
