/** The two claims about who may know whom: built-ins use the public API alone, and the core does not know them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, normalize, sep } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('architecture')

const root = join(import.meta.dirname, '..', '..')

interface Import {
  readonly from: string
  /** A path from the repository's root, or a package's name. */
  readonly what: string
}

/** Every import, export and dynamic import of the files in a folder. */
function importsIn(folder: string): Import[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => /\.[cm]?[jt]s$/.test(file))
    .flatMap((file) => {
      const path = join(folder, file)
      return specifiersOf(readFileSync(join(root, path), 'utf8')).map((specifier) => ({
        from: path.split(sep).join('/'),
        what: resolved(path, specifier),
      }))
    })
}

/** What stands behind `from`, `import` and `require`; comments and strings may add to it, never take away. */
function specifiersOf(source: string): string[] {
  const pattern = /\b(?:from|import|require)\b\s*\(?\s*(['"`])([^'"`\n]+)\1/g
  return [...source.matchAll(pattern)].map((match) => match[2] ?? '')
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
  assert.equal(
    specifiersOf(source),
    [...'abcdefghi'].map((letter) => `./${letter}.ts`),
  )
})

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
