/**
 * The one choke point that makes text safe to show. Text from clients passes here when its line is read; whatever
 * anybody made of it passes here again on its way to a client, to the log or to the operator's terminal.
 */

const PLAIN = /^[\x20-\x7e]*$/

/**
 * What is dangerous at a terminal: controls (Cc), which it obeys; line and paragraph separators; bidi embeddings,
 * overrides and isolates, which reorder what stands beside them; lone surrogates; and what no script needs any more and
 * nobody sees: deprecated format characters, interlinear annotation, tags, and code points that are set aside for such.
 * What scripts and emoji need stays, invisible or not: joiners, zero-width spaces, soft hyphens, direction marks,
 * variation selectors.
 */
const DANGEROUS = String.raw`[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2065-\u206f\ufff0-\ufffb\u{e0000}-\u{e00ff}\u{e01f0}-\u{e0fff}]`
/** The one use of tags: a black flag with the code of a part of a country, as that of Scotland (UTS #51, ED-14a). */
const FLAG = String.raw`\u{1f3f4}[\u{e0061}-\u{e007a}]{2}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{1,4}\u{e007f}`
const UNSAFE = new RegExp(`${FLAG}|${DANGEROUS}`, 'gu')

/** What lets one name pass for another: it is not seen, or not told from a space. */
const UNSEEN = String.raw`[\p{DI}\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800]`
const HAS_UNSEEN = new RegExp(UNSEEN, 'u')
/** Within an emoji it is part of a picture. */
const UNSEEN_OR_EMOJI = new RegExp(String.raw`(\p{RGI_Emoji})|${UNSEEN}`, 'gv')

const MARK = /\p{M}/u
/** Invisible by itself, and shown in the cell of what stands in front of it, if at all. */
const INVISIBLE = /\p{DI}/u
/** More marks on one base than any script stacks grow over the neighbouring rows of a terminal. */
const MARKS_ON_A_BASE = 8

/**
 * Returns `text` as one line that cannot move a cursor, reorder what stands beside it, or end early: C0 controls become
 * their control pictures (`␛`), DEL `␡`, a tab one space, every other unsafe character U+FFFD. Safe text comes back
 * unchanged.
 */
export function safeText(text: string): string {
  return PLAIN.test(text) ? text : limitMarks(replaceUnsafe(text, visible))
}

/**
 * Returns `text` as a name or an id, which has to be told from others by what is seen of it: safe, and U+FFFD in the place
 * of every character that is invisible or looks like a space and is none.
 */
export function safeName(text: string): string {
  if (PLAIN.test(text)) return text
  const safe = safeText(text)
  if (!HAS_UNSEEN.test(safe)) return safe
  return safe.replace(UNSEEN_OR_EMOJI, (_, emoji: string | undefined) => emoji ?? '\ufffd')
}

/** Splits a text at its line feeds (CR LF counts as one) and makes each line safe. */
export function safeLines(text: string): string[] {
  return text.split(/\r?\n/).map(safeText)
}

/** Writes what JSON leaves raw but a terminal would not (DEL, C1, separators, bidi overrides) as `\uXXXX`. */
export function safeJson(json: string): string {
  return PLAIN.test(json) ? json : replaceUnsafe(json, escaped)
}

function replaceUnsafe(text: string, by: (character: string) => string): string {
  // Only a flag is longer than a character.
  return text.replace(UNSAFE, (found) => (found.length > 2 ? found : by(found)))
}

/** What is invisible among the marks does not begin a new base. */
function limitMarks(text: string): string {
  if (!MARK.test(text)) return text
  let result = ''
  let marks = 0
  for (const character of text) {
    if (MARK.test(character)) marks++
    else if (!INVISIBLE.test(character)) marks = 0
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

/** Whether a value is a list of texts and nothing else. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
