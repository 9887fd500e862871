/** The guide to a first plugin is walked through as it stands, but for what needs the network. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join as path } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startChild, type Ended } from '../support/child.ts'
import { CHECKOUT, CLI, listeningPort, makeFolder, runIn, sentenceOf } from '../support/host.ts'
import { isFile, outputOf, sectionsOf } from '../support/pages.ts'
import { join, type TcpClient } from '../support/tcp-client.ts'

const test = suite('the guide to a first plugin')

const sections = sectionsOf('docs/guide/first-plugin.md')
const CONFIG = 'chat.config.ts'
const TSC = path(CHECKOUT, 'node_modules/typescript/bin/tsc')

test('from new-plugin to a reload under two connected clients', async () => {
  using folder = makeFolder()
  const [begin] = sections.find(({ title }) => title === 'Begin')?.blocks ?? []
  assert.ok(begin)
  const written = await runIn(folder.path, 'new-plugin', 'dice', '--command', 'roll')
  assert.is(written.stderr, '')
  assert.is(written.stdout, outputOf(begin, 'npx multiecho new-plugin dice --command roll'))

  const home = path(folder.path, 'multiecho-plugin-dice')
  mkdirSync(path(home, 'node_modules'))
  symlinkSync(CHECKOUT, path(home, 'node_modules/multiecho'))
  symlinkSync(path(CHECKOUT, 'node_modules/@types'), path(home, 'node_modules/@types'))
  const files = sections.flatMap(({ blocks }) => blocks.filter(isFile))
  for (const { title, blocks } of sections) {
    for (const { name, text } of blocks.filter(isFile)) {
      assert.is.not(folder.read(path('multiecho-plugin-dice', name)), '', `${name} replaces a file`)
      writeFileSync(path(home, name), text)
    }
    if (title !== 'Test it') continue
    // `npm test` checks the types of all files first.
    await using types = startChild(process.execPath, [TSC], { cwd: home })
    const { status, stdout } = await types.ended()
    assert.is(status, 0, stdout)
  }

  await using host = startChild(process.execPath, [CLI, '-p', '0'], { cwd: home })
  const port = await listeningPort(host)
  using ann = await join(port)
  using bob = await join(port)
  assert.ok((await rolls(ann, bob, 2)).every((roll) => roll <= 6))
  ann.say('/best')
  assert.match(await ann.received.until('\r\n'), /^your best is [1-6]\r\n$/)
  ann.say('/help')
  assert.match(await ann.received.until(/\/roll .*\r\n/), /\/best/)

  // The configs and commands stand in the text of the section.
  const { text: told } = sections.find(({ title }) => title === 'Change it while it runs') ?? {}
  const [, twenty = '', one = ''] = /`(dice\(.*?\))`[^]*`(dice\(.*?\))`/.exec(told ?? '') ?? []
  const config = files.find(({ name }) => name === CONFIG)?.text ?? ''
  const reload = (plugin: string): Promise<Ended> => {
    writeFileSync(path(home, CONFIG), config.replace(/dice\({ sides: 6 }\),/, plugin))
    return runIn(home, 'reload')
  }

  const changed = await reload(`${twenty},`)
  assert.is(changed.stdout, 'reloaded chat.config.ts: changed dice; unchanged 3\n')
  const many: number[] = []
  while (many.length < 200) many.push(...(await rolls(ann, bob, 10)))
  assert.ok(Math.max(...many) > 6 && Math.max(...many) <= 20, String(Math.max(...many)))

  const refused = await reload(`${one},`)
  assert.is(refused.status, 1)
  assert.match(sentenceOf(refused), /plugins\[0\] \(dice\): sides: .*2/)
  await rolls(bob, ann, 1)

  const removed = await reload('')
  assert.is(removed.stdout, 'reloaded chat.config.ts: removed dice; unchanged 3\n')
  bob.say('/roll')
  assert.match(await bob.received.until('\r\n'), /no command \/roll/)
  bob.say('still here')
  await ann.hears(`(${bob.id}) still here`)
})

test.run()

/** One rolls dice; resolves to what both have seen. */
async function rolls(one: TcpClient, other: TcpClient, count: number): Promise<number[]> {
  one.say(`/roll ${count}`)
  const line = (await one.received.until('\r\n')).trimEnd()
  const [, name, rolled = ''] = /^(\S+) rolls ([\d ]+)$/.exec(line) ?? []
  assert.is(name, one.id, line)
  await other.hears(line)
  const numbers = rolled.split(' ').map(Number)
  assert.is(numbers.length, count)
  return numbers
}
