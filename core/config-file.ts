/** Finds and loads the config file. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, errors } from './errors.ts'
import { loadModule, type VirtualModules } from './module-loader.ts'

/** Names of a config file, the first one that exists is taken. */
export const CONFIG_NAMES = ['chat.config.ts', 'chat.config.js', 'chat.config.mjs']

/** Milliseconds within which a config file has to be loaded: one that awaits what never comes is told. */
const LOAD_LIMIT = 10_000

/** Returns the path of the config file: the one that was asked for, or the one in the folder, or undefined. */
export function findConfigFile(folder: string, asked: string | undefined): string | undefined {
  if (asked !== undefined) {
    const file = resolve(folder, asked)
    if (!existsSync(file)) throw errors.configNotFound(asked)
    return file
  }
  const found = CONFIG_NAMES.find((name) => existsSync(resolve(folder, name)))
  return found === undefined ? undefined : resolve(folder, found)
}

/**
 * Returns what the file at a path exports by default; errors call it `file`. Throws `CONFIG_NOT_LOADED`. Either way the
 * local files that belong to it, itself included, are added to `files`.
 */
export async function loadConfigFile(
  path: string,
  file: string,
  virtualModules: VirtualModules,
  files: Set<string>,
): Promise<unknown> {
  files.add(path)
  let limit: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const problem = `it was not loaded within ${LOAD_LIMIT / 1000} s; find what it awaits`
    limit = setTimeout(() => reject(errors.configNotLoaded(file, problem)), LOAD_LIMIT)
  })
  const load = async (): Promise<unknown> => {
    try {
      return await loadModule(path, virtualModules, files)
    } catch (cause) {
      throw errors.configNotLoaded(file, loadingProblem(cause))
    }
  }
  const config = await Promise.race([load(), late]).finally(() => clearTimeout(limit))
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw errors.configNotLoaded(
      file,
      'it has no config; write: export default defineConfig({ … })',
    )
  }
  return config
}

/** What went wrong, on one line, with what to do about it where that is known. */
function loadingProblem(cause: unknown): string {
  if (!(cause instanceof Error)) return `it failed while it ran: ${describe(cause)}`
  const message = readable(cause)
  const code = (cause as { code?: unknown }).code
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
    const missing = message.replace(/ Require stack:.*/, '')
    const remedy = /'\.{0,2}\//.test(missing) ? 'correct' : 'install it, or correct'
    return `${missing}; ${remedy} its name in the import`
  }
  if (cause.message.startsWith(PARSE_ERROR) || cause.name === 'SyntaxError') {
    return `it cannot be parsed: ${message}; correct it there`
  }
  return `it failed while it ran: ${message}${placeIn(cause)}`
}

const PARSE_ERROR = 'ParseError: '

/** An error's message on one line, without the loader's own words, and with imports called by their names. */
function readable(cause: Error): string {
  const message = describe(
    new Error(cause.message.replace(PARSE_ERROR, '').replaceAll(/\s+/g, ' ')),
  )
  return message.replaceAll(/\(0 ?, ?_\w+\.(\w+)\)/g, '$1')
}

/** Where in a config file an error was thrown. */
function placeIn(cause: Error): string {
  const frame = /\(?((?:\/|file:)[^\s()]*\.(?:ts|js|mjs):\d+):\d+\)?/.exec(cause.stack ?? '')
  return frame?.[1] === undefined ? '' : ` (at ${frame[1]})`
}
