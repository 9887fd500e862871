/** The host in a terminal: what its operator sees and types. */
import { cpSync, symlinkSync } from 'node:fs'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { endProcess } from '../support/child.ts'
import { CHECKOUT, CLI, listeningPort, makeFolder, type Folder } from '../support/host.ts'
import { needs } from '../support/programs.ts'
import { join } from '../support/tcp-client.ts'
import { Key, openTerminal } from '../support/terminal.ts'

const test = suite('the host in a terminal')
const testScript = needs(test, 'script')

/** What `npm start` runs, and what that reads. */
const SOURCES = ['package.json', 'tsconfig.json', 'chat.config.ts', 'core', 'plugins']

const COMMAND = `'${process.execPath}' '${CLI}' -p 0 --host 127.0.0.1`

/** A config whose log tells the process's id, with a command that warns and one that fails. */
function withPid(log: string): string {
  return `
    import { definePlugin } from 'multiecho'
    import { echo, logging, stats } from 'multiecho/plugins'
    const pid = definePlugin({
      name: 'pid',
      apiVersion: 1,
      setup(host) {
        host.onStart(() => host.log.info('process ' + process.pid))
        host.command({ name: 'warn', help: 'Warn.', run: () => host.log.warn('rolled off') })
        host.command({ name: 'fail', help: 'Fail.', run() { throw new Error('six of one') } })
      },
    })
    export default { plugins: [${log}, stats(), echo(), pid()] }
  `
}

function pidOf(folder: Folder): number {
  return Number(/^TIME pid: process (\d+)$/m.exec(folder.log())?.[1])
}

testScript('one Ctrl-C under npm start ends with the table, the log and status 0', async () => {
  using folder = makeFolder()
  for (const name of SOURCES) {
    cpSync(path(CHECKOUT, name), path(folder.path, name), { recursive: true })
  }
  symlinkSync(path(CHECKOUT, 'node_modules'), path(folder.path, 'node_modules'))
  await using terminal = openTerminal('npm start -- -p 0', {
    cwd: folder.path,
    env: { npm_config_update_notifier: 'false' },
  })
  const port = await listeningPort(terminal)
  using speaker = await join(port)
  using listener = await join(port)
  speaker.say('one')
  await listener.hears(`(${speaker.id}) one`)

  terminal.type(Key.CtrlC)
  const { status, stdout } = await terminal.ended()
  assert.is(status, 0, stdout)
  assert.is(stdout.split('Used /quit').length, 2, stdout)
  assert.match(stdout, new RegExp(`^${speaker.id} +1 +0   false\r$`, 'm'))
  const log = folder.log()
  assert.match(log, 'TIME chat: interrupt signal received\n')
  assert.match(log, new RegExp(`^TIME stats: ${speaker.id} +1 +0   false$`, 'm'))
})

testScript('a terminal that is closed ends the host in order', async () => {
  using folder = makeFolder({ config: withPid('logging()') })
  await using terminal = openTerminal(COMMAND, { cwd: folder.path })
  using client = await join(await listeningPort(terminal))
  const pid = pidOf(folder)
  try {
    terminal.kill('SIGKILL')
    await client.closed()
    await folder.holds('chat.log', new RegExp(`stats: ${client.id} +0 +0   false\n`))
  } finally {
    endProcess(pid)
  }
})

testScript(
  'a terminal on hold stops neither the chat nor the host, and shows all when it goes on',
  async () => {
    using folder = makeFolder({ config: withPid(`logging({ file: '-', lines: true })`) })
    await using terminal = openTerminal(COMMAND, { cwd: folder.path })
    const port = await listeningPort(terminal)
    using speaker = await join(port)
    using listener = await join(port)
    terminal.type(Key.CtrlS)
    const lines = Array.from({ length: 3000 }, (_, index) => `line ${index}`)
    for (const line of lines) speaker.say(line)
    for (const line of lines) await listener.hears(`(${speaker.id}) ${line}`)
    assert.not.match(terminal.screen.text, 'line 2999')
    terminal.type(Key.CtrlQ)
    await terminal.screen.until(`line 2999\r\n`)
    const shown = terminal.screen.text.match(/^[^\n]* logging: \([^\n]*\) line \d+\r$/gm)
    assert.is(shown?.length, 3000)
  },
)

testScript('SIGTERM ends a host whose terminal is on hold, in order', async () => {
  using folder = makeFolder({ config: withPid('logging()') })
  await using terminal = openTerminal(COMMAND, { cwd: folder.path })
  using speaker = await join(await listeningPort(terminal))
  const pid = pidOf(folder)
  try {
    terminal.type(Key.CtrlS)
    // What is printed of these fills whatever there is of room behind the terminal.
    for (let line = 0; line < 100; line++) speaker.say('/warn')
    const begun = performance.now()
    process.kill(pid, 'SIGTERM')
    await speaker.closed()
    const { status } = await terminal.ended()
    const seconds = (performance.now() - begun) / 1000
    assert.is(status, 0)
    assert.ok(seconds < 3.5, `it took ${seconds} s`)
    assert.match(folder.log(), `TIME stats: ${speaker.id} `)
  } finally {
    endProcess(pid)
  }
})

testScript(
  'warnings and worse are on the terminal, too, and once, whatever else is printed there',
  async () => {
    for (const [log, options] of [
      ['logging()', ''],
      ['logging()', '--watch'],
      [`logging({ file: '-' })`, ''],
    ] as const) {
      using folder = makeFolder({ config: withPid(log) })
      await using terminal = openTerminal(`${COMMAND} ${options}`, { cwd: folder.path })
      using speaker = await join(await listeningPort(terminal))
      speaker.say('/warn')
      await terminal.screen.until('rolled off')
      speaker.say('/fail')
      await terminal.screen.until('six of one')
      terminal.type(Key.CtrlC)
      const { stdout } = await terminal.ended()
      assert.is(stdout.split('rolled off').length, 2, stdout)
      assert.is(stdout.split('six of one').length, 2, stdout)
    }
  },
)

test.run()
