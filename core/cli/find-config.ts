/** Which file is the config. Where one seems to be meant, the defaults, which let everybody in, do not run in its stead. */
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

/** Names of a config file. */
export const CONFIG_NAMES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'].map(
  (ending) => `chat.config.${ending}`,
)

/** Names that are meant as one, in whatever case, by whatever name of ours, and of whatever format. */
const MEANT =
  /^(?:chat|multiecho)[._-]config(?:\.(?:[cm]?[jt]sx?|json[5c]?|ya?ml|toml|ini|conf|txt))*$/i

/** Files that can be loaded; one without an ending is taken for JavaScript. */
const LOADABLE = /^(?:\.(?:[cm]?[jt]s|tsx|json))?$/

/**
 * Returns the path of the config file: the one that was asked for, or the one in the folder, or undefined where there is
 * none and none is meant. Throws `CONFIG_NOT_FOUND`.
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

/** In an order that does not depend on the file system. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch (cause) {
    throw errors.configUnknown(describe(cause))
  }
}

/** What a file is to be called, if that is all that is wrong with it. */
function rightNameOf(name: string): string | undefined {
  const right = `chat.config${extname(name).toLowerCase()}`
  return CONFIG_NAMES.includes(right) ? right : undefined
}

/**
 * Returns the path of the file itself, behind all links that lead to it, as Node takes the path of a module. Throws
 * `CONFIG_NOT_LOADED`, or `CONFIG_NOT_FOUND` where it was there and is no more; errors call it `file`.
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
      `a config is TypeScript, JavaScript or JSON, and ${safeText(basename(real))} has the ending of neither; write it as ${CONFIG_NAMES[0]}`,
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
      return `it cannot be read: ${describe(cause)}; let the user who runs the chat read it`
  }
}

/** Whether there is something of that name, be it a link that leads nowhere. */
function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    // A folder that may not be looked into may have it.
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}
