/** File descriptors: a server that has none left turns away its clients without a word, and cannot open its log. */
import { readdirSync, readFileSync } from 'node:fs'

/** Returns how many clients this process has descriptors for when some are kept back, or undefined where nobody says (not Linux). */
export function clientsThatFit(keptBack: number): number | undefined {
  try {
    // Node has raised the soft limit to the hard one when it started.
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const most = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
    if (most === undefined) return undefined
    return Number(most) - readdirSync('/proc/self/fd').length - keptBack
  } catch {
    return undefined
  }
}
