/** What somebody typed: a line, or a command. */

export type Typed =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'command'; readonly word: string; readonly input: string }

/**
 * What nobody sees who types it, as it is or as `safeText` has replaced it: characters that are invisible by themselves
 * (byte order marks, zero-width spaces), controls, and bytes that are no text.
 */
const INVISIBLE = String.raw`\p{DI}\p{Cc}\ufffd`
/** Blanks of other kinds than the space key's, as the no-break space that some keyboards type, and the blank of Braille. */
const ODD_SPACE = String.raw`(?:[^\P{Z} ]|\u2800)`

const BEFORE = new RegExp(`^(?:[${INVISIBLE}]|${ODD_SPACE})+(?=/)`, 'u')
const HIDDEN = new RegExp(`[${INVISIBLE}]`, 'gu')
const HEAD = /^[^\p{Z}\u2800]+/u
const WORD = /^\/[a-z][a-z0-9_-]*$/i

/**
 * Tells a command from a line: `/word`, then a space or the end. `//text` is the line `/text`. What looks like a command
 * to who types it is one: otherwise all would see a line whose author believes to be muted by it.
 */
export function parseInput(typed: string): Typed {
  const isPlain = typed.charCodeAt(0) < 0x7f
  const text = isPlain ? typed : typed.replace(BEFORE, '')
  if (text.charCodeAt(0) !== 0x2f) return { kind: 'line', text: typed }
  const [head = ''] = HEAD.exec(text) ?? []
  const word = head.replace(HIDDEN, '')
  if (word.startsWith('//')) return { kind: 'line', text: text.slice(text.indexOf('/') + 1) }
  if (!WORD.test(word)) return { kind: 'line', text: typed }
  return { kind: 'command', word: word.slice(1).toLowerCase(), input: text.slice(head.length + 1) }
}
