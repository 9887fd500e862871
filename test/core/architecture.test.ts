/**
 * Who may know whom: within `core/` imports go one way, from folder to folder in the order below; built-in plugins use the
 * public API alone, and the core does not know them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, normalize, sep } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('architecture')

/** What stands in `core/`. Each imports only what is further up. */
const ORDER = [
  'support',
  'net',
  'telnet',
  'delivery',
  'clients',
  'commands',
  'hooks',
  'chat',
  'lifecycle',
  'host',
  'index.ts',
  'cli',
  'testing',
]
/** Files of one folder that import each other's types, since the two are one thing. */
const ONE_THING = [
  ['core/clients/client.ts', 'core/clients/connection.ts'],
  ['core/delivery/outbox.ts', 'core/delivery/backlogs.ts'],
]

const root = join(import.meta.dirname, '..', '..')

interface Import {
  readonly from: string
  /** A path from the repository's root, or a package's name. */
  readonly what: string
  /** Whether nothing is imported but types. */
  readonly isType: boolean
}

/** Every import, export and dynamic import of the files in a folder. */
function importsIn(folder: string): Import[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => /\.[cm]?[jt]s$/.test(file))
    .flatMap((file) => {
      const path = join(folder, file)
      return specifiersOf(readFileSync(join(root, path), 'utf8')).map(({ specifier, isType }) => ({
        from: path.split(sep).join('/'),
        what: resolved(path, specifier),
        isType,
      }))
    })
}

/** What is named after `from`, `import` and `require`; comments and strings may add to it, never take away. */
function specifiersOf(source: string): Array<{ specifier: string; isType: boolean }> {
  const pattern =
    /(?<type>\b(?:import|export)\s+type\b[^'"`;]*)?\b(?:from|import|require)\b\s*\(?\s*(['"`])(?<specifier>[^'"`\n]+)\2/g
  return [...source.matchAll(pattern)].map(({ groups }) => ({
    specifier: groups?.['specifier'] ?? '',
    isType: groups?.['type'] !== undefined,
  }))
}

function resolved(path: string, specifier: string): string {
  if (specifier.startsWith('.')) {
    return normalize(join(path, '..', specifier))
      .split(sep)
      .join('/')
  }
  const own: Record<string, string> = {
    multiecho: 'core/index.ts',
    'multiecho/plugins': 'plugins/index.ts',
    'multiecho/testing': 'core/testing/index.ts',
  }
  return own[specifier] ?? specifier
}

const show = ({ from, what }: Import): string => `${from} imports ${what}`

test('the imports of a file are found, however they are written', () => {
  const source = `
    import a from './a.ts'
    import type { B } from "./b.ts"
    import './c.ts'
    export { d } from './d.ts'
    export * from './e.ts'
    import {
      f,
    } from './f.ts'
    const g = await import('./g.ts')
    const h = require('./h.ts')
    type I = import('./i.ts').I
  `
  const found = specifiersOf(source)
  assert.equal(
    found.map(({ specifier }) => specifier),
    [...'abcdefghi'].map((letter) => `./${letter}.ts`),
  )
  const types = found.filter(({ isType }) => isType).map(({ specifier }) => specifier)
  assert.equal(types, ['./b.ts'])
})

const folderOf = (path: string): string => path.split('/')[1] ?? ''
const placeOf = (path: string): number => ORDER.indexOf(folderOf(path))

test('each folder of core/ has its place in the order', () => {
  const found = readdirSync(join(root, 'core'))
  assert.equal(found.toSorted(), ORDER.toSorted())
})

test('imports between the folders of core/ go one way', () => {
  const imports = importsIn('core').filter(({ what }) => what.startsWith('core/'))
  assert.ok(imports.some(({ from, what }) => placeOf(from) > placeOf(what)))
  const wrong = imports.filter(({ from, what }) => placeOf(from) < placeOf(what))
  assert.equal(wrong.map(show), [])
})

test('no files of core/ import each other in a circle', () => {
  const imports = importsIn('core').filter(({ what }) => what.startsWith('core/'))
  assert.equal(circlesOf(imports.filter(({ isType }) => !isType)), [])
  const types = imports.filter(
    ({ from, what }) => !ONE_THING.some((pair) => pair.includes(from) && pair.includes(what)),
  )
  assert.equal(circlesOf(types), [])
})

test('a circle of imports is found', () => {
  const imports = ['a b', 'b c', 'c a', 'c d', 'e d'].map((pair) => {
    const [from = '', what = ''] = pair.split(' ')
    return { from, what, isType: false }
  })
  assert.equal(circlesOf(imports), ['a', 'b', 'c'])
  assert.equal(circlesOf(imports.filter(({ from }) => from !== 'b')), [])
})

/** The files that can be reached from themselves. */
function circlesOf(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>()
  for (const { from, what } of imports) next.set(from, [...(next.get(from) ?? []), what])
  return [...next.keys()].filter((start) => {
    const seen = new Set<string>()
    const left = [start]
    while (left.length > 0) {
      for (const what of next.get(left.pop() ?? '') ?? []) {
        if (what === start) return true
        if (seen.has(what)) continue
        seen.add(what)
        left.push(what)
      }
    }
    return false
  })
}

test('plugins import nothing of core/ but its public face', () => {
  const imports = importsIn('plugins')
  assert.ok(imports.some(({ what }) => what === 'core/index.ts'))
  const wrong = imports.filter(({ what }) => what.startsWith('core/') && what !== 'core/index.ts')
  assert.equal(wrong.map(show), [])
})

test('plugins import nothing else of this repository', () => {
  const wrong = importsIn('plugins').filter(({ what }) => /^(\.\.|test\/|dist\/|docs\/)/.test(what))
  assert.equal(wrong.map(show), [])
})

test('nothing in core/ but the command line imports plugins/', () => {
  const imports = importsIn('core').filter(({ what }) => what.startsWith('plugins/'))
  assert.ok(imports.length > 0, 'the command line joins the two')
  assert.equal(imports.filter(({ from }) => from !== 'core/cli/cli.ts').map(show), [])
})

test('nothing in core/ is reached through the package by its name', () => {
  const named = importsIn('core').filter(({ what }) => /^multiecho(\/|$)/.test(what))
  assert.equal(named.map(show), [])
})

test.run()
