/** Measures the hooks in a separate process, so that no other code has warmed it up or slowed it down. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Microseconds that a line takes through a host with that many plugins. */
export async function measureHooks(plugins: number): Promise<number> {
  const script = join(import.meta.dirname, 'hooks.ts')
  const { stdout } = await promisify(execFile)('node', ['--import', 'tsx', script, String(plugins)])
  return Number(stdout) / 1000
}
