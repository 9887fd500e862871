/**
 * The log: its records go to sinks. What is logged before the first sink is added is kept for it. Warnings and errors also
 * go to standard error, if no sink is ever added or an operator watches there. pino makes the lines of JSON.
 */
import pino from 'pino'
import { describe, show } from './errors.ts'
import { follow, isThenable } from './promises.ts'
import { safeJson, safeText } from './safe-text.ts'
import { errorData, isError } from './thrown.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** pino's numbers, which a record carries. */
export const LOG_LEVELS: Readonly<Record<LogLevel, number>> = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
}

/**
 * Writes records of one part of the program. The message comes first, and is made safe; fields, an object, are for the
 * JSON format alone. Anything else in either place is no fault: it becomes a text, or is left out.
 */
export type Logger = Readonly<
  Record<LogLevel, (message: string, fields?: Readonly<Record<string, unknown>>) => void>
>

export interface LogRecord {
  /** pino's number of the level: 30 is info. */
  readonly level: number
  /** Milliseconds since the Unix epoch. */
  readonly time: number
  /** The part of the program: one of the host's, or the name of a plugin. */
  readonly origin: string | undefined
  /** One line, safe to show. */
  readonly message: string
  /**
   * The record as pino's own line of JSON, without its line end, safe to show. Made when it is first read, which for
   * fields that may change is best done within `write`.
   */
  readonly json: string
}

/** Where records go. */
export interface LogSink {
  /** Records below it are not handed over; 'info' when left out. */
  readonly level?: LogLevel | undefined
  /** Whether its records appear on the operator's terminal: the host does not print its warnings there itself then. */
  readonly onTerminal?: boolean | undefined
  /** Called once for each record, in order, but for those that are logged within it. Must not throw. */
  write(record: LogRecord): void
  /** The file may have been moved away: open it anew. */
  reopen?(): void
  /** Nothing more will be written. */
  close?(): void
}

/** Records kept for the first sink, or while sinks change places. */
const KEPT = 1000

/** A record on its way, and whether it may be printed. */
interface Entry {
  readonly record: LogRecord
  readonly prints: boolean
}

export class Log {
  readonly #pino: pino.Logger
  readonly #origins = new Map<string | undefined, pino.Logger>()
  #sinks: readonly LogSink[] = []
  readonly #stderr: (text: string) => void
  readonly #echo: boolean
  #kept: Entry[] | undefined = []
  /** Those that were there when the others came. */
  #before: readonly LogSink[] | undefined
  #lost = 0
  #threshold = LOG_LEVELS.info
  readonly #date: () => number
  /** The time that pino is to put into its line, and the line that it has made. */
  #time = 0
  #line = ''
  /** Those that are at it: what they log meanwhile is for the others. */
  readonly #writing = new Set<LogSink>()

  /**
   * `stderr` takes warnings and worse that have no sink; with `echo` those that have one, too. `date` has the time of day
   * in milliseconds since the Unix epoch.
   */
  constructor(
    stderr: (text: string) => void,
    { echo = false, date = Date.now }: { echo?: boolean; date?: () => number } = {},
  ) {
    this.#stderr = stderr
    this.#echo = echo
    this.#date = date
    const toLine = { write: (line: string) => void (this.#line = line) }
    const serializers = { err: errorData }
    const timestamp = (): string => `,"time":${this.#time}`
    this.#pino = pino({ level: 'debug', serializers, timestamp }, toLine)
  }

  /** The logger of a part of the program. Without `prints` nothing of it goes to standard error: the caller sees to that. */
  of(origin: string | undefined, { prints = true }: { prints?: boolean } = {}): Logger {
    const at =
      (level: LogLevel) =>
      (message: string, fields?: Readonly<Record<string, unknown>>): void => {
        if (LOG_LEVELS[level] >= this.#threshold)
          this.#dispatch({ record: this.#recordOf(level, origin, asText(message), fields), prints })
      }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      fatal: at('fatal'),
    }
  }

  /** Adds a sink and hands it the records kept so far. */
  addSink(sink: LogSink): void {
    this.#sinks = [...this.#sinks, sink]
    this.#updateThreshold()
    if (this.#before === undefined) this.started()
  }

  /** Keeps records while sinks take the place of others, so that each is written once, and in order. */
  pause(): void {
    this.#before = this.#sinks
    this.#kept ??= []
  }

  resume(): void {
    this.#before = undefined
    this.started()
  }

  removeSink(sink: LogSink): void {
    if (!this.#sinks.includes(sink)) return
    this.#sinks = this.#sinks.filter((one) => one !== sink)
    this.#updateThreshold()
    this.#guarded(() => sink.close?.())
  }

  /** No sink will come any more: what was kept for one is let go, warnings and worse to standard error. */
  started(): void {
    const kept = this.#kept ?? []
    this.#kept = undefined
    for (const entry of kept) this.#dispatch(entry)
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.of(undefined).warn(`${lost} log records were lost: there was no log yet`)
  }

  reopen(): void {
    for (const sink of this.#sinks) this.#guarded(() => sink.reopen?.())
  }

  close(): void {
    this.#before = undefined
    this.started()
    for (const sink of this.#sinks.toReversed()) this.removeSink(sink)
  }

  #recordOf(level: LogLevel, origin: string | undefined, text: string, fields: unknown): LogRecord {
    const time = Math.floor(this.#date())
    let json: string | undefined
    const toJson = (): string => this.#toJson(level, origin, time, text, fields)
    return {
      level: LOG_LEVELS[level],
      time,
      origin,
      message: safeText(text),
      get json() {
        return (json ??= toJson())
      },
    }
  }

  #toJson(
    level: LogLevel,
    origin: string | undefined,
    time: number,
    text: string,
    fields: unknown,
  ): string {
    this.#time = time
    const logger = this.#loggerOf(origin)
    try {
      if (typeof fields === 'object' && fields !== null) logger[level](fields, text)
      else logger[level](text)
    } catch {
      // A field that throws when it is read, as an error of a plugin may.
      logger[level](text)
    }
    return safeJson(this.#line.trimEnd())
  }

  #dispatch(entry: Entry): void {
    if (this.#kept === undefined) return this.#handOver(entry, this.#sinks)
    if (this.#kept.length === KEPT) {
      if (this.#before === undefined) return void this.#lost++
      this.#handOverKept(this.#before)
    }
    this.#kept.push(entry)
  }

  /**
   * Too many to keep until all sinks have changed places. They go to those that were there before while one of them still
   * is: the new ones write behind them, perhaps to the same file.
   */
  #handOverKept(before: readonly LogSink[]): void {
    const kept = this.#kept?.splice(0) ?? []
    const still = this.#sinks.filter((sink) => before.includes(sink))
    for (const entry of kept) this.#handOver(entry, still.length > 0 ? still : this.#sinks)
  }

  #handOver({ record, prints }: Entry, sinks: readonly LogSink[]): void {
    const ready = sinks.filter((sink) => !this.#writing.has(sink))
    let shown = ready.length > 0 && !this.#echo
    for (const sink of ready) {
      if (record.level < LOG_LEVELS[sink.level ?? 'info']) continue
      this.#writing.add(sink)
      this.#guarded(() => sink.write(record))
      this.#writing.delete(sink)
      shown ||= sink.onTerminal === true
    }
    if (prints && !shown && record.level >= LOG_LEVELS.warn) this.#stderr(`${withOrigin(record)}\n`)
  }

  /** A sink that fails cannot be reported to the log: it is the log. */
  #guarded(run: () => unknown): void {
    const failed = (cause: unknown): void =>
      this.#stderr(`log: a sink failed: ${describe(cause)}\n`)
    try {
      const answer = run()
      // Nobody waits for it, but it may not reject unseen.
      if (isThenable(answer)) follow(answer, undefined, failed)
    } catch (cause) {
      failed(cause)
    }
  }

  #loggerOf(origin: string | undefined): pino.Logger {
    let logger = this.#origins.get(origin)
    if (logger === undefined) {
      logger = origin === undefined ? this.#pino : this.#pino.child({ origin })
      this.#origins.set(origin, logger)
    }
    return logger
  }

  #updateThreshold(): void {
    const levels = this.#sinks.map((sink) => LOG_LEVELS[sink.level ?? 'info'])
    this.#threshold = Math.min(LOG_LEVELS.info, ...levels)
  }
}

/** Plugins in JavaScript give what they like, and pino would take what is no text for fields. */
function asText(message: unknown): string {
  if (typeof message === 'string') return message
  try {
    return isError(message) ? describe(message) : String(message)
  } catch {
    return show(message)
  }
}

/** A record as one line: its origin, where it has one, and its message. */
function withOrigin({ origin, message }: Pick<LogRecord, 'origin' | 'message'>): string {
  return origin === undefined ? message : `${safeText(origin)}: ${message}`
}
