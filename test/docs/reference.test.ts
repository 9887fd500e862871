/** The reference is whole: it has what the source has, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig } from '../../core/host/config.ts'
import * as publicFace from '../../core/index.ts'
import { z } from '../../core/index.ts'
import { Status } from '../../core/cli/signals.ts'
import * as plugins from '../../plugins/index.ts'
import { groups } from '../faults/rows/index.ts'

const root = join(import.meta.dirname, '../..')

/** Rows of the fault catalogue that security.md has only among what is not promised. */
const UNPROMISED: ReadonlySet<string> = new Set(['P3', 'S4'])

const test = suite('reference')

test('errors.md has every code, by a heading of its own, in order', () => {
  const source = read('core/support/errors.ts')
  const union = /export type ErrorCode =([^]*?)\n\n/.exec(source)?.[1] ?? ''
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, name]) => name)
  assert.ok(codes.length > 20)
  assert.equal(headings('docs/reference/errors.md', '###'), codes)
})

test('config.md has every key with its default', () => {
  const { plugins: _, file: __, ...settings } = checkConfig({}, undefined, [])
  const defaults = Object.entries(settings).flatMap(([key, value]): [string, unknown][] =>
    typeof value === 'object'
      ? Object.entries(value).map(([inner, one]) => [`${key}.${inner}`, one])
      : [[key, value]],
  )
  const rows = table('docs/reference/config.md', 'Key')
  const shown = new Map(rows.map(([key, , value]) => [code(key), value ?? '']))
  for (const [key, value] of defaults) assert.is(code(shown.get(key)), literal(value), key)
  // Keys without a default are known from what zod says about a key that is not.
  sameNames([...shown.keys()], configKeys())
  for (const [key, value] of shown) {
    const has = defaults.some(([known]) => known === key)
    assert.is(has, value.includes('`'), `${key} has ${has ? 'a' : 'no'} default`)
  }
})

test('config.md says what happens at each limit', () => {
  const rows = table('docs/reference/config.md', 'Limit').map(([limit]) => code(limit))
  const limits = configKeys().filter((key) => key.startsWith('limits.'))
  sameNames(rows, [
    ...limits.map((key) => key.slice('limits.'.length)),
    'unloadAfterFaults',
    'stopDeadline',
  ])
})

const { defaults, ...factories } = plugins

for (const [name, factory] of Object.entries(factories)) {
  test(`the page of ${name} has every option with its default`, () => {
    const shape = shapeOf((factory as () => publicFace.Plugin)().schema)
    const page = `docs/plugins/${name}.md`
    const rows = Object.keys(shape).length === 0 ? [] : table(page, 'Option')
    sameNames(
      rows.map(([option]) => code(option)),
      Object.keys(shape),
    )
    for (const [option, , shown] of rows) {
      const schema = shape[code(option)] as z.ZodType
      const parsed = schema.safeParse(undefined)
      assert.ok(parsed.success, `${name}: ${option} has no default`)
      const isLong = typeof parsed.data === 'string' && parsed.data.length > 40
      if (parsed.data === undefined) assert.not.ok(shown?.includes('`'), `${name}: ${option}`)
      else if (isLong) assert.ok(read(page).replaceAll(/\s+/g, ' ').includes(literal(parsed.data)))
      else assert.is(code(shown), literal(parsed.data), `${name}: ${option}`)
    }
  })
}

test('every built-in plugin is in the list of config.md, and the default ones are marked', () => {
  const byDefault = new Set(defaults().map((plugin) => plugin.name))
  const rows = table('docs/reference/config.md', 'Plugin')
  sameNames(
    rows.map(([name]) => /\[(\w+)\]/.exec(name ?? '')?.[1]),
    Object.keys(factories),
  )
  for (const [cell, , isDefault] of rows) {
    const name = /\[(\w+)\]/.exec(cell ?? '')?.[1] ?? ''
    assert.is(isDefault?.trim(), byDefault.has(name) ? 'yes' : 'no', name)
  }
})

test('context.md has every value that the package exports', () => {
  const rows = table('docs/reference/context.md', 'Export')
  const shown = rows.flatMap(([names]) => [...(names ?? '').matchAll(/`(\w+)`/g)])
  sameNames(
    shown.map(([, name]) => name),
    Object.keys(publicFace),
  )
})

test('testing.md has every setting and every member of a test host and of its clients', () => {
  const page = 'docs/reference/testing.md'
  const shown = (first: string) =>
    table(page, first).map(([name]) => /`(\w+)/.exec(name ?? '')?.[1])
  sameNames(shown('Setting'), members('core/testing/test-host.ts', 'TestConfig'))
  sameNames(shown('Test host'), members('core/testing/test-host.ts', 'TestHost'))
  const client = members('core/testing/test-host.ts', 'TestClient').filter((name) => name !== 'id')
  sameNames(shown('Test client'), client)
})

test('testing.md has every part of the check of a plugin', () => {
  const union = /readonly part:([^]*?)\n  readonly/.exec(read('core/support/errors.ts'))?.[1] ?? ''
  const parts = [...union.matchAll(/'(\w+)'/g)].map(([, name]) => name)
  assert.ok(parts.length > 10)
  const rows = table('docs/reference/testing.md', 'Part').map(([part]) => code(part))
  sameNames(rows, parts)
})

test('hooks.md has every reason for which the host closes a client', () => {
  const union =
    /export type CloseReason =([^]*?)\| \(string/.exec(read('core/hooks/hooks.ts'))?.[1] ?? ''
  const rows = table('docs/reference/hooks.md', '`reason`').map(([reason]) => code(reason))
  for (const [, reason = ''] of union.matchAll(/'([^']+)'/g))
    assert.ok(rows.includes(reason), reason)
})

test('stability.md has every entry point, and nothing else can be imported', async () => {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, unknown> }
  const names = Object.keys(exports).map((path) => path.replace(/^\./, 'multiecho'))
  const rows = table('docs/reference/stability.md', 'Import').map(([name]) => code(name))
  sameNames([...rows, 'multiecho/package.json'], names)
  const deep: string = 'multiecho/dist/core/host/host.js'
  const error = await import(deep).catch((reason: unknown) => reason)
  assert.is((error as NodeJS.ErrnoException).code, 'ERR_PACKAGE_PATH_NOT_EXPORTED')
})

test('stability.md has the version of the plugin API', () => {
  const { API_VERSION } = publicFace
  assert.ok(
    read('docs/reference/stability.md').includes(`\`apiVersion\`, which is ${API_VERSION}.`),
  )
})

test('command-line.md has every status', () => {
  const rows = table('docs/reference/command-line.md', 'Status').map(([status]) => Number(status))
  assert.equal(rows, Object.values(Status))
})

test('command-line.md has every option', () => {
  const options = read('core/cli/arguments.ts').matchAll(/'(-\w, )?(--\w+)(?: <\w+>)?'/g)
  const found = [...options].map(([, , name]) => name)
  const names = [...new Set(found), '--help', '--version']
  const rows = table('docs/reference/command-line.md', 'Option')
  const shown = rows.map(([option]) => /--\w+/.exec(option ?? '')?.[0])
  sameNames(shown, names)
})

test('the map in CONTRIBUTING has every folder of core/, and every file says what it is for', () => {
  const shown = [...read('CONTRIBUTING.md').matchAll(/^\| `core\/([\w.-]+)\/?`/gm)]
  sameNames(
    shown.map(([, folder]) => folder),
    readdirSync(join(root, 'core')),
  )
  for (const folder of ['core', 'plugins']) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      assert.match(read(`${folder}/${file}`), /^(#!.*\n)?\/\*\*/, file)
    }
  }
})

test('security.md has every row of the fault suite, and no other', () => {
  const shown = [...read('docs/reference/security.md').matchAll(/^\| ([TNPCS]\d+) +\|/gm)]
    .map(([, id]) => id)
    .filter((id = '') => !UNPROMISED.has(id))
  const checked = [...groups.values()].flat().map(({ id }) => id)
  sameNames([...new Set(shown)], [...new Set(checked)])
})

test.run()

/** In any order. */
function sameNames(
  actual: readonly (string | undefined)[],
  expected: readonly (string | undefined)[],
): void {
  assert.equal(actual.map(String).toSorted(), expected.map(String).toSorted())
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

function headings(page: string, level: string): string[] {
  return [...read(page).matchAll(new RegExp(`^${level} (.*)$`, 'gm'))].map(
    ([, heading = '']) => heading,
  )
}

/** The rows of the table whose first column has this heading. */
function table(page: string, first: string): string[][] {
  const lines = read(page).split('\n')
  const start = lines.findIndex(
    (line, at) => line.startsWith(`| ${first} `) && lines[at + 1]?.startsWith('| ---') === true,
  )
  assert.is.not(start, -1, `${page} has no table with ${first}`)
  const end = lines.indexOf('', start)
  return lines.slice(start + 2, end).map((line) => line.slice(2, -2).split(' | '))
}

function code(cell: string | undefined): string {
  return (cell ?? '').trim().replaceAll('`', '')
}

/** A value as the docs write it. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** Names of the members of an interface. */
function members(file: string, name: string): string[] {
  const body = new RegExp(`export interface ${name}\\b[^{]*\\{\\n([^]*?)\\n\\}`).exec(
    read(file),
  )?.[1]
  return [...(body ?? '').matchAll(/^ {2}(?:readonly )?(\w+)[?(<:]/gm)].map(
    ([, member = '']) => member,
  )
}

function configKeys(): string[] {
  const keysAt = (input: unknown, prefix: string): string[] => {
    try {
      checkConfig(input, undefined, [])
    } catch (error) {
      const [problem] = (error as publicFace.ConfigError).problems
      const known = /\(known: (.*)\)/.exec(problem?.message ?? '')?.[1] ?? ''
      return known.split(', ').map((key) => prefix + key)
    }
    return []
  }
  const top = keysAt({ zzzz: 1 }, '').filter((key) => key !== 'limits')
  return [...top, ...keysAt({ limits: { zzzz: 1 } }, 'limits.')]
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const inner = schema instanceof z.ZodPrefault ? schema.def.innerType : schema
  assert.instance(inner, z.ZodObject)
  return (inner as z.ZodObject).shape
}
