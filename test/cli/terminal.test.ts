/** The host in a terminal: what its operator sees and types. */
import { cpSync, symlinkSync } from 'node:fs'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { endProcess } from '../support/child.ts'
import { CHECKOUT, CLI, listeningPort, makeFolder } from '../support/host.ts'
import { needs } from '../support/programs.ts'
import { join } from '../support/tcp-client.ts'
import { Key, openTerminal } from '../support/terminal.ts'

const test = suite('the host in a terminal')
const testScript = needs(test, 'script')

/** What `npm start` runs, and what that reads. */
const SOURCES = ['package.json', 'tsconfig.json', 'chat.config.ts', 'core', 'plugins']

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
  const config = `
    import { definePlugin } from 'multiecho'
    import { echo, logging, stats } from 'multiecho/plugins'
    const pid = definePlugin({
      name: 'pid',
      apiVersion: 1,
      setup(host) { host.onStart(() => host.log.info('process ' + process.pid)) },
    })
    export default { plugins: [logging(), stats(), echo(), pid()] }
  `
  using folder = makeFolder({ config })
  await using terminal = openTerminal(`'${process.execPath}' '${CLI}' -p 0`, { cwd: folder.path })
  using client = await join(await listeningPort(terminal))
  const pid = Number(/^TIME pid: process (\d+)$/m.exec(folder.log())?.[1])
  try {
    terminal.kill('SIGKILL')
    await client.closed()
    await folder.holds('chat.log', new RegExp(`stats: ${client.id} +0 +0   false\n`))
  } finally {
    endProcess(pid)
  }
})

test.run()
