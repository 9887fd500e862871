/**
 * Takes lines out of a connection's reader, one at a time and in order: the next one when the one before has settled.
 * A loop, never recursive, bounded per connection and turn of the event loop, so that nobody's paste holds up others.
 */
import { Phase, type Connection } from './connection.ts'
import { Fault } from './line-reader.ts'

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

/** Lines of one connection in one turn. */
const LINES_A_TURN = 256

/** A browser or a scanner talks HTTP to any port it finds; what it says is no chat (RFC 9112, section 3). */
const HTTP_REQUEST = /^[A-Z]{3,16} \S+ HTTP\/\d/

export function createPump(work: PumpWork): (connection: Connection) => void {
  function pump(connection: Connection): void {
    if (connection.pumping || connection.deferred) return
    connection.pumping = true
    let budget = LINES_A_TURN
    while (mayRead(connection)) {
      const read = connection.reader.next()
      if (read === undefined) {
        if (connection.inputEnded) work.ended(connection, connection.reader.unterminated)
        break
      }
      take(connection, read)
      if (--budget === 0) {
        defer(connection)
        break
      }
    }
    connection.pumping = false
    connection.updateReading()
    work.rested()
  }

  function take(connection: Connection, read: string | Fault): void {
    if (read === Fault.Unterminated) return work.leave(connection, 'line without end')
    if (read === Fault.Subnegotiation) return work.leave(connection, 'protocol error')
    const first = !connection.talked
    connection.talked = true
    if (read === Fault.TooLong) return work.tooLong(connection)
    if (typeof read !== 'string' || read === '') return
    if (first && HTTP_REQUEST.test(read)) return work.leave(connection, 'not a chat client')
    work.line(connection, read, () => pump(connection))
  }

  function defer(connection: Connection): void {
    connection.deferred = true
    setImmediate(() => {
      connection.deferred = false
      pump(connection)
    })
  }

  return pump
}

function mayRead(connection: Connection): boolean {
  return connection.phase === Phase.Open && connection.abandon === undefined && !connection.held
}
