/**
 * Compares options. Whether two values are certainly the same: what cannot be inspected, such as a function or a class
 * instance, is not.
 */

export function isSurelySame(one: unknown, other: unknown): boolean {
  try {
    return compare(one, other, new Map())
  } catch {
    // Looking at it throws.
    return false
  }
}

/** `met`: what each object is being compared with, since one may contain itself. */
function compare(one: unknown, other: unknown, met: Map<object, object>): boolean {
  if (Object.is(one, other)) return true
  if (!isObject(one) || !isObject(other)) return false
  if (met.get(one) === other) return true
  met.set(one, other)
  const prototype: unknown = Object.getPrototypeOf(one)
  if (Object.getPrototypeOf(other) !== prototype) return false
  const parts = partsOf(one, prototype)
  const others = partsOf(other, prototype)
  if (parts === undefined || others === undefined) return false
  return (
    parts.length === others.length &&
    parts.every((part, index) => compare(part, others[index], met))
  )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Everything in an object, in its order; undefined if that cannot be determined. */
function partsOf(value: object, prototype: unknown): unknown[] | undefined {
  if (ArrayBuffer.isView(value))
    return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')]
  const own = Reflect.ownKeys(value).flatMap((key) => [key, Reflect.get(value, key) as unknown])
  switch (prototype) {
    case null:
    case Object.prototype:
    case Array.prototype:
      return own
    case Date.prototype:
      return [Date.prototype.getTime.call(value), ...own]
    case RegExp.prototype:
      return [RegExp.prototype.toString.call(value), ...own]
    case URL.prototype:
      return [(value as URL).href, ...own]
    case Map.prototype:
      return [...[...(value as Map<unknown, unknown>)].flat(), ...own]
    case Set.prototype:
      return [...(value as Set<unknown>), ...own]
    default:
      return undefined
  }
}
