/** What to do where a file could not be opened because its folder is not there. */
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { safeText } from './safe-text.ts'

/** What to add to the message of what was thrown: Node's own names the file alone. Never throws. */
export function missingFolderOf(cause: unknown): string {
  try {
    const { code, path } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT' || typeof path !== 'string') return ''
    const folder = dirname(resolve(path))
    return existsSync(folder)
      ? ''
      : `; there is no folder ${safeText(folder)}: make it, or name another one`
  } catch {
    // It fails when it is looked at, as a revoked proxy does.
    return ''
  }
}
