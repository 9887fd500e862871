/**
 * The one choke point that makes text safe to show. Text from clients passes here when its line is read; whatever
 * anybody made of it passes here again on its way to a client, to the log or to the operator's terminal.
 */

const PLAIN = /^[\x20-\x7e]*$/

/**
 * Controls (Unicode Cc), line and paragraph separators, lone surrogates, interlinear annotation marks, and whatever is
 * invisible by itself (Default_Ignorable_Code_Point: bidi overrides, zero-width spaces, tags), but for the joiners
 * and the variation selectors, which scripts and emoji need.
 */
const UNSAFE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufff9-\ufffb]|(?![\u200c\u200d\ufe00-\ufe0f\u180b-\u180d\u180f])\p{DI}/gu

const MARK = /\p{M}/u
const JOINER = /[\u200c\u200d]/
/** More marks on one base than any script stacks grow over the neighbouring rows of a terminal. */
const MARKS_ON_A_BASE = 8

/**
 * Returns `text` as one line that cannot move a cursor, hide or reorder what it says, or end early: C0 controls become
 * their control pictures (`␛`), DEL `␡`, a tab one space, every other unsafe character U+FFFD. Safe text comes back
 * unchanged.
 */
export function safeText(text: string): string {
  return PLAIN.test(text) ? text : limitMarks(text.replace(UNSAFE, visible))
}

/** Splits a text at its line feeds (CR LF counts as one) and makes each line safe. */
export function safeLines(text: string): string[] {
  return text.split(/\r?\n/).map(safeText)
}

/** Writes what JSON leaves raw but a terminal would not (DEL, C1, separators, invisible characters) as `\uXXXX`. */
export function safeJson(json: string): string {
  return PLAIN.test(json) ? json : json.replace(UNSAFE, escaped)
}

/** Joiners between marks do not begin a new base. */
function limitMarks(text: string): string {
  if (!MARK.test(text)) return text
  let result = ''
  let marks = 0
  for (const character of text) {
    if (MARK.test(character)) marks++
    else if (!JOINER.test(character)) marks = 0
    if (marks <= MARKS_ON_A_BASE || !MARK.test(character)) result += character
  }
  return result
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code === 0x09) return ' '
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}

function escaped(character: string): string {
  let result = ''
  for (let index = 0; index < character.length; index++) {
    result += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`
  }
  return result
}
