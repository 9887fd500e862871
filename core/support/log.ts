/**
 * The log: records go to sinks, and are buffered until the first sink is added. Warnings and errors also go to standard
 * error if there is no sink, or if an operator is watching there. pino makes the JSON lines.
 */
import pino from 'pino'
import { describe, show } from './errors.ts'
import { follow, isThenable } from './promises.ts'
import { safeJson, safeText } from './safe-text.ts'
import { errorData, isError } from './thrown.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** pino's numbers of the levels, as in a record. */
export const LOG_LEVELS: Readonly<Record<LogLevel, number>> = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
}

/**
 * Writes records of one part of the program. The message comes first, and is made safe; fields, an object, appear in
 * the JSON format only. Other values are not an error: they are converted to text, or left out.
 */
export type Logger = Readonly<
  Record<LogLevel, (message: string, fields?: Readonly<Record<string, unknown>>) => void>
>

export interface LogRecord {
  /** pino's number of the level: 30 is info. */
  readonly level: number
  /** Milliseconds since the Unix epoch. */
  readonly time: number
  /** The part of the program: one of the host's, or a plugin's name. */
  readonly origin: string | undefined
  /** One line, safe to show. */
  readonly message: string
  /**
   * The record as pino's line of JSON, without its line end, safe to show. Created when it is first read, so read it
   * within `write` when the fields may change.
   */
  readonly json: string
}

/** A destination for records. */
export interface LogSink {
  /** Records below this level are not written; 'info' when left out. */
  readonly level?: LogLevel | undefined
  /** Whether its records appear on the operator's terminal; then the host does not print its warnings there itself. */
  readonly onTerminal?: boolean | undefined
  /** Called once for each record, in order, except for those that are logged during the call. Must not throw. */
  write(record: LogRecord): void
  /** Opens the file again: it may have been moved away. */
  reopen?(): void
  /** Called when nothing more will be written. */
  close?(): void
}

/** Records buffered for the first sink, or while sinks are replaced. */
const KEPT = 1000

/** A record to be written, and whether it may be printed. */
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
  /** The sinks at the start of a pause. */
  #before: readonly LogSink[] | undefined
  #lost = 0
  #threshold = LOG_LEVELS.info
  readonly #date: () => number
  /** The time that pino puts into its line, and the line that it has made. */
  #time = 0
  #line = ''
  /** Sinks that are writing: what they log meanwhile goes to the others. */
  readonly #writing = new Set<LogSink>()

  /**
   * `stderr` receives warnings and above when there is no sink; with `echo`, always. `date` is the time of day in
   * milliseconds since the Unix epoch.
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

  /**
   * The logger of a part of the program. Without `prints` nothing goes to standard error: the caller prints it itself.
   */
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

  /** Adds a sink and writes the buffered records to it. */
  addSink(sink: LogSink): void {
    this.#sinks = [...this.#sinks, sink]
    this.#updateThreshold()
    if (this.#before === undefined) this.started()
  }

  /** Buffers records while sinks are replaced, so that each is written once and in order. */
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

  /** Stops buffering for the first sink: what is buffered is written, warnings and above to standard error. */
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
      // A field may throw when it is read, as a plugin's error may.
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
   * Too many to buffer until all sinks are replaced. They go to the previous sinks while one of them remains: the new
   * ones write after it, perhaps to the same file.
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

  /** A failing sink cannot be reported to the log: it is the log. */
  #guarded(run: () => unknown): void {
    const failed = (cause: unknown): void =>
      this.#stderr(`log: a sink failed: ${describe(cause)}\n`)
    try {
      const answer = run()
      // Nothing waits for it, but its rejection must be handled.
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

/** Plugins in JavaScript may pass anything, and pino would take an object for fields. */
function asText(message: unknown): string {
  if (typeof message === 'string') return message
  try {
    return isError(message) ? describe(message) : String(message)
  } catch {
    return show(message)
  }
}

/** A record as one line: its origin, if any, and its message. */
function withOrigin({ origin, message }: Pick<LogRecord, 'origin' | 'message'>): string {
  return origin === undefined ? message : `${safeText(origin)}: ${message}`
}
