/** Measures the hooks in a process of its own, whose code nothing else has warmed up or slowed down. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Microseconds of a line's way through a host with some plugins. */
export async function measureHooks(plugins: number): Promise<number> {
  const script = join(import.meta.dirname, 'hooks.ts')
  const { stdout } = await promisify(execFile)('node', ['--import', 'tsx', script, String(plugins)])
  return Number(stdout) / 1000
}
