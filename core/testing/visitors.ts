/** What those who visit a plugin under check type, and how they are waited for. */
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { CommandInfo } from '../hooks/command-spec.ts'
import type { TestHost } from './test-host.ts'

/** What each visitor types, by turns: a line, and every command, by its examples where it has some. */
export function linesToType(commands: readonly CommandInfo[]): string[] {
  const lines = commands.flatMap(({ name, examples }) =>
    examples.length === 0
      ? [`/${name}\r\n`]
      : examples.map(({ type }) => `${type.join('\r\n')}\r\n`),
  )
  return ['hello\r\n', ...lines]
}

/** Waits for something while the clock runs, ten times as fast as others, for what waits for it. */
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
