/** What somebody typed: a line, or a command. */

export type Typed =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'command'; readonly word: string; readonly input: string }

const TYPED_COMMAND = /^\/([a-z][a-z0-9_-]*)(?: (.*))?$/i

/** Tells a command from a line: `/word`, then a space or the end. `//text` is the line `/text`. */
export function parseTyped(text: string): Typed {
  if (text.charCodeAt(0) !== 0x2f) return { kind: 'line', text }
  if (text.charCodeAt(1) === 0x2f) return { kind: 'line', text: text.slice(1) }
  const [, word, input = ''] = TYPED_COMMAND.exec(text) ?? []
  return word === undefined
    ? { kind: 'line', text }
    : { kind: 'command', word: word.toLowerCase(), input }
}
