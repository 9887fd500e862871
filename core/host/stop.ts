/**
 * Graceful shutdown: stop accepting, finish the lines that were read, close every client, then the plugins, then their
 * database, the log last; all within one deadline.
 */
import type { Chat } from '../chat/chat.ts'
import type { Hooks } from '../hooks/hooks.ts'
import type { Isolation } from '../hooks/isolation.ts'
import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'

/**
 * Shares of the deadline: for a change of plugins, for lines that were read, and for clients to take what is queued.
 */
const CHANGE_SHARE = 0.25
const LINES_SHARE = 0.5
const CLIENTS_SHARE = 0.75
/** Milliseconds for one client to leave: with thousands of them, that is what the time is needed for. */
const LEAVING = 0.1

export interface StopParts {
  /** Milliseconds for the whole shutdown. */
  readonly deadline: number
  readonly clock: Clock
  readonly hooks: Hooks
  readonly isolation: Isolation
  readonly chat: Chat
  readonly log: Log
  readonly stopTransport: () => void
  /** Calls back when no plugins are being replaced. */
  readonly whenChanged: (done: () => void) => void
  /** Stops waiting for that: lines that were held go on. */
  readonly letGo: () => void
  /** Disposes of the plugins. */
  readonly dispose: () => Promise<void>
  /** Closes what plugins have stored in. */
  readonly closeStores: () => Promise<void>
  /** Closes the rest, the log last. */
  readonly close: () => void
}

export interface Stop {
  readonly done: Promise<void>
  /** Stops all waiting at once. */
  expire(): void
}

export function stopHost(reason: string, parts: StopParts): Stop {
  const { clock, chat } = parts
  const { sessions } = chat
  const over = new AbortController()
  let giveUp: (() => void) | undefined

  /** Waits for something, but only until some milliseconds after the beginning of the shutdown. */
  const begun = clock.now()
  function wait(milliseconds: number, begin: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const left = begun + milliseconds - clock.now()
      const cancel = clock.setTimeout(end, Math.max(0, over.signal.aborted ? 0 : left))
      function end(): void {
        cancel()
        giveUp = undefined
        resolve()
      }
      giveUp = end
      if (over.signal.aborted) end()
      else begin(end)
    })
  }

  function expire(): void {
    over.abort()
    parts.isolation.expire()
    for (const connection of sessions.connections) {
      if (connection.left) connection.destroy()
    }
    giveUp?.()
  }

  async function run(): Promise<void> {
    const cancel = clock.setTimeout(expire, parts.deadline)
    sessions.stopAccepting()
    parts.stopTransport()
    for (const connection of sessions.connections) connection.stopReading()
    // A reload that is under way may finish: the lines held meanwhile are for its new plugins.
    await wait(parts.deadline * CHANGE_SHARE, parts.whenChanged)
    parts.letGo()
    const forLines = parts.deadline * LINES_SHARE - sessions.size * LEAVING
    await wait(forLines, (done) => chat.pending.when(done))
    chat.delivery.flush()
    sessions.leaveAll()
    await wait(parts.deadline * CLIENTS_SHARE, (done) => sessions.whenGone(done))
    for (const connection of sessions.connections) connection.destroy()
    chat.log.summarise()
    parts.log.of('multiecho').info('multiecho server is shutting down')
    await new Promise<void>((resolve) => {
      parts.hooks.shutdown.callAsync(Object.freeze({ reason, signal: over.signal }), () =>
        resolve(),
      )
    })
    await parts.dispose()
    await wait(parts.deadline, (done) => void parts.closeStores().finally(done))
    parts.close()
    cancel()
  }

  return { done: run(), expire }
}
