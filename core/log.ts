/**
 * The log: one pino logger, whose records go to sinks. What is logged before the first sink is there is kept and handed
 * on; where none ever comes, warnings and worse go to standard error.
 */
import pino from 'pino'
import { describe, show } from './errors.ts'
import { safeJson, safeText } from './text.ts'

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
  /** The record as pino's own line of JSON, without its end, with nothing raw in it that a terminal would obey. */
  readonly json: string
}

/** Where records go. */
export interface LogSink {
  /** Records below it are not handed over; 'info' when left out. */
  readonly level?: LogLevel | undefined
  /** Called once for each record, in order. Must not throw. */
  write(record: LogRecord): void
  /** The file may have been moved away: open it anew. */
  reopen?(): void
  /** Nothing more will be written. */
  close?(): void
}

/** Records kept for the first sink. */
const KEPT = 1000

export class Log {
  readonly #pino: pino.Logger
  readonly #origins = new Map<string | undefined, pino.Logger>()
  readonly #sinks: LogSink[] = []
  readonly #stderr: (text: string) => void
  #kept: LogRecord[] | undefined = []
  #paused = false
  #threshold = LOG_LEVELS.info
  #origin: string | undefined

  /** `stderr` takes what has no sink. `date` has the time of day in milliseconds since the Unix epoch. */
  constructor(stderr: (text: string) => void, date: () => number = Date.now) {
    this.#stderr = stderr
    const hub = {
      // pino calls write() in the same step in which it sets these (pino docs/api.md, pino.symbols.needsMetadataGsym).
      [Symbol.for('pino.metadata')]: true,
      lastLevel: 0,
      lastMsg: undefined as string | undefined,
      lastTime: '0',
      write: (line: string): void => {
        this.#dispatch({
          level: hub.lastLevel,
          time: Number(hub.lastTime),
          origin: this.#origin,
          message: safeText(hub.lastMsg ?? ''),
          json: safeJson(line.trimEnd()),
        })
      },
    }
    // A message of ours names its cause already; pino's other serializer would repeat it.
    const serializers = { err: pino.stdSerializers.errWithCause }
    const timestamp = (): string => `,"time":${Math.floor(date())}`
    this.#pino = pino({ level: 'debug', serializers, timestamp }, hub)
  }

  /** The logger of a part of the program. */
  of(origin: string | undefined): Logger {
    const at =
      (level: LogLevel) =>
      (message: string, fields?: Readonly<Record<string, unknown>>): void => {
        if (LOG_LEVELS[level] < this.#threshold) return
        this.#origin = origin
        const logger = this.#loggerOf(origin)
        const text = asText(message)
        if (typeof fields !== 'object' || fields === null) return logger[level](text)
        try {
          logger[level](fields, text)
        } catch {
          // A field that fails when it is looked at, as an error of a plugin may.
          logger[level](text)
        }
      }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      fatal: at('fatal'),
    }
  }

  /** Whether records go anywhere but to standard error. */
  get hasSink(): boolean {
    return this.#sinks.length > 0
  }

  /** Adds a sink and hands it the records kept so far. */
  addSink(sink: LogSink): void {
    this.#sinks.push(sink)
    this.#updateThreshold()
    if (!this.#paused) this.started()
  }

  /** Keeps records while sinks take the place of others, so that each is written and none twice. */
  pause(): void {
    this.#paused = true
    this.#kept ??= []
  }

  resume(): void {
    this.#paused = false
    this.started()
  }

  removeSink(sink: LogSink): void {
    const index = this.#sinks.indexOf(sink)
    if (index === -1) return
    this.#sinks.splice(index, 1)
    this.#updateThreshold()
    this.#guarded(() => sink.close?.())
  }

  /** No sink will come any more: what was kept for one is let go, warnings and worse to standard error. */
  started(): void {
    const kept = this.#kept
    this.#kept = undefined
    for (const record of kept ?? []) this.#dispatch(record)
  }

  reopen(): void {
    for (const sink of this.#sinks) this.#guarded(() => sink.reopen?.())
  }

  close(): void {
    this.started()
    for (const sink of this.#sinks.toReversed()) this.removeSink(sink)
  }

  #dispatch(record: LogRecord): void {
    if (this.#kept !== undefined) {
      if (this.#kept.length < KEPT) this.#kept.push(record)
      else if (this.#paused) this.#handOver(record)
      return
    }
    this.#handOver(record)
  }

  #handOver(record: LogRecord): void {
    if (this.#sinks.length === 0) {
      if (record.level >= LOG_LEVELS.warn) this.#stderr(`${withOrigin(record)}\n`)
      return
    }
    for (const sink of this.#sinks) {
      if (record.level < LOG_LEVELS[sink.level ?? 'info']) continue
      this.#guarded(() => sink.write(record))
    }
  }

  /** A sink that fails cannot be reported to the log: it is the log. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (cause) {
      this.#stderr(`log: a sink failed: ${describe(cause)}\n`)
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
    return message instanceof Error ? describe(message) : String(message)
  } catch {
    return show(message)
  }
}

/** A record as one line: its origin, where it has one, and its message. */
function withOrigin({ origin, message }: Pick<LogRecord, 'origin' | 'message'>): string {
  return origin === undefined ? message : `${safeText(origin)}: ${message}`
}
