/** The built command line as a child process, in a fresh folder of its own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startChild, type Child, type Ended } from './child.ts'
import { PATIENCE, within } from './deadline.ts'

export const CLI = join(import.meta.dirname, '../../dist/core/cli/bin.js')
export const CHECKOUT = join(import.meta.dirname, '../..')

/** The time in front of each line of chat.log. */
const TIME = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /gm

export interface Setup {
  /** Text of `chat.config.ts`. None when left out, so that the defaults run. */
  readonly config?: string | undefined
  /** Other files of the folder, by name. */
  readonly files?: Readonly<Record<string, string>> | undefined
  /** Arguments; a free port of 127.0.0.1 when left out. */
  readonly args?: readonly string[] | undefined
  /** The command that runs it, with its first arguments; this node and the built command line when left out. */
  readonly command?: readonly [string, ...string[]] | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
}

export interface Folder extends Disposable {
  readonly path: string
  /** What stands in a file of it; nothing when there is none. */
  read(name: string): string
  /** chat.log, with TIME in front of each line instead of the time. */
  log(): string
  /** Resolves once a file of it is there and matches, to what stands in it. */
  holds(name: string, expected: string | RegExp): Promise<string>
}

/** Makes an empty folder with the files of a set-up in it. */
export function makeFolder({ config, files }: Setup = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), 'multiecho-'))
  const all = { ...files, ...(config !== undefined && { 'chat.config.ts': config }) }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  const find = (name: string): string | undefined => {
    try {
      return readFileSync(join(path, name), 'utf8')
    } catch {
      return undefined
    }
  }
  const read = (name: string): string => find(name) ?? ''
  return {
    path,
    read,
    log: () => read('chat.log').replace(TIME, 'TIME '),
    async holds(name, expected) {
      const matches = (): boolean => {
        const text = find(name)
        if (text === undefined) return false
        return typeof expected === 'string' ? text.includes(expected) : expected.test(text)
      }
      const watcher = watch(path)
      const matched = new Promise<void>((resolve) => {
        watcher.on('change', () => {
          if (matches()) resolve()
        })
        if (matches()) resolve()
      })
      try {
        await within(matched, () => `${String(expected)} in ${name}, which has ${read(name)}`)
      } finally {
        watcher.close()
      }
      return read(name)
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** Runs the command line to its end. */
export async function runCli(args: readonly string[], setup: Setup = {}): Promise<Ended> {
  using folder = makeFolder(setup)
  await using child = start(args, folder, setup)
  return await child.ended()
}

/** Runs the command line to its end, in a folder that is there. */
export async function runIn(folder: string, ...args: string[]): Promise<Ended> {
  await using child = startChild(process.execPath, [CLI, ...args], { cwd: folder })
  return await child.ended()
}

/** What a program that could not start says, which must be one sentence on standard error. */
export function sentenceOf({ stderr }: Ended): string {
  if (!/^multiecho: [^\n]+\n$/.test(stderr)) {
    throw new Error(`expected one sentence, found ${JSON.stringify(stderr)}`)
  }
  return stderr.trimEnd()
}

export interface HostProcess extends AsyncDisposable {
  readonly folder: Folder
  readonly child: Child
  readonly port: number
  /** Resolves once chat.log matches. */
  logged(expected: string | RegExp): Promise<string>
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Stopped>
}

export interface Stopped extends Ended {
  /** chat.log, with TIME in front of each line instead of the time. */
  readonly log: string
}

/** Starts a host; resolves once it says that it listens. */
export async function startHost(setup: Setup = {}): Promise<HostProcess> {
  const folder = makeFolder(setup)
  const child = start(setup.args ?? ['--port', '0', '--host', '127.0.0.1'], folder, setup)
  const dispose = async (): Promise<void> => {
    await child[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  }
  let port: number
  try {
    port = await listeningPort(child)
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    folder,
    child,
    port,
    logged: (expected) => folder.holds('chat.log', expected),
    async stop(signal = 'SIGINT') {
      child.kill(signal)
      return { ...(await child.ended()), log: folder.log() }
    },
    [Symbol.asyncDispose]: dispose,
  }
}

/** Waits for the line that says where a host listens, and how to join it. */
export async function listeningPort(child: Child, patience = PATIENCE): Promise<number> {
  const expected = /listening on \S+:\d+\r?\n/
  const printed = await child.stdout.until(expected, patience).catch((error: unknown) => {
    throw new Error(`no host: ${String(error)}; ${child.stderr.text}`)
  })
  return Number(/:(\d+)\r?\n$/.exec(printed)?.[1])
}

function start(args: readonly string[], folder: Folder, { command, env }: Setup): Child {
  const [program, ...first] = command ?? [process.execPath, CLI]
  return startChild(program, [...first, ...args], { cwd: folder.path, env })
}
