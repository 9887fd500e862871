/** The tests that the README and the docs show pass, by the runner that each is for. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run, sections, writeShownFiles } from '../support/shown-files.ts'

const test = suite('tests of the docs')

test.before(writeShownFiles)

for (const { page, title, blocks, folder } of sections) {
  for (const { name, text } of blocks.filter((block) => block.name.endsWith('.test.ts'))) {
    test(`${page}, ${title}: ${name} passes`, async () => {
      const { status, output } = await run(
        ['--import', 'tsx', '--test', '--test-reporter=tap', name],
        folder,
      )
      assert.is(status, 0, output)
      const count = text.match(/^test\(/gm)?.length
      assert.match(output, new RegExp(`^# pass ${count}$`, 'm'))
    })
  }
}

for (const { page, title, blocks, folder } of sections) {
  for (const { name, text } of blocks.filter((block) => /\.(uvu\.ts|test\.js)$/.test(block.name))) {
    test(`${page}, ${title}: ${name} passes`, async () => {
      const loader = name.endsWith('.ts') ? ['--import', 'tsx'] : []
      const { status, output } = await run([...loader, name], folder)
      assert.is(status, 0, output)
      assert.match(output, new RegExp(`Passed: +${text.match(/^test\(/gm)?.length}$`, 'm'))
    })
  }
}

test.run()
