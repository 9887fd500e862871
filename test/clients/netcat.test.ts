/** The plain pipes to a port: both netcats and socat, typed into and piped into. */
import { suite } from 'uvu'
import { startChild } from '../support/child.ts'
import { startHost } from '../support/host.ts'
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
