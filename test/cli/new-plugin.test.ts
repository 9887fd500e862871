/** `multiecho new-plugin`: what it writes, and that it overwrites nothing. `.ci/run` installs and runs what it writes. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startChild, type Ended } from '../support/child.ts'
import { CHECKOUT, CLI, makeFolder, runIn, sentenceOf } from '../support/host.ts'

const test = suite('new-plugin')

function newPlugin(folder: string, ...args: string[]): Promise<Ended> {
  return runIn(folder, 'new-plugin', ...args)
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()
}

const FILES = [
  '.gitignore',
  'README.md',
  'chat.config.ts',
  'package.json',
  'src/dice.ts',
  'test/dice.test.ts',
  'tsconfig.build.json',
  'tsconfig.json',
]

test('it writes a package and says what to do next', async () => {
  using folder = makeFolder()
  const { status, stdout, stderr } = await newPlugin(folder.path, 'dice')
  assert.is(stderr, '')
  assert.is(status, 0)
  const target = join(folder.path, 'multiecho-plugin-dice')
  assert.equal(
    filesIn(folder.path),
    FILES.map((file) => `multiecho-plugin-dice/${file}`),
  )
  for (const file of FILES) {
    assert.match(stdout, `wrote multiecho-plugin-dice/${file}\n`)
    const text = readFileSync(join(target, file), 'utf8')
    assert.not.match(text, /PLUGIN_|_RANGE/, file)
  }
  assert.ok(stdout.endsWith('  cd multiecho-plugin-dice\n  npm install\n  npm test\n  npm start\n'))
  const made = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as Made
  const own = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as Made
  assert.is(made.name, 'multiecho-plugin-dice')
  assert.equal(made.keywords, ['multiecho-plugin'])
  assert.equal(made.peerDependencies, { multiecho: `^${own.version}` })
  assert.is(made.devDependencies['typescript'], `^${own.devDependencies['typescript']}`)
  assert.is(made.devDependencies['tsx'], `^${own.devDependencies['tsx']}`)
  assert.is(made.engines['node'], own.engines['node'])
})

test('it prints what the docs show', async () => {
  using folder = makeFolder()
  const page = readFileSync(join(CHECKOUT, 'docs/reference/command-line.md'), 'utf8')
  const shown = /```text new-plugin\n([^]*?)```/.exec(page)?.[1]
  const { stdout } = await newPlugin(folder.path, 'acme:dice', '--command', 'roll')
  assert.is(stdout, shown)
})

test('what it writes has the right types, and passes its test', async () => {
  using folder = makeFolder()
  await newPlugin(
    folder.path,
    'acme:new',
    'here',
    '--command',
    'roll-2',
    '--description',
    `It's "new" & $1.`,
  )
  const here = join(folder.path, 'here')
  mkdirSync(join(here, 'node_modules'))
  symlinkSync(CHECKOUT, join(here, 'node_modules/multiecho'))
  for (const name of ['tsx', '@types'])
    symlinkSync(join(CHECKOUT, 'node_modules', name), join(here, 'node_modules', name))
  const run = async (...args: string[]): Promise<Ended> => {
    await using child = startChild(process.execPath, args, { cwd: here })
    return await child.ended()
  }
  const made = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as Made
  assert.is(made.name, '@acme/multiecho-plugin-new')
  assert.is(made.description, `It's "new" & $1.`)
  const checked = await run(join(CHECKOUT, 'node_modules/typescript/bin/tsc'), '-p', '.')
  assert.is(checked.status, 0, checked.stdout)
  // A second file with a test, and one that leaves a timer open.
  writeFileSync(
    join(here, 'test/open.test.ts'),
    "import { test } from 'node:test'\ntest('open', () => void setInterval(() => {}, 1000))\n",
  )
  const [program, ...args] = made.scripts['test']?.split(' ') ?? []
  assert.is(program, 'node')
  assert.is(args.pop(), 'test/*.test.ts')
  const files = filesIn(join(here, 'test')).map((file) => `test/${file}`)
  const tested = await run(...args, '--test-reporter=tap', ...files)
  assert.is(tested.status, 0, tested.stdout)
  assert.match(tested.stdout, /^# pass 4$/m)
  const listed = await run(CLI, 'check')
  assert.match(listed.stdout, 'plugins: acme:new, logging')
})

test('in JavaScript it is the same package: it has the right types, passes its test and makes types', async () => {
  using folder = makeFolder()
  const { status, stderr } = await newPlugin(folder.path, 'acme:new', 'here', '--js')
  assert.is(status, 0, stderr)
  const here = join(folder.path, 'here')
  assert.equal(
    filesIn(here),
    FILES.map((file) => file.replace(/\.ts$/, '.js').replace('dice', 'new')),
  )
  for (const file of filesIn(here)) {
    const text = readFileSync(join(here, file), 'utf8')
    assert.not.match(text, /PLUGIN_|_RANGE|(?<!\.d)\.ts\b|```ts/, file)
  }
  mkdirSync(join(here, 'node_modules'))
  symlinkSync(CHECKOUT, join(here, 'node_modules/multiecho'))
  symlinkSync(join(CHECKOUT, 'node_modules/@types'), join(here, 'node_modules/@types'))
  const run = async (...args: string[]): Promise<Ended> => {
    await using child = startChild(process.execPath, args, { cwd: here })
    return await child.ended()
  }
  const tsc = join(CHECKOUT, 'node_modules/typescript/bin/tsc')
  const made = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as Made
  const checked = await run(tsc, '-p', '.')
  assert.is(checked.status, 0, checked.stdout)
  const args = made.scripts['test']?.split(' ').slice(1, -1) ?? []
  const tested = await run(...args, '--test-reporter=tap', 'test/new.test.js')
  assert.is(tested.status, 0, tested.stdout)
  assert.match(tested.stdout, /^# pass 3$/m)
  const listed = await run(CLI, 'check')
  assert.match(listed.stdout, 'plugins: acme:new, logging')
  const built = await run(tsc, ...(made.scripts['build']?.split(' ').slice(1) ?? []))
  assert.is(built.status, 0, built.stdout)
  const { types, default: code } = made.exports['.']
  assert.match(readFileSync(join(here, types), 'utf8'), /greeting\?: string/)
  assert.equal(filesIn(join(here, 'dist')), ['new.d.ts'])
  assert.ok(readFileSync(join(here, code), 'utf8').includes('definePlugin('))
  // What is wrong in its types is told, JavaScript or not.
  writeFileSync(join(here, 'src/wrong.js'), "import { plugin } from './new.js'\n")
  assert.is.not((await run(tsc, '-p', '.')).status, 0)
})

test('its README says once what it is, and has even tables, whatever the command is called', async () => {
  using folder = makeFolder()
  const command = 'a-very-long-name_of-a-command-that-nobody-types'
  await newPlugin(folder.path, 'dice', 'plain', '--command', command)
  await newPlugin(folder.path, 'dice', 'told', '--command', 'r', '--description', 'Dice.')
  const [plain, told] = ['plain', 'told'].map((name) => folder.read(`${name}/README.md`))
  assert.ok(plain?.startsWith('# multiecho-plugin-dice\n\nA plugin for multiecho.\n\n## '))
  assert.ok(told?.startsWith('# multiecho-plugin-dice\n\nDice.\n\nA plugin for multiecho.\n\n## '))
  for (const text of [plain, told]) {
    const tables = text?.match(/(?:^\|.*\n)+/gm) ?? []
    assert.is(tables.length, 3)
    for (const table of tables) {
      const rows = table.trimEnd().split('\n')
      assert.is(new Set(rows.map((row) => row.length)).size, 1, table)
    }
  }
})

test('the package in docs/examples/ is one that was written so, and has grown', async () => {
  using folder = makeFolder()
  await newPlugin(folder.path, 'acme:poll', '.')
  const example = join(CHECKOUT, 'docs/examples/multiecho-plugin-poll')
  assert.equal(filesIn(example), filesIn(folder.path))
  for (const file of filesIn(folder.path)) {
    if (file === 'package.json' || !/json$|^\.git/.test(file)) continue
    assert.is(readFileSync(join(example, file), 'utf8'), folder.read(file), file)
  }
  const [made, grown] = [folder.path, example].map(
    (path) => JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Made,
  )
  assert.equal({ ...grown, description: '' }, { ...made, description: '' })
})

test('it overwrites nothing, and writes nothing then', async () => {
  using folder = makeFolder({ files: { 'mine/src/dice.ts': 'mine' } })
  const ended = await newPlugin(folder.path, 'dice', 'mine')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), /: mine\/src\/dice\.ts already exists, so .*name another folder/)
  assert.equal(filesIn(folder.path), ['mine/src/dice.ts'])
  assert.is(folder.read('mine/src/dice.ts'), 'mine')
})

test('it writes beside what is there, where the names differ', async () => {
  using folder = makeFolder({ files: { LICENSE: 'mine' } })
  const { status, stdout } = await newPlugin(folder.path, 'dice', '.')
  assert.is(status, 0)
  assert.equal(filesIn(folder.path), [...FILES, 'LICENSE'].toSorted())
  assert.not.match(stdout, /^ {2}cd /m)
})

test('a folder that cannot be written to is told', async () => {
  using folder = makeFolder()
  writeFileSync(join(folder.path, 'file'), '')
  const ended = await newPlugin(folder.path, 'dice', 'file/below')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), /file.*; name a writable folder$/)
})

const wrong: ReadonlyArray<readonly [what: string, args: readonly string[], told: RegExp]> = [
  ['no name', [], /name/],
  ['an empty name', [''], /found ""/],
  ['a name in upper case', ['Dice'], /as in dice or acme:dice; found "Dice"/],
  ['a name that begins with a digit', ['8ball'], /begins with a letter/],
  ['a name with two scopes', ['a:b:c'], /found "a:b:c"/],
  ['a path', ['../dice'], /found "\.\.\/dice"/],
  ['a name that is too long', ['d'.repeat(65)], /at most 64/],
  ['the name of a package', ['multiecho-plugin-dice'], /write dice$/],
  ['the name of a scoped package', ['@acme/multiecho-plugin-dice'], /write acme:dice$/],
  ['the name of a built-in plugin', ['echo'], /built-in plugin echo.*acme:echo/],
  ['a command that is none', ['dice', '--command', 'Roll'], /--command: .*"Roll"/],
  ['a command of a built-in plugin', ['dice', '--command=quit'], /\/quit is a built-in command/],
  ['a plugin called like a command', ['acme:help'], /\/help is a built-in command.*--command NAME/],
  ['an empty description', ['dice', '--description', ''], /--description: .*found ""/],
  ['a description that ends a comment', ['dice', '--description', 'a */'], /without \*\//],
  ['a description of two lines', ['dice', '--description', 'a\nb'], /a line/],
  ['an option for running', ['dice', '-p', '0'], /--port is for running a chat/],
  ['too many words', ['dice', 'here', 'there'], /there/],
]

for (const [what, args, told] of wrong) {
  test(`${what} is told, and nothing is written`, async () => {
    using folder = makeFolder()
    const ended = await newPlugin(folder.path, ...args)
    assert.is(ended.status, 2)
    assert.match(sentenceOf(ended), told)
    assert.equal(filesIn(folder.path), [])
  })
}

test('its options are none of running a chat', async () => {
  using folder = makeFolder()
  const ended = await runIn(folder.path, '--command', 'roll')
  assert.is(ended.status, 2)
  assert.match(sentenceOf(ended), /--command/)
})

test.run()

interface Made {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly keywords: readonly string[]
  readonly engines: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly exports: { readonly '.': { readonly types: string; readonly default: string } }
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}
