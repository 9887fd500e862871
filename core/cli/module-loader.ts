/**
 * Loads a module and all local files that it imports, TypeScript or not, fresh each time. Packages, which do not change
 * while the host runs, are left to Node, which caches them.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, isAbsolute, join, parse, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JitiOptions, createJiti } from 'jiti'

/** What a module gets when it imports the host: the running host, however that was started. */
export type VirtualModules = Record<string, Record<string, unknown>>

/** jiti's inner factory: its public one cannot choose what Node loads itself, and Node never loads a file twice. */
type CreateJiti = (
  id: string,
  options: JitiOptions,
  context: {
    readonly onError: (error: unknown) => never
    readonly nativeImport: (path: string) => Promise<unknown>
    readonly createRequire: typeof createRequire
  },
) => ReturnType<typeof createJiti>

const require = createRequire(import.meta.url)

/**
 * Returns the default export of the module. Adds the path of each local file to `files` as it is found, so that they
 * are known even if one cannot be loaded; also that of a missing file.
 */
export async function loadModule(
  path: string,
  virtualModules: VirtualModules,
  files: Set<string>,
): Promise<unknown> {
  const folder = join(require.resolve('jiti/package.json'), '..', 'dist')
  const create = require(join(folder, 'jiti.cjs')) as CreateJiti
  const transform = require(join(folder, 'babel.cjs')) as NonNullable<JitiOptions['transform']>
  forgetRequired()
  const jiti = create(
    import.meta.url,
    {
      // jiti's disk cache is in a folder that all users share, and jiti trusts it.
      fsCache: false,
      moduleCache: false,
      interopDefault: false,
      virtualModules,
      transform(options) {
        if (options.filename !== undefined && isLocal(options.filename)) files.add(options.filename)
        return transform(options)
      },
    },
    {
      onError(error) {
        throw error
      },
      async nativeImport(id) {
        const file = id.startsWith('file:') ? fileURLToPath(id) : id
        // jiti asks for a file that is not code only once, and reports Node's error for it.
        if (!isLocal(file) || !isCode(file)) return import(id)
        if (isCommonJs(file)) return commonJs(file)
        // jiti then loads it itself.
        throw new Error('not left to Node')
      },
      createRequire,
    },
  )
  try {
    return await exportOf(await jiti.import<{ default?: unknown }>(path), path)
  } catch (error) {
    for (const file of missing(error)) files.add(file)
    throw error
  } finally {
    for (const file of required()) files.add(file)
  }
}

/** Where a file might be that a local import did not find. */
function missing(error: unknown): string[] {
  if (!(error instanceof Error)) return []
  const [, found] = /^Cannot find module '([^']+)'/.exec(error.message) ?? []
  const { requireStack } = error as { requireStack?: readonly string[] }
  const importer = requireStack?.[0]
  if (found === undefined || importer === undefined || !/^\.{0,2}\//.test(found)) return []
  const path = resolve(dirname(importer), found)
  const { dir, name, ext } = parse(path)
  // An import may leave out the extension, or say .js when the file is TypeScript.
  const others = ext === '' || ext === '.js' ? ['.ts', '.js', '.mjs'] : []
  return [path, ...others.map((other) => join(dir, name + other))]
}

function isLocal(path: string): boolean {
  return isAbsolute(path) && !/[\\/]node_modules[\\/]/.test(path)
}

/** Local CommonJS files, JSON included, which Node can be made to load again. */
function required(): string[] {
  return Object.keys(require.cache).filter(isLocal)
}

/** Makes Node load them again, and releases the loaded ones. */
function forgetRequired(): void {
  const files = required()
  const gone = new Set(files.map((file) => require.cache[file]))
  for (const file of files) delete require.cache[file]
  // A module, for example of a package, lists everything that it ever required.
  for (const module of Object.values(require.cache)) {
    if (module?.children.some((child) => gone.has(child)))
      module.children = module.children.filter((child) => !gone.has(child))
  }
}

function commonJs(file: string): unknown {
  // A shared `require` would list everything that it ever required, as a module does.
  const exported: unknown = createRequire(import.meta.url)(file)
  return { ...Object(exported), default: exported }
}

/** The default export of a module; of CommonJS, everything it exports, unless its exports are untouched. */
function exportOf(loaded: { default?: unknown }, path: string): unknown {
  const byNode = require.cache[path]
  if (byNode === undefined && '__esModule' in loaded) return loaded.default
  const exported: unknown = byNode?.exports ?? loaded
  const isBare =
    Object.getPrototypeOf(exported) === Object.prototype &&
    Object.keys(Object(exported)).length === 0
  return isBare ? undefined : exported
}

function isCode(file: string): boolean {
  return /^(?:\.[cm]?[jt]sx?)?$/.test(extname(file))
}

/** Whether Node treats a JavaScript file as CommonJS (nodejs.org/api/packages.html, determining module system). */
function isCommonJs(file: string): boolean {
  if (!file.endsWith('.js')) return file.endsWith('.cjs')
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const found = join(folder, 'package.json')
    if (existsSync(found)) {
      const { type } = JSON.parse(readFileSync(found, 'utf8')) as { type?: unknown }
      return type !== 'module'
    }
    if (folder === dirname(folder)) return true
  }
}
