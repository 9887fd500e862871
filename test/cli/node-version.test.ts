/** The program under a Node that is too old for it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CHECKOUT, CLI, runCli, sentenceOf } from '../support/host.ts'

const test = suite('the version of Node')

const { engines, bin } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
  engines: { node: string }
  bin: { multiecho: string }
}

/** The command that runs the program as if this Node were of another version. */
function asNode(version: string): readonly [string, ...string[]] {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return [process.execPath, '--import', `data:text/javascript,${encodeURI(pretend)}`, CLI]
}

for (const version of ['14.21.3', '18.20.8', '20.18.3']) {
  test(`Node ${version} is told which one is needed`, async () => {
    const ended = await runCli(['-p', '0'], { command: asNode(version) })
    assert.is(
      sentenceOf(ended),
      `multiecho: Node 20.19 or later is needed, and this is ${version}; install a newer one from nodejs.org`,
    )
    assert.equal([ended.status, ended.stdout], [1, ''])
  })
}

for (const version of ['20.19.0', '21.0.0', '22.1.0', '100.0.0']) {
  test(`Node ${version} will do`, async () => {
    const ended = await runCli(['--version'], { command: asNode(version) })
    assert.equal([ended.status, ended.stderr], [0, ''])
  })
}

test('the Node that is needed is the one that the package asks for', async () => {
  assert.is(engines.node, '>=20.19')
  assert.is(join(CHECKOUT, bin.multiecho), CLI)
})

test('an old Node can read the program: it imports nothing before it has looked', () => {
  const program = readFileSync(CLI, 'utf8')
  assert.not.match(program, /^\s*import\s[^(]/m)
  // What is younger than Node 14: assignments by ??=, private members, static blocks, the v flag.
  assert.not.match(program, /\?\?=|\|\|=|&&=|\.#|static \{|\/v\b/)
})

test.run()
