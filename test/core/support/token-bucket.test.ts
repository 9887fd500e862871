/** Token buckets: what may be spent at once, and how it comes back. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { refill } from '../../../core/support/token-bucket.ts'

const test = suite('token bucket')

const rate = { burst: 3, perSecond: 2 }

test('it earns its rate by the second, and no more than a burst', () => {
  const bucket = { tokens: 0, filledAt: 1000 }
  refill(bucket, rate, 1250)
  assert.equal(bucket, { tokens: 0.5, filledAt: 1250 })
  refill(bucket, rate, 2000)
  assert.equal(bucket, { tokens: 2, filledAt: 2000 })
  refill(bucket, rate, 60_000)
  assert.equal(bucket, { tokens: 3, filledAt: 60_000 })
})

test('a debt is paid back first', () => {
  const bucket = { tokens: -1, filledAt: 0 }
  refill(bucket, rate, 500)
  assert.is(bucket.tokens, 0)
})

test('a smaller burst than before takes away what is above it', () => {
  const bucket = { tokens: 3, filledAt: 0 }
  refill(bucket, { burst: 1, perSecond: 2 }, 0)
  assert.is(bucket.tokens, 1)
})

test.run()
