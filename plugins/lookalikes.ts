/**
 * What looks like a client's id within a line. A line can be padded so that a terminal's wrapping puts such a text at the
 * beginning of a row, where it is taken for the beginning of a line of somebody else.
 */

/** Opening and closing brackets of all scripts, and what looks like them. */
const OPENING = String.raw`\p{Ps}\p{Pi}<`
const CLOSING = String.raw`\p{Pe}\p{Pf}>`
/** What is not seen, or hardly, between two characters: combining marks, and what is invisible by itself. */
const FAINT = String.raw`\p{M}\p{DI}`
/** A number of an address, in whatever digits. */
const NUMBER = String.raw`\p{N}[\p{N}${FAINT}]*`
/** Anything may pass for the dots and the colon, as no font tells all such characters apart. */
const SEPARATOR = String.raw`[^\s\p{L}\p{N}${FAINT}${OPENING}${CLOSING}]`
/** The beginning of an IPv4 id: three numbers. */
const IPV4 = `${NUMBER}(?:${SEPARATOR}[${FAINT}]*${NUMBER}){2}`
const REST = `[^${OPENING}${CLOSING}]*`

const LOOKALIKE = new RegExp(
  String.raw`[${OPENING}]([\s\u2800${FAINT}]*(?:\[${REST}(?:\]${REST})?|${IPV4}${REST}))[${CLOSING}]?`,
  'gu',
)

/** The bracket that stands in front of the name in a prefix, given what is in front of it; empty when there is none. */
export function bracketOf(before: string): string {
  return new RegExp(`[${OPENING}]$`, 'u').exec(before)?.[0] ?? ''
}

/** Returns what puts ids within a text into other brackets than the prefix's. */
export function lookalikeGuard(bracket: string): (text: string) => string {
  const shown = bracket === '[' ? '($1)' : '[$1]'
  return (text) => text.replace(LOOKALIKE, shown)
}
