/**
 * Takes lines out of a connection's reader, one at a time and in order: the next one when the one before has settled.
 * A loop, never recursive. A connection gets a share of each turn of the event loop, whatever its bytes mean, and those
 * that want more get it in turns within a time, so that neither a paste nor any number of floods holds up others.
 */
import { Phase, type Connection } from '../clients/connection.ts'
import { Fault, OutOfBudget } from '../telnet/line-reader.ts'

/** What is done with what is read. */
export interface PumpWork {
  /** Runs one line; `settled` is called once, before or after this returns. */
  line(connection: Connection, line: string, settled: () => void): void
  /** A line over the limit of `bytes` was refused. */
  tooLong(connection: Connection): void
  /** The last line has settled and no more input will come; some bytes without a line end may be left over. */
  ended(connection: Connection, leftOver: number): void
  leave(connection: Connection, reason: string): void
  /** The pump has stopped at a connection, for now. */
  rested(): void
}

/** What is read of one connection at a time, as `LineReader.budget` counts it: a tenth of a millisecond or two. */
const SHARE = 64 * 1024
/** Milliseconds of a turn for those who have used up their share of it. */
const TURN = 1
/**
 * Edits on end, without a line that says something, after which a client goes into the slow lane, and what that lane as
 * a whole gets every so many milliseconds. Nobody types so many, and a host that is busy with them waits for the
 * processor when somebody says something.
 */
const MANY_EDITS = 1000
const SLOW_SHARE = 8 * SHARE
const SLOW_INTERVAL = 8

export function createPump(work: PumpWork): (connection: Connection) => void {
  /** Those who have used up their share, in the order in which they get another. */
  const waiting = new Set<Connection>()
  const slow = new Set<Connection>()
  let turn = 0
  let scheduled = false
  let slowScheduled = false

  function pump(connection: Connection): void {
    if (connection.left) forget(connection)
    if (connection.pumping || connection.deferred) return
    if (connection.turn !== turn) share(connection)
    connection.pumping = true
    while (mayRead(connection)) {
      const read = connection.reader.next()
      if (read === OutOfBudget) {
        defer(connection)
        break
      }
      if (read !== undefined) take(connection, read)
      else if (!connection.readOn()) {
        if (connection.inputEnded) work.ended(connection, connection.reader.unterminated)
        break
      }
    }
    connection.pumping = false
    connection.updateReading()
    work.rested()
  }

  /** Gives a connection its share of this turn. */
  function share(connection: Connection, budget = SHARE): void {
    connection.turn = turn
    connection.reader.budget = budget
    if (scheduled) return
    scheduled = true
    setImmediate(nextTurn)
  }

  function defer(connection: Connection): void {
    connection.deferred = true
    const isSlow = connection.reader.edits >= MANY_EDITS
    ;(isSlow ? slow : waiting).add(connection)
    if (isSlow) nextSlow()
  }

  /** Nobody who has left keeps its place, and with it what it has sent: strangers decide how many leave. */
  function forget(connection: Connection): void {
    connection.deferred = false
    waiting.delete(connection)
    slow.delete(connection)
  }

  function goOn(connection: Connection, budget?: number): void {
    connection.deferred = false
    share(connection, budget)
    pump(connection)
  }

  /** Goes round those who wait for as long as there is time, so that each alone is quick and many are no slower for others. */
  function nextTurn(): void {
    scheduled = false
    turn++
    const end = performance.now() + TURN
    for (const connection of waiting) {
      waiting.delete(connection)
      goOn(connection)
      if (performance.now() >= end) break
    }
  }

  /** By the machine's own time, as turns are; there is nothing in it for a test to drive. */
  function nextSlow(): void {
    if (slowScheduled || slow.size === 0) return
    slowScheduled = true
    setTimeout(() => {
      slowScheduled = false
      for (const connection of slow) {
        slow.delete(connection)
        goOn(connection, SLOW_SHARE)
        break
      }
      nextSlow()
    }, SLOW_INTERVAL)
  }

  function take(connection: Connection, read: string | Fault): void {
    if (read === Fault.Unterminated) return work.leave(connection, 'line without end')
    if (read === Fault.Subnegotiation) return work.leave(connection, 'protocol error')
    if (read === Fault.TooLong) return work.tooLong(connection)
    if (typeof read !== 'string' || read === '') return
    work.line(connection, read, () => pump(connection))
  }

  return pump
}

function mayRead(connection: Connection): boolean {
  return connection.phase === Phase.Open && connection.abandon === undefined && !connection.held
}
