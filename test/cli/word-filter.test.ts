/** The word filter of the cookbook, whose list goes away while it runs: it fails closed, whatever is tried then. */
import { rmSync, writeFileSync } from 'node:fs'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runIn, sentenceOf, startHost, type HostProcess } from '../support/host.ts'
import { sectionsOf } from '../support/pages.ts'
import { join, type TcpClient } from '../support/tcp-client.ts'

const test = suite('a word filter that fails closed')

function block(name: string): string {
  const blocks = sectionsOf('docs/cookbook/word-filter.md').flatMap((section) => section.blocks)
  const found = blocks.find((one) => one.name === name)
  if (found === undefined) throw new Error(`the page has no ${name}`)
  return found.text
}

const setup = {
  config: block('chat.config.ts'),
  files: { 'word-filter.ts': block('word-filter.ts'), 'words.txt': 'darn\n' },
}

const AFTERWARDS =
  'the previous plugins are running again, except acme:word-filter (failed; its guards answer)'

interface Chat extends AsyncDisposable {
  readonly host: HostProcess
  readonly words: string
  /** Whether a line is shown to others. */
  passes(line: string): Promise<boolean>
}

async function start(): Promise<Chat> {
  const host = await startHost(setup)
  const [ann, bob]: readonly [TcpClient, TcpClient] = [await join(host.port), await join(host.port)]
  let heard = 0
  return {
    host,
    words: path(host.folder.path, 'words.txt'),
    async passes(line) {
      ann.say(line)
      await ann.isRead()
      // What bob answers to himself comes behind all that he was shown.
      bob.say(`/nothing${++heard}`)
      const shown = await bob.received.until(/(there is no command|not sent: it could).*\r\n/)
      return shown.includes(`(${ann.id}) ${line}\r\n`)
    },
    async [Symbol.asyncDispose]() {
      ann[Symbol.dispose]()
      bob[Symbol.dispose]()
      await host[Symbol.asyncDispose]()
    },
  }
}

test('after a SIGHUP that could not bring it back, nothing passes until a reload succeeds', async () => {
  await using chat = await start()
  const { host, words } = chat
  assert.is(await chat.passes('hello'), true)
  rmSync(words)
  assert.is(await chat.passes('is it read?'), false)
  host.child.kill('SIGHUP')
  await host.logged(
    /not reloaded: acme:word-filter could not start: ENOENT.*; the previous plugins are running again, except acme:word-filter \(failed; its guards answer\)\n/,
  )
  await host.logged(
    'plugin acme:word-filter: it could not be restored and has failed; its onFailure answers until a reload succeeds or it is switched off',
  )
  assert.is(await chat.passes('darn'), false)
  assert.is(await chat.passes('hello again'), false)

  const again = await runIn(host.folder.path, 'reload')
  assert.is(again.status, 1)
  assert.match(sentenceOf(again), AFTERWARDS)
  assert.is(await chat.passes('and again'), false)

  for (const state of ['off', 'on']) {
    assert.is((await runIn(host.folder.path, 'plugins', state, 'mute')).status, 0)
    assert.is(await chat.passes(`mute is ${state}`), false)
  }
  const on = await runIn(host.folder.path, 'plugins', 'on', 'acme:word-filter')
  assert.match(sentenceOf(on), `acme:word-filter was not switched on: `)
  assert.is(await chat.passes('switched on?'), false)

  const plugins = await runIn(host.folder.path, 'plugins')
  assert.match(plugins.stdout, /^failed {2}acme:word-filter {2}its guards answer$/m)
  const { stdout } = await runIn(host.folder.path, 'inspect')
  assert.match(stdout, /plugins \(6 of 7 on\)/)
  assert.match(stdout, 'acme:word-filter  {"file":"words.txt"}  (failed; its guards answer)\n')
  assert.match(stdout, /Filter +acme:word-filter +\(answers with its onFailure\)\n/)
  const json = await runIn(host.folder.path, 'inspect', '--json')
  const report = JSON.parse(json.stdout) as { plugins: ReadonlyArray<Record<string, unknown>> }
  const { on: runs, state } = report.plugins.find(({ name }) => name === 'acme:word-filter') ?? {}
  assert.equal([runs, state], [false, 'failed'])

  writeFileSync(words, 'darn\n')
  const mended = await runIn(host.folder.path, 'reload')
  assert.is(mended.stdout, 'reloaded chat.config.ts: added acme:word-filter; unchanged 6\n')
  assert.is(await chat.passes('hello once more'), true)
  assert.is(await chat.passes('darn'), false)
})

test('an operator who switches it off by its name opens it', async () => {
  await using chat = await start()
  const { host, words } = chat
  rmSync(words)
  await runIn(host.folder.path, 'reload')
  assert.is(await chat.passes('darn'), false)
  const off = await runIn(host.folder.path, 'plugins', 'off', 'acme:word-filter')
  assert.is(off.stdout, 'acme:word-filter is off\n')
  assert.is(await chat.passes('darn'), true)
})

test.run()
