/** Turns zod's issues into problems of the config: where, what was expected, and what was probably meant. */
import { z } from 'zod'
import { show, type Problem } from './errors.ts'
import { safeText } from './safe-text.ts'
import { HIDDEN, isSecret, withoutCredentials } from './secrets.ts'
import { didYouMean } from './suggest.ts'
import { textOf } from './thrown.ts'

/** `prefix` is the path of the checked value, such as `plugins[3] (dice)`. */
export function problemsOf(
  error: z.ZodError,
  schema: z.ZodType,
  input: unknown,
  prefix: string,
): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = join(prefix, issue.path)
    const value = valueAt(input, issue.path)
    if (issue.code !== 'unrecognized_keys') {
      const message = authored(issue, value) ?? `${demandOf(issue)}, found ${foundOf(issue, value)}`
      return [{ path, message: safeText(message) }]
    }
    const known = keysAt(schema, issue.path)
    return issue.keys.map((key) => ({
      path: join(prefix, [...issue.path, key]),
      code: 'OPTION_UNKNOWN' as const,
      message: noSuchKey(key, known),
    }))
  })
}

/** The message for an unknown key. `known` is undefined when the known keys cannot be determined. */
function noSuchKey(key: string, known: readonly string[] | undefined): string {
  if (known === undefined) return 'there is no such key'
  if (known.length === 0) return 'there is no such key; it takes no options'
  return `there is no such key${didYouMean(key, known)} (known: ${known.join(', ')})`
}

/** The first unknown key of a value, with what is wrong with it. */
export function unknownKey(value: object, known: readonly string[]): string | undefined {
  const key = Object.keys(value).find((one) => !known.includes(one))
  return key === undefined ? undefined : `${safeText(key)}: ${noSuchKey(key, known)}`
}

/** The message of the schema's author, a whole sentence; undefined when it is zod's own. */
function authored(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  const usual = z.config().localeError?.({ ...issue, input: value } as z.core.$ZodRawIssue)
  const usualMessage = typeof usual === 'string' ? usual : usual?.message
  return withoutReceived(issue.message) === withoutReceived(usualMessage ?? '')
    ? undefined
    : issue.message
}

/** zod may have converted the value first, as text to a number, so what it says it received may mislead. */
function withoutReceived(message: string): string {
  return message.replace(/, received \w+$/, '')
}

/** What a value must be, worded for the author of the config rather than of the schema. */
export function demandOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? `a ${issue.expected}`}`
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`
    case 'too_small':
      return sizeOf(
        issue.inclusive === false ? 'more than' : 'at least',
        issue.minimum,
        issue.origin,
      )
    case 'too_big':
      return sizeOf(
        issue.inclusive === false ? 'less than' : 'at most',
        issue.maximum,
        issue.origin,
      )
    default:
      return safeText(textOf(issue, 'message') ?? 'is not valid')
  }
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'an array',
  int: 'a whole number',
  object: 'an object',
  string: 'a text',
}

function sizeOf(bound: string, size: number | bigint, origin: string): string {
  const one = Number(size) === 1
  if (origin === 'string')
    return `must be ${bound} ${size} ${one ? 'character' : 'characters'} long`
  if (COUNTED.has(origin)) return `must have ${bound} ${size} ${one ? 'entry' : 'entries'}`
  return `must be ${bound} ${size}`
}

/** Types that zod measures by their number of entries. */
const COUNTED: ReadonlySet<string> = new Set(['array', 'set', 'map'])

/** Secrets are never shown; options that are a single text may be one. */
function foundOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (value !== undefined && issue.path.some(isSecret)) return HIDDEN
  if (typeof value === 'string')
    return issue.path.length === 0 ? 'a text' : show(withoutCredentials(value))
  const sized = issue.code === 'too_small' || issue.code === 'too_big'
  return sized && Array.isArray(value) ? String(value.length || 'none') : show(value)
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

/** The keys that a schema knows at a path; undefined if unknown. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] | undefined {
  let at: unknown = unwrap(schema)
  for (const step of path) at = unwrap(within(at, step))
  return at instanceof z.ZodObject ? Object.keys(at.shape) : undefined
}

/** The schema of a value's property or element. */
function within(schema: unknown, step: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return schema.shape[String(step)]
  if (schema instanceof z.ZodArray) return schema.element
  if (schema instanceof z.ZodRecord) return schema.valueType
  return schema instanceof z.ZodTuple ? schema.def.items[Number(step)] : undefined
}

function unwrap(schema: unknown): unknown {
  let inner = schema
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodReadonly ||
    inner instanceof z.ZodPipe
  ) {
    inner = inner instanceof z.ZodPipe ? inner.in : inner.def.innerType
  }
  return inner
}
