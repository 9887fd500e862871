/** Reports when every line that was read has settled, and when no `close` hook is running either. */
import type { Duplex } from 'node:stream'
import type { Session } from './session.ts'

interface Waiting {
  readonly done: () => void
  readonly isBusy: (session: Session) => boolean
  /**
   * The sessions that were busy at the last full look. With thousands of sessions, all are looked at again only once
   * these are done.
   */
  readonly busy: Set<Session>
}

export class PendingLines {
  readonly #sessions: ReadonlySet<Session>
  #waiting: Waiting[] = []

  constructor(sessions: ReadonlySet<Session>) {
    this.#sessions = sessions
  }

  /** To be called whenever a line may have settled, a `close` hook ended or a session left. */
  check(): void {
    if (this.#waiting.length === 0) return
    const over = this.#waiting.filter((one) => !this.#isAnyBusy(one))
    this.#waiting = this.#waiting.filter((one) => !over.includes(one))
    for (const { done } of over) done()
  }

  /** Calls back as soon as every line has settled, or every line that arrived over one stream. */
  when(done: () => void, stream?: Duplex): void {
    const counts = (one: Session): boolean =>
      stream === undefined || one.connection.stream === stream
    this.#wait({ done, isBusy: (one) => counts(one) && isBusy(one), busy: new Set() })
  }

  /** Calls back as soon as every `close` hook has ended too. Returns a function that cancels the wait. */
  whenIdle(done: () => void): () => void {
    const waiting = {
      done,
      isBusy: (one: Session) => one.closing || isBusy(one),
      busy: new Set<Session>(),
    }
    this.#wait(waiting)
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== waiting)
    }
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.check()
  }

  #isAnyBusy({ isBusy: busyNow, busy }: Waiting): boolean {
    for (const session of busy) {
      if (busyNow(session)) return true
      busy.delete(session)
    }
    for (const session of this.#sessions) if (busyNow(session)) busy.add(session)
    return busy.size > 0
  }
}

function isBusy({ connection, abandon, saying, deferred }: Session): boolean {
  if (abandon !== undefined || saying.size > 0) return true
  if (connection.left || connection.held) return false
  return deferred || connection.reader.unread > 0
}
