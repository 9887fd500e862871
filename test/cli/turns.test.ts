/** Changes of a running host that are asked for at once: each is worked out when its turn comes. */
import { renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost, type HostProcess } from '../support/host.ts'
import { join } from '../support/tcp-client.ts'

const test = suite('changes of a running host')

/** A config that takes a while to load where there is a file `slow`, until there is one `go`. */
function slowConfig(help: string): string {
  return `import { existsSync } from 'node:fs'
import { definePlugin, z } from 'multiecho'
import { defaults } from 'multiecho/plugins'
const told = definePlugin({ name: 'told', apiVersion: 1, options: z.strictObject({ text: z.string() }),
  setup(host, { text }) { host.command({ name: 'told', help: '', run: () => text }) } })
while (existsSync('slow') && !existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 5))
export default { ${help}, plugins: [defaults(), told({ text: '${help.replaceAll("'", '')}' })] }
`
}

/** Asks on one connection each; resolves to the answers. */
function ask(host: HostProcess, ...requests: readonly string[]): Array<Promise<string>> {
  return requests.map(
    (request) =>
      new Promise((resolve, reject) => {
        let answer = ''
        const socket = connect(path(host.folder.path, '.multiecho.sock'), () =>
          socket.write(`${request}\n`),
        )
        socket.on('data', (chunk: Buffer) => {
          answer += String(chunk)
          if (answer.endsWith('\n')) socket.destroy()
        })
        socket.on('close', () => resolve(answer))
        socket.on('error', reject)
      }),
  )
}

function result(answer: string): unknown {
  return (JSON.parse(answer) as { result?: unknown }).result
}

function write(host: HostProcess, name: string, text: string): void {
  const file = path(host.folder.path, name)
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

/** What runs, by name. */
async function running(host: HostProcess): Promise<Record<string, string>> {
  const [answer] = await Promise.all(ask(host, '{"command":"inspect"}'))
  const { plugins } = result(answer ?? '') as {
    plugins: ReadonlyArray<{ name: string; state: string }>
  }
  return Object.fromEntries(plugins.map(({ name, state }) => [name, state]))
}

test('plugins that are switched at once are all switched', async () => {
  await using host = await startHost()
  using ann = await join(host.port)
  const names = ['mute', 'help', 'quit', 'stats']
  const off = names.map((plugin) => JSON.stringify({ command: 'off', plugin }))
  const answers = await Promise.all(ask(host, ...off))
  assert.equal(
    answers.map(result),
    names.map((name) => `${name} is off`),
  )
  const states = await running(host)
  for (const name of names) assert.is(states[name], 'off', name)
  ann.say('/mute')
  await ann.hears('there is no command /mute')
})

test('a plugin that is switched off during a reload is off, and runs by the new config when it is on', async () => {
  await using host = await startHost({ config: slowConfig(`unknownCommand: 'hint'`) })
  using ann = await join(host.port)
  using bob = await join(host.port)
  write(host, 'chat.config.ts', slowConfig(`unknownCommand: 'echo'`))
  write(host, 'slow', '')
  const asked = ask(host, '{"command":"reload"}')
  const later = ask(host, '{"command":"off","plugin":"mute"}')
  write(host, 'go', '')
  const [[reloaded], [off]] = await Promise.all([Promise.all(asked), Promise.all(later)])
  assert.match(reloaded ?? '', 'reloaded chat.config.ts: changed told; unchanged 6')
  assert.is(result(off ?? ''), 'mute is off')
  assert.equal((await running(host))['mute'], 'off')
  ann.say('/mute')
  await bob.hears(`(${ann.id}) /mute`)
  ann.say('/told')
  await ann.hears('unknownCommand: echo')
})

test('two hundred SIGHUPs are one reload, and one more for those that came meanwhile', async () => {
  await using host = await startHost({ config: slowConfig(`unknownCommand: 'hint'`) })
  write(host, 'slow', '')
  const asked = ask(host, '{"command":"reload"}')
  await Promise.all(ask(host, '{"command":"inspect"}'))
  for (let count = 0; count < 200; count++) host.child.kill('SIGHUP')
  const more = ask(host, ...Array<string>(5).fill('{"command":"reload"}'))
  await Promise.all(ask(host, '{"command":"inspect"}'))
  write(host, 'go', '')
  for (const answer of await Promise.all([...asked, ...more])) assert.match(answer, '"ok":true')
  const { log } = await host.stop()
  const reloads = log.match(/reloaded chat\.config\.ts/g)?.length ?? 0
  assert.ok(reloads === 2 || reloads === 3, `${reloads} reloads`)
})

test('what cannot change while it runs is named at every reload', async () => {
  const config = (more: string): string => `export default { ${more} }`
  await using host = await startHost({ config: config('') })
  write(host, 'chat.config.ts', config(`control: 'other.sock', host: '127.0.0.2', port: 1`))
  for (let count = 0; count < 3; count++) {
    const [answer] = await Promise.all(ask(host, '{"command":"reload"}'))
    assert.match(
      String(result(answer ?? '')),
      'control cannot change while running; it stays .multiecho.sock',
    )
  }
  write(host, 'chat.config.ts', config(''))
  const [answer] = await Promise.all(ask(host, '{"command":"reload"}'))
  assert.is(result(answer ?? ''), 'reloaded chat.config.ts: unchanged 6')
})

test.run()
