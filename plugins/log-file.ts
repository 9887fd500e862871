/**
 * A log file that never blocks the chat. Each record is one synchronous write, so that nothing is lost however the
 * process ends; records that cannot be written are counted, and the count is written later. A pipe or a terminal that
 * is not read loses records instead of delaying the chat.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs'
import { resolve } from 'node:path'
import { LOG_LEVELS, safeText, type LogRecord } from '../core/index.ts'

export type LogFormat = 'text' | 'json'

export interface LogFile {
  write(record: LogRecord): void
  /** Opens the file again: it may have been moved away. */
  reopen(): void
  /** Checks whether the file is still the one of that name, and whether it can be written to again. */
  check(): void
  close(): void
}

/** The number of records that could not be written; outlives the file, so that the next one reports it. */
export interface Losses {
  records: number
}

/** Milliseconds between two warnings. */
const WARNING_INTERVAL = 10_000

const FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NONBLOCK |
  constants.O_NOCTTY

/** Messages for errors of a pipe or a terminal that Node's own do not explain. */
const PROBLEMS: Readonly<Record<string, string>> = {
  ENXIO: 'nobody reads this pipe',
  EPIPE: 'nobody reads this pipe any more',
  EAGAIN: 'its reader does not keep up',
}

/**
 * Throws when the file cannot be opened. `warn` receives what cannot be logged; `now` returns milliseconds, by which its
 * warnings are spaced.
 */
export function openLogFile(
  name: string,
  format: LogFormat,
  losses: Losses,
  warn: (text: string) => void,
  now: () => number,
): LogFile {
  const file = resolve(name)
  let descriptor: number | undefined
  /** Whether the last line has no line end, so that the next one would be appended to it. */
  let torn = false
  let warnedAt = -Infinity

  function open(): number {
    descriptor = openSync(file, FLAGS)
    torn = isTorn(descriptor, file) ?? torn
    return descriptor
  }

  function append(line: string): boolean {
    try {
      const to = descriptor ?? open()
      const bytes = Buffer.from(torn ? `\n${line}\n` : `${line}\n`)
      const written = writeSync(to, bytes)
      if (written === bytes.length) {
        torn = false
        return true
      }
      torn ||= written > 0
      failed('there is no room for a whole line')
    } catch (error) {
      failed(problemOf(error))
    }
    return false
  }

  function failed(problem: string): void {
    if (now() - warnedAt < WARNING_INTERVAL) return
    warnedAt = now()
    warn(
      `cannot write to the log ${safeText(file)}: ${problem}; the chat goes on, and lines not logged are counted\n`,
    )
  }

  /** Writes how many records were lost, before the next record. */
  function catchUp(): boolean {
    const { records: lost } = losses
    if (lost === 0) return true
    // Another process may have written to it meanwhile, or truncated it.
    if (descriptor !== undefined) torn = isTorn(descriptor, file) ?? torn
    const message = `${lost} log lines could not be written`
    const record = { level: LOG_LEVELS.warn, time: Date.now(), origin: 'logging', message }
    const { message: msg, ...fields } = record
    if (!append(format === 'json' ? JSON.stringify({ ...fields, lost, msg }) : textLine(record)))
      return false
    losses.records = 0
    return true
  }

  function reopen(): void {
    const before = descriptor
    try {
      open()
    } catch (error) {
      failed(problemOf(error))
      // Keep writing to the old file, unless it was deleted and nobody could read it.
      if (before === undefined || fstatSync(before).nlink > 0) return
      descriptor = undefined
    }
    if (before !== undefined) closeSync(before)
  }

  try {
    open()
  } catch (error) {
    const kind = statOf(file)
    if (kind?.isSocket() === true)
      throw new Error(
        `${safeText(file)} is a socket, which cannot be opened as a file; write file: '-' to log to standard output`,
        { cause: error },
      )
    // Its reader may open it later.
    if (kind?.isFIFO() !== true || (error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
    failed(problemOf(error))
  }

  return {
    write(record) {
      if (!catchUp() || !append(lineOf(record, format))) losses.records++
    },
    reopen,
    check() {
      if (descriptor !== undefined && !isNamed(descriptor, file)) reopen()
      catchUp()
    },
    close() {
      if (!catchUp())
        warn(`${losses.records} log lines could not be written to ${safeText(file)}\n`)
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}

/** Whether a file ends in the middle of a line; undefined if unknown. */
function isTorn(descriptor: number, name: string): boolean | undefined {
  const open = fstatSync(descriptor)
  if (!open.isFile()) return undefined
  if (open.size === 0) return false
  let reading: number | undefined
  try {
    reading = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!isSame(open, fstatSync(reading))) return undefined
    const last = Buffer.alloc(1)
    readSync(reading, last, 0, 1, open.size - 1)
    return last.toString() !== '\n'
  } catch {
    return undefined
  } finally {
    if (reading !== undefined) closeSync(reading)
  }
}

function isNamed(descriptor: number, name: string): boolean {
  const named = statOf(name)
  return named !== undefined && isSame(fstatSync(descriptor), named)
}

function statOf(name: string): Stats | undefined {
  try {
    return statSync(name)
  } catch {
    return undefined
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

function problemOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return PROBLEMS[code] ?? safeText(message)
}

/** A record as a line, without the line end. */
export function lineOf(record: LogRecord, format: LogFormat): string {
  return format === 'json' ? record.json : textLine(record)
}

/** The original layout, with a word for every level except info, which was the only one. */
function textLine({ level, time, origin, message }: Omit<LogRecord, 'json'>): string {
  const who = origin === undefined ? '' : `${origin}: `
  return `${timestamp(time)} ${LEVEL_WORDS.get(level) ?? ''}${who}${message}`
}

const LEVEL_WORDS: ReadonlyMap<number, string> = new Map(
  Object.entries(LOG_LEVELS)
    .filter(([name]) => name !== 'info')
    .map(([name, level]) => [level, `${name.toUpperCase()} `]),
)

let second = NaN
let stamp = ''

/** Local time, such as `2018/08/15 12:55:37`. */
function timestamp(time: number): string {
  if (Math.floor(time / 1000) !== second) {
    second = Math.floor(time / 1000)
    const date = new Date(time)
    const two = (number: number): string => String(number).padStart(2, '0')
    const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`
    stamp = `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  }
  return stamp
}
