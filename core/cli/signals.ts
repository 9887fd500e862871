/** Signals and errors that nobody caught: what they mean to the program, and the status that it ends with. */
import type { ChatHost } from '../host/host.ts'
import type { Operations } from '../host/operations.ts'
import { systemClock } from '../support/clock.ts'
import { locationOf } from '../support/error-location.ts'
import { describe, describeFully } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { flushed } from './output.ts'

/** The statuses that the program ends with. */
export const Status = {
  Ok: 0,
  /** It could not start, or a file or an address is not to be had. */
  Failed: 1,
  /** The command line or the config is wrong. */
  Misused: 2,
  /** An error that nobody caught (EX_SOFTWARE of sysexits.h). */
  Uncaught: 70,
  /** Stopped by a second signal (128 and SIGINT). */
  Interrupted: 130,
} as const

/** Milliseconds within which a second signal is the same key: npm and the terminal both deliver it. */
const SAME_KEY = 200
/** Milliseconds beyond the deadline after which a stop that does not end is ended. */
const STOP_GRACE = 500
/** Milliseconds that whoever reads what is printed has for the last of it, however late it is. */
const LAST_WORDS = 100

export interface Signals {
  /** Resolves to the status to end with, once all has stopped for whatever reason. */
  readonly stopped: Promise<number>
  /** Whether it is stopping: what was printed may still have to be read. */
  readonly stopping: boolean
  /** From now on they are for this host. Before there is one, a signal to stop ends the program at once. */
  pass(host: ChatHost, operations: Operations): void
}

/** Receives signals, and the errors that nobody caught, from the first moment on: none is lost and none kills the process. */
export function receiveSignals(log: Log): Signals {
  const chat = log.of('chat')
  let status: number = Status.Ok
  let stoppingSince: number | undefined
  let running: { readonly host: ChatHost; readonly operations: Operations } | undefined
  let reloadAsked = false
  let finish = (): void => {}
  const stopped = new Promise<number>((resolve) => {
    finish = () => resolve(status)
  })

  /** Ends once what was printed has been read, or is not for too long. */
  const end = (patience: number): void => {
    void flushed(Math.max(LAST_WORDS, patience)).then(finish)
  }
  const stop = (reason: string): void => {
    if (stoppingSince !== undefined) return
    stoppingSince = performance.now()
    if (running === undefined) return end(0)
    const { host } = running
    const { stopDeadline } = host.config
    const deadline = stoppingSince + stopDeadline
    systemClock.setTimeout(finish, stopDeadline + STOP_GRACE)
    host.stop(reason).then(() => end(deadline - performance.now()), uncaught)
  }
  const interrupt = (signal: NodeJS.Signals): void => {
    if (stoppingSince === undefined) {
      // The terminal shows ^C; what is printed now begins a line of its own.
      if (signal === 'SIGINT' && process.stdout.isTTY) process.stdout.write('\n')
      chat.info('interrupt signal received')
      stop('signal')
    } else if (performance.now() - stoppingSince > SAME_KEY) {
      status = status === Status.Ok ? Status.Interrupted : status
      if (running === undefined) return finish()
      running.host.expire()
      running.host.stop('signal').then(() => end(0), uncaught)
    }
  }
  const uncaught = (cause: unknown): void => {
    status = Status.Uncaught
    const remedy = uncaughtRemedy(cause)
    const what = `uncaught error: ${describe(cause)}${remedy}`
    log.of('chat', { prints: false }).fatal(what, { err: cause })
    process.stderr.write(`multiecho: uncaught error, stopping${remedy}\n${describeFully(cause)}\n`)
    stop('uncaught error')
  }
  const renew = (): void => {
    log.reopen()
    reloadAsked = running === undefined
    // A fault of the config is in the log.
    running?.operations.reload().catch(() => {})
  }

  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  // On a terminal it means that the terminal has gone; a service is told by it that its log was rotated.
  process.on('SIGHUP', process.stdin.isTTY ? interrupt : renew)
  process.on('uncaughtException', uncaught)
  return {
    stopped,
    get stopping() {
      return stoppingSince !== undefined
    },
    pass(host, operations) {
      running = { host, operations }
      if (reloadAsked) renew()
    },
  }
}

/** What to do about an error that came neither out of the host nor out of what it calls, and could not be held up. */
function uncaughtRemedy(cause: unknown): string {
  const place = locationOf(cause)
  return place === undefined
    ? ''
    : ` (${place}): a plugin's own timer or promise; use host.setTimeout, and catch what a promise rejects with`
}
