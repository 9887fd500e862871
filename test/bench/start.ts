/** Measures how long a program takes to start. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Milliseconds until a program prints `until`, after which it is killed, or, without `until`, until it exits. */
export async function startTime(
  [program = '', ...words]: readonly string[],
  cwd: string,
  until?: string,
): Promise<number> {
  const begun = performance.now()
  const child = spawn(program, words, { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
  const closed = once(child, 'close')
  let printed = ''
  let taken: number | undefined
  child.stdout.on('data', (text: Buffer) => {
    printed += text.toString()
    if (until === undefined || taken !== undefined || !printed.includes(until)) return
    taken = performance.now() - begun
    child.kill('SIGKILL')
  })
  await closed
  if (until !== undefined && taken === undefined) throw new Error(`${program} ended early`)
  return taken ?? performance.now() - begun
}
