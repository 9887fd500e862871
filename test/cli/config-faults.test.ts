/** Config files that are wrong: every fault at once, the same for `check` as at start. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeFolder, runCli, runIn, sentenceOf } from '../support/host.ts'

const test = suite('faults of config files')

/** What `check` and a start say of a config. It must be the same. */
async function faultsOf(config: string): Promise<string> {
  const [checked, started] = await Promise.all([
    runCli(['check'], { config }),
    runCli(['--port', '0'], { config }),
  ])
  assert.is(checked.status, 2)
  assert.is(started.status, 2)
  assert.is(checked.stdout + started.stdout, '')
  assert.is(withoutFolder(started.stderr), withoutFolder(checked.stderr))
  return checked.stderr
}

function withoutFolder(text: string): string {
  return text.replaceAll(/\/\S*\/multiecho-\w+\//g, '')
}

test('all faults are told at once, each with its path', async () => {
  const told = await faultsOf(`
    import { echo, mute, quit } from 'multiecho/plugins'
    export default {
      prot: 9090,
      host: 5,
      limits: { clients: 0, lien: 4096 },
      plugins: [echo({ prefix: 'nobody' }), mute(), [false, mute()], quit({ farewel: 'x' }), 'help'],
    }
  `)
  assert.match(told, /^multiecho: chat\.config\.ts: 8 problems\n/)
  for (const fault of [
    /^ {2}prot: .*did you mean "port"\?/m,
    /^ {2}host: .*\b5\b/m,
    /^ {2}limits\.clients: .*\b1\b.*\b0\b/m,
    /^ {2}limits\.lien: .*did you mean "line"\?/m,
    /^ {2}plugins\[0\] \(echo\): prefix: .*\{name\}/m,
    /^ {2}plugins\[2\]\[1\] \(mute\): .*twice.*plugins\[1\]/m,
    /^ {2}plugins\[3\] \(quit\): farewel: .*did you mean "farewell"\?/m,
    /^ {2}plugins\[4\]: .*"help"/m,
  ]) {
    assert.match(told, fault)
  }
  assert.is(told.trimEnd().split('\n').length, 9)
})

test('a factory that was not called is told how to be called', async () => {
  const told = await faultsOf(
    `import { echo } from 'multiecho/plugins'\nexport default { plugins: [echo] }`,
  )
  assert.match(told, /^multiecho: chat\.config\.ts: plugins\[0\]: .*call it: echo\(\)\n$/)
})

test('a plugin that is given twice is named with both places', async () => {
  const told = await faultsOf(
    `import { echo } from 'multiecho/plugins'\nexport default { plugins: [echo(), echo()] }`,
  )
  assert.match(
    told,
    /^multiecho: chat\.config\.ts: plugins\[1\] \(echo\): .*twice.*plugins\[0\].*\n$/,
  )
})

test('a syntax error is told with its place', async () => {
  const told = await faultsOf(`export default {\n  port: 9090,\n  host '127.0.0.1',\n}\n`)
  assert.match(
    told,
    /^multiecho: chat\.config\.ts:3:\d+: it cannot be parsed: [^\n]*; correct it there\n$/,
  )
})

test('an import of a package that is not there is named', async () => {
  const told = await faultsOf(
    `import { dice } from 'multiecho-dice-that-is-not-there'\nexport default { plugins: [dice()] }`,
  )
  assert.match(told, /^multiecho: chat\.config\.ts: [^\n]*'multiecho-dice-that-is-not-there'/)
  assert.match(told, /install it/)
})

test('an import of a file that is not there is named', async () => {
  const told = await faultsOf(
    `import { dice } from './dice.ts'\nexport default { plugins: [dice()] }`,
  )
  assert.match(told, /^multiecho: chat\.config\.ts: [^\n]*dice\.ts/)
})

test('an import of a plugin that does not exist is named', async () => {
  const told = await faultsOf(
    `import { ecoh } from 'multiecho/plugins'\nexport default { plugins: [ecoh()] }`,
  )
  assert.match(
    told,
    /^multiecho: chat\.config\.ts: [^\n]*ecoh is not a function \(at chat\.config\.ts:2\); did you mean "echo"\?\n$/,
  )
})

for (const [what, imported, told] of [
  ['a name', '{ histroy }', /: histroy is not a .*; check that the module exports it$/],
  ['a default', 'histroy', /: default is not a .*: import it by its name, in braces$/],
] as const) {
  test(`an import of ${what} that a local file does not export is told, with what to do`, async () => {
    const files = {
      'history.ts': 'export const history = () => undefined',
      'chat.config.ts': `import ${imported} from './history.ts'\nexport default { plugins: [histroy()] }`,
    }
    assert.match(sentenceOf(await runCli(['check'], { files })), told)
  })
}

for (const [file, text, place] of [
  ['bad.json', '{ "a": }', /^multiecho: bad\.json: it cannot be parsed: /],
  ['bad.cjs', '\nconst a = = 1', /^multiecho: bad\.cjs:2:\d+: it cannot be parsed: /],
] as const) {
  test(`what cannot be parsed in ${file} is told of that file`, async () => {
    const config = `import bad from './${file}'\nexport default { bad }`
    const files = { [file]: text, 'chat.config.ts': config }
    assert.match(sentenceOf(await runCli(['check'], { files })), place)
  })
}

for (const [what, config] of [
  ['no default export', `export const config = { port: 9090 }`],
  ['a function as default export', `export default () => ({ port: 9090 })`],
  ['an array as default export', `export default []`],
  ['nothing in it', ``],
] as const) {
  test(`a file with ${what} is told what to export`, async () => {
    const told = await faultsOf(config)
    assert.match(told, /^multiecho: chat\.config\.ts: [^\n]*export default[^\n]*\n$/)
  })
}

test('a file that throws is told with the error and its place', async () => {
  const told = await faultsOf(`\nthrow new Error('no such luck')\nexport default {}`)
  assert.match(
    told,
    /^multiecho: chat\.config\.ts: [^\n]*no such luck[^\n]*chat\.config\.ts:2\b[^\n]*\n$/,
  )
})

test('a plugin whose setup throws is named', async () => {
  const told = await faultsOf(`
    import { definePlugin } from 'multiecho'
    const bad = definePlugin({ name: 'bad', apiVersion: 1, setup() { throw new Error('oops') } })
    export default { plugins: [bad()] }
  `)
  assert.match(told, /^multiecho: chat\.config\.ts: plugins\[0\] \(bad\): [^\n]*oops\n$/)
})

test('check passes a good config and the defaults, and opens nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  using folder = makeFolder({
    config: `
      import { defineConfig } from 'multiecho'
      import { echo, logging, stats } from 'multiecho/plugins'
      export default defineConfig({ port: ${port}, host: '127.0.0.1', plugins: [logging(), stats(), echo()] })
    `,
  })
  try {
    const { status, stdout, stderr } = await runIn(folder.path, 'check')
    assert.is(stderr, '')
    assert.match(stdout, /^chat\.config\.ts: no problems/)
    assert.is(status, 0)
    assert.is(folder.read('chat.log'), '')
  } finally {
    server.close()
  }
  const defaults = await runCli(['check'])
  assert.is(defaults.stderr, '')
  assert.is(defaults.status, 0)
})

test('check says that it has not looked at what plugins open at the start', async () => {
  const config = `
    import { readFileSync } from 'node:fs'
    import { definePlugin } from 'multiecho'
    import { echo } from 'multiecho/plugins'
    const words = definePlugin({
      name: 'words',
      apiVersion: 1,
      setup: (host) => host.onStart(() => void readFileSync('words.txt')),
    })
    export default { plugins: [words(), echo()] }
  `
  const unseen = 'not checked: the files, ports and so on that these open at the start: words\n'
  const { status, stdout } = await runCli(['check'], { config })
  assert.is(stdout, `chat.config.ts: no problems; 2 plugins: words, echo\n${unseen}`)
  assert.is(status, 0)
  const started = await runCli(['--port', '0', '--host', '127.0.0.1'], { config })
  assert.match(
    sentenceOf(started),
    /words could not start: ENOENT: .*'words\.txt' \(chat\.config\.ts:8\)$/,
  )
  const none = config.replace('host.onStart', 'void')
  assert.not.match((await runCli(['check'], { config: none })).stdout, 'not looked at')
})

test('check looks at the file that --config names', async () => {
  const files = { 'party.ts': 'export default { prot: 1 }', 'chat.config.ts': 'export default {}' }
  const ended = await runCli(['check', '--config', 'party.ts'], { files })
  assert.match(sentenceOf(ended), /^multiecho: party\.ts: prot: /)
  assert.is(ended.status, 2)
})

test.run()
