/** Explains that a file could not be opened because its folder does not exist. */
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { safeText } from './safe-text.ts'

/** Returns what to add to the message of an error: Node's own only names the file. Never throws. */
export function missingFolderOf(cause: unknown): string {
  try {
    const { code, path } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT' || typeof path !== 'string') return ''
    const folder = dirname(resolve(path))
    return existsSync(folder)
      ? ''
      : `; there is no folder ${safeText(folder)}: create it, or name another one`
  } catch {
    // Looking at it throws, as for a revoked proxy.
    return ''
  }
}
