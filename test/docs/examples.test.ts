/**
 * What the README and the docs show comes true: a code block whose info string names a file is that file. Their configs and
 * tests have files of their own here.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plugin } from '../../core/index.ts'
import { createTestHost, type TestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import { CHECKOUT as root } from '../support/host.ts'
import { isFile, sectionsOf, type Block } from '../support/pages.ts'
import {
  CONFIG,
  pages,
  run,
  sectionNamed,
  sections,
  temporary,
  TSC,
  writeShownFiles,
} from '../support/shown-files.ts'

/** Commands that are shown and not run here: they need the network, or `.ci/run` runs them. */
const RUN_ELSEWHERE = new Set([
  'npm ci && npm start -- -p 9090',
  'npm ci && npm test',
  'npm init -y',
  'npm pkg set type=module',
  'npm ci && npm pack',
  'npm install ../multiecho/multiecho-1.0.0.tgz',
  'npm install multiecho',
  'npm install multiecho-plugin-x',
  'npm install multiecho @acme/multiecho-plugin-poll',
  'npm search multiecho-plugin',
  'npm login',
  'npm publish',
  'npm publish --access public',
  'npm pack --dry-run',
  'npm exec --package multiecho -- multiecho new-plugin acme:dice --command roll',
  'npm install --save-dev tsx typescript @types/node',
  'npm install --save-dev uvu',
  'npx multiecho -p 9090',
])

const test = suite('examples')

test.before(writeShownFiles)

test('the two commands for a fresh machine stand at the very top of the README', () => {
  const [first, second] = sectionsOf('README.md')[0]?.blocks ?? []
  assert.equal(first, { language: 'sh', name: '', text: 'npm ci && npm start -- -p 9090\n' })
  assert.equal(second, { language: 'sh', name: '', text: 'npm ci && npm test\n' })
})

test('no section shows two files of one name', () => {
  for (const { page, title, blocks } of sections) {
    const names = blocks.filter(isFile).map(({ name }) => name)
    assert.is(new Set(names).size, names.length, `${page}, ${title}: ${names.join(', ')}`)
  }
})

test('the name of each file that is shown can be read above it', () => {
  let count = 0
  for (const { page, title, text } of sections) {
    for (const [, above, name] of text.matchAll(/^(.*)\n(?:.*)\n```\w+ (\S+\.\w+)$/gm)) {
      assert.is(above, `**\`${name}\`**`, `${page}, ${title}`)
      count++
    }
  }
  const named = sections.flatMap(({ blocks }) => blocks).filter(({ name }) => /\.\w+$/.test(name))
  assert.is(count, named.length)
})

test('every command that is shown is run, here or elsewhere', () => {
  for (const { page, title, blocks } of sections) {
    const files = blocks.filter(isFile).map(({ name }) => name)
    const commands = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)
    for (const command of commands.flatMap((text) => text.trimEnd().split('\n'))) {
      const tested = /^node (?:--import tsx )?(?:--test )?(\S+)$/.exec(command)?.[1]
      const known =
        RUN_ELSEWHERE.has(command) ||
        // `test/clients/netcat.test.ts` runs those of this page by the real program.
        (command.startsWith('printf ') && page === 'docs/guide/run-it.md') ||
        (tested !== undefined && files.includes(tested))
      assert.ok(known, `${page}, ${title}: ${command}`)
    }
  }
})

test('a plugin in JavaScript gets types as its package.json says', async () => {
  const { folder } = sectionNamed('docs/guide/javascript.md', 'Package it')
  const { scripts, files } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    scripts: { prepack: string }
    files: string[]
  }
  const [program, ...args] = scripts.prepack.split(' ')
  assert.is(program, 'tsc')
  const { status, output } = await run([TSC, ...args], folder)
  assert.is(status, 0, output)
  assert.match(readFileSync(join(folder, 'types/history.d.ts'), 'utf8'), /lines\?: number/)
  for (const file of files) assert.ok(existsSync(join(folder, file)), file)
  const checked = await run(
    [
      TSC,
      'history.js',
      '--noEmit',
      '--allowJs',
      '--strict',
      ...args.slice(args.indexOf('--module')),
    ],
    folder,
  )
  assert.is(checked.status, 0, checked.output)
})

test('a plugin in JavaScript that imports modules of Node gets types too', async () => {
  const { blocks } = sectionNamed('docs/guide/javascript.md', 'Package it')
  const shown = blocks.find(({ name }) => name === 'package.json')?.text ?? '{}'
  const { scripts, devDependencies } = JSON.parse(shown) as {
    scripts: { prepack: string }
    devDependencies: Record<string, string>
  }
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  for (const name of ['@types/node', 'typescript', 'uvu'])
    assert.is(devDependencies[name], `^${own.devDependencies[name]}`, name)
  const folder = mkdtempSync(join(temporary, 'node-module-'))
  writeFileSync(
    join(folder, 'history.js'),
    `import { readFileSync } from 'node:fs'
    import { definePlugin } from 'multiecho'
    export const history = definePlugin({
      name: 'acme:history',
      apiVersion: 1,
      setup(host) {
        host.onStart(() => host.log.info(readFileSync(import.meta.filename, 'utf8')))
      },
    })`,
  )
  const { status, output } = await run([TSC, ...scripts.prepack.split(' ').slice(1)], folder)
  assert.is(status, 0, output)
  assert.ok(existsSync(join(folder, 'types/history.d.ts')))
})

test('every example has the right types, by the tsconfig.json of the guide', async () => {
  const { blocks } = sectionNamed('docs/guide/write-a-plugin.md', 'Test it')
  const tsconfig = blocks.find(({ name }) => name === 'tsconfig.json')
  writeFileSync(join(temporary, 'tsconfig.json'), tsconfig?.text ?? '')
  // A package whose declarations are wrong, which is nothing that its user could mend.
  mkdirSync(join(temporary, 'node_modules/odd'))
  writeFileSync(join(temporary, 'node_modules/odd/package.json'), '{ "types": "./index.d.ts" }\n')
  writeFileSync(join(temporary, 'node_modules/odd/index.d.ts'), 'export const odd: Unheard\n')
  writeFileSync(join(temporary, 'odd.ts'), "export { odd } from 'odd'\n")
  const { status, output } = await run([TSC, '-p', temporary, '--listFiles'], temporary)
  const lines = output.split('\n')
  assert.is(status, 0, lines.filter((line) => !line.startsWith('/')).join('\n'))
  for (const { folder } of sections.filter(({ blocks: all }) => all.some(isTypeScript))) {
    assert.ok(
      lines.some((line) => line.includes(`/${basename(folder)}/`)),
      `${folder} was not checked`,
    )
  }
})

/** A host with plugins that a section of the guide shows, and with echo. */
async function guideHost(title: string, ...exports: string[]): Promise<TestHost> {
  const section = sectionNamed('docs/guide/write-a-plugin.md', title)
  const plugins: Plugin[] = []
  for (const { name } of section.blocks.filter((block) => isTypeScript(block))) {
    if (CONFIG.test(name) || name.endsWith('.test.ts')) continue
    const module = (await import(pathToFileURL(join(section.folder, name)).href)) as Record<
      string,
      (options?: unknown) => Plugin
    >
    for (const key of exports.filter((one) => one in module)) {
      plugins.push((module[key] as () => Plugin)())
    }
  }
  assert.is(plugins.length, exports.length)
  return createTestHost({ plugins: [...plugins, echo()] })
}

test('welcome greets who has joined', async () => {
  const host = await guideHost('Take options', 'welcome')
  const ann = await host.connect('ann')
  assert.equal(ann.lines, ['multiecho server v1.0', 'client id: ann', 'Welcome!'])
  await host.stop()
})

test('count counts the lines of each client', async () => {
  const host = await guideHost('Keep something for each client', 'count')
  const [ann, bob] = [await host.connect('ann'), await host.connect('bob')]
  await ann.say('one')
  await ann.say('two')
  assert.equal(await ann.say('/count'), ['you have sent 2 lines'])
  assert.is((await bob.say('/count')).at(-1), 'you have sent 0 lines')
  await host.stop()
})

test('nick changes names, tells one person, rolls dice, and answers as the guide lists', async () => {
  const host = await guideHost('Take arguments', 'nick')
  const [ann, bob] = [await host.connect('a'), await host.connect('b')]
  assert.equal(await ann.say('/nick ann'), ['a is now ann'])
  assert.equal(await bob.say('/name ann'), ['a is now ann', 'ann is taken'])
  assert.equal(await bob.say('/tell ann  how are you?'), [])
  assert.equal(ann.take(), ['(b to you) how are you?'])
  assert.match((await ann.say('/roll 2'))[0] ?? '', /^ann rolls [1-6] [1-6]$/)
  assert.match((await ann.say('/roll'))[0] ?? '', /^ann rolls [1-6]$/)
  const { rows } = tableIn('docs/guide/write-a-plugin.md', '| Typed')
  assert.is(rows.length, 5)
  for (const [typed = '', answer = ''] of rows) {
    assert.equal(await ann.say(code(typed)), [code(answer)])
  }
  await host.stop()
})

test('manners calms shouting', async () => {
  const host = await guideHost('Filter lines', 'manners')
  const [ann, bob] = [await host.connect('ann'), await host.connect('bob')]
  await ann.say('HEY')
  assert.equal(bob.take(), ['(ann) hey'])
  await host.stop()
})

test('rooms keep lines to themselves', async () => {
  const host = await guideHost('Make rooms', 'rooms')
  const [ann, bob, cid] = [
    await host.connect('ann'),
    await host.connect('bob'),
    await host.connect('cid'),
  ]
  assert.equal(await ann.say('/join attic'), ['you are in attic, with 0 others'])
  assert.equal(await bob.say('/join attic'), [
    'ann goes to attic',
    'you are in attic, with 1 others',
  ])
  assert.equal(cid.take(), ['ann goes to attic', 'bob goes to attic'])
  await ann.say('psst')
  assert.equal(bob.take(), ['(ann) psst'])
  assert.equal(await cid.say('anybody?'), [])
  assert.equal(ann.take(), [])
  await host.stop()
})

test('ignore leaves out who does not want to hear somebody', async () => {
  const host = await guideHost('Leave somebody out', 'ignore')
  const [ann, bob] = [await host.connect('ann'), await host.connect('bob')]
  const cid = await host.connect('cid')
  assert.equal(await bob.say('/ignore ann'), ['you hear nothing more of ann'])
  assert.equal(await bob.say('/ignore bob'), ['there is nobody else called bob'])
  await ann.say('hello')
  assert.equal(bob.take(), [])
  assert.equal(cid.take(), ['(ann) hello'])
  await bob.say('hi')
  assert.equal(ann.take(), ['(bob) hi'])
  await host.stop()
})

test('cheers answers behind the line', async () => {
  const host = await guideHost('Answer a line', 'cheers')
  const [ann, bob] = [await host.connect('ann'), await host.connect('bob')]
  await ann.say('cheers')
  await host.advance(0)
  assert.equal(bob.take(), ['(ann) cheers', 'cheers, ann!'])
  await host.stop()
})

test('remind reminds in so many minutes', async () => {
  const host = await guideHost('Wait for a while', 'remind')
  const ann = await host.connect('ann')
  assert.equal(await ann.say('/remind 2 tea'), ['you will be reminded in 2 minutes'])
  await host.advance(120_000)
  assert.equal(ann.take(), ['reminder: tea'])
  await host.stop()
})

test('poll answers as the cookbook lists', async () => {
  const { folder } = sectionNamed('docs/cookbook/poll.md', '')
  const { poll } = (await import(pathToFileURL(join(folder, 'poll.ts')).href)) as {
    poll: () => Plugin
  }
  const host = await createTestHost({ plugins: [poll()] })
  const ann = await host.connect('ann')
  const { rows } = tableIn('docs/cookbook/poll.md', '| Typed')
  assert.is(rows.length, 5)
  for (const [typed = '', answer = ''] of rows) {
    assert.equal(await ann.say(code(typed)), [code(answer)])
  }
  await host.stop()
})

test('the cookbook lists its recipes, each with a plugin, a config and a test', () => {
  const { rows } = tableIn('docs/cookbook/README.md', '| Recipe')
  const listed = rows.map(([link = '']) => /\((.*)\)/.exec(link)?.[1] ?? '')
  const recipes = pages
    .filter((page) => page.startsWith('docs/cookbook/'))
    .map((page) => basename(page))
  assert.equal(listed.concat('README.md').toSorted(), recipes)
  for (const recipe of listed) {
    const { blocks } = sectionNamed(`docs/cookbook/${recipe}`, '')
    const files = blocks.filter(isFile).map(({ name }) => name)
    assert.ok(files.includes('chat.config.ts'), recipe)
    assert.ok(
      files.some((name) => name.endsWith('.test.ts')),
      recipe,
    )
  }
})

test('transcript has written every line when the host has stopped', async () => {
  const { folder } = sectionNamed('docs/guide/write-a-plugin.md', 'Open files and ports')
  const file = join(folder, 'transcript.txt')
  const { transcript } = (await import(pathToFileURL(join(folder, 'transcript.ts')).href)) as {
    transcript: (options: { file: string }) => Plugin
  }
  const host = await createTestHost({ plugins: [transcript({ file }), echo()] })
  const ann = await host.connect('ann')
  await ann.say('one')
  await ann.say('two')
  await host.stop()
  assert.is(readFileSync(file, 'utf8'), 'ann: one\nann: two\n')
})

test('bouncer stays closed when it fails', async () => {
  const { folder } = sectionNamed('docs/guide/write-a-plugin.md', 'Fail closed')
  const { bouncer } = (await import(pathToFileURL(join(folder, 'bouncer.ts')).href)) as {
    bouncer: (options: { mayJoin: (address?: string) => Promise<boolean> }) => Plugin
  }
  const host = await createTestHost({
    plugins: [
      bouncer({
        mayJoin: async (address) => {
          if (address === '192.0.2.1') throw new Error('the list is not to be had')
          return address === '192.0.2.2'
        },
      }),
    ],
  })
  const [failed, listed, other] = [
    await host.connect('failed', '192.0.2.1'),
    await host.connect('listed', '192.0.2.2'),
    await host.connect('other', '192.0.2.3'),
  ]
  assert.equal(failed.lines, ['nobody can be let in now'])
  assert.is(listed.lines[0], 'multiecho server v1.0')
  assert.equal(other.lines, ['you are not on the list'])
  assert.is(host.takeErrors().length, 1)
  await host.stop()
})

test.run()

function isTypeScript({ name }: Block): boolean {
  return /^([\w-]+\/)?[\w.-]+\.ts$/.test(name)
}

function tableIn(page: string, beginning: string): { rows: string[][] } {
  const lines = readFileSync(join(root, page), 'utf8').split('\n')
  const start = lines.findIndex((line) => line.startsWith(beginning))
  const end = lines.indexOf('', start)
  const rows = lines.slice(start + 2, end).map((line) => line.split('|').slice(1, -1))
  return { rows }
}

function code(cell: string): string {
  return cell.trim().replaceAll('`', '')
}
