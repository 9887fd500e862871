/** Faults that fail again when they are looked at: nothing of them may reach the process, nor anybody else. */
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ChatError, definePlugin, z, type Plugin, type PluginContext } from '../../core/index.ts'
import { createTestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import { hostilities, oddPromises, type Crash } from '../support/memory-faults.ts'
import { faults, join, plugin, rejection, soon } from '../support/memory-plugins.ts'

const test = suite('hostile faults')

/** What nobody caught. */
let uncaught: unknown[] = []
process.on('uncaughtException', (error) => uncaught.push(error))
// A host that has lost its way may never stop.
setTimeout(() => process.exit(1), 10_000).unref()
test.before.each(() => {
  uncaught = []
})

/** Where the fault happens, and whether an answer is looked at there. */
const places: ReadonlyArray<
  readonly [name: string, tap: (host: PluginContext, run: Crash['run']) => void]
> = [
  ['connect', ({ hooks }, run) => hooks.connect.tap('bad', run)],
  ['line', ({ hooks }, run) => hooks.line.tap('bad', run)],
  ['command', ({ hooks }, run) => hooks.command.tap('bad', run)],
  ['settled', ({ hooks }, run) => hooks.settled.tap('bad', run)],
  ['close', ({ hooks }, run) => hooks.close.tap('bad', run)],
  ['shutdown', ({ hooks }, run) => hooks.shutdown.tap('bad', run)],
  ['a command', ({ command }, run) => command({ name: 'bad', help: '', run })],
  ['a timer', ({ setTimeout }, run) => void setTimeout(run, 5)],
  ['onDispose', ({ onDispose }, run) => onDispose(run)],
]

for (const [place, tap] of places) {
  for (const { name, run } of [...hostilities, ...oddPromises]) {
    test(`in ${place} somebody ${name} and the chat goes on`, async () => {
      const bad = plugin('bad', (host) => {
        // A timer is set when the host runs.
        if (place === 'a timer') host.onStart(() => tap(host, run))
        else tap(host, run)
      })
      const host = await createTestHost({ plugins: [bad, echo()] })
      const seen = visit(host)
      // Not awaited for ever: a host that has lost its way does not answer.
      for (let count = 0; count < 100; count++) await turn()
      assert.equal(
        uncaught.map((error) => (error instanceof Error ? error.stack : error)),
        [],
      )
      assert.equal(await seen, ['heard', 'stopped'])
      for (const { json, message } of host.records) {
        assert.type(JSON.parse(json), 'object')
        assert.ok(message.length < 5000 && json.length < 110_000, `${json.length} characters`)
      }
    })
  }
}

/** Where what is thrown keeps a plugin from running. */
const beginnings: ReadonlyArray<
  readonly [name: string, code: string, begin: (run: Crash['run']) => Plugin]
> = [
  ['setup', 'CONFIG_INVALID', (run) => plugin('bad', run)],
  ['onStart', 'PLUGIN_START_FAILED', (run) => plugin('bad', ({ onStart }) => onStart(run))],
  ['the check of its options', 'CONFIG_INVALID', (run) => withOptions(z.any().refine(run))],
  [
    'the message of that check',
    'CONFIG_INVALID',
    (run) => withOptions(z.any().refine(() => false, { error: run })),
  ],
]

function withOptions(options: z.ZodType): Plugin {
  return definePlugin({ name: 'bad', apiVersion: 1, options, setup() {} })(1)
}

for (const [place, code, begin] of beginnings) {
  test(`whatever is thrown in ${place}, why it does not start is told in words, and few`, async () => {
    for (const { name, run, hangs } of hostilities) {
      if (hangs || !name.startsWith('throws')) continue
      const error = await rejection(createTestHost({ plugins: [begin(run)] }))
      assert.instance(error, ChatError, name)
      assert.is((error as ChatError).code, code, name)
      assert.ok((error as ChatError).message.length < 5000, name)
    }
  })
}

const schemas: ReadonlyArray<readonly [what: string, schema: z.ZodType]> = [
  [
    'throws',
    z.string().transform((): string => {
      throw new Error('oh')
    }),
  ],
  ['is async', z.string().refine(() => Promise.resolve(true))],
]

for (const [what, schema] of schemas) {
  test(`a command with a schema that ${what} is answered as failed and the chat goes on`, async () => {
    const owner = plugin('bad', (host) => {
      host.command({ name: 'fail', help: '', args: { word: schema }, run: () => 'ran' })
    })
    const host = await createTestHost({ plugins: [owner, echo()] })
    const [one, two] = [await join(host), await join(host)]
    const answers = await soon(one.send('/fail word\r\nafter\r\n'))
    assert.equal(uncaught, [])
    assert.equal(answers, ['/fail failed'])
    assert.equal(two.take(), [`(${one.id}) after`])
    assert.equal(faults(host), ['bad /fail COMMAND_FAILED'])
    await host.stop()
  })
}

async function visit(host: Awaited<ReturnType<typeof createTestHost>>): Promise<string[]> {
  const seen: string[] = []
  const [one, two] = [await host.connect(), await host.connect()]
  await one.say('line')
  await one.say('/bad')
  await host.advance(10)
  if (two.lines.includes(`(${one.id}) line`)) seen.push('heard')
  await two.end()
  host.takeErrors()
  // What is faulty about stopping is reported when it is over.
  await host.stop().catch(() => {})
  seen.push('stopped')
  return seen
}

test.run()
