/** Resources of the machine: programs, a C compiler, root, folders, ports. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must, skip } from './check.ts'

/** A folder for this run, removed when it ends. */
const workFolder = mkdtempSync(join(tmpdir(), 'multiecho-faults-'))
chmodSync(workFolder, 0o755)
process.on('exit', () => rmSync(workFolder, { recursive: true, force: true }))

let folders = 0

/** Readable by others, so that a check can run the host as another user. */
export function newFolder(): string {
  const folder = join(workFolder, String(++folders))
  mkdirSync(folder)
  return folder
}

function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v "${name}"`], { stdio: 'ignore' }).status === 0
}

/** Skips the check if one of the programs is missing. */
export function needPrograms(...names: string[]): void {
  const missing = names.filter((name) => !hasProgram(name))
  if (missing.length > 0) skip(`not installed: ${missing.join(', ')}`)
}

export function needRoot(what: string): void {
  if (process.getuid?.() !== 0) skip(`${what} takes root`)
}

/** Skips the check if a process may not open that many files. */
export function needDescriptors(number: number): void {
  const most = Number(execFileSync('sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }))
  if (most < number) skip(`a process may open only ${most} files here (ulimit -H -n)`)
}

/** Skips the check if the loopback device has no IPv6. */
export function needIpv6(): void {
  try {
    if (/^0{31}1 /m.test(readFileSync('/proc/net/if_inet6', 'utf8'))) return
  } catch {
    // There is no IPv6 at all.
  }
  skip('this machine has no ::1')
}

const compiled = new Map<string, string>()

/** Compiles a C program of this folder, once; returns its path. Skips the check if there is no compiler. */
export function compile(name: string, ...flags: string[]): string {
  const done = compiled.get(name)
  if (done !== undefined) return done
  needPrograms('cc')
  const output = join(workFolder, name)
  const source = join(import.meta.dirname, `${name}.c`)
  const { status, stderr } = spawnSync('cc', ['-O2', ...flags, '-o', output, source], {
    encoding: 'utf8',
  })
  if (status !== 0) skip(`cc cannot compile ${name}.c: ${stderr.split('\n')[0]}`)
  compiled.set(name, output)
  return output
}

/** Waits for a condition without an event, such as a file or a process. Polls every 20 ms; fails with `seen` on timeout. */
export async function when(
  is: () => boolean,
  seen: () => string,
  patience = 5000,
): Promise<number> {
  const begun = performance.now()
  while (!is()) {
    must(performance.now() - begun < patience, seen())
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return performance.now() - begun
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => void server.close(resolve))
  return port
}

export const MiB = 1024 * 1024

export function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`
}
