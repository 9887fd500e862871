/** What a plugin author gets wrong first: each is told what it is and what to do, and has a code with an entry in errors.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../core/support/clock.ts'
import { checkConfig } from '../../core/host/config.ts'
import { loadConfigFile } from '../../core/cli/config-file.ts'
import { createHost } from '../../core/host/host.ts'
import * as multiecho from '../../core/index.ts'
import { ConfigError } from '../../core/index.ts'
import { Log } from '../../core/support/log.ts'
import * as plugins from '../../plugins/index.ts'
import { CHECKOUT, makeFolder, runCli } from '../support/host.ts'
import { rejection } from '../support/memory-plugins.ts'

const test = suite('lessons')

const define = (name: string, more = 'setup() {}'): string =>
  `export const ${name} = definePlugin({ name: '${name}', apiVersion: 1, ${more} })`
const DICE = `import { definePlugin, z } from 'multiecho'
${define('dice', `options: z.strictObject({ sides: z.int().default(6) }).prefault({}), setup() {}`)}`
const roll = `setup(host) { host.command({ name: 'roll', help: '', run() {} }) }`

interface Lesson {
  readonly what: string
  /** What `plugins` has. */
  readonly listed?: string
  readonly before?: string
  readonly dice?: string
  readonly code: string
  readonly told: RegExp
}

const lessons: readonly Lesson[] = [
  {
    what: 'a factory that is not called',
    listed: 'dice',
    code: 'FACTORY_NOT_CALLED',
    told: /plugins\[0\]: it is the factory of the plugin dice, not a plugin; call it: dice\(\)$/,
  },
  {
    what: 'a module that was imported as a whole',
    before: `import * as all from './dice.ts'`,
    listed: 'all',
    code: 'PLUGIN_INVALID',
    told: /plugins\[0\]: it is a module, not a plugin, which has dice; .*: import { dice } from …, and dice\(\)$/,
  },
  {
    what: 'a module that was awaited',
    listed: `await import('./dice.ts')`,
    code: 'PLUGIN_INVALID',
    told: /plugins\[0\]: it is a module, not a plugin, which has dice; /,
  },
  {
    what: 'a promise of a module',
    listed: `import('./dice.ts')`,
    code: 'PLUGIN_INVALID',
    told: /plugins\[0\]: it is a promise, not a plugin; add await before it$/,
  },
  {
    what: 'a promise of a plugin',
    listed: `Promise.resolve(dice())`,
    code: 'PLUGIN_INVALID',
    told: /plugins\[0\]: it is a promise, not a plugin; add await before it$/,
  },
  {
    what: 'a plugin of another version of the API',
    dice: DICE.replace('apiVersion: 1', 'apiVersion: 2'),
    listed: 'dice()',
    code: 'API_VERSION_WRONG',
    told: /plugins\[0\]: dice was written for version 2 .* this host has version 1; use a version/,
  },
  {
    what: 'a command of two plugins',
    before: `${define('one', roll)}\n${define('two', roll)}`,
    listed: 'one(), two()',
    code: 'COMMAND_CONFLICT',
    told: /plugins\[1\] \(two\): setup: the command \/roll is taken by the plugin one; rename one/,
  },
  {
    what: 'a plugin that requires one that is not there',
    before: define('one', `requires: ['dcie'], setup() {}`),
    listed: 'one(), dice()',
    code: 'REQUIRES_MISSING',
    told: /plugins\[0\] \(one\): requires the plugin "dcie", .*; did you mean "dice"\?$/,
  },
  {
    what: 'a plugin that requires one that is nowhere',
    before: define('one', `requires: ['acme:maps'], setup() {}`),
    listed: 'one()',
    code: 'REQUIRES_MISSING',
    told: /requires the plugin "acme:maps", which is not in the config; add it$/,
  },
  {
    what: 'plugins that require each other',
    before: `${define('one', `requires: ['two'], setup() {}`)}\n${define('two', `requires: ['one'], setup() {}`)}`,
    listed: 'one(), two()',
    code: 'REQUIRES_CYCLE',
    told: /plugins\[0\] \(one\): requires itself: one -> two -> one; remove one of them/,
  },
  {
    what: 'a misspelt option',
    listed: 'dice({ side: 6 })',
    code: 'OPTION_UNKNOWN',
    told: /plugins\[0\] \(dice\): side: there is no such key; did you mean "sides"\? \(known: sides\)$/,
  },
  {
    what: 'an import of a name that is not exported',
    before: `import { dcie } from './dice.ts'`,
    listed: 'dice(), dcie',
    code: 'PLUGIN_INVALID',
    told: /plugins\[1\]: it is undefined: check that the module exports it; .* false$/,
  },
  {
    what: 'a setup that is written in another way',
    before: define('one', `setUp() {}`),
    listed: 'one()',
    code: 'PLUGIN_INVALID',
    told: /plugins\[0\]: definition of one: setUp: there is no such key; did you mean "setup"\?/,
  },
  {
    what: 'a plugin that does not say for which API it is',
    dice: DICE.replace('apiVersion: 1,', ''),
    listed: 'dice()',
    code: 'API_VERSION_WRONG',
    told: /plugins\[0\]: dice does not say .*: found none; write apiVersion: 1 in its definition$/,
  },
  {
    what: 'a door by a wrong name',
    dice: DICE.replace('setup() {}', 'setup(host) {\n  host.clientStat(() => 0)\n}'),
    listed: 'dice()',
    code: 'PLUGIN_SETUP_FAILED',
    told: /setup: host\.clientStat is not a function \(at \S*dice\.ts:3\); did you mean "clientState"\?$/,
  },
  {
    what: 'an async setup',
    before: define('late', `async setup() {}`),
    listed: 'late()',
    code: 'PLUGIN_SETUP_FAILED',
    told: /plugins\[0\] \(late\): setup: it returned a promise, .* in host\.onStart\(async/,
  },
  {
    what: 'a syntax error in a plugin',
    dice: `import { definePlugin } from 'multiecho'\nexport const dice = definePlugin({\n  name 'dice',\n})\n`,
    listed: 'dice()',
    code: 'CONFIG_NOT_LOADED',
    told: /^multiecho: dice\.ts:3:\d+: it cannot be parsed: .*[^.]; correct it there$/,
  },
]

const page = readFileSync(join(CHECKOUT, 'docs/reference/errors.md'), 'utf8')

for (const { what, listed, before = '', dice = DICE, code, told } of lessons) {
  test(`${what} is told, with what to do`, async () => {
    const config = [
      `import { defineConfig, definePlugin } from 'multiecho'`,
      `import { dice } from './dice.ts'`,
      before,
      `export default defineConfig({ plugins: [${listed}] })`,
    ].join('\n')
    const files = { 'dice.ts': dice, 'chat.config.ts': config }
    const { status, stdout, stderr } = await runCli(['check'], { files })
    assert.is(stdout, '')
    assert.is(status, 2)
    assert.match(stderr, /^multiecho: (?:chat\.config|dice)\.ts:[^\n]+\n$/)
    assert.match(stderr.trimEnd(), told)

    using folder = makeFolder({ files })
    const error = await rejection(setUp(join(folder.path, 'chat.config.ts')))
    assert.instance(error, ConfigError)
    const { problems, code: own } = error as ConfigError
    assert.is(problems.length, 1)
    assert.is(problems[0]?.code ?? own, code)
    assert.match(page, `\n### ${code}\n`)
  })
}

test.run()

/** As far as `multiecho check` goes. */
async function setUp(path: string): Promise<void> {
  const virtualModules = { multiecho, 'multiecho/plugins': plugins }
  const loaded = await loadConfigFile(path, 'chat.config.ts', virtualModules, new Set())
  const log = new Log(() => {})
  createHost(checkConfig(loaded, undefined, []), {
    clock: systemClock,
    random: Math.random,
    log,
  }).setUp()
}
