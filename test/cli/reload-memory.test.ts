/** What was loaded for a config that is no more is let go, however it was loaded and however that ended. */
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { asked } from '../support/control.ts'
import { CLI, startHost } from '../support/host.ts'
import { join } from '../support/tcp-client.ts'

const test = suite('the memory of a host that is reloaded')

/** Reloads of each kind: enough to tell what stays for good from what stays for a while. */
const ROUNDS = 8

/** Versions that may be left: the one that runs, and what a hook has called last of a former one. */
const LEFT = 4

/** Notes a version of a module by something that only it holds. */
const NOTE = `const own = { kind: KIND }
globalThis.versions.push({ kind: KIND, held: new WeakRef(own) })
`

function noting(kind: string): string {
  return NOTE.replaceAll('KIND', JSON.stringify(kind))
}

/** A plugin that uses every door through which a host could come to hold something of it. */
const RICH = `import { definePlugin, defineService, z } from 'multiecho'
import data from './data.json' with { type: 'json' }
import { setup as common } from './common.cjs'
import { own as module } from './module.mjs'
${noting('typescript')}
globalThis.versions.push({ kind: 'json', held: new WeakRef(data) })
const { failing } = globalThis
const use = () => [own, data, module, common]
const token = defineService('token')
export const user = definePlugin({
  name: 'user',
  apiVersion: 1,
  requires: ['rich'],
  setup(host) {
    host.onStart(() => void host.inject(token))
  },
})
export const rich = definePlugin({
  name: 'rich',
  apiVersion: 1,
  options: z.strictObject({ a: z.string().default('a').refine(() => use()) }).prefault({}),
  setup(host) {
    common()
    host.clientState(() => ({ use }))
    host.clientState(() => ({ lines: 0 }), { keep: 'lines' })
    host.keep('all', () => ({ lines: 0 }))
    host.provide(token, { use })
    host.addLogSink({ write: use })
    host.setInterval(use, 60_000)
    host.setTimeout(use, 60_000)
    host.signal.addEventListener('abort', use)
    for (const hook of ['connect', 'close', 'shutdown', 'settled'])
      host.hooks[hook].tap('use', () => void use())
    host.hooks.command.tap('fail', () => { throw new Error('lost', { cause: use }) })
    host.hooks.line.tapPromise('use', async () => void use())
    host.onDispose(() => { throw new Error('not disposed of', { cause: use }) })
    host.onStart(() => {
      if (failing === 'start') throw new Error('not started', { cause: use })
    })
    if (failing === 'setup') throw new Error('not set up', { cause: use })
  },
})
if (failing === 'load') throw new Error('not loaded', { cause: use })
`

const files = {
  'rich.ts': RICH,
  'data.json': '["x"]',
  'module.mjs': `${noting('module')}\nexport { own }`,
  'common.cjs': `exports.setup = require('./inner.cjs').setup`,
  'inner.cjs': `${noting('commonjs')}\nexports.setup = () => own`,
  'tell.ts': `import { definePlugin, z } from 'multiecho'
globalThis.versions ??= []
export const tell = definePlugin({
  name: 'tell',
  apiVersion: 1,
  setup(host) {
    host.command({
      name: 'fail',
      help: 'Make what is loaded next fail.',
      args: { when: z.string() },
      run({ args: { when } }) {
        globalThis.failing = when
        return 'set to ' + when
      },
    })
    host.command({
      name: 'alive',
      help: 'Tell what is alive, by kind.',
      async run() {
        for (let round = 0; round < 5; round++) {
          await new Promise((resolve) => setImmediate(resolve))
          globalThis.gc()
        }
        const alive = {}
        for (const { kind, held } of globalThis.versions)
          if (held.deref()) alive[kind] = (alive[kind] ?? 0) + 1
        return JSON.stringify(alive)
      },
    })
  },
})`,
}

const CONFIG = `import { defaults } from 'multiecho/plugins'
import { tell } from './tell.ts'
import { rich, user } from './rich.ts'
export default { plugins: [defaults(), tell(), rich(), user()] }`

test('a host lets go of what it loaded before, however that was loaded and however it ended', async () => {
  const command = [process.execPath, '--expose-gc', CLI] as const
  await using host = await startHost({ config: CONFIG, files, command: [...command] })
  using ann = await join(host.port)
  const socket = path(host.folder.path, '.multiecho.sock')
  const alive = async (): Promise<Record<string, number>> => {
    ann.say('/alive')
    return JSON.parse(await ann.received.until(/\{.*\}\r\n/)) as Record<string, number>
  }
  for (const when of ['load', 'setup', 'start', 'never']) {
    ann.say(`/fail ${when}`)
    await ann.hears(`set to ${when}`)
    for (let round = 0; round < ROUNDS; round++) {
      ann.say('a line')
      const answer = await asked(socket, '{"command":"reload"}')
      assert.match(answer, `"ok":${String(when === 'never')}`)
    }
    const found = await alive()
    assert.equal(Object.keys(found).toSorted(), ['commonjs', 'json', 'module', 'typescript'])
    for (const [kind, count] of Object.entries(found))
      assert.ok(count <= LEFT, `${count} versions of ${kind} stay after reloads that fail: ${when}`)
  }
})

test.run()
