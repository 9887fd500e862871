/** Tags: plain data that plugins attach to a line, for whoever observes the message that becomes of it. */
import { show } from '../support/errors.ts'

/** Plain data by name: texts, numbers, booleans, null, and arrays and objects of them. Frozen once the line has settled. */
export type Tags = Readonly<Record<string, unknown>>

export const NO_TAGS: Tags = Object.freeze({})

/** Levels of arrays and objects within each other. */
const DEEPEST = 8

/** Returns a frozen copy of tags. Throws, with what is wrong, at anything but plain data. */
export function copyTags(tags: unknown): Tags {
  if (!isRecord(tags)) throw new TypeError(`expected an object of plain data, found ${show(tags)}`)
  return copy(tags, 'tags', 0) as Tags
}

function copy(value: unknown, path: string, depth: number): unknown {
  if (depth > DEEPEST) throw new TypeError(`${path}: nested more than ${DEEPEST} levels deep`)
  if (Array.isArray(value)) {
    return Object.freeze(value.map((one, index) => copy(one, `${path}[${index}]`, depth + 1)))
  }
  if (isRecord(value)) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined)
    return Object.freeze(
      Object.fromEntries(
        entries.map(([key, one]) => [key, copy(one, `${path}.${key}`, depth + 1)]),
      ),
    )
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (Number.isFinite(value)) return value
  throw new TypeError(`${path}: expected plain data, found ${show(value)}`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
