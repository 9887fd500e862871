/**
 * Logs connections: a line when each opens and closes, up to a rate limit. Strangers decide how often they connect, so
 * beyond it they are only counted, and the counts logged once a second.
 */
import type { Cancel, Clock } from '../support/clock.ts'
import { describe } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { refill, type TokenBucket } from '../support/token-bucket.ts'

/** Lines. */
const RATE = { burst: 10_000, perSecond: 100 }
/** Milliseconds between two lines of counts. */
const SUMMARY_INTERVAL = 1000

/** Reasons that are not logged: the usual ways for a session to end. */
const EXPECTED: ReadonlySet<string> = new Set(['quit', 'end of input', 'shutdown'])

export class ConnectionLog {
  readonly #log: Log
  readonly #clock: Clock
  readonly #counts = new Map<string, number>()
  readonly #bucket: TokenBucket
  #cancelSummary: Cancel | undefined

  constructor(log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
    this.#bucket = { tokens: RATE.burst, filledAt: clock.now() }
  }

  /** `plugin` is the one that attached it, if any. */
  connected(label: string, plugin = 'tcpserver'): void {
    if (this.#may('new')) this.#log.of(plugin).info(`new connection ${label}`)
  }

  /** It was reset before its address was known. */
  lost(): void {
    if (this.#may('reset at once'))
      this.#log.of('tcpserver').info('a connection was reset before it was accepted')
  }

  refused(label: string, message: string): void {
    if (this.#may('refused')) this.#log.of('connmgr').info(`refused ${label}: ${message}`)
  }

  closing(id: string, reason: string): void {
    if (!this.#may(`closed (${reason})`)) return
    const why = EXPECTED.has(reason) ? '' : ` (${reason})`
    this.#log.of('connmgr').info(`closing connection: ${id}${why}`, { reason })
  }

  /** The stream of a connection that a plugin attached has failed. */
  failed(id: string, plugin: string, cause: unknown): void {
    if (this.#may('failed')) this.#log.of(plugin).info(`the stream of ${id}: ${describe(cause)}`)
  }

  leftOver(id: string, bytes: number): void {
    if (this.#may('unfinished lines')) {
      this.#log.of('connmgr').info(`dropped ${bytes} bytes without a line end from ${id}`)
    }
  }

  /** Logs the counts so far. */
  summarise(): void {
    this.#cancelSummary?.()
    this.#cancelSummary = undefined
    if (this.#counts.size === 0) return
    const counts = [...this.#counts].map(([what, count]) => `${count} ${what}`)
    this.#counts.clear()
    this.#log.of('connmgr').warn(`connections not logged one by one: ${counts.join(', ')}`)
  }

  /** Whether one more line may be logged; counts it otherwise. */
  #may(what: string): boolean {
    refill(this.#bucket, RATE, this.#clock.now())
    if (this.#bucket.tokens >= 1) {
      this.#bucket.tokens--
      return true
    }
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
    this.#cancelSummary ??= this.#clock.setTimeout(() => this.summarise(), SUMMARY_INTERVAL)
    return false
  }
}
