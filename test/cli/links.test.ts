/** Configs behind links: where their imports are looked for, and that a swap of a link is noticed. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startChild, type Child } from '../support/child.ts'
import { CLI, listeningPort, makeFolder, runIn, sentenceOf, type Folder } from '../support/host.ts'

const test = suite('configs behind links')

const RELOADED = /^reloaded \S*chat\.config\.ts: .*\n/m

/** A config whose one plugin says in its name which version it is of. */
function configOf(version: string): string {
  return `import { definePlugin } from 'multiecho'
export default { plugins: [definePlugin({ name: '${version}', apiVersion: 1, setup() {} })()] }
`
}

/** A config that has such a plugin from another file. */
const IMPORTING = `import { dice } from './dice.ts'
export default { plugins: [dice()] }
`
function diceOf(version: string): string {
  return `import { definePlugin } from 'multiecho'
export const dice = definePlugin({ name: '${version}', apiVersion: 1, setup() {} })
`
}

/** As a link is put in the place of another one so that there is no moment without one. */
function relink(folder: Folder, target: string, name: string): void {
  const path = join(folder.path, name)
  symlinkSync(target, `${path}_tmp`)
  renameSync(`${path}_tmp`, path)
}

/** Starts a host that watches its config; the folder is there already. */
async function watching(folder: string, ...args: string[]): Promise<Child> {
  const all = [CLI, '--port', '0', '--host', '127.0.0.1', '--watch', ...args]
  const child = startChild(process.execPath, all, { cwd: folder })
  await listeningPort(child)
  await child.stdout.until('watching ')
  return child
}

async function added(child: Child, version: string): Promise<void> {
  assert.match(await child.stdout.until(RELOADED), `added ${version}`)
}

test('what a linked config imports is looked for beside the file that the link leads to', async () => {
  const files = { 'real/chat.config.ts': IMPORTING, 'real/dice.ts': diceOf('one') }
  using folder = makeFolder({ files })
  mkdirSync(join(folder.path, 'here'))
  relink(folder, '../real/chat.config.ts', 'here/chat.config.ts')
  const { stdout } = await runIn(join(folder.path, 'here'), 'check')
  assert.match(stdout, 'chat.config.ts: no problems; 1 plugin: one\n')
})

test('a package that is missed behind a link is told with where it was looked for', async () => {
  using folder = makeFolder({ files: { 'real/chat.config.ts': `import 'nope-pkg'` } })
  relink(folder, 'real/chat.config.ts', 'chat.config.ts')
  assert.match(
    sentenceOf(await runIn(folder.path, 'check')),
    /^multiecho: chat\.config\.ts: Cannot find module 'nope-pkg'; install it, or correct its name in the import; the config is a link, and imports are resolved from real\/chat\.config\.ts$/,
  )
})

test('with --watch a linked config is followed, whether its file changes or its link does', async () => {
  const files = { 'a/chat.config.ts': configOf('one'), 'b/chat.config.ts': configOf('three') }
  using folder = makeFolder({ files })
  relink(folder, 'a/chat.config.ts', 'chat.config.ts')
  await using child = await watching(folder.path)
  writeFileSync(join(folder.path, 'a/chat.config.ts'), configOf('two'))
  await added(child, 'two')
  relink(folder, 'b/chat.config.ts', 'chat.config.ts')
  await added(child, 'three')
  writeFileSync(join(folder.path, 'b/chat.config.ts'), configOf('four'))
  await added(child, 'four')
})

test('with --watch the swap of a ConfigMap of Kubernetes is one change', async () => {
  const mapOf = (version: string, time: string) => ({
    [`..${time}/chat.config.ts`]: IMPORTING,
    [`..${time}/dice.ts`]: diceOf(version),
  })
  using folder = makeFolder({ files: mapOf('one', '2026_a') })
  const at = (name: string): string => join(folder.path, name)
  relink(folder, '..2026_a', '..data')
  for (const name of ['chat.config.ts', 'dice.ts']) relink(folder, `..data/${name}`, name)
  await using child = await watching(folder.path)
  for (const [version, time, before] of [
    ['two', '2026_b', '2026_a'],
    ['three', '2026_c', '2026_b'],
  ] as const) {
    mkdirSync(at(`..${time}`))
    for (const [name, text] of Object.entries(mapOf(version, time))) writeFileSync(at(name), text)
    relink(folder, `..${time}`, '..data')
    await added(child, version)
    rmSync(at(`..${before}`), { recursive: true })
  }
  const reloads = child.stdout.text.match(/^reloaded/gm)?.length
  assert.is(reloads, 2)
})

test('with --watch a release folder behind a link may be swapped for another', async () => {
  const files = {
    'releases/1/chat.config.ts': IMPORTING,
    'releases/1/dice.ts': diceOf('one'),
    'releases/2/chat.config.ts': IMPORTING,
    'releases/2/dice.ts': diceOf('two'),
  }
  using folder = makeFolder({ files })
  relink(folder, 'releases/1', 'current')
  await using child = await watching(folder.path, '-c', 'current/chat.config.ts')
  relink(folder, 'releases/2', 'current')
  await added(child, 'two')
})

test('with --watch a link that an import goes through may be swapped for another', async () => {
  const files = { 'chat.config.ts': IMPORTING, 'a.ts': diceOf('one'), 'b.ts': diceOf('two') }
  using folder = makeFolder({ files })
  relink(folder, 'a.ts', 'dice.ts')
  await using child = await watching(folder.path)
  relink(folder, 'b.ts', 'dice.ts')
  await added(child, 'two')
})

test('with --watch a link that leads nowhere is watched until there is a file behind it', async () => {
  using folder = makeFolder({ config: configOf('one') })
  await using child = await watching(folder.path)
  relink(folder, 'later/chat.config.ts', 'chat.config.ts')
  await child.stderr.until(
    /^multiecho: not reloaded: chat\.config\.ts: it is a link to later\/.*\n/m,
  )
  mkdirSync(join(folder.path, 'later'))
  await child.stderr.until(/^multiecho: not reloaded: .*\n/m)
  writeFileSync(join(folder.path, 'later/new'), configOf('two'))
  renameSync(join(folder.path, 'later/new'), join(folder.path, 'later/chat.config.ts'))
  await added(child, 'two')
})

test.run()
