/**
 * A log file that never stands in the way of the chat. Each record is one write, done before the next thing happens, so
 * that nothing is lost however the process ends; what cannot be written is counted, and the count written later.
 */
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { safeText, type LogRecord } from '../core/index.ts'

export interface LogFile {
  write(record: LogRecord): void
  /** Opens the file of that name anew: what was there may have been moved away. */
  reopen(): void
  /** Looks whether the file is still the one of that name, and whether it can be written to again. */
  check(): void
  close(): void
}

/** Milliseconds between two warnings. */
const WARNING_INTERVAL = 10_000

/** Throws when the file cannot be opened. `warn` takes what cannot go to the log. */
export function openLogFile(
  name: string,
  format: 'text' | 'json',
  warn: (text: string) => void,
): LogFile {
  const file = resolve(name)
  let descriptor: number | undefined = openSync(file, 'a')
  let lost = 0
  /** Whether the last write stopped in the middle of a line. */
  let torn = false
  let warnedAt = -Infinity

  function append(line: string): boolean {
    try {
      descriptor ??= openSync(file, 'a')
      const bytes = Buffer.from(torn ? `\n${line}\n` : `${line}\n`)
      const written = writeSync(descriptor, bytes)
      if (written === bytes.length) {
        torn = false
        return true
      }
      torn = torn || written > 0
      failed('no space left')
    } catch (error) {
      failed((error as Error).message)
    }
    return false
  }

  function failed(problem: string): void {
    const now = performance.now()
    if (now - warnedAt < WARNING_INTERVAL) return
    warnedAt = now
    warn(
      `cannot write to the log ${safeText(file)}: ${safeText(problem)}; the chat goes on, and lines not logged are counted\n`,
    )
  }

  /** Writes how many records were lost, ahead of what comes next. */
  function catchUp(): boolean {
    if (lost === 0) return true
    const message = `${lost} log lines could not be written`
    const time = Date.now()
    const json = JSON.stringify({ level: 40, time, origin: 'logging', lost, msg: message })
    if (!append(format === 'json' ? json : textLine({ time, origin: 'logging', message })))
      return false
    lost = 0
    return true
  }

  function reopen(): void {
    const before = descriptor
    try {
      descriptor = openSync(file, 'a')
      torn = false
    } catch (error) {
      failed((error as Error).message)
      // The old file is still good for writing, unless it has no name any more and nobody could read it.
      if (before === undefined || fstatSync(before).nlink > 0) return
      descriptor = undefined
    }
    if (before !== undefined) closeSync(before)
  }

  return {
    write(record) {
      const line = format === 'json' ? record.json : textLine(record)
      if (!catchUp() || !append(line)) lost++
    },
    reopen,
    check() {
      if (descriptor !== undefined && !isSameFile(descriptor, file)) reopen()
      catchUp()
    },
    close() {
      catchUp()
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}

function isSameFile(descriptor: number, file: string): boolean {
  try {
    const open = fstatSync(descriptor)
    const named = statSync(file)
    return open.ino === named.ino && open.dev === named.dev
  } catch {
    return false
  }
}

function textLine({
  time,
  origin,
  message,
}: Pick<LogRecord, 'time' | 'origin' | 'message'>): string {
  const who = origin === undefined ? '' : `${origin}: `
  return `${timestamp(time)} ${who}${message}`
}

let second = NaN
let stamp = ''

/** Local time as `2018/08/15 12:55:37`. */
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
