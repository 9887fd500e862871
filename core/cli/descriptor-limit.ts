/** File descriptors: a server that has none left turns away its clients without a word, and cannot open its log. */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Counts the descriptors that are open now, before anybody has come, as not the clients'. Returns what tells how many
 * clients there are descriptors for when some are kept back; undefined where nobody says (not Linux).
 */
export function countRoom(): (keptBack: number) => number | undefined {
  const used = readOr(undefined, () => readdirSync('/proc/self/fd').length)
  return (keptBack) => {
    // Node has raised the soft limit to the hard one when it started; since then somebody else may have changed it.
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
