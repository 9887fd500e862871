/** What the clients of a plugin under check type, and how to wait for them. */
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { CommandInfo } from '../commands/command-spec.ts'
import type { TestHost } from './test-host.ts'

/** What the clients type in turn: a line, and every command, by its examples if it has some. */
export function linesToType(commands: readonly CommandInfo[]): string[] {
  const lines = commands.flatMap(({ name, examples }) =>
    examples.length === 0
      ? [`/${name}\r\n`]
      : examples.map(({ type }) => `${type.join('\r\n')}\r\n`),
  )
  return ['hello\r\n', ...lines]
}

/** Waits for something while the clock runs at ten times real speed, for what waits for it. */
export async function whileTimePasses<T>(host: TestHost, underWay: Promise<T>): Promise<T> {
  let open = true
  const done = underWay.finally(() => {
    open = false
  })
  for (let count = 0; open && count < 8; count++) await turn()
  while (open) {
    await Promise.race([done.catch(() => {}), wait(10)])
    if (open) await host.advance(100)
  }
  return done
}
