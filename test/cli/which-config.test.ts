/** Which file is the config: where one seems to be meant, the defaults, which let everybody in, never run in its stead. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findConfigFile, realConfigFile } from '../../core/cli/find-config.ts'
import { ConfigError } from '../../core/index.ts'
import { startChild } from '../support/child.ts'
import { CLI, makeFolder, runIn, sentenceOf, startHost } from '../support/host.ts'
import { isThere, needs, unless } from '../support/programs.ts'

const test = suite('which file is the config')

/** What a config says that was read. */
const READ = /: port: must be a number, found "x"$/

/** What is said of the config of a folder; for an option, in place of the one that it has. */
function told(folder: string, asked?: string): string {
  try {
    const path = findConfigFile(folder, asked)
    if (path === undefined) return 'the defaults'
    realConfigFile(path, relative(folder, path) || '.')
    return 'found'
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
  }
}

/** What `check` says of a folder, which is that nothing is right. */
async function checked(folder: string, ...args: string[]): Promise<string> {
  const ended = await runIn(folder, 'check', ...args)
  assert.equal([ended.status, ended.stdout], [2, ''])
  return sentenceOf(ended)
}

const ESM = `export default { port: 'x' }`
const COMMON = `module.exports = { port: 'x' }`

for (const [name, text] of [
  ['chat.config.ts', ESM],
  ['chat.config.ts', COMMON],
  ['chat.config.mts', ESM],
  ['chat.config.cts', `export = { port: 'x' as const }`],
  ['chat.config.js', ESM],
  ['chat.config.js', COMMON],
  ['chat.config.mjs', ESM],
  ['chat.config.cjs', COMMON],
  ['chat.config.json', `{ "port": "x" }`],
] as const) {
  test(`${name} is found and read: ${text}`, async () => {
    using folder = makeFolder({ files: { [name]: text } })
    assert.match(await checked(folder.path), READ)
  })
}

for (const [name, expected] of [
  ['Chat.Config.ts', /is called chat\.config\.ts; rename it, or name it with --config FILE$/],
  ['CHAT.CONFIG.MJS', /is called chat\.config\.mjs; rename it/],
  ['chat-config.json', /is called chat\.config\.json; rename it/],
  ['multiecho.config.ts', /is called chat\.config\.ts; rename it/],
  ['chat.config', /write it as chat\.config\.ts, and remove this file$/],
  ['chat.config.tsx', /write it as chat\.config\.ts/],
  ['chat.config.yaml', /write it as chat\.config\.ts/],
  ['chat.config.yml', /write it as chat\.config\.ts/],
  ['chat.config.toml', /write it as chat\.config\.ts/],
  ['chat.config.json5', /write it as chat\.config\.ts/],
  ['chat.config.ts.txt', /write it as chat\.config\.ts/],
] as const) {
  test(`${name} is meant as the config, and the chat does not run without it`, () => {
    using folder = makeFolder({ files: { [name]: 'export default { port: 0 }' } })
    assert.ok(told(folder.path).startsWith(`${name}: `))
    assert.match(told(folder.path), expected)
  })
}

test('neither a check nor a start runs the defaults where a config is meant', async () => {
  const made: ReadonlyArray<(file: string) => void> = [
    (file) => symlinkSync('nowhere', file),
    (file) => writeFileSync(file.replace('chat.config', 'Chat.Config'), ''),
    (file) => [file, `${file}.yaml`].map((one) => writeFileSync(one, '')),
  ]
  await Promise.all(
    made.map(async (make) => {
      using folder = makeFolder()
      make(join(folder.path, 'chat.config.ts'))
      const started = await runIn(folder.path, '--port', '0', '--host', '127.0.0.1')
      assert.equal([started.status, started.stdout], [2, ''])
      assert.is(sentenceOf(started), await checked(folder.path))
    }),
  )
})

test('a copy that was put aside, an example, a declaration and a test are not meant as the config', () => {
  const names = [
    '.ts.bak',
    '.ts~',
    '.ts.new',
    '.example.ts',
    '.d.ts',
    '.test.ts',
    '.js.map',
    '.off',
  ]
  const files = Object.fromEntries(names.map((name) => [`chat.config${name}`, 'x x']))
  using aside = makeFolder({ files })
  assert.is(told(aside.path), 'the defaults')
  using beside = makeFolder({ files, config: ESM })
  assert.is(told(beside.path), 'found')
})

test('of two files that are each meant as the config none is taken', () => {
  for (const other of ['chat.config.mjs', 'Chat.Config.ts', 'chat.config.yaml']) {
    using folder = makeFolder({ files: { 'chat.config.ts': ESM, [other]: ESM } })
    for (const word of [other, 'chat.config.ts', 'are both here', '--config FILE'])
      assert.ok(told(folder.path).includes(word), told(folder.path))
    assert.is(told(folder.path, 'chat.config.ts'), 'found')
  }
})

// What is no file

test('a link that leads nowhere is no reason to run without a config', () => {
  using folder = makeFolder()
  symlinkSync('../gone.ts', join(folder.path, 'chat.config.ts'))
  for (const asked of [undefined, 'chat.config.ts'])
    assert.is(
      told(folder.path, asked),
      'chat.config.ts: it is a link to ../gone.ts, where there is no file; put one there, or correct the link',
    )
})

test('a link that leads back to itself is told as that', () => {
  using folder = makeFolder()
  symlinkSync('chat.config.ts', join(folder.path, 'chat.config.ts'))
  assert.is(told(folder.path), 'chat.config.ts: it is a link that leads back to itself; correct it')
})

test('a folder of the name of the config is told as that', () => {
  using folder = makeFolder()
  mkdirSync(join(folder.path, 'chat.config.ts'))
  const problem = 'it is a folder; name the config file in it with --config FILE'
  assert.is(told(folder.path), `chat.config.ts: ${problem}`)
  assert.is(told(folder.path, '.'), `.: ${problem}`)
})

needs(test, 'mkfifo')('a pipe of the name of the config does not hang the start', async () => {
  using folder = makeFolder()
  spawnSync('mkfifo', [join(folder.path, 'chat.config.ts')])
  assert.match(await checked(folder.path), /: it is a pipe or a device, .*; name a file$/)
})

test('in a folder that is gone whatever is asked ends with a sentence that says so', async () => {
  const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"'
  for (const args of [[], ['check'], ['reload'], ['inspect'], ['new-plugin', 'dice']]) {
    using folder = makeFolder()
    await using child = startChild('sh', ['-c', script, process.execPath, CLI, ...args], {
      cwd: folder.path,
    })
    const ended = await child.ended()
    assert.is(ended.status, 2)
    assert.is(
      sentenceOf(ended),
      'multiecho: the current folder no longer exists; start in another one',
    )
  }
})

test('a file in no language of a config is told so', () => {
  for (const name of ['party.yaml', 'party.toml', 'party.conf']) {
    using folder = makeFolder({ files: { [name]: 'port: 9090' } })
    assert.is(
      told(folder.path, name),
      `${name}: a config is TypeScript, JavaScript or JSON, and ${name} has none of their extensions; write it as chat.config.ts`,
    )
  }
})

// Rights: root may read everything, unless it is without the capabilities that let it

const isRoot = process.getuid?.() === 0
const cannotDrop = !isRoot || isThere('setpriv') ? undefined : 'setpriv is not installed'
const DROPPED = ['setpriv', '--inh-caps=-all', '--bounding-set=-dac_override,-dac_read_search']

/** What `check` says to somebody who may read no more than the rights of files allow. */
async function checkedWithoutRights(folder: string, ...args: string[]): Promise<string> {
  const dropped = isRoot ? DROPPED : []
  const [program = '', ...first] = [...dropped, process.execPath, CLI, 'check', ...args]
  await using child = startChild(program, first, { cwd: folder })
  return sentenceOf(await child.ended())
}

for (const [what, mode, fileMode, expected] of [
  ['file', 0o700, 0o000, /^multiecho: chat\.config\.ts: it cannot be read: EACCES/],
  ['folder', 0o300, 0o600, /^multiecho: config: cannot tell whether this folder has one: EA/],
] as const) {
  unless(test, cannotDrop)(`a ${what} that may not be read is told`, async () => {
    using folder = makeFolder({ config: ESM })
    chmodSync(join(folder.path, 'chat.config.ts'), fileMode)
    chmodSync(folder.path, mode)
    assert.match(await checkedWithoutRights(folder.path), expected)
    chmodSync(folder.path, 0o700)
  })
}

// A reload

test('a reload finds no other config, and runs no defaults, where the one it had is no more', async () => {
  await using host = await startHost({ config: 'export default { plugins: [] }' })
  const path = (name: string): string => join(host.folder.path, name)
  renameSync(path('chat.config.ts'), path('chat.config.mts'))
  const reload = async (): Promise<string> => sentenceOf(await runIn(host.folder.path, 'reload'))
  assert.match(
    await reload(),
    /not reloaded: chat\.config\.ts: the config file is gone; put it back/,
  )
  symlinkSync('nowhere', path('chat.config.ts'))
  assert.match(await reload(), /not reloaded: chat\.config\.ts: it is a link to nowhere, /)
  unlinkSync(path('chat.config.ts'))
  mkdirSync(path('chat.config.ts'))
  assert.match(await reload(), /not reloaded: chat\.config\.ts: it is a folder; /)
})

test('a host that was started without a config does not run on by the defaults where one is meant', async () => {
  await using host = await startHost()
  symlinkSync('nowhere', join(host.folder.path, 'chat.config.ts'))
  assert.match(
    sentenceOf(await runIn(host.folder.path, 'reload')),
    /not reloaded: chat\.config\.ts: it is a link to nowhere/,
  )
})

test.run()
