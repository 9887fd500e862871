/** The folder in which plugins store things: where it is, what survives in it, and what is said where it cannot be used. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { HostReport } from '../../core/host/inspect.ts'
import { startChild } from '../support/child.ts'
import {
  CLI,
  listeningPort,
  makeFolder,
  runCli,
  runIn,
  sentenceOf,
  startHost,
  type Folder,
} from '../support/host.ts'
import { isThere, unless } from '../support/programs.ts'
import { join } from '../support/tcp-client.ts'

const test = suite('data folder')

const LOCAL = ['--port', '0', '--host', '127.0.0.1']

/** A config whose plugin runs something at its start, and has a command that runs something. */
function configOf(start: string, run = '', more = ''): string {
  return `import { definePlugin } from 'multiecho'
import { echo, logging } from 'multiecho/plugins'
const own = definePlugin({ name: 'own', apiVersion: 1, setup(host) {
  host.onStart(async () => { ${start} })
  host.command({ name: 'do', help: '', async run() { ${run} } })
} })
export default { ${more} plugins: [logging(), echo(), own()] }
`
}

const COUNT = `const n = (await host.store.get('n')) ?? 0
  await host.store.put('n', n + 1)`
const COUNTS = configOf(COUNT, `return 'n is ' + await host.store.get('n')`)

/** Runs a host in a folder that is there until a function has done with it; resolves when it has stopped. */
async function runUntil(cwd: string, visit: (port: number) => Promise<void>): Promise<void> {
  await using child = startChild(process.execPath, [CLI, ...LOCAL], { cwd })
  await visit(await listeningPort(child))
  child.kill('SIGINT')
  assert.is((await child.ended()).status, 0)
}

function modeOf(file: string): number {
  return statSync(file).mode & 0o777
}

test('it is made beside the config when a plugin first stores something, for its owner alone', async () => {
  const config = configOf('', `await host.store.put('a', 1); return 'done'`)
  await using host = await startHost({
    files: { 'sub/chat.config.ts': config },
    args: [...LOCAL, '--config', 'sub/chat.config.ts'],
  })
  const data = path(host.folder.path, 'sub/chat.data')
  using ann = await join(host.port)
  assert.not.ok(existsSync(data))
  ann.say('/do')
  await ann.hears('done')
  assert.is(modeOf(data), 0o700)
  assert.not.ok(existsSync(path(host.folder.path, 'chat.data')))
})

test('neither check nor inspect makes it, nor a chat in which nobody stores anything', async () => {
  using folder = makeFolder({ config: COUNTS })
  assert.is((await runIn(folder.path, 'check')).status, 0)
  assert.is((await runIn(folder.path, 'inspect')).status, 0)
  assert.equal(readdirSync(folder.path), ['chat.config.ts'])
  await using host = await startHost()
  await host.stop()
  assert.not.ok(existsSync(path(host.folder.path, 'chat.data')))
})

test('in setup nothing is opened, and check says so', async () => {
  const config = `import { definePlugin } from 'multiecho'
    const own = definePlugin({ name: 'own', apiVersion: 1, setup: (host) => void host.store.get('a') })
    export default { plugins: [own()] }`
  using folder = makeFolder({ config })
  const ended = await runIn(folder.path, 'check')
  assert.is(ended.status, 2)
  assert.match(sentenceOf(ended), /\(own\): setup: host\.store: it cannot be used in setup/)
  assert.equal(readdirSync(folder.path), ['chat.config.ts'])
})

test('a folder that is named in the config is used, and made in one that is there', async () => {
  await using host = await startHost({
    config: configOf(COUNT, '', `data: 'var/data',`),
    files: { 'var/x': '' },
  })
  assert.is(modeOf(path(host.folder.path, 'var/data')), 0o700)
})

test('what is in it is there after a stop, and inspect names who has used it', async () => {
  using folder = makeFolder({ config: COUNTS })
  const { path: cwd } = folder
  for (const count of [1, 2]) {
    await runUntil(cwd, async (port) => {
      using ann = await join(port)
      ann.say('/do')
      await ann.hears(`n is ${count}`)
      const { stdout } = await runIn(cwd, 'inspect', '--json')
      assert.equal((JSON.parse(stdout) as HostReport).stores, [{ plugin: 'own' }])
      assert.match((await runIn(cwd, 'inspect')).stdout, 'stores (1)\n   └─ own\n')
    })
  }
})

test('what was put and awaited survives SIGKILL, ten times in a row', async () => {
  const config = configOf(`const n = (await host.store.get('n')) ?? 0
    const all = await host.store.iterator({ gte: 'at:', lt: 'at;' }).all()
    if (all.length !== n) throw new Error(n + ' and ' + all.length)
    if (n === 10) throw new Error('all ' + n + ' are there')
    void host.store.put('at:' + n, 'x'.repeat(n * 1000))
    await host.store.put('n', n + 1)
    process.kill(process.pid, 'SIGKILL')`)
  using folder = makeFolder({ config })
  for (let count = 0; count < 10; count++) {
    assert.is((await runIn(folder.path, ...LOCAL)).status, 'SIGKILL')
  }
  assert.match(sentenceOf(await runIn(folder.path, ...LOCAL)), /all 10 are there/)
})

test('what waits to be written at the stop is written', async () => {
  const config = configOf(
    `if ((await host.store.get('n')) === 999) throw new Error('all are there')
    host.onDispose(() => { for (let n = 0; n < 1000; n++) void host.store.put('n', n) })`,
  )
  using folder = makeFolder({ config })
  await runUntil(folder.path, async () => {})
  assert.match(sentenceOf(await runIn(folder.path, ...LOCAL)), /all are there/)
})

test('a put that fails and that nobody awaits is a fault of the plugin, and the chat goes on', async () => {
  const config = configOf(
    '',
    `void host.store.put('a', 1n); void (async () => host.store.get(5))(); return 'done'`,
  )
  await using host = await startHost({ config })
  using ann = await join(host.port)
  using bob = await join(host.port)
  ann.say('/do')
  await ann.hears('done')
  await host.logged(/plugin own: host\.store\.put: expected a value that JSON can say, found 1/)
  await host.logged(/plugin own: host\.store\.get: expected a key, a text, found 5/)
  ann.say('hello')
  await bob.hears(`(${ann.id}) hello`)
  assert.is((await host.stop()).status, 0)
})

// What is wrong with it

/** Runs a host in a folder and returns what it says; nothing in the data folder may change by that. */
async function refused({ path: cwd }: Folder): Promise<string> {
  const before = contentsOf(path(cwd, 'chat.data'))
  const ended = await runIn(cwd, ...LOCAL)
  assert.is(ended.status, 1)
  assert.equal(contentsOf(path(cwd, 'chat.data')), before)
  const sentence = sentenceOf(ended)
  assert.match(sentence, /^multiecho: own could not start: /)
  return sentence
}

/** Every file below a folder, with what is in it. LevelDB's own log of what it does is none of it. */
function contentsOf(folder: string): Record<string, string> {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return {}
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = names.filter(
    (name) => statSync(path(folder, name)).isFile() && !/LOG(\.old)?$|LOCK$/.test(name),
  )
  return Object.fromEntries(
    files.toSorted().map((name) => [name, readFileSync(path(folder, name), 'hex')]),
  )
}

test('a second host on the same folder is told so, and the first goes on', async () => {
  await using host = await startHost({ config: COUNTS })
  const ended = await runIn(host.folder.path, ...LOCAL, '--control', 'other.sock')
  assert.is(ended.status, 1)
  assert.match(
    sentenceOf(ended),
    'own could not start: the data folder chat.data is in use by another host; stop that one, or name another folder with data in the config',
  )
  using ann = await join(host.port)
  ann.say('/do')
  await ann.hears('n is 1')
})

test('a file in its place is told, and left there', async () => {
  using folder = makeFolder({ config: COUNTS, files: { 'chat.data': 'mine' } })
  assert.match(
    await refused(folder),
    'chat.data is no folder, so it cannot be the data folder; move it away, or name another folder',
  )
  assert.is(folder.read('chat.data'), 'mine')
})

test('a folder that is to be made in none is told', async () => {
  using folder = makeFolder({ config: configOf(COUNT, '', `data: 'var/data',`) })
  assert.match(
    await refused(folder),
    'there is no folder var for the data folder var/data; make it, or name another folder',
  )
})

for (const [what, harm, expected] of [
  [
    'a file that says what is in it is garbage',
    (store: string) => {
      const name = readdirSync(store).find((one) => one.startsWith('MANIFEST')) ?? ''
      writeFileSync(path(store, name), 'garbage'.repeat(100))
    },
    /the data folder chat\.data is damaged: .*; nothing in it was changed: stop the host, and put a backup in its place/,
  ],
  [
    'a file without which it looks new is missing',
    (store: string) => unlinkSync(path(store, 'CURRENT')),
    /the data folder chat\.data is damaged: store\/CURRENT is missing; /,
  ],
] as const) {
  test(`where ${what}, it is told to be damaged and left as it is`, async () => {
    using folder = makeFolder({ config: COUNTS })
    await runUntil(folder.path, async () => {})
    harm(path(folder.path, 'chat.data/store'))
    assert.match(await refused(folder), expected)
    assert.match(await refused(folder), expected)
  })
}

const isRoot = process.getuid?.() === 0
const noOther = !isRoot
  ? 'only root can leave what is another user’s'
  : isThere('setpriv')
    ? undefined
    : 'the program setpriv is not installed'
const ORDINARY = [
  'setpriv',
  '--bounding-set',
  '-dac_override,-dac_read_search,-fowner',
  process.execPath,
  CLI,
] as const

for (const [what, place] of [
  ['in which it is to be made', '.'],
  ['that is there', 'chat.data'],
] as const) {
  unless(test, noOther)(
    `a folder ${what} and that this user may not write to is told`,
    async () => {
      const config = configOf(COUNT, '', `data: 'other/chat.data',`)
      using folder = makeFolder({ config, files: { 'other/x': '' } })
      const other = path(folder.path, 'other', place)
      if (place !== '.') mkdirSync(other)
      chownSync(other, 12345, 12345)
      chmodSync(other, 0o755)
      const file = path(folder.path, 'chat.config.ts')
      const ended = await runCli([...LOCAL, '--config', file], { command: ORDINARY })
      assert.is(ended.status, 1)
      assert.match(
        sentenceOf(ended),
        /this user may not write to the data folder \S+other\/chat\.data; let the user who runs the chat do so, or name/,
      )
    },
  )
}

test('another folder in a reload is told, and the one of before stays', async () => {
  await using host = await startHost({ config: COUNTS })
  writeFileSync(
    path(host.folder.path, 'chat.config.ts'),
    COUNTS.replace('export default { ', `export default { data: 'other', `),
  )
  const { status, stdout } = await runIn(host.folder.path, 'reload')
  assert.is(status, 0)
  assert.match(stdout, 'data cannot change while running; it stays chat.data')
  using ann = await join(host.port)
  ann.say('/do')
  await ann.hears('n is 2')
  assert.not.ok(existsSync(path(host.folder.path, 'other')))
})

test.run()
