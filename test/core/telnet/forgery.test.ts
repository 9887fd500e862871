/** Whatever a client sends, what others see of it is lines with its name in front and nothing a terminal obeys. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import { bytes, IAC, input } from '../../support/memory-bytes.ts'
import { join } from '../../support/memory-plugins.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('forgery')

/** What the victim sees of bytes that the attacker sends. */
async function seenOf(sent: Uint8Array): Promise<{ id: string; lines: string[] }> {
  await using host = await createTestHost({ plugins: [echo()] })
  const [victim, attacker] = [await join(host), await join(host)]
  await attacker.send(sent)
  return { id: attacker.id, lines: victim.take() }
}

test('each line of one packet has its author in front', async () => {
  const { id, lines } = await seenOf(bytes('hi\n(10.0.0.7:4242) forged\r(10.0.0.7:4242) again\r\n'))
  assert.equal(lines, [
    `(${id}) hi`,
    `(${id}) (10.0.0.7:4242) forged`,
    `(${id}) (10.0.0.7:4242) again`,
  ])
})

test('a line cannot be begun anew by moving the cursor', async () => {
  const { id, lines } = await seenOf(bytes('hi\x1b[G\x1b[1;1H\u009bG\u2028(10.0.0.7:4242) ok\n'))
  assert.equal(lines, [`(${id}) hi␛[G␛[1;1H\ufffdG\ufffd(10.0.0.7:4242) ok`])
})

test('nobody is sent telnet of somebody else', async () => {
  const { id, lines } = await seenOf(bytes(IAC, IAC, 0xfd, 0x18, IAC, IAC, 0xfa, 0x18, 1, '\n'))
  assert.equal(lines, [`(${id}) \ufffd\ufffd␘\ufffd\ufffd␘␁`])
})

test('no bytes at all forge a line or reach another terminal as controls', async () => {
  let sent = 0
  const attack = fc.array(input, { minLength: 30, maxLength: 50 })
  const property = fc.asyncProperty(attack, async (packets) => {
    await using host = await createTestHost({ plugins: [echo()] })
    const victim = await join(host)
    const before = victim.bytes.length
    let attacker = await join(host)
    const attackers = new Set([attacker.id])
    for (const packet of packets) {
      sent++
      await attacker.send(bytes(packet, 0xf0, '\n'))
      if (!attacker.closed) continue
      attacker = await join(host)
      attackers.add(attacker.id)
    }
    const seen = victim.bytes.subarray(before)
    assert.not(seen.includes(IAC))
    assert.not.match(seen.toString().replaceAll('\r\n', ''), /\p{Cc}/u)
    for (const line of victim.take()) {
      const [, author] = /^\((.*?)\) /.exec(line) ?? []
      assert.ok(attackers.has(String(author)), line)
    }
  })
  await fc.assert(property, { seed, numRuns: Math.ceil(cases(8000) / 30) })
  assert.ok(sent > cases(8000) - 1)
})

printSeed()
test.run()
