/** PuTTY's command-line client, which negotiates telnet options as soon as it is connected, and its raw protocol. */
import { suite } from 'uvu'
import { needs } from '../support/programs.ts'
import { sitDown, sitThrough } from '../support/sitting.ts'

const test = suite('plink')

const testPlink = needs(test, 'plink', 'script')

for (const protocol of ['telnet', 'raw']) {
  testPlink(`plink -${protocol} shows every line of others and sends what is typed`, () =>
    sitDown((port) => `plink -${protocol} -P ${port} 127.0.0.1`, sitThrough),
  )
}

test.run()
