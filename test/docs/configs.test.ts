/** Of each config that the README and the docs show, `multiecho check` says what they show, or finds no fault. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CLI } from '../support/host.ts'
import { outputOf, type Section } from '../support/pages.ts'
import {
  CONFIG,
  run,
  sectionNamed,
  sections,
  temporary,
  writeShownFiles,
} from '../support/shown-files.ts'

const test = suite('configs of the docs')

test.before(writeShownFiles)

for (const section of sections) {
  const { page, title, blocks, folder } = section
  for (const { name } of blocks.filter((block) => CONFIG.test(block.name))) {
    test(`${page}, ${title}: what check says of ${name}`, async () => {
      const expected = shownBy(section, 'npx multiecho check')
      const { status, output } = await run([CLI, 'check', '-c', name], folder)
      if (expected === undefined) {
        assert.is(status, 0, output)
        assert.ok(output.startsWith(`${name}: no problems; `), output)
      } else {
        assert.is(output, expected)
        assert.is(status, expected.startsWith('multiecho: ') ? 2 : 0)
      }
    })
  }
}

test('check without a config file says what the docs show', async () => {
  const expected = shownBy(
    sectionNamed('docs/reference/command-line.md', 'What is printed'),
    'npx multiecho check',
  )
  const empty = mkdtempSync(join(temporary, 'empty-'))
  assert.equal(await run([CLI, 'check'], empty), { status: 0, output: expected })
})

test.run()

/** What a section shows as the output of a command. */
function shownBy({ blocks }: Section, command: string): string | undefined {
  const block = blocks.find(({ language }) => language === 'console')
  return block === undefined ? undefined : outputOf(block, command)
}
