/** Links from page to page lead somewhere, in a clone and in the package. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const root = join(import.meta.dirname, '../..')
const pages = readdirSync(root)
  .concat(readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map(inDocs))
  .filter((file) => file.endsWith('.md'))
  .map((file) => join(root, file))

/** What npm packs. It packs some files whatever the list says. */
const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  files: string[]
}
const ALWAYS_PACKED = ['package.json', 'README.md', 'LICENSE']

/** Pages that may lead out of the package: this one links the programs that measured, which are not packed. */
const LINKS_OUT = new Set(['docs/performance.md'])

const test = suite('links')

test('every relative link leads to a file, and to a heading in it', () => {
  let count = 0
  for (const page of pages) {
    for (const [, target = ''] of withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? page : join(dirname(page), file)
      const where = `${relative(root, page)}: ${target}`
      assert.ok(existsSync(path), where)
      assert.ok(anchor === undefined || anchorsOf(path).includes(anchor), where)
      count++
    }
  }
  assert.ok(count > 100, `only ${count} links were found`)
})

test('within the package, every relative link leads to a file of the package', () => {
  const dead: string[] = []
  for (const page of pages.filter((path) => isPacked(relative(root, path)))) {
    const name = relative(root, page)
    if (LINKS_OUT.has(name)) continue
    for (const [, target = ''] of withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      const [file = ''] = target.split('#')
      if (/^[a-z]+:/.test(target) || file === '') continue
      if (!isPacked(relative(root, join(dirname(page), file)))) dead.push(`${name}: ${target}`)
    }
  }
  assert.equal(dead, [])
})

test('every page of the docs can be reached from the README', () => {
  const reached = new Set<string>()
  const visit = (page: string): void => {
    if (reached.has(page)) return
    reached.add(page)
    for (const [, file = ''] of withoutCode(page).matchAll(/\]\(([^)#\s]+\.md)/g)) {
      visit(join(dirname(page), file))
    }
  }
  visit(join(root, 'README.md'))
  assert.equal(
    pages.filter((page) => !reached.has(page)).map((page) => relative(root, page)),
    [],
  )
})

test.run()

function inDocs(file: string): string {
  return join('docs', file)
}

/** Whether a path from the root goes into the package, as the list of package.json says. */
function isPacked(path: string): boolean {
  if (ALWAYS_PACKED.includes(path)) return true
  const among = (patterns: readonly string[]): boolean =>
    patterns.some((pattern) =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}(?:/|$)`).test(path),
    )
  const [out, packed] = [true, false].map((not) =>
    files.filter((file) => file.startsWith('!') === not).map((file) => file.replace('!', '')),
  )
  return among(packed ?? []) && !among(out ?? [])
}

function withoutCode(page: string): string {
  return readFileSync(page, 'utf8').replace(/^```.*?^```$/gms, '')
}

/** The anchors that a forge makes of the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...withoutCode(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
