/** What a config may export, in each of the languages that it may be written in. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeFolder, runCli, runIn, sentenceOf } from '../support/host.ts'

const test = suite('what a config exports')

/** What `check` says of a folder, which is that nothing is right. */
async function checked(folder: string): Promise<string> {
  const ended = await runIn(folder, 'check')
  assert.equal([ended.status, ended.stdout], [2, ''])
  return sentenceOf(ended)
}

for (const name of ['chat.config.ts', 'chat.config.js', 'chat.config.mjs', 'chat.config.cjs']) {
  test(`${name} that exports nothing is no config, and one that exports an empty object is`, async () => {
    for (const text of ['', `const config = { port: 9090 }\n`]) {
      using folder = makeFolder({ files: { [name]: text } })
      assert.match(
        await checked(folder.path),
        /: it exports no config; write: export default define/,
      )
    }
    if (name.endsWith('cjs')) return
    const { stdout } = await runCli(['check'], { files: { [name]: 'export default {}' } })
    assert.match(stdout, /no problems/)
  })
}

for (const text of ['', '5', 'null', '[]', '"x"']) {
  test(`chat.config.json with ${text === '' ? 'nothing' : text} in it is refused`, async () => {
    using folder = makeFolder({ files: { 'chat.config.json': text } })
    assert.match(
      await checked(folder.path),
      /^multiecho: chat\.config\.json: it (exports no config|cannot be parsed)/,
    )
  })
}

// CommonJS

test('a config in CommonJS may require the host and its plugins, installed or not', async () => {
  const body = `const { defineConfig } = require('multiecho')
const { echo } = require('multiecho/plugins')
const { prefix } = require('./prefix')
module.exports = defineConfig({ plugins: [echo({ prefix })] })`
  for (const [name, beside] of [
    ['chat.config.js', 'prefix.js'],
    ['chat.config.cjs', 'prefix.cjs'],
    ['chat.config.ts', 'prefix.ts'],
  ] as const) {
    const config = body.replace('./prefix', `./${beside}`)
    const files = { [name]: config, [beside]: `exports.prefix = '<{name}> '` }
    const { stdout, stderr } = await runCli(['check'], { files })
    assert.is(stderr, '')
    assert.match(stdout, `${name}: no problems; 1 plugin: echo\n`)
  }
})

for (const [what, required, expected] of [
  ['a file', './nope.cjs', /Cannot find module '\.\/nope\.cjs'; correct its name in the import$/],
  ['a package', 'nope-pkg', /Cannot find module 'nope-pkg'; install it, or correct its name/],
] as const) {
  test(`a config in CommonJS that requires ${what} that is not there is told which`, async () => {
    for (const name of ['chat.config.js', 'chat.config.cjs', 'chat.config.ts']) {
      const text = `const { defineConfig } = require('multiecho')
const one = require('${required}')
module.exports = defineConfig({ one })`
      assert.match(sentenceOf(await runCli(['check'], { files: { [name]: text } })), expected)
    }
  })
}

test('an import of what is no code is told, with what to do', async () => {
  const config = `import words from './words.yaml'\nexport default { words }`
  assert.is(
    sentenceOf(await runCli(['check'], { config, files: { 'words.yaml': 'a: b' } })),
    'multiecho: chat.config.ts: words.yaml cannot be imported: it is neither TypeScript, JavaScript nor JSON; read it with readFileSync',
  )
})

test.run()
