/** Checks that the examples of a plugin's commands work. */
import { CORE } from '../hooks/hooks.ts'
import type { Subject } from './subject.ts'
import { whileTimePasses } from './visitors.ts'
import type { Settled } from './watch.ts'

/** Runs each example separately. Returns how many there were. */
export async function checkExamples(subject: Subject): Promise<number> {
  let count = 0
  for (const command of subject.commands) {
    for (const [index, { type, sees }] of command.examples.entries()) {
      count++
      const { host, watcher } = await subject.open()
      const [ada] = [
        await whileTimePasses(host, host.connect('ada')),
        await whileTimePasses(host, host.connect('bob')),
      ]
      const said = await whileTimePasses(host, ada.send(type.map((line) => `${line}\r\n`).join('')))
      const what = `/${command.name}, example ${index + 1}, ${JSON.stringify(type.join(', '))}`
      const problem = exampleProblem(sees, said, watcher.settled)
      if (problem !== undefined) {
        const saw =
          said.length === 0 ? 'nothing' : said.map((line) => JSON.stringify(line)).join(', ')
        subject.found(
          'example',
          `${what}: ${problem}; ada was sent ${saw}; ${remedyFor(watcher.settled)}`,
        )
      }
      await subject.close(host, what)
    }
  }
  return count
}

function exampleProblem(
  sees: string | RegExp | undefined,
  said: readonly string[],
  settled: readonly Settled[],
): string | undefined {
  if (typeof sees === 'string') {
    return said.some((line) => line.includes(sees))
      ? undefined
      : `expected a line with ${JSON.stringify(sees)} in it`
  }
  if (sees !== undefined) {
    return said.some((line) => sees.test(line))
      ? undefined
      : `expected a line that matches ${String(sees)}`
  }
  const done = settled.filter(({ hook }) => hook === 'command')
  return done.length > 0 && done.every(({ kind }) => kind === 'done')
    ? undefined
    : 'expected the command to succeed, but it was refused or failed'
}

function remedyFor(settled: readonly Settled[]): string {
  const undelivered = settled.some(
    ({ hook, kind, by }) => hook === 'line' && kind === 'drop' && by === CORE,
  )
  return undelivered
    ? 'no plugin delivers lines here; if the example is about a line, check it with { with: [echo()] }'
    : 'correct the example, or the command'
}
