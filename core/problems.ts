/** zod's issues as problems of the config: where, what was expected, and what was probably meant. */
import { z } from 'zod'
import { show, type Problem } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { safeText } from './text.ts'

/** `prefix` is where the checked value stands, as `plugins[3] (dice)`. */
export function problemsOf(
  error: z.ZodError,
  schema: z.ZodType,
  input: unknown,
  prefix: string,
): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = join(prefix, issue.path)
    if (issue.code !== 'unrecognized_keys') {
      return [{ path, message: `${demandOf(issue)}, found ${show(valueAt(input, issue.path))}` }]
    }
    const known = keysAt(schema, issue.path)
    return issue.keys.map((key) => ({
      path: join(prefix, [...issue.path, key]),
      code: 'OPTION_UNKNOWN' as const,
      message: `there is no such key${didYouMean(key, known)}${known.length > 0 ? ` (known: ${known.join(', ')})` : ''}`,
    }))
  })
}

/** What a value must be, in words for who wrote it rather than for who wrote the schema. */
export function demandOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? `a ${issue.expected}`}`
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`
    case 'too_small':
      return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`
    case 'too_big':
      return `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`
    default:
      return safeText(issue.message)
  }
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'an array',
  int: 'a whole number',
  object: 'an object',
  string: 'a text',
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters long' : ''
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Record<PropertyKey, unknown> | null | undefined)?.[step],
    input,
  )
}

function join(prefix: string, path: readonly PropertyKey[]): string {
  let text = ''
  for (const step of path)
    text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${String(step)}`
  if (prefix === '' || text === '') return safeText(prefix + text)
  return safeText(`${prefix}: ${text}`)
}

/** The keys that a schema knows at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = unwrap(schema)
  for (const step of path) {
    if (!(at instanceof z.ZodObject)) return []
    at = unwrap(at.shape[String(step)])
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function unwrap(schema: unknown): unknown {
  let inner = schema
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodOptional
  ) {
    inner = inner.def.innerType
  }
  return inner
}
