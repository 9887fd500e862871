/** Errors that nobody caught, however odd: the host ends in order, with the table and status 70. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost, type Stopped } from '../support/host.ts'
import { oddErrors } from '../support/odd-errors.ts'
import { join } from '../support/tcp-client.ts'

const test = suite('uncaught errors')

/** Runs a host whose plugin does something when it is told to; resolves to how it ended. */
async function endedBy(code: string): Promise<Stopped> {
  const config = `
    import { definePlugin } from 'multiecho'
    import { echo, logging, stats } from 'multiecho/plugins'
    const odd = definePlugin({
      name: 'odd',
      apiVersion: 1,
      setup: (host) => host.command({ name: 'fail', help: 'Fail.', run() { ${code} } }),
    })
    export default { plugins: [logging({ format: 'json' }), stats(), echo(), odd()] }
  `
  await using host = await startHost({ config })
  using client = await join(host.port)
  client.say('one')
  client.say('/fail')
  const ended = await host.child.ended()
  return { ...ended, log: host.folder.log() }
}

function assertInOrder({ status, stdout, stderr, log }: Stopped, what: string): void {
  assert.is(status, 70, `${what}: ${stderr.slice(0, 2000)}`)
  assert.is(stdout.split('Used /quit').length, 2, what)
  assert.match(stdout, / +1 +0 {3}false\n/)
  assert.match(stderr, /^multiecho: uncaught error, stopping/)
  assert.ok(stderr.length < 110_000, `${what}: ${stderr.length} characters`)
  assert.not.match(stderr.replaceAll('\n', ''), /\p{Cc}/u)
  const records = log.trimEnd().split('\n')
  const fatal = records.filter((record) => (JSON.parse(record) as { level: number }).level === 60)
  assert.is(fatal.length, 1, what)
  assert.ok((fatal[0] ?? '').length < 110_000, what)
}

/** The rest of them is thrown at a host in memory (test/plugin-faults/hostile.test.ts), which is faster. */
const THROWN = [
  'a stack that is no text',
  'a stack that throws',
  'a symbol for a stack',
  'a message that throws',
  'a frozen error',
  'an endless chain of causes',
  'a huge stack',
  'a huge message',
  'a proxy that throws at everything',
  'undefined',
]
/** Node itself looks at these before the host does. */
const REJECTED = ['a stack that throws', 'an object without a prototype', 'a revoked proxy']

for (const [way, fail, names] of [
  ['thrown', (odd: string) => `setTimeout(() => { throw ${odd} }, 0)`, THROWN],
  ['rejected', (odd: string) => `void Promise.reject(${odd})`, REJECTED],
] as const) {
  test(`whatever is ${way}, the host ends in order, with the table and status 70`, async () => {
    const left = [...names]
    const next = async (): Promise<void> => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        assertInOrder(await endedBy(fail(oddErrors[name] ?? '')), name)
      }
    }
    await Promise.all([next(), next()])
  })
}

test('the error that was uncaught, and what is printed of it, is told once', async () => {
  const { stderr } = await endedBy(`setTimeout(() => { throw new Error('lost') }, 0)`)
  assert.is(stderr.split('uncaught error').length, 2, stderr)
})

test.run()
