/** The folder in which plugins store things: made when it is needed, for its owner alone, and nothing in it is ever deleted. */
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Config } from '../host/config.ts'
import type { Level, Storage } from '../lifecycle/database.ts'
import { ChatError, describe, errors } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'

/** The database in it; there may be other things beside that. */
const DATABASE = 'store'

/** The data folder of a config stands beside its file, or, where it has none, in the working folder. */
export function createDataFolder({ file, data }: Pick<Config, 'file' | 'data'>): Storage {
  const path = resolve(file === undefined ? '.' : dirname(file), data)
  const shown = safeText(relative(process.cwd(), path) || '.')
  return {
    async open() {
      makeFolder(path)
      const location = join(path, DATABASE)
      checkDatabase(location, shown)
      const { ClassicLevel } = await import('classic-level')
      const level: Level = new ClassicLevel(location)
      await level.open()
      return level
    },
    problemOf: (cause) => (cause instanceof ChatError ? cause.message : problemOf(cause, shown)),
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw cause
  }
}

/** LevelDB takes one without this file for a new one, and removes what it finds there. */
const CURRENT = 'CURRENT'

function checkDatabase(location: string, shown: string): void {
  const stats = statSync(location, { throwIfNoEntry: false })
  const names = stats?.isDirectory() === true ? readdirSync(location) : []
  if (names.includes(CURRENT) || !names.some((name) => /^MANIFEST|^\d+\./.test(name))) return
  throw errors.storeFailed(undefined, damaged(shown, `${DATABASE}/${CURRENT} is missing`))
}

const OTHER = 'name another folder with data in the config'

/** In words for whoever runs the host. */
function problemOf(thrown: unknown, shown: string): string {
  const cause = (thrown as Error).cause ?? thrown
  const words = describe(cause)
  switch (kindOf(cause, words)) {
    case 'LEVEL_LOCKED':
      return `the data folder ${shown} is in use by another host; stop that one, or ${OTHER}`
    case 'LEVEL_CORRUPTION':
      return damaged(shown, words)
    case 'EEXIST':
      return `${shown} is no folder, so it cannot be the data folder; move it away, or ${OTHER}`
    case 'ENOENT':
      return `there is no folder ${safeText(dirname(shown))} for the data folder ${shown}; make it, or ${OTHER}`
    case 'EACCES':
      return `this user may not write to the data folder ${shown}; let the user who runs the chat do so, or ${OTHER}`
    case 'ENOSPC':
      return `there is no room for the data folder ${shown} on its disk; make some, and nothing that was stored before is lost`
    case 'NO_BUILD':
      return 'the package classic-level has no build for this machine; install a compiler, and run npm rebuild classic-level'
    default:
      return `the data folder ${shown}: ${words}`
  }
}

function damaged(shown: string, words: string): string {
  return `the data folder ${shown} is damaged: ${words}; nothing in it was changed: stop the host, and put a backup in its place, or move it away to begin with an empty one`
}

/** LevelDB has the words of the system, but not its code. */
const WORDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/Permission denied|Operation not permitted|Read-only file system/, 'EACCES'],
  [/No space left on device|Disk quota exceeded|File too large/, 'ENOSPC'],
  [/No native build was found/, 'NO_BUILD'],
]

function kindOf(cause: unknown, words: string): string | undefined {
  const found = WORDS.find(([pattern]) => pattern.test(words))?.[1]
  if (found !== undefined) return found
  const code = codeOf(cause)
  return code === 'EPERM' || code === 'EROFS' ? 'EACCES' : code
}

function codeOf(cause: unknown): string | undefined {
  return (cause as NodeJS.ErrnoException).code
}
