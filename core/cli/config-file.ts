/** Loads the config file. */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { locationOf } from '../support/error-location.ts'
import { describe, errors, type ConfigError } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'
import { didYouMean } from '../support/suggest.ts'
import { realConfigFile } from './find-config.ts'
import { loadModule, type VirtualModules } from './module-loader.ts'

/** Milliseconds to load a config file: one that awaits forever is reported. */
const LOAD_LIMIT = 10_000

/**
 * Returns the default export of the file at a path; errors call it `file`. Throws `CONFIG_NOT_LOADED`, or
 * `CONFIG_NOT_FOUND` when it no longer exists. In either case its local files, itself included, are added to `files`.
 * If a link leads to it, its imports are resolved from the file itself.
 */
export async function loadConfigFile(
  path: string,
  file: string,
  virtualModules: VirtualModules,
  files: Set<string>,
): Promise<unknown> {
  files.add(path)
  const real = realConfigFile(path, file)
  let limit: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const problem = `it was not loaded within ${LOAD_LIMIT / 1000} s; find what it awaits`
    limit = setTimeout(() => reject(errors.configNotLoaded(file, problem)), LOAD_LIMIT)
  })
  const load = async (): Promise<unknown> => {
    try {
      if (real.endsWith('.json'))
        return JSON.parse(readFileSync(real, 'utf8').replace(/^\ufeff/, ''))
      return await loadModule(real, virtualModules, files)
    } catch (cause) {
      throw loadingError(cause, file, real === path ? undefined : real, virtualModules)
    }
  }
  const config = await Promise.race([load(), late]).finally(() => clearTimeout(limit))
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw errors.configNotLoaded(
      file,
      'it exports no config; write: export default defineConfig({ … }), or, in CommonJS, module.exports = { … }',
    )
  }
  return config
}

/**
 * The error for a failed load: what went wrong, on one line, with what to do if that is known. `linked` is the target
 * of a link.
 */
function loadingError(
  cause: unknown,
  file: string,
  linked: string | undefined,
  virtualModules: VirtualModules,
): ConfigError {
  const failed = (problem: string): ConfigError => errors.configNotLoaded(file, problem)
  if (!(cause instanceof Error)) return failed(`it failed while it ran: ${describe(cause)}`)
  const message = readable(cause.message)
  const code = (cause as { code?: unknown }).code
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
    const missing = message.replace(/ Require stack:.*/, '')
    const remedy = /'\.{0,2}\//.test(missing) ? 'correct' : 'install it, or correct'
    const where =
      linked === undefined
        ? ''
        : `; the config is a link, and imports are resolved from ${nearPath(linked)}`
    return failed(`${missing}; ${remedy} its name in the import${where}`)
  }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    const [, path = ''] = / for (\/.*)$/.exec(message) ?? []
    return failed(
      `${nearPath(path)} cannot be imported: it is neither TypeScript, JavaScript nor JSON; read it with readFileSync`,
    )
  }
  if (cause.message.startsWith(PARSE_ERROR) || cause.name === 'SyntaxError') {
    const { place = file, problem } = parseError(cause.message)
    return errors.configNotLoaded(
      place,
      `it cannot be parsed: ${readable(problem).replace(/\.$/, '')}; correct it there`,
    )
  }
  const place = locationOf(cause)
  const where = place === undefined ? '' : ` (at ${place})`
  return failed(
    `it failed while it ran: ${message}${where}${importRemedy(cause.message, virtualModules)}`,
  )
}

const PARSE_ERROR = 'ParseError: '

/** Separates the location from the message: jiti has it at the end, Node has the JSON file at the beginning. */
function parseError(message: string): { place: string | undefined; problem: string } {
  const [, problem, path, position] = /^([^]*?)\s+(\/\S.*?)(:\d+:\d+)\s*$/.exec(message) ?? []
  if (problem !== undefined && path !== undefined)
    return { place: `${nearPath(path)}${position}`, problem }
  const [, json, rest] = /^(\/.*?\.json): ([^]*)$/.exec(message) ?? []
  if (json !== undefined && rest !== undefined) return { place: nearPath(json), problem: rest }
  return { place: undefined, problem: message }
}

function nearPath(path: string): string {
  return safeText(relative(process.cwd(), path))
}

/** A call of an import as compiled: of a module, a name. */
const IMPORTED = /\(0 ?, ?_(\w+?)\.(\w+)\)/g

/** A message on one line, without the loader's prefix, and with imports called by their names. */
function readable(message: string): string {
  const line = message.replace(PARSE_ERROR, '').replaceAll(/\s+/g, ' ').trim()
  return describe(new Error(line)).replaceAll(IMPORTED, '$2')
}

/** What to add when an import that does not exist was called: only the call fails, not the import. */
function importRemedy(message: string, virtualModules: VirtualModules): string {
  const [[, module, name] = []] = message.matchAll(IMPORTED)
  if (module === undefined || name === undefined || !message.endsWith(' is not a function'))
    return ''
  if (name === 'default')
    return '; the module may export nothing by default: import it by its name, in braces'
  const candidates = Object.entries(virtualModules)
    .filter(([path]) => path.split('/').at(-1) === module)
    .flatMap(([, exported]) => Object.keys(exported))
  const meant = didYouMean(name, candidates)
  return meant === '' ? '; check that the module exports it' : meant
}
