/**
 * Describes whatever was thrown, as text and as data. It may be anything: not an error, an error whose properties are
 * not texts, or one that throws when it is looked at. Nothing here throws, and everything it returns is bounded.
 */
import { isNativeError } from 'node:util/types'
import { safeText } from './safe-text.ts'

/** Limits: characters of a text, lines of a stack, nested causes, and properties. */
const LONGEST = 2000
const MOST_LINES = 50
const MOST_CAUSES = 5
const MOST_PROPERTIES = 50

export function isError(thrown: unknown): thrown is Error {
  return isNativeError(thrown) || isA(thrown, Error)
}

/** `instanceof` that never throws. */
export function isA<T>(thrown: unknown, kind: abstract new (...given: never[]) => T): thrown is T {
  try {
    return thrown instanceof kind
  } catch {
    return false
  }
}

/** A property that is a text; undefined if it is not, or cannot be read. */
export function textOf(thrown: object, key: string): string | undefined {
  const value = valueOf(thrown, key)
  return typeof value === 'string' ? cut(value) : undefined
}

/** The stack of an error, line by line, safe to show; empty if it has none. */
export function stackOf(thrown: unknown): string[] {
  const stack = isError(thrown) ? valueOf(thrown, 'stack') : undefined
  if (typeof stack !== 'string') return []
  const lines = stack.slice(0, MOST_LINES * LONGEST).split('\n', MOST_LINES)
  return lines.map((line) => safeText(cut(line)))
}

/** An error as plain data for the log, its causes included. Other values are returned as they are. */
export function errorData(thrown: unknown): unknown {
  return isError(thrown) ? dataOf(thrown, MOST_CAUSES) : thrown
}

function dataOf(error: Error, causes: number): Record<string, unknown> {
  const data: Record<string, unknown> = {
    type: textOf(Object(valueOf(error, 'constructor')) as object, 'name'),
    message: textOf(error, 'message'),
    stack: stackOf(error).join('\n'),
  }
  for (const key of keysOf(error)) {
    if (key in data) continue
    const value = valueOf(error, key)
    if (typeof value === 'string') data[key] = cut(value)
    else if (typeof value === 'number' || typeof value === 'boolean') data[key] = value
  }
  if (causes === 0) return data
  const cause = valueOf(error, 'cause')
  if (isError(cause)) data['cause'] = dataOf(cause, causes - 1)
  const errors = listOf(valueOf(error, 'errors'))
  if (errors.length > 0) data['aggregateErrors'] = errors.map((one) => dataOf(one, 0))
  return data
}

function listOf(errors: unknown): Error[] {
  try {
    return Array.isArray(errors) ? errors.slice(0, MOST_CAUSES).filter(isError) : []
  } catch {
    return []
  }
}

function keysOf(thrown: object): string[] {
  try {
    return Object.keys(thrown).slice(0, MOST_PROPERTIES)
  } catch {
    return []
  }
}

function valueOf(thrown: object, key: string): unknown {
  try {
    return (thrown as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
