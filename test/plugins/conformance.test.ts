/** Every built-in plugin stands what `checkPlugin` asks of any. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plugin } from '../../core/index.ts'
import { checkPlugin } from '../../core/testing/index.ts'
import * as plugins from '../../plugins/index.ts'
import { makeFolder } from '../support/host.ts'

const test = suite('conformance of the built-in plugins')

const { access, echo, flood, help, logging, mute, quit, stats } = plugins
const folder = makeFolder()
test.after(() => folder[Symbol.dispose]())

const builtIns: ReadonlyArray<readonly [make: () => Plugin, examples: number]> = [
  [() => access({ perMinute: 5, exempt: [] }), 0],
  [() => echo({ guardLookalikes: true }), 0],
  [() => flood({ burst: 1, perSecond: 1 }), 0],
  [() => help(), 2],
  [() => logging({ file: `${folder.path}/chat.log`, lines: true }), 0],
  [() => mute(), 2],
  [() => mute({ confirm: true }), 2],
  [() => quit({ farewell: 'bye\nbye' }), 1],
  [() => stats({ output: { write: () => true } }), 0],
]

const tried = new Set<string>()

for (const [make, examples] of builtIns) {
  const { name, input } = make()
  tried.add(name)
  test(`${name} passes, with ${JSON.stringify(input)}`, async () => {
    const report = await checkPlugin(make)
    assert.is(report.plugin, name)
    assert.is(report.examples, examples)
    assert.ok(report.cycles >= 20)
  })
}

test('none is left out', () => {
  const { defaults: _, ...factories } = plugins
  assert.equal(Object.keys(factories).toSorted(), [...tried].toSorted())
})

test.run()
