/** TinTin++, a full-screen client for text games, which edits and draws the lines itself. */
import { suite } from 'uvu'
import { needs } from '../support/programs.ts'
import { sitDown, sitThrough } from '../support/sitting.ts'

const test = suite('TinTin++')

const testTinTin = needs(test, 'tt++', 'script')

testTinTin('TinTin++ shows every line of others and sends what is typed', () =>
  sitDown((port) => `tt++ -G -e '#session chat 127.0.0.1 ${port}'`, sitThrough),
)

test.run()
