/** Finds and loads the config file. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, errors } from './errors.ts'

/** Names of a config file, the first one that exists is taken. */
const NAMES = ['chat.config.ts', 'chat.config.js', 'chat.config.mjs']

/** What the config file gets when it imports the host: the host that is running, however that was started. */
export type VirtualModules = Record<string, Record<string, unknown>>

/** Returns the path of the config file: the one that was asked for, or the one in the folder, or undefined. */
export function findConfigFile(folder: string, asked: string | undefined): string | undefined {
  if (asked !== undefined) {
    const file = resolve(folder, asked)
    if (!existsSync(file)) throw errors.configNotFound(asked)
    return file
  }
  const found = NAMES.find((name) => existsSync(resolve(folder, name)))
  return found === undefined ? undefined : resolve(folder, found)
}

/** Returns what the file exports by default. Throws `CONFIG_NOT_LOADED`. */
export async function loadConfigFile(
  file: string,
  virtualModules: VirtualModules,
): Promise<unknown> {
  const { createJiti } = await import('jiti')
  // No cache on disk: jiti's is in a folder that all users share, and is trusted.
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false, virtualModules })
  let loaded: unknown
  try {
    loaded = await jiti.import(file)
  } catch (cause) {
    throw errors.configNotLoaded(file, loadingProblem(cause))
  }
  const config = (loaded as { default?: unknown }).default
  if (typeof config !== 'object' || config === null) {
    throw errors.configNotLoaded(
      file,
      'it has no config; write: export default defineConfig({ … })',
    )
  }
  return config
}

/** What went wrong, on one line, with what to do about it where that is known. */
function loadingProblem(cause: unknown): string {
  const message = describe(cause)
  const code = (cause as { code?: unknown } | null)?.code
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
    return `${firstLine(cause)}; install it, or correct its name in the import`
  }
  if (
    message.startsWith('ParseError') ||
    (cause instanceof Error && cause.name === 'SyntaxError')
  ) {
    return `it is not valid TypeScript: ${message}; correct it there`
  }
  return `it failed while it ran: ${message}${placeIn(cause)}`
}

function firstLine(cause: unknown): string {
  return describe(cause instanceof Error ? new Error(cause.message.split('\n')[0]) : cause)
}

/** Where in a config file an error was thrown. */
function placeIn(cause: unknown): string {
  const frame = /\(?((?:\/|file:)[^\s()]*\.(?:ts|js|mjs):\d+:\d+)\)?/.exec(
    cause instanceof Error ? (cause.stack ?? '') : '',
  )
  return frame?.[1] === undefined ? '' : ` (at ${frame[1]})`
}
