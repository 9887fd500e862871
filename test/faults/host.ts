/** The built host as a process: started in a new folder with a generated config, observed, and stopped. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Failed, must } from './check.ts'
import { cpuOf, descriptorsOf, rssOf } from '../support/usage.ts'
import { freePort, needPrograms, newFolder, when } from './machine.ts'
import type { Address } from './peer.ts'
import { Room } from './room.ts'

const program = resolve(import.meta.dirname, '../../dist/core/cli/bin.js')

const START_PATIENCE = 10_000
const EXIT_PATIENCE = 15_000
const PID_FILE = 'pid'

export interface HostSetup {
  /** The content of `defineConfig({ … })`. */
  readonly config?: string | undefined
  /** Code before it: custom plugins of the check. */
  readonly code?: string | undefined
  /** The complete config file instead. */
  readonly configFile?: string | undefined
  readonly port?: number | undefined
  readonly address?: string | undefined
  /** Its working directory; a new folder by default. */
  readonly folder?: string | undefined
  /** Words before the command, such as `sh -c … sh`. */
  readonly before?: readonly string[] | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Whether it runs on its own terminal. */
  readonly terminal?: boolean | undefined
}

/** What a figure needs of any server. */
export interface Server {
  readonly pid: number
  readonly address: Address
  readonly room: Room
  readonly alive: boolean
  readonly stdout: string
  rss(): number
  signal(name: NodeJS.Signals): void
  stop(name?: NodeJS.Signals): Promise<Exit>
  end(begun: number): Promise<Exit>
  kill(): Promise<void>
}

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  /** Milliseconds from the signal to the exit. */
  readonly milliseconds: number
}

export interface TableRow {
  readonly id: string
  readonly echoed: number
  readonly muted: number
  /** Whether it left by /quit; their number in the row of sums. */
  readonly quit: string
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class RunningHost implements Server {
  readonly folder: string
  readonly child: ChildProcess
  /** The server itself, which is not the child process if that is its terminal. */
  readonly pid: number
  readonly room: Room
  readonly address: Address
  stdout = ''
  stderr = ''
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  #exit: { code: number | null; signal: string | null } | undefined

  constructor(folder: string, child: ChildProcess, room: Room, started: Started) {
    this.folder = folder
    this.child = child
    this.room = room
    this.address = room.address
    this.pid = started.pid
    this.stdout = started.stdout
    this.stderr = started.stderr
    child.stdout?.on('data', (text) => (this.stdout += text))
    child.stderr?.on('data', (text) => (this.stderr += text))
    this.exited = new Promise((done) => {
      child.once('close', (code, signal) => {
        this.#exit = { code, signal }
        done(this.#exit)
      })
    })
  }

  get port(): number {
    return this.address.port
  }

  get alive(): boolean {
    return this.#exit === undefined
  }

  get log(): string {
    return readFileSync(join(this.folder, 'chat.log'), 'utf8')
  }

  /** Waits until the log contains the words; resolves to the log. */
  async logs(words: RegExp): Promise<string> {
    await when(
      () => words.test(this.log),
      () => `the log does not say ${words}`,
    )
    return words.exec(this.log)?.[0] ?? ''
  }

  rss(): number {
    return rssOf(this.pid)
  }

  cpu(): number {
    return cpuOf(this.pid)
  }

  descriptors(): number {
    return descriptorsOf(this.pid)
  }

  signal(name: NodeJS.Signals): void {
    if (this.alive) process.kill(this.pid, name)
  }

  /** Sends a signal and waits for the exit. */
  async stop(name: NodeJS.Signals = 'SIGINT'): Promise<Exit> {
    const begun = performance.now()
    this.signal(name)
    return this.end(begun)
  }

  /** Waits for the exit, and measures from `begun`. */
  async end(begun: number): Promise<Exit> {
    const late = Symbol('late')
    const timeout = new Promise<typeof late>((resolve_) => {
      setTimeout(resolve_, EXIT_PATIENCE, late).unref()
    })
    const exit = await Promise.race([this.exited, timeout])
    if (exit === late) {
      this.signal('SIGKILL')
      await this.exited
      throw new Failed(`it did not end within ${EXIT_PATIENCE / 1000} s`)
    }
    return { ...exit, milliseconds: performance.now() - begun }
  }

  /** Kills it. */
  async kill(): Promise<void> {
    await this.room.leave()
    this.signal('SIGKILL')
    await this.exited
  }
}

interface Started {
  readonly pid: number
  readonly stdout: string
  readonly stderr: string
}

function needBuild(): void {
  if (!existsSync(program)) throw new Failed('there is no built host; run: npm run build')
}

function writeConfig(folder: string, setup: HostSetup): void {
  const { config = '', code = '', configFile, address = '127.0.0.1', port = 0 } = setup
  const text =
    configFile ??
    `import { defineConfig, definePlugin, deliver, drop, refuse, Stage, z } from 'multiecho'
import { access, echo, flood, help, logging, mute, quit, stats } from 'multiecho/plugins'
${code}
export default defineConfig({ host: '${address}', port: ${port}, ${config} })
`
  writeFileSync(join(folder, 'chat.config.ts'), text)
}

/** Starts the program and collects its output; also for runs that should fail. */
function launch(
  setup: HostSetup,
  args: readonly string[] = [],
): { folder: string; child: ChildProcess } {
  needBuild()
  const folder = setup.folder ?? newFolder()
  writeConfig(folder, setup)
  const host = [...(setup.before ?? []), process.execPath, program, ...args]
  const words = setup.terminal === true ? onTerminal(host) : host
  return { folder, child: start(words, folder, setup.env) }
}

function start(
  [command = '', ...words]: readonly string[],
  cwd: string,
  env?: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn(command, words, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('close', () => running.delete(child))
  child.stdin?.on('error', () => {})
  return child
}

/** The command on a pseudo-terminal; it leaves its process id in a file. */
function onTerminal(words: readonly string[]): string[] {
  needPrograms('script')
  const quoted = words.map((word) => `'${word}'`).join(' ')
  return ['script', '-qefc', `echo $$ >${PID_FILE}; exec ${quoted}`, '/dev/null']
}

/** Starts another server for comparison; `{port}` in its command is replaced with the port, and `before` precedes it. */
export async function startOther(
  command: string,
  before: readonly string[] = [],
): Promise<RunningHost> {
  const port = await freePort()
  const folder = newFolder()
  const named = command.replaceAll('{port}', String(port)).split(/\s+/)
  const words = [...before, ...named]
  const child = start(words, folder)
  const address = { host: '127.0.0.1', port }
  const deadline = performance.now() + START_PATIENCE
  for (;;) {
    const answered = await Room.at(address).catch(() => undefined)
    if (answered !== undefined) {
      return new RunningHost(folder, child, answered, {
        pid: child.pid ?? 0,
        stdout: '',
        stderr: '',
      })
    }
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Failed(`nothing listens on port ${port} after ${command}`)
    }
    await new Promise((resolve_) => setTimeout(resolve_, 50))
  }
}

/** Starts a host; resolves when it listens. */
export async function startHost(setup: HostSetup = {}): Promise<RunningHost> {
  const { folder, child } = launch(setup)
  const started = { stdout: '', stderr: '' }
  const address = await new Promise<Address>((done, failed) => {
    const onOutput = (text: Buffer): void => {
      started.stdout += text.toString()
      const found = /is listening on (\S+):(\d+)\r?\n/.exec(started.stdout)
      if (found === null) return
      const host = (found[1] as string).replace(/^\[(.*)\]$/, '$1')
      finish(() => done({ host: host === '::' ? '::1' : host, port: Number(found[2]) }))
    }
    const onError = (text: Buffer): void => {
      started.stderr += text.toString()
    }
    const onClose = (code: number | null): void =>
      finish(() => failed(new Failed(`the host ended with ${code}: ${started.stderr.trim()}`)))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      finish(() => failed(new Failed(`the host did not listen within ${START_PATIENCE / 1000} s`)))
    }, START_PATIENCE)
    const finish = (then: () => void): void => {
      clearTimeout(timer)
      child.stdout?.off('data', onOutput)
      child.stderr?.off('data', onError)
      child.off('close', onClose)
      then()
    }
    child.stdout?.on('data', onOutput)
    child.stderr?.on('data', onError)
    child.once('close', onClose)
  })
  const pid =
    setup.terminal === true
      ? Number(readFileSync(join(folder, PID_FILE), 'utf8'))
      : (child.pid ?? 0)
  return new RunningHost(folder, child, Room.known(address), { pid, ...started })
}

/** Runs the program to its exit, for startup failures. */
export async function runToEnd(
  setup: HostSetup,
  args: readonly string[] = [],
): Promise<{ code: number | null; stdout: string; stderr: string; milliseconds: number }> {
  const begun = performance.now()
  const { child } = launch(setup, args)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (text) => {
    stdout += text
    if (stdout.includes('is listening')) child.kill('SIGKILL')
  })
  child.stderr?.on('data', (text) => (stderr += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_PATIENCE)
  const code = await new Promise<number | null>((done) => child.once('close', done))
  clearTimeout(timer)
  return { code, stdout, stderr, milliseconds: performance.now() - begun }
}

const ROW = /^(\S+|\d+ more)\s+(\d+)\s+(\d+)\s+(true|false|\d+)$/

/** The rows of the table that a host prints on shutdown. */
export function tableOf(output: string): TableRow[] {
  const lines = output.replaceAll('\r', '').split('\n')
  const heading = lines.findIndex((line) => /Client ID\s+Echoed\s+Muted\s+Used \/quit/.test(line))
  must(heading !== -1, 'there is no table on standard output')
  return lines.slice(heading + 1).flatMap((line) => {
    const [, id, echoed, muted, quit] = ROW.exec(line) ?? []
    if (id === undefined) return []
    return [{ id, echoed: Number(echoed), muted: Number(muted), quit: quit as string }]
  })
}

/** Sessions in the table, including those that share a row. */
export function visitsOf(rows: readonly TableRow[]): number {
  return rows.reduce((sum, { id }) => sum + (/^\d+ more$/.exec(id) ? Number.parseInt(id) : 1), 0)
}
