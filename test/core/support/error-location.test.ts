/** The place of a fault: found where a plugin is at fault, and never blamed on whoever called the host. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { callPlugin } from '../../../core/support/boundary.ts'
import { locationOf } from '../../../core/support/error-location.ts'

const test = suite('error location')

function thrownBy(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

test('it is the first line that belongs neither to the host nor to Node', () => {
  const place = locationOf(thrownBy(() => JSON.parse('{')))
  assert.match(place ?? '', /^test\/core\/support\/error-location\.test\.ts:\d+$/)
})

test('the callers of the host are not blamed for what a plugin has no line in', () => {
  assert.is(locationOf(thrownBy(() => callPlugin(JSON.parse, '{'))), undefined)
})

test('the lines of a plugin are found above its call', () => {
  const place = locationOf(thrownBy(() => callPlugin((text: string) => JSON.parse(text), '{')))
  assert.match(place ?? '', /error-location\.test\.ts:\d+$/)
})

test.run()
