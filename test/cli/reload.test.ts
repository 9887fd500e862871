/** A running host is reloaded and told things: by SIGHUP, by its control socket, by a changed file. */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Ended } from '../support/child.ts'
import {
  makeFolder,
  runCli,
  runIn,
  sentenceOf,
  startHost,
  type HostProcess,
} from '../support/host.ts'
import { asked } from '../support/control.ts'
import { join } from '../support/tcp-client.ts'

const test = suite('reload of a running host')

const LOCAL = ['--port', '0', '--host', '127.0.0.1']

function configOf(dice: string, more = ''): string {
  return `import { defineConfig } from 'multiecho'
import { defaults } from 'multiecho/plugins'
import { dice } from './dice.ts'
export default defineConfig({ ${more} plugins: [defaults(), dice(${dice})] })
`
}

const DICE = `import { definePlugin, z } from 'multiecho'
export const dice = definePlugin({
  name: 'dice',
  apiVersion: 1,
  options: z.strictObject({ text: z.string().default('six') }).prefault({}),
  setup(host, { text }) {
    host.command({ name: 'roll', help: 'Roll.', run: () => text })
  },
})
`

const files = { 'dice.ts': DICE }

/** Runs another command of ours in the folder of a host. */
function tell(host: HostProcess, ...args: string[]): Promise<Ended> {
  return runIn(host.folder.path, ...args)
}

function write(host: HostProcess, name: string, text: string): void {
  const file = path(host.folder.path, name)
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

test('an option changes under connected clients', async () => {
  await using host = await startHost({ files, config: configOf('{}'), args: LOCAL })
  using ann = await join(host.port)
  ann.say('/roll')
  await ann.hears('six')
  write(host, 'chat.config.ts', configOf(`{ text: 'seven' }`))
  const { status, stdout } = await tell(host, 'reload')
  assert.is(status, 0)
  assert.is(stdout, 'reloaded chat.config.ts: changed dice; unchanged 6\n')
  ann.say('/roll')
  await ann.hears('seven')
})

test('two clients that keep talking lose no line over twenty reloads, and hear none twice', async () => {
  await using host = await startHost({ files, config: configOf('{}'), args: LOCAL })
  using ann = await join(host.port)
  using bob = await join(host.port)
  let number = 0
  const timer = setInterval(() => {
    ann.say(`a${number}`)
    bob.say(`b${number}`)
    number++
  }, 1)
  const config = path(host.folder.path, '.multiecho.sock')
  for (let round = 0; round < 20; round++) {
    assert.match(await asked(config, '{"command":"reload"}'), '"ok":true')
  }
  clearInterval(timer)
  assert.ok(number > 20)
  for (let line = 0; line < number; line++) {
    await bob.hears(`(${ann.id}) a${line}`)
    await ann.hears(`(${bob.id}) b${line}`)
  }
  const { stdout, log } = await host.stop()
  for (const { id } of [ann, bob]) {
    assert.match(stdout, `${id.padEnd(16)}   ${String(number).padStart(8)}          0   false\n`)
  }
  assert.is(log.match(/reloaded chat\.config\.ts/g)?.length, 20)
})

test('a config that cannot be parsed changes nothing, and the place is named', async () => {
  await using host = await startHost({ files, config: configOf('{}'), args: LOCAL })
  using ann = await join(host.port)
  write(host, 'dice.ts', `${DICE}\nthis is wrong\n`)
  const ended = await tell(host, 'reload')
  assert.is(ended.status, 1)
  assert.match(
    sentenceOf(ended),
    /^multiecho: not reloaded: dice\.ts:11:\d+: it cannot be parsed: [^.]*; correct it there$/,
  )
  await host.logged(/multiecho: not reloaded: dice\.ts:11:\d+: it cannot be parsed/)
  ann.say('/roll')
  await ann.hears('six')
})

test('SIGHUP reloads, and names what cannot change', async () => {
  await using host = await startHost({
    files,
    config: configOf('{}'),
    args: ['--host', '127.0.0.1'],
  })
  write(host, 'chat.config.ts', configOf('{}', 'port: 1,'))
  host.child.kill('SIGHUP')
  await host.logged('reloaded chat.config.ts: changed dice; unchanged 6')
  await host.logged(`port cannot change while running; it stays ${host.port}`)
})

test('with --watch a change of a local file is enough', async () => {
  await using host = await startHost({ files, config: configOf('{}'), args: [...LOCAL, '--watch'] })
  using ann = await join(host.port)
  write(host, 'dice.ts', DICE.replace('six', 'nine'))
  await host.child.stdout.until('reloaded chat.config.ts: changed dice; unchanged 6\n')
  ann.say('/roll')
  await ann.hears('nine')
  write(host, 'dice.ts', 'x x')
  await host.child.stderr.until(/not reloaded: dice\.ts:1:\d: it cannot be parsed.*\n/)
  write(host, 'dice.ts', DICE.replace('six', 'ten'))
  await host.child.stdout.until('reloaded chat.config.ts: changed dice; unchanged 6\n')
  ann.say('/roll')
  await ann.hears('ten')
})

test('--watch says what it watches, and shows the faults of plugins as the log has them', async () => {
  const crashing = DICE.replace('() => text', '() => undefined.six')
  const watching = { config: configOf('{}'), args: [...LOCAL, '--watch'] }
  await using host = await startHost({ files: { 'dice.ts': crashing }, ...watching })
  await host.child.stdout.until('watching chat.config.ts and the local files that it imports\n')
  using ann = await join(host.port)
  ann.say('/roll')
  const shown = await host.child.stderr.until(/^plugins: plugin dice: \/roll failed: .*\n/m)
  assert.match(shown, / \(dice\.ts:7\)\n$/)
  await host.logged(shown.trimEnd())
})

test('with --watch a file that is away for a while is still watched, and one that is made is found', async () => {
  const config = configOf('{}').replace('./dice.ts', './lib/dice')
  const watching = { config, args: [...LOCAL, '--watch'] }
  await using host = await startHost({ files: { 'lib/dice.ts': DICE }, ...watching })
  const { stdout, stderr } = host.child
  await stdout.until('watching ')
  const at = (name: string): string => path(host.folder.path, name)
  const missing = /not reloaded: chat\.config\.ts: Cannot find module '.*\n/
  const reloaded = 'reloaded chat.config.ts: changed dice; unchanged 6\n'
  for (const [one, other] of [
    [at('lib/dice.ts'), at('lib/away.ts')],
    [at('lib'), at('away')],
  ] as const) {
    renameSync(one, other)
    await stderr.until(missing)
    renameSync(other, one)
    await stdout.until(reloaded)
    write(host, 'lib/dice.ts', DICE.replace('six', 'seven'))
    await stdout.until(reloaded)
  }
  write(host, 'chat.config.ts', configOf('{}').replace('./dice.ts', './new/dice.js'))
  await stderr.until(missing)
  mkdirSync(at('new'))
  await stderr.until(missing)
  write(host, 'new/dice.ts', DICE)
  await stdout.until(reloaded)
  write(host, 'new/dice.ts', DICE.replace('six', 'seven'))
  await stdout.until(reloaded)
})

test('a config file that is gone is told as that, and watched for', async () => {
  await using host = await startHost({ files, config: configOf('{}'), args: [...LOCAL, '--watch'] })
  const { stdout, stderr } = host.child
  await stdout.until('watching ')
  const file = path(host.folder.path, 'chat.config.ts')
  const gone =
    'not reloaded: chat.config.ts: the config file is gone; put it back, and reload again'
  renameSync(file, `${file}.away`)
  await stderr.until(`${gone}\n`)
  const ended = await tell(host, 'reload')
  assert.is(ended.status, 1)
  assert.is(sentenceOf(ended), `multiecho: ${gone}`)
  renameSync(`${file}.away`, file)
  await stdout.until('reloaded chat.config.ts')
})

test('what is refused is said to have changed nothing', async () => {
  const before = `import { definePlugin, defineService } from 'multiecho'
const time = defineService('clock')
const clock = definePlugin({ name: 'clock', apiVersion: 1, setup: (host) => host.provide(time, 1) })
const user = definePlugin({ name: 'user', apiVersion: 1, setup(host) { host.onStart(() => { host.inject(time) }) } })
`
  const listed = 'plugins: [clock(), user()] }'
  await using host = await startHost({ config: `${before}export default { ${listed}`, args: LOCAL })
  write(host, 'chat.config.ts', `${before}export default { prot: 1, ${listed}`)
  assert.match(
    sentenceOf(await tell(host, 'reload')),
    /^multiecho: not reloaded: chat\.config\.ts: prot: /,
  )
  const off = await tell(host, 'plugins', 'off', 'clock')
  assert.is(off.status, 1)
  assert.match(
    sentenceOf(off),
    /^multiecho: clock was not switched off: user could not start: no plugin provides the service clock; /,
  )
})

test('a local file of JavaScript is loaded anew as well', async () => {
  const config = configOf('{}').replace('dice.ts', 'dice.mjs')
  await using host = await startHost({ files: { 'dice.mjs': DICE }, config, args: LOCAL })
  using ann = await join(host.port)
  write(host, 'dice.mjs', DICE.replace('six', 'two'))
  await tell(host, 'reload')
  ann.say('/roll')
  await ann.hears('two')
})

// The control socket

test('only its owner may open the control socket, and it goes with the host', async () => {
  await using host = await startHost()
  const socket = path(host.folder.path, '.multiecho.sock')
  assert.is(statSync(socket).mode & 0o777, 0o600)
  await host.stop()
  assert.throws(() => statSync(socket), /ENOENT/)
})

test('one that is left of a killed host is replaced, that of a running one is not', async () => {
  using folder = makeFolder()
  const socket = path(folder.path, 'left.sock')
  const args = [...LOCAL, '--control', socket]
  {
    await using killed = await startHost({ args })
    killed.child.kill('SIGKILL')
    await killed.child.ended()
  }
  assert.ok(statSync(socket).isSocket())
  await using host = await startHost({ args })
  assert.match(await asked(socket, '{"command":"reload"}'), 'reloaded the defaults')
  const second = await runCli(args)
  assert.is(second.status, 1)
  assert.match(sentenceOf(second), 'another host is using it')
  assert.is((await host.stop()).status, 0)
})

test('a file of that name that is no socket stays, and the host runs without one', async () => {
  await using host = await startHost({ files: { '.multiecho.sock': 'mine' } })
  await host.logged(
    'control socket .multiecho.sock: a file of that name exists that is not a socket',
  )
  await host.stop()
  assert.is(host.folder.read('.multiecho.sock'), 'mine')
})

test('control: false makes none', async () => {
  await using host = await startHost({ config: 'export default { control: false }' })
  const ended = await tell(host, 'reload')
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'no host answers at .multiecho.sock: there is no such socket')
})

test('what is no request is answered with what is wrong about it, and who hangs does not keep the host from stopping', async () => {
  await using host = await startHost()
  const socket = path(host.folder.path, '.multiecho.sock')
  for (const [request, problem] of [
    ['reload', 'expected a line of JSON'],
    ['null', 'expected the command reload, inspect, on or off'],
    ['{"command":"on"}', 'expected the name of a plugin'],
    ['x'.repeat(5000), 'a request has 4096 bytes at most'],
  ] as const) {
    const answer = await asked(socket, request)
    assert.match(answer, '"code":"REQUEST_INVALID"')
    assert.match(answer, problem)
  }
  const hanging = connect(socket)
  hanging.on('error', () => {})
  await new Promise((resolve) => hanging.on('connect', resolve))
  // Its half of a request shows that the host has taken it in.
  hanging.write('{"command":')
  await asked(socket, 'null')
  assert.is((await host.stop()).status, 0)
})

test('a path that is too long for a socket is told', async () => {
  const ended = await runCli([...LOCAL, '--control', `/tmp/${'x'.repeat(120)}`])
  assert.is(ended.status, 1)
  assert.match(sentenceOf(ended), 'may have 103 bytes')
})

// Plugins and inspect

test('a plugin is switched off and on again', async () => {
  await using host = await startHost()
  using ann = await join(host.port)
  assert.is((await tell(host, 'plugins', 'off', 'mute')).stdout, 'mute is off\n')
  assert.match((await tell(host, 'plugins')).stdout, /^off {2}mute$/m)
  ann.say('/mute')
  await ann.hears('there is no command /mute; type /help for a list')
  assert.is((await tell(host, 'plugins', 'on', 'mute')).stdout, 'mute is on\n')
  using bob = await join(host.port)
  ann.say('/mute')
  ann.say('unheard')
  ann.say('/unmute')
  ann.say('heard')
  await bob.hears(`(${ann.id}) heard`)
  assert.match(sentenceOf(await tell(host, 'plugins', 'off', 'mut')), 'did you mean "mute"?')
})

test('a plugin is called by its whole name, which is told where its scope was left out', async () => {
  const config = `import { definePlugin } from 'multiecho'
const translate = definePlugin({ name: 'acme:translate', apiVersion: 1, setup() {} })
export default { plugins: [translate()] }`
  await using host = await startHost({ config })
  for (const word of ['off', 'on']) {
    assert.match(
      sentenceOf(await tell(host, 'plugins', word, 'translate')),
      'there is no plugin "translate" in the config; did you mean "acme:translate"?',
    )
    const { stdout } = await tell(host, 'plugins', word, 'acme:translate')
    assert.is(stdout, `acme:translate is ${word}\n`)
  }
})

test('inspect shows what runs, or what would', async () => {
  const config = `import { definePlugin, z } from 'multiecho'
import { echo, mute } from 'multiecho/plugins'
const secret = definePlugin({
  name: 'acme:secret', apiVersion: 1, version: '1.2.3', requires: ['mute'],
  options: z.strictObject({ apiKey: z.string(), url: z.string() }),
  setup() {},
})
export default { plugins: [echo(), mute(), secret({ apiKey: 'hush1', url: 'http://me:hush2@localhost/' })] }`
  await using host = await startHost({ config })
  using ann = await join(host.port)
  const { stdout } = await tell(host, 'inspect')
  assert.not.match(stdout, /hush/)
  assert.match(
    stdout,
    'acme:secret 1.2.3  {"apiKey":"(hidden)","url":"http://(hidden)@localhost/"}',
  )
  assert.match(stdout, /Filter +mute\n.*Deliver +echo\n/)
  const would = await tell(host, 'inspect', '-c', 'chat.config.ts')
  assert.is(would.stdout, stdout)
  await tell(host, 'inspect', '--timings')
  ann.say('hello')
  await ann.isRead()
  const report = JSON.parse((await tell(host, 'inspect', '--timings', '--json')).stdout) as {
    hooks: Record<string, unknown>
    timings: { plugins: ReadonlyArray<{ plugin: string; calls: number; time: number }> }
  }
  assert.equal(report.hooks['line'], [
    { plugin: 'mute', stage: 'Filter' },
    { plugin: 'echo', stage: 'Deliver' },
  ])
  assert.equal(
    report.timings.plugins.map(({ plugin, calls }) => [plugin, calls]),
    [
      ['echo', 1],
      ['mute', 1],
      ['acme:secret', 0],
    ],
  )
  const refused = sentenceOf(await tell(host, 'plugins', 'off', 'mute'))
  assert.match(refused, 'mute cannot be switched off: acme:secret requires it')
})

test('without a host inspect shows the config, and the others say what to do', async () => {
  const shown = await runCli(['inspect'])
  assert.match(shown.stdout, /^the defaults\n├─ plugins \(6\)\n/)
  for (const args of [['reload'], ['plugins'], ['inspect', '--timings']]) {
    const ended = await runCli(args)
    assert.is(ended.status, 1)
    assert.match(sentenceOf(ended), /no host answers at .*start one in this folder/)
  }
})

test.run()
