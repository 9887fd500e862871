/** The processes of a benchmark: starts servers and the load generator, each on its own core if possible. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const children = new Set<ChildProcessWithoutNullStreams>()
export const isPinned = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

export interface Running {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/** `exec` makes the server the child process itself, so that the child's pid is the server's. */
function start(
  core: number,
  words: readonly string[],
  cwd: string,
): ChildProcessWithoutNullStreams {
  const pinned = isPinned ? ['taskset', '-c', String(core), ...words] : words
  const script = 'ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"; exec "$@"'
  const child = spawn('sh', ['-c', script, 'sh', ...pinned], { cwd, stdio: 'pipe' })
  children.add(child)
  child.once('close', () => children.delete(child))
  return child
}

/** Keeps the end of a child's stderr, for the message if it fails. */
function tailOf(child: ChildProcessWithoutNullStreams): () => string {
  let tail = ''
  child.stderr.on('data', (text: Buffer) => (tail = (tail + text.toString()).slice(-2000)))
  return () => tail.trim()
}

export function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

async function within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
  const done = new AbortController()
  const limit = async (): Promise<never> => {
    await sleep(seconds * 1000, undefined, { signal: done.signal })
    throw new Error(`${what} took longer than ${seconds} s`)
  }
  try {
    return await Promise.race([work, limit()])
  } finally {
    done.abort()
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

/** Starts a server that will listen on a known port; resolves once it does. */
export async function startServer(
  command: readonly string[],
  port: number,
  cwd: string,
): Promise<Running> {
  const child = start(0, command, cwd)
  const tail = tailOf(child)
  const closed = once(child, 'close')
  // A server whose output is not read would block.
  child.stdout.resume()
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new Error(`the server ended: ${tail()}`)))
  })
  failed.catch(() => {})
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await within(10, 'stopping the server', closed).catch(() => child.kill('SIGKILL'))
    await closed
  }
  try {
    await within(15, 'starting the server', Promise.race([answers(port), failed]))
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid ?? 0, port, stop }
}

/** Resolves once a server listens on the port. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const listens = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (listens) return
    await sleep(20)
  }
}

/** Runs the load generator; resolves to its report. `limit` is in seconds. */
export async function runLoad<Report>(command: readonly string[], limit: number): Promise<Report> {
  const child = start(1, command, process.cwd())
  const tail = tailOf(child)
  const closed = once(child, 'close')
  const reported = new Promise<Report>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve(JSON.parse(line) as Report),
    )
    child.once('error', reject)
    child.once('close', () => reject(new Error(tail() || 'the load ended without a report')))
  })
  try {
    return await within(limit, 'the load', reported)
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}
