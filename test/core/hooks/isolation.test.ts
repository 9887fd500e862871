/** Promises that fail when they are looked at: they count as rejected, and end nothing. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drop, Stage } from '../../../core/index.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { oddPromises } from '../../support/memory-faults.ts'
import { faults, join, plugin, rejection } from '../../support/memory-plugins.ts'

const test = suite('isolation')

/** What nobody caught. */
const uncaught: unknown[] = []
process.on('uncaughtException', (error) => uncaught.push(error))

test.after.each(async () => {
  // Rejections that nobody has handled are told behind the step in which they come.
  for (let count = 0; count < 5; count++) await turn()
  assert.equal(uncaught.splice(0), [])
})

for (const { name, run } of oddPromises) {
  test(`where a guard ${name} its onFailure holds`, async () => {
    const guard = plugin('guard', (host) => {
      host.hooks.line.tap({ stage: Stage.Guard, onFailure: drop('not checked') }, run)
    })
    await using host = await createTestHost({ plugins: [guard, echo()] })
    const [one, two] = [await join(host), await join(host)]
    await one.say('hello')
    assert.equal(two.take(), [])
    assert.is(faults(host).length, 1)
  })

  test(`where setup ${name} the host does not start, and says that setup may not be async`, async () => {
    const late = plugin('late', () => run())
    assert.match(
      String(await rejection(createTestHost({ plugins: [late] }))),
      /setup: it returned a promise/,
    )
  })

  test(`where onStart ${name} it has ended`, async () => {
    const late = plugin('late', (host) => host.onStart(run))
    // What is no promise to look at is an answer, and those of onStart count for nothing.
    const outcome = await createTestHost({ plugins: [late] }).then(
      (host) => host.stop().then(() => 'started'),
      (error: unknown) => String(error),
    )
    assert.match(outcome, /started|late could not start/)
  })
}

test.run()
