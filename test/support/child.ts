/** A program as a child process, whose output can be waited for and which never outlives the test. */
import { spawn } from 'node:child_process'
import { within } from './deadline.ts'
import { createTranscript, type Transcript } from './transcript.ts'

export interface Ended {
  /** The status, or the name of the signal that ended it. */
  readonly status: number | string
  readonly stdout: string
  readonly stderr: string
  /** Seconds since it was started. */
  readonly seconds: number
}

export interface Child extends AsyncDisposable {
  readonly pid: number
  readonly stdout: Transcript
  readonly stderr: Transcript
  /** Writes to its standard input. */
  write(text: string | Uint8Array): void
  /** Nothing more is typed. */
  end(): void
  /** Nobody reads its standard output any more, as behind `| head -1`. */
  closeOutput(): void
  kill(signal: NodeJS.Signals): void
  /** Resolves once it has ended and all that it printed has been read. */
  ended(): Promise<Ended>
}

export interface ChildOptions {
  readonly cwd?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  /** What ends it when the test is over, if it has not ended by then; SIGTERM when left out. */
  readonly disposeBy?: NodeJS.Signals | undefined
}

/** Milliseconds that a program has to end once its test is over. */
const TIME_TO_STOP = 5000

const running = new Set<() => void>()

// The runner of the tests sends SIGTERM to a file that takes too long.
process.once('SIGTERM', () => {
  for (const kill of running) kill()
  process.exit(143)
})

export function startChild(
  command: string,
  args: readonly string[],
  { cwd, env, disposeBy = 'SIGTERM' }: ChildOptions = {},
): Child {
  const begun = performance.now()
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...env },
  })
  const stdout = createTranscript(`the standard output of ${command}`)
  const stderr = createTranscript(`the standard error of ${command}`)
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdout.on('close', stdout.end)
  child.stderr.on('close', stderr.end)
  child.stdin.on('error', () => {}) // It may end without having read all.

  const kill = (): void => void child.kill('SIGKILL')
  running.add(kill)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      running.delete(kill)
      const seconds = (performance.now() - begun) / 1000
      const status = code ?? signal ?? 'unknown'
      resolve({ status, stdout: stdout.text, stderr: stderr.text, seconds })
    })
  })
  ended.catch(() => running.delete(kill))
  const notEnded = (): string =>
    `${command} ${args.join(' ')} has not ended; it printed ${JSON.stringify(stdout.text + stderr.text)}`

  return {
    pid: child.pid ?? -1,
    stdout,
    stderr,
    write: (text) => void child.stdin.write(text),
    end: () => void child.stdin.end(),
    closeOutput: () => void child.stdout.destroy(),
    kill: (signal) => void child.kill(signal),
    ended: () => within(ended, notEnded),
    async [Symbol.asyncDispose]() {
      if (!running.has(kill)) return
      // In order if it can: a process that is killed tells nothing to whoever measures the coverage.
      child.kill(disposeBy)
      const late = setTimeout(kill, TIME_TO_STOP)
      await ended
      clearTimeout(late)
    },
  }
}

/** Ends a process that is not a child, if it is still there. */
export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
