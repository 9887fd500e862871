/** Handles signals and uncaught errors, and determines the exit status. */
import type { ChatHost } from '../host/host.ts'
import type { Operations } from '../host/operations.ts'
import { systemClock } from '../support/clock.ts'
import { locationOf } from '../support/error-location.ts'
import { describe, describeFully } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { flushed } from './output.ts'

/** The exit statuses of the program. */
export const Status = {
  Ok: 0,
  /** It could not start, or a file or an address is unavailable. */
  Failed: 1,
  /** The command line or the config is wrong. */
  Misused: 2,
  /** An uncaught error (EX_SOFTWARE of sysexits.h). */
  Uncaught: 70,
  /** Stopped by a second signal (128 and SIGINT). */
  Interrupted: 130,
} as const

/** Milliseconds within which a second signal counts as the same key press: npm and the terminal both deliver it. */
const SAME_KEY = 200
/** Milliseconds beyond the deadline after which a shutdown that hangs is ended. */
const STOP_GRACE = 500
/** Milliseconds to wait for the last output to be read, even past the deadline. */
const LAST_WORDS = 100

export interface Signals {
  /** Resolves to the exit status, once everything has stopped. */
  readonly stopped: Promise<number>
  /** Whether it is stopping: output may still have to be read. */
  readonly stopping: boolean
  /** Directs signals to this host. Before there is one, a signal to stop ends the program at once. */
  pass(host: ChatHost, operations: Operations): void
}

/** Receives signals and uncaught errors from the first moment on: none is lost and none kills the process. */
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

  /** Ends once the output has been read, or the patience is over. */
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
    host.stop(reason).then(
      () => end(deadline - performance.now()),
      (cause) => uncaught(cause),
    )
  }
  const interrupt = (signal: NodeJS.Signals): void => {
    if (stoppingSince === undefined) {
      // The terminal shows ^C; the next output begins on a new line.
      if (signal === 'SIGINT' && process.stdout.isTTY) process.stdout.write('\n')
      chat.info('interrupt signal received')
      stop('signal')
    } else if (performance.now() - stoppingSince > SAME_KEY) {
      status = status === Status.Ok ? Status.Interrupted : status
      if (running === undefined) return finish()
      running.host.expire()
      running.host.stop('signal').then(
        () => end(0),
        (cause) => uncaught(cause),
      )
    }
  }
  const uncaught = (cause: unknown, origin?: NodeJS.UncaughtExceptionOrigin): void => {
    if (origin === 'unhandledRejection' && running?.host.unawaited(cause) === true) return
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
    // Problems of the config are logged.
    running?.operations.reload().catch(() => {})
  }

  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  // On a terminal it means that the terminal is gone; for a service it means that its log was rotated.
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

/** What to do about an error from plugin code that the host did not call, and so could not catch. */
function uncaughtRemedy(cause: unknown): string {
  const place = locationOf(cause)
  return place === undefined
    ? ''
    : ` (${place}): from a plugin's own timer or promise; use host.setTimeout, and catch rejections`
}
