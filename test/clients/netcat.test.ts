/** The plain pipes to a port: both netcats and socat, typed into and piped into. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startChild } from '../support/child.ts'
import { startHost } from '../support/host.ts'
import { sectionsOf } from '../support/pages.ts'
import { needs } from '../support/programs.ts'
import { sitDown, sitThrough } from '../support/sitting.ts'
import { join } from '../support/tcp-client.ts'
import { Key } from '../support/terminal.ts'

const test = suite('netcats')

interface Netcat {
  readonly program: string
  readonly typed: (port: number) => string
  /** Arguments with which it ends its side when its input has ended. */
  readonly piped: (port: number) => readonly string[]
}

const netcats: readonly Netcat[] = [
  {
    program: 'nc.openbsd',
    typed: (port) => `nc.openbsd 127.0.0.1 ${port}`,
    piped: (port) => ['-N', '127.0.0.1', String(port)],
  },
  {
    program: 'ncat',
    typed: (port) => `ncat 127.0.0.1 ${port}`,
    piped: (port) => ['127.0.0.1', String(port)],
  },
  {
    program: 'socat',
    typed: (port) => `socat - TCP:127.0.0.1:${port}`,
    piped: (port) => ['-', `TCP:127.0.0.1:${port}`],
  },
]

for (const { program, typed, piped } of netcats) {
  const testTyped = needs(test, program, 'script')
  const testPiped = needs(test, program)

  testTyped(`${program} shows every line of others and sends what is typed`, () =>
    sitDown(typed, sitThrough),
  )

  testPiped(`what is piped into ${program} is delivered`, async () => {
    await using host = await startHost()
    using listener = await join(host.port)
    await using child = startChild(program, piped(host.port))
    child.write('hi\nthere\n')
    child.end()
    await listener.received.until(') hi\r\n')
    await listener.received.until(') there\r\n')
    await child.ended()
  })
}

const testNc = needs(test, 'nc.openbsd')

/** What the guide shows, with the real program and port. */
function shownCommands(port: number): string[] {
  return sectionsOf('docs/guide/run-it.md')
    .flatMap(({ blocks }) => blocks)
    .filter(({ language, text }) => language === 'sh' && text.startsWith('printf '))
    .map(({ text }) => text.replace('| nc ', '| nc.openbsd ').replace('9090', String(port)))
}

testNc('a program says something through nc and leaves, by each command of the guide', async () => {
  await using host = await startHost()
  using listener = await join(host.port)
  const commands = shownCommands(host.port)
  assert.is(commands.length, 2)
  for (const command of commands) {
    await using child = startChild('sh', ['-c', command])
    await listener.received.until(') the build is red\r\n')
    assert.is((await child.ended()).status, 0, command)
  }
})

testNc(
  'nc stays at the end of its input when it is not told to end, as the guide says',
  async () => {
    await using host = await startHost()
    using listener = await join(host.port)
    await using child = startChild('nc.openbsd', ['127.0.0.1', String(host.port)])
    child.write('hi\n')
    child.end()
    await listener.received.until(') hi\r\n')
    listener.say('still there?')
    await child.stdout.until(') still there?\r\n')
  },
)

/** What ends a program that sits in the chat, by the table of the guide. */
const leaving: ReadonlyArray<readonly [program: string, keys: readonly string[]]> = [
  ['telnet', [`/quit${Key.Enter}`]],
  ['nc.openbsd', [Key.CtrlC]],
  ['nc.openbsd', [`/quit${Key.Enter}`, Key.CtrlD]],
  ['ncat', [Key.CtrlC]],
  ['ncat', [Key.CtrlD]],
  ['ncat', [`/quit${Key.Enter}`, Key.CtrlD]],
]

for (const [program, keys] of leaving) {
  needs(
    test,
    program,
    'script',
  )(`${program} is left with ${JSON.stringify(keys)}`, () =>
    sitDown(
      (port) => `${program} 127.0.0.1 ${port}`,
      async ({ host, terminal, id, other }) => {
        const [first = '', next] = keys
        terminal.type(first)
        if (next !== undefined) {
          await host.logged(`closing connection: ${id}\n`)
          // The connection has been ended by the time that anything later is answered.
          other.say('/nosuch')
          await other.received.until('there is no command /nosuch')
          terminal.type(next)
        }
        await terminal.ended()
      },
    ),
  )
}

const testSocat = needs(test, 'socat', 'script')

testSocat('the host edits the line of a terminal that sends each key', () =>
  sitDown(
    (port) => `socat -,raw,echo=0 TCP:127.0.0.1:${port}`,
    async (sitting) => {
      await sitting.says(`cafés${Key.Backspace.repeat(2)}é`, 'café')
      await sitting.says(`all of it${Key.CtrlU}nothing`, 'nothing')
      await sitThrough(sitting)
    },
  ),
)

test.run()
