/**
 * Closes slow readers: clients whose backlog is over a limit, or stays above the soft one for too long, and the largest when
 * all backlogs together are over the total.
 */
import type { Cancel, Clock } from '../support/clock.ts'
import type { Outbox } from './outbox.ts'

export interface BacklogLimits {
  /** Bytes waiting for one client above which its own input is paused and the write deadline runs. */
  readonly backlogSoft: number
  /** Bytes waiting for one client above which it is closed, after one more turn to take them. */
  readonly backlogHard: number
  /** Bytes waiting for all clients together above which the largest backlogs are closed. */
  readonly backlogTotal: number
  /** Milliseconds above the soft limit without a completed write after which a client is closed. */
  readonly writeDeadline: number
}

/** The backlogs of all clients: evicts slow readers, and bounds the total. */
export class Backlogs {
  readonly limits: BacklogLimits
  readonly clock: Clock
  /** Outboxes with queued chunks; those of them above the soft limit; and those over a limit. */
  readonly #waiting = new Set<Outbox>()
  readonly #slow = new Set<Outbox>()
  #over = new Set<Outbox>()
  #total = 0
  #evicting = false
  #cancelDeadline: Cancel | undefined

  constructor(limits: BacklogLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
  }

  /** Bytes that wait for all clients together. */
  get total(): number {
    return this.#total
  }

  grew(outbox: Outbox, bytes: number): void {
    this.#total += bytes
    this.#waiting.add(outbox)
    if (outbox.backlog > this.limits.backlogHard || this.#total > this.limits.backlogTotal) {
      this.#over.add(outbox)
      this.#evictSoon()
    }
  }

  shrank(bytes: number): void {
    this.#total -= bytes
  }

  aboveSoft(outbox: Outbox): void {
    outbox.progressAt = this.clock.now()
    this.#slow.add(outbox)
    this.#cancelDeadline ??= this.#watch()
  }

  belowSoft(outbox: Outbox): void {
    this.#slow.delete(outbox)
  }

  emptied(outbox: Outbox): void {
    this.#waiting.delete(outbox)
  }

  gone(outbox: Outbox, bytes: number): void {
    this.#total -= bytes
    this.#waiting.delete(outbox)
    this.#slow.delete(outbox)
    this.#over.delete(outbox)
  }

  /** Evicts those over a limit after one more turn, in which their sockets can drain. */
  #evictSoon(): void {
    if (this.#evicting) return
    this.#evicting = true
    setImmediate(() => setImmediate(() => this.#evictOver()))
  }

  #evictOver(): void {
    this.#evicting = false
    const over = this.#over
    this.#over = new Set()
    for (const outbox of over) {
      if (outbox.backlog > this.limits.backlogHard) outbox.evict()
    }
    if (this.#total <= this.limits.backlogTotal) return
    const largestFirst = [...this.#waiting].toSorted((a, b) => b.backlog - a.backlog)
    for (const outbox of largestFirst) {
      if (this.#total <= this.limits.backlogTotal) break
      outbox.evict()
    }
  }

  #watch(): Cancel {
    return this.clock.setTimeout(
      () => {
        const late = this.clock.now() - this.limits.writeDeadline
        for (const outbox of this.#slow) {
          if (outbox.progressAt <= late) outbox.evict()
        }
        this.#cancelDeadline = this.#slow.size > 0 ? this.#watch() : undefined
      },
      Math.min(1000, this.limits.writeDeadline),
    )
  }

  close(): void {
    this.#cancelDeadline?.()
    this.#cancelDeadline = undefined
  }
}
