/** Tells lines from commands in what clients type. */

export type Typed =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'command'; readonly word: string; readonly input: string }

/**
 * What whoever types it does not see, raw or as `safeText` has replaced it: invisible characters (byte order marks,
 * zero-width spaces), controls, and invalid bytes.
 */
const INVISIBLE = String.raw`\p{DI}\p{Cc}\ufffd`
/** Spaces other than the space bar's, such as the no-break space of some keyboards and the Braille blank. */
const ODD_SPACE = String.raw`(?:[^\P{Z} ]|\u2800)`

const BEFORE = new RegExp(`^(?:[${INVISIBLE}]|${ODD_SPACE})+(?=/)`, 'u')
const HIDDEN = new RegExp(`[${INVISIBLE}]`, 'gu')
const HEAD = /^[^\p{Z}\u2800]+/u
const WORD = /^\/[a-z][a-z0-9_-]*$/i

/**
 * A command is `/word`, then a space or the end. `//text` is the line `/text`. What looks like a command to the person
 * typing is a command: otherwise everyone would see a line whose author thought it was hidden, such as `/mute`.
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
