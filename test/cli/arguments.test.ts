/** The command line: what it takes, and the one sentence that says what is wrong with it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseArguments } from '../../core/cli/arguments.ts'
import { ChatError } from '../../core/index.ts'
import { CHECKOUT, runCli, sentenceOf } from '../support/host.ts'

const test = suite('the command line')

test('--help tells all options and commands', async () => {
  const { status, stdout, stderr } = await runCli(['--help'])
  assert.is(status, 0)
  assert.is(stderr, '')
  for (const word of [
    '-p, --port',
    '--host',
    '-c, --config',
    '--version',
    '--help',
    'check',
    'new-plugin',
  ]) {
    assert.match(stdout, word)
  }
})

/** Every option, with a value where it takes one. */
const OPTIONS = [
  ['--port', '1'],
  ['--host', '::1'],
  ['--config', 'x.ts'],
  ['--control', 'x.sock'],
  ['--watch'],
  ['--json'],
  ['--timings'],
  ['--description', 'x'],
  ['--command', 'x'],
  ['--js'],
] as const

const COMMANDS: ReadonlyArray<readonly [typed: readonly string[], takes: readonly string[]]> = [
  [[], ['--port', '--host', '--config', '--control', '--watch']],
  [['check'], ['--port', '--host', '--config', '--control']],
  [
    ['new-plugin', 'dice'],
    ['--description', '--command', '--js'],
  ],
  [['reload'], ['--control']],
  [['plugins'], ['--control', '--json']],
  [['plugins', 'off', 'mute'], ['--control']],
  [['inspect'], ['--config', '--control', '--json', '--timings']],
]

/** What is said of a command line; nothing where it is right. */
function said(...args: readonly string[]): string {
  try {
    assert.ok(parseArguments(['node', 'multiecho', ...args], '1.0.0'))
    return ''
  } catch (error) {
    if (!(error instanceof ChatError)) throw error
    assert.is(error.code, 'USAGE')
    return error.message
  }
}

for (const [typed, takes] of COMMANDS) {
  const name = typed.join(' ') || 'a run'
  test(`${name} takes ${takes.join(', ')}, and refuses every other option`, () => {
    for (const option of OPTIONS) {
      const sentence = said(...typed, ...option)
      if (takes.includes(option[0])) assert.is(sentence, '')
      else assert.match(sentence, new RegExp(`${option[0]} is for \\w`), option[0])
    }
  })
}

for (const [typed, takes] of COMMANDS.filter(([words]) => words.length !== 3)) {
  test(`the help of ${typed[0] ?? 'a run'} has exactly the options that it takes`, async () => {
    const { stdout } = await runCli([...typed.slice(0, 1), '--help'])
    const shown = stdout.match(/^ +(?:-\w, )?--[\w-]+/gm)?.map((line) => line.replace(/.*--/, '--'))
    const always = typed.length === 0 ? ['--help', '--version'] : ['--help']
    assert.equal(shown?.toSorted(), [...takes, ...always].toSorted())
  })
}

test('a running host is found by its control socket, and not by where it listens or by a config', () => {
  for (const option of ['--port', '--host', '--config'])
    assert.match(said('reload', option, '1'), `--${option.slice(2)} is for running a chat`)
  assert.match(
    said('plugins', '-c', 'party.ts'),
    '--config is for running a chat, check, and inspect; a running host is found by its control socket, with --control PATH; see',
  )
})

test('a -- that pnpm hands on is passed over, wherever it stands', () => {
  for (const [args, port] of [
    [['--', '-p', '9090', '--watch'], 9090],
    [['-p', '9090', '--', '--watch'], 9090],
    [['--', '--', '--watch'], undefined],
  ] as const) {
    const asked = parseArguments(['node', 'multiecho', ...args], '1.0.0')
    assert.equal(asked?.task, { command: 'run', watch: true })
    assert.is(asked?.port, port)
  }
  assert.is(parseArguments(['node', 'multiecho', 'check', '--', '-c', 'x'], '1.0.0')?.config, 'x')
  const off = parseArguments(['node', 'multiecho', 'plugins', '--', 'off', 'mute'], '1.0.0')
  assert.equal(off?.task, { command: 'off', plugin: 'mute' })
  assert.match(said('check', '--', '-p', 'x'), /--port: expected a whole number/)
})

test('an empty path is none', () => {
  for (const args of [['-c', ''], ['-c='], ['--config', ''], ['check', '--config=']])
    assert.is(said(...args), '--config: expected a path, found ""')
  assert.is(said('reload', '--control', ''), '--control: expected a path, found ""')
})

test('--version tells the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
    version: string
  }
  const { status, stdout, stderr } = await runCli(['--version'])
  assert.is(status, 0)
  assert.is(stderr, '')
  assert.match(stdout, `multiecho/${version} `)
})

const wrong: ReadonlyArray<readonly [what: string, args: readonly string[], expected: RegExp]> = [
  ['an unknown option', ['--prot', '9090'], /--prot\b/],
  ['an unknown short option', ['-x'], /-x\b/],
  [
    'a misspelt option',
    ['--wach'],
    /Unknown option --wach; did you mean --watch\? See multiecho --help$/,
  ],
  [
    'an option of a run for check',
    ['check', '--watch'],
    /^multiecho: --watch is for running a chat; see/,
  ],
  ['an option of two commands', ['check', '--json'], /--json is for plugins and inspect; see/],
  ['an unknown command', ['serve'], /\bserve\b/],
  ['a port above 65535', ['-p', '70000'], /--port: .*65535.*"70000"/],
  ['a port that is a word', ['--port', 'abc'], /--port: .*"abc"/],
  ['an empty port', ['--port', ''], /--port: .*""/],
  ['an empty attached port', ['--port='], /--port: .*""/],
  ['a negative port', ['--port', '-1'], /--port: .*"-1"/],
  ['a negative short port', ['-p', '-1'], /--port: .*"-1"/],
  ['a port with a letter behind it', ['-p', '9090x'], /--port: .*"9090x"/],
  ['an attached port with a letter behind it', ['-p9090x'], /--port: .*"9090x"/],
  ['a hexadecimal port', ['--port=0x2382'], /--port: .*"0x2382"/],
  ['a port with a fraction', ['--port', '90.5'], /--port: .*"90\.5"/],
  ['a port that is left out', ['--port'], /--port\b.*missing/],
  ['a host that a parser would round', ['--host', '1.10'], /--host: .*"1\.10"/],
  ['a host that is a number', ['--host', '10'], /--host: .*"10"/],
  ['an empty host', ['--host', ''], /--host: .*""/],
  ['a repeated option', ['--port', '0', '--port', '0'], /--port\b.*\b2 times/],
  ['a repeated short option', ['-p', '0', '-p', '0'], /--port\b.*\b2 times/],
  ['an option given both long and short', ['--port', '0', '-p', '0'], /--port\b.*\b2 times/],
  ['a repeated host', ['--host', '::1', '--host', '::1'], /--host\b.*\b2 times/],
  ['an argument behind check', ['check', 'all'], /\ball\b/],
  [
    'the format of a list for a plugin that is switched',
    ['plugins', 'on', 'mute', '--json'],
    /^multiecho: plugins on: --json is for the list of plugins; leave it out/,
  ],
  ["a chat's option for a new plugin", ['new-plugin', 'dice', '--watch'], /--watch\b/],
  ['a plugin that is not named', ['plugins', 'on'], /name of a plugin is missing/],
  ['a turn that is none', ['plugins', 'up', 'mute'], /expected on NAME or off NAME, found "up"/],
  [
    'timings of a config file',
    ['inspect', '--timings', '-c', 'x.ts'],
    /inspect: --config .*--timings .*; use one or the other; see/,
  ],
  [
    'a config file that is not there',
    ['--config', 'none.ts'],
    /^multiecho: none\.ts: .*no such file/,
  ],
]

for (const [what, args, expected] of wrong) {
  test(`${what} ends it with one sentence and status 2`, async () => {
    const ended = await runCli(args)
    assert.match(sentenceOf(ended), expected)
    assert.is(ended.stdout, '')
    assert.is(ended.status, 2)
  })
}

test('what a wrong option is shown to have been is safe for a terminal', async () => {
  const sentence = sentenceOf(await runCli(['--port', '\x1b]0;pwn\x07\n\u202e']))
  assert.not.match(sentence, /[\p{Cc}\u202e]/u)
})

test.run()
