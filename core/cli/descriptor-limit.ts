/**
 * Limits clients by file descriptors: a server that has none left drops connections silently, and cannot open its log.
 */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Counts the descriptors that are open now, before any client has connected. Returns a function that tells how many
 * clients fit when some descriptors are reserved; undefined when the system does not tell (not Linux).
 */
export function countRoom(): (keptBack: number) => number | undefined {
  const used = readOr(undefined, () => readdirSync('/proc/self/fd').length)
  return (keptBack) => {
    // Node raised the soft limit to the hard limit when it started; it may have been changed since.
    const limits = readOr('', () => readFileSync('/proc/self/limits', 'utf8'))
    const most = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
    return most === undefined || used === undefined ? undefined : Number(most) - used - keptBack
  }
}

function readOr<T>(otherwise: T, read: () => T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}
