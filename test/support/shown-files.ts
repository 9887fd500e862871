/**
 * The files that the README and the docs show, written out: each section of a page has a folder for itself, but where the
 * whole page makes one thing. What they import as multiecho is this checkout, whose dist/ `npm test` builds first.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CHECKOUT, CLI } from './host.ts'
import { isFile, sectionsOf, type Section } from './pages.ts'

export interface RunSection extends Section {
  /** Where its files have been written to. */
  readonly folder: string
}

export const TSC = join(CHECKOUT, 'node_modules/typescript/bin/tsc')
export const temporary = mkdtempSync(join(tmpdir(), 'multiecho-docs-'))
/** Pages whose sections share a folder. */
const ONE_FOLDER = new Set(['docs/guide/first-plugin.md', 'docs/guide/javascript.md'])
export const CONFIG = /\.config\.(ts|js|mjs)$/

export const pages = ['README.md', 'CONTRIBUTING.md'].concat(
  readdirSync(join(CHECKOUT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file))
    .toSorted(),
)
export const sections: RunSection[] = pages.flatMap((page) =>
  sectionsOf(page).map((section, index) => {
    const number = ONE_FOLDER.has(page) ? 0 : index
    return { ...section, folder: join(temporary, `${page.replaceAll(/\W/g, '-')}-${number}`) }
  }),
)

process.on('exit', () => rmSync(temporary, { recursive: true, force: true }))

/** To be called once, ahead of the tests. */
export function writeShownFiles(): void {
  if (!existsSync(CLI)) throw new Error('dist/ is missing: run npm run build first')
  mkdirSync(join(temporary, 'node_modules'))
  for (const name of ['tsx', 'uvu', '@types']) {
    symlinkSync(join(CHECKOUT, 'node_modules', name), join(temporary, 'node_modules', name))
  }
  symlinkSync(CHECKOUT, join(temporary, 'node_modules/multiecho'))
  writeFileSync(join(temporary, 'package.json'), '{ "type": "module" }\n')
  for (const { folder, blocks } of sections) {
    mkdirSync(folder, { recursive: true })
    for (const { name, text } of blocks.filter(isFile)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
  }
}

export function sectionNamed(page: string, title: string): RunSection {
  const found = sections.find((section) => section.page === page && section.title === title)
  if (found === undefined) throw new Error(`${page} has no section "${title}"`)
  return found
}

/** Runs Node, and no longer than this test. */
function launch(args: readonly string[], cwd: string): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, args, { cwd })
  const stop = (): boolean => child.kill('SIGKILL')
  process.on('exit', stop)
  child.on('close', () => process.off('exit', stop))
  return child
}

export async function run(
  args: readonly string[],
  cwd: string,
): Promise<{ status: number | null; output: string }> {
  const child = launch(args, cwd)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, output }
}
