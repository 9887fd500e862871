/** The processes of a benchmark: starts servers and the load, and reads what they use. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf } from '../support/usage.ts'

const children = new Set<ChildProcessWithoutNullStreams>()
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

/** The one line of JSON that the load prints; `joins` has no losses, the others no `joins`. */
export interface Report {
  deliveries?: number
  joins?: number
  seconds: number
  perSecond: number
  lost?: number
  reordered?: number
  duplicated?: number
  altered?: number
  other?: number
  p50us: number
  p99us: number
  maxus: number
  loadCpu: number
}

export interface Running {
  pid: number
  port: number
  stop(): Promise<void>
}

/** `exec` makes the server the child itself, so that the child's pid is the server's. */
function start(
  core: number,
  words: readonly string[],
  cwd: string,
): ChildProcessWithoutNullStreams {
  const pinned = canPin ? ['taskset', '-c', String(core), ...words] : words
  const script = 'ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"; exec "$@"'
  const child = spawn('sh', ['-c', script, 'sh', ...pinned], { cwd, stdio: 'pipe' })
  children.add(child)
  child.once('close', () => children.delete(child))
  return child
}

/** Keeps the end of what a child says on stderr, for the message when it fails. */
function tailOf(child: ChildProcessWithoutNullStreams): () => string {
  let tail = ''
  child.stderr.on('data', (text: Buffer) => (tail = (tail + text.toString()).slice(-2000)))
  return () => tail.replace(/^(?:start|stop)\n/gm, '').trim()
}

export function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

/** Rejects after `seconds`; `signal` ends the wait early and silently. */
async function timeLimit(seconds: number, what: string, signal: AbortSignal): Promise<never> {
  await sleep(seconds * 1000, undefined, { signal })
  throw new Error(`${what} took longer than ${seconds} s`)
}

async function within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
  const done = new AbortController()
  try {
    return await Promise.race([work, timeLimit(seconds, what, done.signal)])
  } finally {
    done.abort()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

/** Starts a server; `{port}` in its command stands for the port it is to listen on. */
export async function startServer(command: readonly string[], cwd: string): Promise<Running> {
  const port = await freePort()
  const words = command.map((word) => word.replaceAll('{port}', String(port)))
  const child = start(0, words, cwd)
  const tail = tailOf(child)
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const listening = new Promise<void>((resolve, reject) => {
    // It stays subscribed: a server whose output nobody reads would come to a halt.
    lines.on('line', (line) => line.includes('listening') && resolve())
    child.once('error', reject)
    child.once('close', () => reject(new Error(`the server ended: ${tail()}`)))
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await within(10, 'stopping the server', closed).catch(() => child.kill('SIGKILL'))
    await closed
  }
  try {
    await within(15, 'starting the server', listening)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid ?? 0, port, stop }
}

export interface LoadResult {
  report: Report
  /** The server's CPU seconds between the load's "start" and "stop". */
  cpu: number
}

/**
 * Runs the load against a server. `holding` is called once the report is there, while a load
 * that keeps its connections still does so.
 */
export async function runLoad(
  command: readonly string[],
  server: Running,
  limit: number,
  holding: () => Promise<void> = async () => {},
): Promise<LoadResult> {
  const child = start(1, command, process.cwd())
  const tail = tailOf(child)
  const marks: number[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line === 'start' || line === 'stop') marks.push(cpuOf(server.pid))
  })
  const closed = once(child, 'close')
  const reported = new Promise<Report>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => {
      const report: Report = JSON.parse(line)
      resolve(report)
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(tail() || 'the load ended without a report')))
  })
  try {
    const report = await within(limit, 'the load', reported)
    await holding()
    child.stdin.end()
    await within(20, 'ending the load', closed)
    const [begun, ended] = marks
    if (begun === undefined || ended === undefined) throw new Error('the load gave no marks')
    return { report, cpu: ended - begun }
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}
