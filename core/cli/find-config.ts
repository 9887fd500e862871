/**
 * Finds the config file. If a file seems to be meant as one, the defaults, which let everyone in, are not run instead.
 */
import {
  accessSync,
  constants,
  lstatSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { ConfigError, describe, errors } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'

/** The names of a config file. */
export const CONFIG_NAMES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'].map(
  (ending) => `chat.config.${ending}`,
)

/** Names that look like a config's: in any case, with either name of the program, in any format. */
const MEANT =
  /^(?:chat|multiecho)[._-]config(?:\.(?:[cm]?[jt]sx?|json[5c]?|ya?ml|toml|ini|conf|txt))*$/i

/** Extensions of files that can be loaded; one without an extension is taken for JavaScript. */
const LOADABLE = /^(?:\.(?:[cm]?[jt]s|tsx|json))?$/

/**
 * Returns the path of the config file: the requested one, or the one in the folder; undefined if there is none and no
 * file looks like one. Throws `CONFIG_NOT_FOUND`.
 */
export function findConfigFile(folder: string, asked: string | undefined): string | undefined {
  if (asked !== undefined) {
    const path = resolve(folder, asked)
    if (!isThere(path)) throw errors.configNotFound(asked)
    return path
  }
  const [name, ...others] = namesIn(folder).filter((one) => MEANT.test(one))
  if (name === undefined) return undefined
  if (others.length > 0) throw errors.configUnclear([name, ...others])
  if (!CONFIG_NAMES.includes(name)) throw errors.configMisnamed(name, rightNameOf(name))
  return resolve(folder, name)
}

/** Sorted, so that the order does not depend on the file system. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch (cause) {
    throw errors.configUnknown(describe(cause))
  }
}

/** The correct name for a file, if its name is all that is wrong. */
function rightNameOf(name: string): string | undefined {
  const right = `chat.config${extname(name).toLowerCase()}`
  return CONFIG_NAMES.includes(right) ? right : undefined
}

/**
 * Returns the path of the file itself, with all links resolved, as Node does for a module. Throws `CONFIG_NOT_LOADED`,
 * or `CONFIG_NOT_FOUND` when it no longer exists; errors call it `file`.
 */
export function realConfigFile(path: string, file: string): string {
  const failed = (problem: string) => errors.configNotLoaded(file, problem)
  if (!isThere(path)) throw errors.configGone(file)
  try {
    const stats = statSync(path)
    if (stats.isDirectory())
      throw failed('it is a folder; name the config file in it with --config FILE')
    if (!stats.isFile())
      throw failed('it is a pipe or a device, which a reload could not read again; name a file')
    accessSync(path, constants.R_OK)
    const real = realpathSync(path)
    if (LOADABLE.test(extname(real))) return real
    throw failed(
      `a config is TypeScript, JavaScript or JSON, and ${safeText(basename(real))} has none of their extensions; write it as ${CONFIG_NAMES[0]}`,
    )
  } catch (cause) {
    throw cause instanceof ConfigError ? cause : failed(unreadable(cause, path))
  }
}

function unreadable(cause: unknown, path: string): string {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return `it is a link to ${safeText(readlinkSync(path))}, where there is no file; put one there, or correct the link`
    case 'ELOOP':
      return 'it is a link that leads back to itself; correct it'
    default:
      return `it cannot be read: ${describe(cause)}; make it readable for the user who runs the chat`
  }
}

/** Whether there is an entry of that name, even a dangling link. */
function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    // It may exist in a folder that cannot be read.
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}
