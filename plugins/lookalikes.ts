/**
 * Guards against text in a line that looks like a client's id. A line can be padded so that a terminal's wrapping puts
 * such text at the beginning of a row, where it looks like someone else's line.
 */

/** Opening and closing brackets of all scripts, and what looks like them. */
const OPENING = String.raw`\p{Ps}\p{Pi}<`
const CLOSING = String.raw`\p{Pe}\p{Pf}>`
/** What is hardly visible between two characters: combining marks and invisible characters. */
const FAINT = String.raw`\p{M}\p{DI}`
/** A number of an address, in any digits. */
const NUMBER = String.raw`\p{N}[\p{N}${FAINT}]*`
/** Any other character may pass for the dots and the colon: no font distinguishes all of them. */
const SEPARATOR = String.raw`[^\s\p{L}\p{N}${FAINT}${OPENING}${CLOSING}]`
/** The beginning of an IPv4 id: three numbers. */
const IPV4 = `${NUMBER}(?:${SEPARATOR}[${FAINT}]*${NUMBER}){2}`
const REST = `[^${OPENING}${CLOSING}]*`

const LOOKALIKE = new RegExp(
  String.raw`[${OPENING}]([\s\u2800${FAINT}]*(?:\[${REST}(?:\]${REST})?|${IPV4}${REST}))[${CLOSING}]?`,
  'gu',
)

/** The bracket right before the name in a prefix, given the text before the name; empty when there is none. */
export function bracketOf(before: string): string {
  return new RegExp(`[${OPENING}]$`, 'u').exec(before)?.[0] ?? ''
}

/** Returns a function that puts ids within a text into other brackets than the prefix's. */
export function lookalikeGuard(bracket: string): (text: string) => string {
  const shown = bracket === '[' ? '($1)' : '[$1]'
  return (text) => text.replace(LOOKALIKE, shown)
}
