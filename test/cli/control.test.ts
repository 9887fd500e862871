/** The control socket: whose it is, and what is asked there and answered, whatever either end does. */
import { once } from 'node:events'
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
import { connect, type Socket } from 'node:net'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { askHost } from '../../core/ask-host.ts'
import { ChatError } from '../../core/errors.ts'
import { startChild } from '../support/child.ts'
import { answersTo, asked, fakeHost } from '../support/control.ts'
import {
  CLI,
  listeningPort,
  makeFolder,
  runCli,
  runIn,
  sentenceOf,
  startHost,
  type HostProcess,
} from '../support/host.ts'
import { isThere, unless } from '../support/programs.ts'

const test = suite('the control socket')

const LOCAL = ['--port', '0', '--host', '127.0.0.1']
const INSPECT = '{"command":"inspect"}'

function socketOf({ folder }: HostProcess): string {
  return path(folder.path, '.multiecho.sock')
}

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

// Whose it is

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
    for (let round = 0; round < 3; round++) {
      if (left === 'a stale one') await leaveStale(file)
      const args = [CLI, ...LOCAL, '--control', file]
      const children = Array.from({ length: 5 }, () =>
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
            assert.match(sentenceOf(ended), 'another host has it')
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
    ['none', /there is no folder \S+\/none; make it, or name another path/],
    ['file', /\S+\/file is no folder; name another path/],
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
    /left of a host that has ended, and this user may not remove it/,
  ],
  ['that only that one may open', 0o600, /there already and belongs to another user/],
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

// What is asked

test('who asks is answered though nothing more will come from there', async () => {
  await using host = await startHost()
  const file = socketOf(host)
  for (const text of [`${INSPECT}\n`, INSPECT, `${INSPECT}\r\n`]) {
    assert.match(await answersTo(file, text), /^\{"ok":true,.*\}\n$/)
  }
  // Both answers come, in order, however long the first one takes.
  const both = await answersTo(file, '{"command":"reload"}\n{"command":"off","plugin":"mute"}')
  assert.match(
    both,
    /^\{"ok":true,"result":"reloaded .*\}\n\{"ok":true,"result":"mute is off"\}\n$/,
  )
})

test('a request may come in pieces, cut anywhere', async () => {
  await using host = await startHost()
  const bytes = Buffer.from('{"command":"off","plugin":"müte"}\n')
  for (let at = 0; at <= bytes.length; at++) {
    const answer = await answersTo(socketOf(host), bytes.subarray(0, at), bytes.subarray(at))
    assert.match(answer, 'there is no plugin \\"müte\\" in the config')
  }
})

test('whatever is no request is refused as that, and the next one is answered', async () => {
  await using host = await startHost()
  const odd: ReadonlyArray<string | Uint8Array> = [
    '',
    ' ',
    '\0',
    'null',
    'true',
    '0',
    '"reload"',
    '[]',
    '[{"command":"reload"}]',
    '{}',
    '{',
    '{"command":null}',
    '{"command":["reload"]}',
    '{"command":"__proto__"}',
    '{"command":"toString"}',
    '{"__proto__":{"command":"reload"}}',
    '{"command":"off","plugin":["mute"]}',
    '{"command":"on","plugin":{}}',
    'GET / HTTP/1.1',
    '['.repeat(4096),
    '{"a":'.repeat(800),
    `"${'x'.repeat(4094)}"`,
    'x'.repeat(1_000_000),
    Uint8Array.of(0xff, 0xfe, 0xc3),
  ]
  for (const text of odd) {
    const answers = await answersTo(socketOf(host), text, `\n${INSPECT}\n`)
    assert.match(answers, /^\{"ok":false,"code":"REQUEST_INVALID",.*\}\n\{"ok":true,.*\}\n$/)
  }
})

test('a request has 4096 bytes at most', async () => {
  await using host = await startHost()
  const filled = (length: number): string => INSPECT.padEnd(length, ' ')
  assert.match(await answersTo(socketOf(host), filled(4096)), '"ok":true')
  assert.match(await answersTo(socketOf(host), filled(4097)), '"code":"REQUEST_INVALID"')
  assert.match(await asked(socketOf(host), filled(4097)), 'a request has 4096 bytes at most')
})

test('nothing more is read from who does not take the answers', async () => {
  await using host = await startHost()
  const count = 2000
  const requests = `${INSPECT.padEnd(4095, ' ')}\n`.repeat(count)
  const socket = connect({ path: socketOf(host), allowHalfOpen: true })
  let isTaken = false
  socket.end(requests, () => {
    isTaken = true
  })
  await once(socket, 'connect')
  // Enough turns of the host for it to have read all of it, and to keep all answers.
  for (let turn = 0; turn < 300; turn++) await asked(socketOf(host), '{}')
  assert.not.ok(isTaken, 'it was read')
  let answers = 0
  for await (const chunk of socket) answers += String(chunk).split('\n').length - 1
  assert.ok(isTaken)
  assert.is(answers, count)
})

test('sixteen may be connected at a time, and one more is told to try again', async () => {
  await using host = await startHost()
  const sockets: Socket[] = []
  while (sockets.length < 16) {
    const socket = connect(socketOf(host))
    sockets.push(socket)
    await once(socket, 'connect')
  }
  const [idle] = sockets
  // Its answer shows that the host has taken in all of them.
  sockets.at(-1)?.write(`${INSPECT}\n`)
  await once(sockets.at(-1) as Socket, 'data')
  const ended = await runIn(host.folder.path, 'inspect')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'no answer at .multiecho.sock: it closed the connection without')
  idle?.destroy()
  for (const socket of sockets) socket.destroy()
})

// What is answered

for (const [what, answer, expected] of [
  ['garbage', 'garbage\n', 'what it says is no answer of a host'],
  ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'what it says is no answer of a host'],
  ['JSON that is no answer', '[]\n', 'what it says is no answer of a host'],
  ['null', 'null\n', 'what it says is no answer of a host'],
  ['a refusal without words', '{"ok":false}\n', 'what it says is no answer of a host'],
  ['half an answer', '{"ok":true,"res', 'it closed the connection without an answer'],
  ['nothing', '', 'it closed the connection without an answer'],
] as const) {
  test(`who is answered ${what} is told so in one sentence`, async () => {
    using folder = makeFolder()
    using _host = await fakeHost(path(folder.path, '.multiecho.sock'), (socket) => {
      socket.end(answer)
    })
    for (const command of ['reload', 'inspect', 'plugins']) {
      const ended = await runIn(folder.path, command)
      assert.is(ended.status, 1)
      assert.match(sentenceOf(ended), `no answer at .multiecho.sock: ${expected}`)
    }
  })
}

test('of two answers the first one counts', async () => {
  using folder = makeFolder()
  using _host = await fakeHost(path(folder.path, '.multiecho.sock'), (socket) => {
    socket.write('{"ok":true,"result":"one"}\n{"ok":true,"result":"two"}\n{')
  })
  assert.is((await runIn(folder.path, 'reload')).stdout, 'one\n')
})

test('an answer without end is given up', async () => {
  using folder = makeFolder()
  using _host = await fakeHost(path(folder.path, '.multiecho.sock'), (socket) => {
    const more = (): void => {
      while (socket.write('x'.repeat(65_536)));
    }
    socket.on('drain', more)
    more()
  })
  const ended = await runIn(folder.path, 'reload')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'what it says has no end')
})

test('a host that never answers is given up, and SIGINT does not wait for it', async () => {
  using folder = makeFolder()
  const file = path(folder.path, '.multiecho.sock')
  using host = await fakeHost(file, () => {})
  const given = await askHost(file, { command: 'reload' }, 50).catch((error: unknown) => error)
  assert.instance(given, ChatError)
  assert.is((given as ChatError).code, 'NO_ANSWER')
  assert.match((given as ChatError).message, 'it has not answered within 0.05 s')
  await host.asked
  using other = await fakeHost(path(folder.path, 'other.sock'), () => {})
  const args = [CLI, 'reload', '--control', 'other.sock']
  await using child = startChild(process.execPath, args, { cwd: folder.path })
  await other.asked
  child.kill('SIGINT')
  assert.is((await child.ended()).status, 'SIGINT')
})

test('a file that is no socket is told as that', async () => {
  using folder = makeFolder({ files: { 'x.sock': '' } })
  const ended = await runIn(folder.path, 'reload', '--control', 'x.sock')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'no host answers at x.sock: that is no socket')
})

test.run()
