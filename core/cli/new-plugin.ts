/** `multiecho new-plugin`: creates a small package with a plugin in it, from the files in templates/. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, errors, show } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'

/** The arguments as typed. */
export interface NewPlugin {
  /** Name of the plugin, as `dice` or `acme:dice`. */
  readonly name: string
  /** Folder to write to; named like the package, without its scope, when left out. */
  readonly folder?: string | undefined
  readonly description?: string | undefined
  /** Name of its first command; that of the plugin, without its scope, when left out. */
  readonly command?: string | undefined
  /** Whether to write JavaScript; TypeScript when left out. */
  readonly js?: boolean | undefined
}

/** Names that are already taken by built-in plugins. */
export interface Taken {
  readonly plugins: readonly string[]
  readonly commands: readonly string[]
}

/** package.json of the host that creates the package. */
export interface HostPackage {
  readonly version: string
  readonly engines: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** The description of a package when none is given. */
const DESCRIPTION = 'A plugin for multiecho.'
const NAME = /^(?:([a-z][a-z0-9]*(?:-[a-z0-9]+)*):)?([a-z][a-z0-9]*(?:-[a-z0-9]+)*)$/
const COMMAND = /^[a-z][a-z0-9_-]*$/
/** Maximum characters of a name; npm allows 214 for a package's. */
const LONGEST = 64

/** Template files that would affect npm under their real names. */
const OTHERWISE_NAMED: Readonly<Record<string, string>> = {
  _gitignore: '.gitignore',
  '_package.json': 'package.json',
}

/** Names that an export cannot have: reserved words, and other names in the template's files. */
const TAKEN_WORDS = new Set(
  'arguments assert async await break case catch check checkPlugin class const continue createTestHost debugger default defaults defineConfig definePlugin delete do else enum eval export extends false finally for function greeting host if implements import in instanceof interface let new null options package private protected public return state static super switch test this throw true try typeof undefined var void while with yield z'.split(
    ' ',
  ),
)

/**
 * Writes the package, and returns what to print: what was written and what to do next. Never overwrites: throws
 * `NOT_WRITTEN` when one of the files exists, and `USAGE` when a name is invalid.
 */
export function writeNewPlugin(
  { name, folder, description, command, js = false }: NewPlugin,
  host: HostPackage,
  taken: Taken,
): string {
  const [, scope, short] = NAME.exec(checkName(name, taken.plugins)) as unknown as [
    string,
    string | undefined,
    string,
  ]
  const packageName = `multiecho-plugin-${short}`
  const words: Readonly<Record<string, string>> = {
    PLUGIN_NAME: name,
    PLUGIN_FILE: short,
    PLUGIN_PACKAGE: scope === undefined ? packageName : `@${scope}/${packageName}`,
    PLUGIN_EXPORT: exportOf(short),
    PLUGIN_COMMAND: checkCommandName(command ?? short, taken.commands),
    PLUGIN_DESCRIPTION: description ?? DESCRIPTION,
    PLUGIN_INTRODUCTION:
      description === undefined
        ? DESCRIPTION
        : `${checkDescription(description)}\n\n${DESCRIPTION}`,
    MULTIECHO_RANGE: `^${host.version}`,
    NODE_RANGE: host.engines['node'] ?? '*',
    NODE_TYPES_RANGE: rangeOf(host, '@types/node'),
    TSX_RANGE: rangeOf(host, 'tsx'),
    TYPESCRIPT_RANGE: rangeOf(host, 'typescript'),
  }
  const target = resolve(folder ?? packageName)
  const files = templateFiles(words, js)
  for (const file of files.keys()) {
    if (existsSync(join(target, file))) {
      throw errors.notWritten(
        `${shown(join(target, file))} already exists, so nothing was written; name another folder: multiecho new-plugin ${name} FOLDER`,
      )
    }
  }
  try {
    for (const [file, text] of files) {
      mkdirSync(dirname(join(target, file)), { recursive: true })
      writeFileSync(join(target, file), text, { flag: 'wx' })
    }
  } catch (cause) {
    throw errors.notWritten(`${describe(cause)}; name a writable folder`, cause)
  }
  return [
    ...[...files.keys()].map((file) => `wrote ${shown(join(target, file))}`),
    '',
    'Next:',
    ...(target === process.cwd() ? [] : [`  cd ${shown(target)}`]),
    '  npm install',
    '  npm test',
    '  npm start',
    '',
  ].join('\n')
}

function checkName(name: string, builtIn: readonly string[]): string {
  const [, scoped, short] = /^(?:@([^/]*)\/)?multiecho-plugin-(.*)$/.exec(name) ?? []
  if (short !== undefined) {
    const meant = scoped === undefined ? short : `${scoped}:${short}`
    throw errors.usage(
      `new-plugin: expected the name of a plugin, found that of a package, ${show(name)}; write ${safeText(meant)}`,
    )
  }
  if (!NAME.test(name) || name.length > LONGEST) {
    throw errors.usage(
      `new-plugin: a name is lower-case letters, digits and dashes, begins with a letter and has at most ${LONGEST} characters, as in dice or acme:dice; found ${show(name)}`,
    )
  }
  if (builtIn.includes(name)) {
    throw errors.usage(
      `new-plugin: there is a built-in plugin ${name}; choose another name, or one with a scope, such as acme:${name}`,
    )
  }
  return name
}

function checkCommandName(command: string, builtIn: readonly string[]): string {
  if (!COMMAND.test(command) || command.length > LONGEST) {
    throw errors.usage(
      `--command: expected a lower-case letter, then lower-case letters, digits, _ or -, found ${show(command)}`,
    )
  }
  if (builtIn.includes(command)) {
    throw errors.usage(
      `--command: /${command} is a built-in command; choose another one with --command NAME`,
    )
  }
  return command
}

function checkDescription(description: string): string {
  const fits = description !== '' && description.length <= 200 && !description.includes('*/')
  if (fits && safeText(description) === description) return description
  throw errors.usage(
    `--description: expected a line of 1 to 200 characters without */, found ${show(description)}`,
  )
}

/** `word-filter` as `wordFilter`, and `new` as `newPlugin`. */
function exportOf(short: string): string {
  const word = short.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  return TAKEN_WORDS.has(word) ? `${word}Plugin` : word
}

/** A range compatible with the version that the host itself uses. */
function rangeOf(host: HostPackage, dependency: string): string {
  const version = host.devDependencies[dependency]
  return version === undefined ? '*' : `^${version}`
}

/** The files of a package by path, with the placeholders filled in. */
function templateFiles(
  words: Readonly<Record<string, string>>,
  js: boolean,
): ReadonlyMap<string, string> {
  const templates = js
    ? new Map([...asJavaScript(filesIn('plugin')), ...filesIn('javascript')])
    : filesIn('plugin')
  const pattern = new RegExp(Object.keys(words).join('|'), 'g')
  const files = Array.from(templates, ([path, text]): [file: string, text: string] => {
    const word = (found: string): string => words[found] as string
    const quoted = (found: string): string => JSON.stringify(word(found)).slice(1, -1)
    const file = (OTHERWISE_NAMED[path] ?? path).replaceAll(pattern, word)
    const written = text.replaceAll(pattern, path.endsWith('.json') ? quoted : word)
    return [file, path.endsWith('.md') ? alignTables(written) : written]
  })
  return new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** The files of a folder in templates/, by path. */
function filesIn(folder: string): Map<string, string> {
  // Two folders up from core/cli/ in a checkout, three from dist/core/cli/ in the package.
  const up = import.meta.url.endsWith('.ts') ? '../..' : '../../..'
  const root = fileURLToPath(new URL(`${up}/templates/${folder}/`, import.meta.url))
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
  return new Map(
    paths
      .filter((path) => statSync(join(root, path)).isFile())
      .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
  )
}

/** The template's code has no type annotations, so it is JavaScript except for the names of its files. */
function asJavaScript(files: ReadonlyMap<string, string>): Array<[file: string, text: string]> {
  const renamed = (text: string): string => text.replaceAll(/(?<!\.d)\.ts\b/g, '.js')
  return Array.from(files, ([path, text]) => [
    renamed(path),
    renamed(text).replaceAll(/^```ts$/gm, '```js'),
  ])
}

/** Pads each column to its widest cell again, since filling in placeholders changed their widths. */
function alignTables(markdown: string): string {
  return markdown.replaceAll(/(?:^\|.*\|\n)+/gm, (table) => {
    const rows = table.trimEnd().split('\n')
    const cells = rows.map((row) =>
      row
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    const isRule = (cell: string): boolean => /^-+$/.test(cell)
    const widths: number[] = []
    for (const row of cells) {
      for (const [column, cell] of row.entries())
        widths[column] = Math.max(widths[column] ?? 3, isRule(cell) ? 3 : cell.length)
    }
    const aligned = cells.map((row) =>
      row.map((cell, column) => {
        const width = widths[column] ?? 0
        return isRule(cell) ? '-'.repeat(width) : cell.padEnd(width)
      }),
    )
    return aligned.map((row) => `| ${row.join(' | ')} |\n`).join('')
  })
}

function shown(path: string): string {
  const near = relative(process.cwd(), path)
  return safeText(near === '' || near.startsWith('..') ? path : near)
}
