/** The clock that the host runs by. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../core/support/clock.ts'

const test = suite('clock')

test('what is due in more than 24 days, the most that a timer of Node takes, does not come at once', async () => {
  const notes: string[] = []
  const cancel = systemClock.setTimeout(() => notes.push('late'), 2 ** 31)
  await new Promise<void>((resolve) => void systemClock.setTimeout(resolve, 20))
  cancel()
  assert.equal(notes, [])
})

test.run()
