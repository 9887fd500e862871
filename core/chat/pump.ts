/**
 * Takes lines out of readers, one at a time and in order: a session's next line when the previous one has settled. A
 * loop, never recursive. Each session gets a share of each turn of the event loop, whatever its bytes mean; sessions
 * that need more take turns within a time budget, so that neither a paste nor any number of floods holds up others.
 */
import type { ConnectionLog } from '../clients/connection-log.ts'
import { Phase } from '../clients/connection.ts'
import type { LineLimits } from '../telnet/line-buffer.ts'
import { Fault, OutOfBudget } from '../telnet/line-reader.ts'
import type { PendingLines } from './pending-lines.ts'
import type { Session } from './session.ts'

export interface PumpParts {
  /** Runs one line; `settled` is called once, before or after this returns. */
  readonly runLine: (session: Session, line: string, settled: () => void) => void
  readonly limits: LineLimits
  readonly log: ConnectionLog
  /** Notified each time the pump pauses at a session. */
  readonly pending: PendingLines
}

/** Reads from a session as far as possible now. */
export type Pump = (session: Session) => void

/** How much is read of one session at a time, as `LineReader.budget` counts it: one or two tenths of a millisecond. */
const SHARE = 64 * 1024
/** Milliseconds of a turn for sessions that have used up their share of it. */
const TURN = 1
/**
 * Edits in a row, without a line that says something, after which a session moves to the slow lane; and how much that
 * lane as a whole reads per interval, in milliseconds. Nobody types that many edits, and a host that is busy with them
 * delays everyone else.
 */
const MANY_EDITS = 1000
const SLOW_SHARE = 16 * SHARE
const SLOW_INTERVAL = 32

export function createPump({ runLine, limits, log, pending }: PumpParts): Pump {
  /** Sessions that have used up their share, in the order in which they get another. */
  const waiting = new Set<Session>()
  const slow = new Set<Session>()
  let turn = 0
  let scheduled = false
  let slowScheduled = false

  function pump(session: Session): void {
    const { connection } = session
    if (connection.left) forget(session)
    // The loop further up the stack goes on reading, and looks at what is unread when it is done.
    if (session.pumping) return
    if (session.deferred) return connection.updateReading()
    if (session.turn !== turn) share(session)
    session.pumping = true
    while (mayRead(session)) {
      const read = connection.reader.next()
      if (read === OutOfBudget) {
        defer(session)
        break
      }
      if (read !== undefined) take(session, read)
      else if (!connection.readOn()) {
        if (connection.inputEnded) end(session)
        break
      }
    }
    session.pumping = false
    connection.updateReading()
    pending.check()
  }

  /** Gives a session its share of this turn. */
  function share(session: Session, budget = SHARE): void {
    session.turn = turn
    session.connection.reader.budget = budget
    if (scheduled) return
    scheduled = true
    setImmediate(nextTurn)
  }

  function defer(session: Session): void {
    session.deferred = true
    const isSlow = session.connection.reader.edits >= MANY_EDITS
    ;(isSlow ? slow : waiting).add(session)
    if (isSlow) nextSlow()
  }

  /** A session that has left gives up its place, and what it sent is freed: strangers decide how many leave. */
  function forget(session: Session): void {
    session.deferred = false
    waiting.delete(session)
    slow.delete(session)
  }

  function goOn(session: Session, budget?: number): void {
    session.deferred = false
    share(session, budget)
    pump(session)
  }

  /**
   * Serves the waiting sessions round-robin while there is time, so that a single one is fast and many slow nobody
   * down.
   */
  function nextTurn(): void {
    scheduled = false
    turn++
    const over = performance.now() + TURN
    for (const session of waiting) {
      waiting.delete(session)
      goOn(session)
      if (performance.now() >= over) break
    }
  }

  /** Uses real time, as turns of the event loop do: there is nothing in it for a test to drive. */
  function nextSlow(): void {
    if (slowScheduled || slow.size === 0) return
    slowScheduled = true
    setTimeout(() => {
      slowScheduled = false
      for (const session of slow) {
        slow.delete(session)
        goOn(session, SLOW_SHARE)
        break
      }
      nextSlow()
    }, SLOW_INTERVAL)
  }

  function take(session: Session, read: string | Fault): void {
    if (read === Fault.Unterminated) return session.leave('line without end')
    if (read === Fault.Subnegotiation) return session.leave('protocol error')
    if (read === Fault.TooLong) {
      session.connection.send(`your line was not sent: it is longer than ${limits.line} bytes`)
      return
    }
    if (typeof read !== 'string' || read === '') return
    runLine(session, read, () => pump(session))
  }

  /** The last line has settled and no more input will come. */
  function end(session: Session): void {
    const { id, reader } = session.connection
    if (reader.unterminated > 0) log.leftOver(id, reader.unterminated)
    session.leave('end of input')
  }

  return pump
}

function mayRead({ connection, abandon }: Session): boolean {
  return connection.phase === Phase.Open && abandon === undefined && !connection.held
}
