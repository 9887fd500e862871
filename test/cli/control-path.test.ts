/** Whose the control socket is: one host's at a time, and nobody's but its owner's. */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startChild } from '../support/child.ts'
import { asked, socketOf } from '../support/control.ts'
import {
  CLI,
  listeningPort,
  makeFolder,
  runCli,
  runIn,
  sentenceOf,
  startHost,
} from '../support/host.ts'
import { isThere, unless } from '../support/programs.ts'

const test = suite('the path of the control socket')

const LOCAL = ['--port', '0', '--host', '127.0.0.1']
const INSPECT = '{"command":"inspect"}'

function isThereAt(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined
}

/** Leaves a socket at a path at which nobody listens any more. */
async function leaveStale(file: string): Promise<void> {
  const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  await using child = startChild(process.execPath, ['-e', script, file])
  await child.ended()
  assert.ok(lstatSync(file).isSocket())
}

test('a host that stops leaves the socket of another one alone', async () => {
  using folder = makeFolder()
  const file = path(folder.path, 'both.sock')
  const args = [...LOCAL, '--control', file]
  await using first = await startHost({ args })
  unlinkSync(file)
  await using second = await startHost({ args })
  assert.is((await first.stop()).status, 0)
  assert.match(await asked(file, INSPECT), '"ok":true')
  await second.stop()
  assert.not.ok(isThereAt(file))
})

test('a host that stops leaves a file alone that has taken the place of its socket', async () => {
  await using host = await startHost()
  unlinkSync(socketOf(host))
  writeFileSync(socketOf(host), 'mine')
  assert.is((await host.stop()).status, 0)
  assert.is(host.folder.read('.multiecho.sock'), 'mine')
})

for (const left of ['a stale one', 'none']) {
  test(`of hosts that start at once on ${left}, one has the socket and each other is refused`, async () => {
    using folder = makeFolder()
    const file = path(folder.path, 'all.sock')
    for (let round = 0; round < 2; round++) {
      if (left === 'a stale one') await leaveStale(file)
      const args = [CLI, ...LOCAL, '--control', file]
      const children = Array.from({ length: 4 }, () =>
        startChild(process.execPath, args, { cwd: folder.path }),
      )
      try {
        const started = await Promise.all(
          children.map(async (child) => {
            const hasStarted = await listeningPort(child).then(
              () => true,
              () => false,
            )
            if (hasStarted) return true
            const ended = await child.ended()
            assert.match(sentenceOf(ended), 'another host is using it')
            assert.is(ended.status, 1)
            return false
          }),
        )
        assert.is(started.filter(Boolean).length, 1, String(started))
        assert.match(await asked(file, INSPECT), '"ok":true')
      } finally {
        for (const child of children) await child[Symbol.asyncDispose]()
      }
      assert.equal(
        readdirSync(folder.path).filter((name) => name !== 'chat.log'),
        [],
      )
    }
  })
}

test('nobody but its owner may open it from the first moment on, whatever the umask', async () => {
  using folder = makeFolder()
  const modes = new Set<number>()
  const watcher = watch(folder.path, () => {
    const found = lstatSync(path(folder.path, '.multiecho.sock'), { throwIfNoEntry: false })
    if (found !== undefined) modes.add(found.mode & 0o777)
  })
  const command = `umask 0; exec "$0" "$@"`
  const args = ['-c', command, process.execPath, CLI, ...LOCAL]
  await using child = startChild('sh', args, { cwd: folder.path })
  await listeningPort(child)
  watcher.close()
  assert.equal([...modes], [0o600])
  assert.equal(readdirSync(folder.path).toSorted(), ['.multiecho.sock', 'chat.log'])
})

test('a path whose folder is not there is told as that', async () => {
  using folder = makeFolder({ files: { file: '' } })
  for (const [none, expected] of [
    ['none', /there is no folder \S+\/none; create it, or name another path/],
    ['file', /\S+\/file is not a folder; name another path/],
  ] as const) {
    const ended = await runCli([...LOCAL, '--control', path(folder.path, none, 'x.sock')])
    assert.is(ended.status, 1)
    assert.match(sentenceOf(ended), expected)
  }
})

/** As root without what makes root no ordinary user in other people's folders. */
const ORDINARY = [
  'setpriv',
  '--bounding-set',
  '-dac_override,-dac_read_search,-fowner',
  process.execPath,
  CLI,
] as const
const noOther =
  process.getuid?.() !== 0
    ? 'only root can leave what is another user’s'
    : isThere('setpriv')
      ? undefined
      : 'the program setpriv is not installed'
const testOther = unless(test, noOther)
const OTHER = 12345

for (const [what, mode, expected] of [
  [
    'that anybody may open',
    0o777,
    /left over from a host that has ended, and this user may not remove it/,
  ],
  ['that only that one may open', 0o600, /exists already and belongs to another user/],
] as const) {
  testOther(`a socket of another user ${what} is told in one sentence`, async () => {
    using folder = makeFolder()
    const shared = path(folder.path, 'shared')
    mkdirSync(shared)
    chownSync(shared, OTHER, OTHER)
    chmodSync(shared, 0o1777)
    const file = path(shared, 'x.sock')
    await leaveStale(file)
    chownSync(file, OTHER, OTHER)
    chmodSync(file, mode)
    const ended = await runCli([...LOCAL, '--control', file], { command: ORDINARY })
    assert.is(ended.status, 1)
    assert.match(sentenceOf(ended), expected)
    assert.ok(isThereAt(file))
    assert.equal(readdirSync(shared), ['x.sock'])
  })
}

testOther(
  'in a folder of another user a host runs without its usual socket, and says so',
  async () => {
    using folder = makeFolder({
      config: `import { echo } from 'multiecho/plugins'
    export default { plugins: [echo()] }`,
    })
    chownSync(folder.path, OTHER, OTHER)
    chmodSync(folder.path, 0o755)
    const [program, ...first] = ORDINARY
    await using child = startChild(program, [...first, ...LOCAL], { cwd: folder.path })
    await child.stderr.until(
      /control socket \.multiecho\.sock: this user may not write to this folder/,
    )
    await listeningPort(child)
  },
)

test('a folder in the place of a socket is told to be one, whichever way it is named', async () => {
  using folder = makeFolder()
  for (const control of ['.', './', '..', folder.path]) {
    const asking = await runIn(folder.path, 'reload', '--control', control)
    assert.is(asking.status, 1)
    assert.match(sentenceOf(asking), /: it is not a socket; start one in this folder, /)
    const starting = await runIn(folder.path, ...LOCAL, '--control', control)
    assert.is(starting.status, 1)
    assert.match(sentenceOf(starting), 'a file of that name exists that is not a socket')
  }
})

test.run()
