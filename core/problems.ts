/** zod's issues as problems of the config: where, what was expected, and what was probably meant. */
import { z } from 'zod'
import type { Problem } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { safeText } from './text.ts'

/** `prefix` is where the checked value stands, as `plugins[3] (dice)`. */
export function problemsOf(error: z.ZodError, schema: z.ZodType, prefix: string): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = join(prefix, issue.path)
    if (issue.code !== 'unrecognized_keys') {
      return [{ path, message: safeText(issue.message.replace(/^Invalid input: /, '')) }]
    }
    const known = keysAt(schema, issue.path)
    return issue.keys.map((key) => ({
      path: join(prefix, [...issue.path, key]),
      message: `there is no such key${didYouMean(key, known)}${known.length > 0 ? ` (known: ${known.join(', ')})` : ''}`,
    }))
  })
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
