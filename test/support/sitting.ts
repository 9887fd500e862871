/** Somebody who sits in front of a client program, in a chat with somebody else. */
import { startHost, type HostProcess } from './host.ts'
import { join, type TcpClient } from './tcp-client.ts'
import { Key, openTerminal, type Terminal } from './terminal.ts'

export interface Sitting {
  readonly host: HostProcess
  readonly terminal: Terminal
  /** The id of who sits at the terminal. */
  readonly id: string
  /** The other one. */
  readonly other: TcpClient
  /** Types a line; resolves once the other one hears it, as `heard` where that is something else. */
  says(typed: string | Uint8Array, heard?: string): Promise<void>
  /** Lets the other one say many lines; resolves once every one of them is on the screen, in order. */
  showsAll(label: string): Promise<void>
}

/** Starts a host and lets a client program join it; its command line is made from the port. */
export async function sitDown(
  command: (port: number) => string,
  run: (sitting: Sitting) => Promise<void>,
): Promise<void> {
  await using host = await startHost()
  using other = await join(host.port)
  // Client programs keep notes in the home folder.
  const { path } = host.folder
  await using terminal = openTerminal(command(host.port), { cwd: path, env: { HOME: path } })
  const greeted = await terminal.screen.until(/client id: \S+\r/)
  const id = greeted.split(' ').at(-1)?.trimEnd() ?? ''
  await run({
    host,
    terminal,
    id,
    other,
    async says(typed, heard = String(typed)) {
      terminal.type(typed)
      terminal.type(Key.Enter)
      await other.hears(`(${id}) ${heard}`)
    },
    async showsAll(label) {
      const lines = manyLines(label)
      for (const line of lines) other.say(line)
      for (const line of lines) await terminal.screen.until(`(${other.id}) ${line}`)
    },
  })
}

/** What every client program is good for: it shows every line of others, sends what is typed, and leaves by /quit. */
export async function sitThrough(sitting: Sitting): Promise<void> {
  const { host, terminal, id, says, showsAll } = sitting
  await showsAll('first')
  await says('one')
  await says(`twx${Key.Backspace}o`, 'two')
  await says('café 你好')
  await showsAll('last')
  terminal.type(`/quit${Key.Enter}`)
  await host.logged(`closing connection: ${id}\n`)
}

/** Lines that a client program could stumble over; each one is another than the others. */
function manyLines(label: string): string[] {
  const words = ['plain', 'café', '你好', '👍🏽', '%s $HOME `id`', '{1} #nop; ~x', 'é̂']
  return Array.from(
    { length: 200 },
    (_, index) =>
      `${label} ${index} ${words[index % words.length] ?? ''}${'.'.repeat(index % 40)}|`,
  )
}
