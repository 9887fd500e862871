/** The load generators, written in C: compiled on first use, and controlled over their standard input. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Failed } from './check.ts'
import { compile } from './machine.ts'
import type { Address } from './peer.ts'

const children = new Set<ChildProcessWithoutNullStreams>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

export class Load {
  readonly #name: string
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  #problem = ''

  constructor(name: string, { host, port }: Address, ...args: ReadonlyArray<string | number>) {
    this.#name = name
    this.#child = spawn(compile(name), [host, String(port), ...args.map(String)])
    children.add(this.#child)
    this.#child.once('close', () => children.delete(this.#child))
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.on('data', (text) => (this.#problem += text))
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** Resolves to the next line that it prints. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Failed(`${this.#name} ended: ${this.#problem.trim()}`)
    return value
  }

  /** Starts the measured part. */
  go(): void {
    this.#child.stdin.write('go\n')
  }

  /** Closes its standard input; resolves to its report. */
  async result<T>(): Promise<T> {
    this.#child.stdin.end()
    return JSON.parse(await this.line()) as T
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'close')
  }
}

export interface CrowdOptions {
  readonly clients: number
  /** Lines a second. */
  readonly rate: number
  /** Of a line, including its end. */
  readonly bytes: number
  readonly seconds: number
}

/** Lets a crowd connect; resolves when everybody hears its speaker. */
export async function gather(address: Address, options: CrowdOptions): Promise<Load> {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const crowd = new Load('crowd', address, ...words)
  try {
    await crowd.line()
  } catch (error) {
    await crowd.end()
    throw error
  }
  return crowd
}

/** What `crowd` reports. */
export interface CrowdReport {
  readonly expected: number
  readonly received: number
  readonly lost: number
  readonly repeated: number
  readonly closed: number
  readonly seconds: number
  readonly p50us: number
  readonly p99us: number
  readonly maxus: number
  readonly churnLeast: number
  readonly churnMost: number
}
