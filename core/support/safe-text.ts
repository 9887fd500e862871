/**
 * The single place that makes text safe to show. Clients' text passes through it when a line is read; whatever anyone
 * makes of it passes through it again on its way to a client, the log or the operator's terminal.
 */

const PLAIN = /^[\x20-\x7e]*$/

/**
 * What is dangerous on a terminal: controls (Cc), which it obeys; line and paragraph separators; bidi embeddings,
 * overrides and isolates, which reorder the text beside them; lone surrogates; and invisible characters that no script
 * needs any more: deprecated format characters, interlinear annotation, tags, and code points reserved for such. What
 * scripts and emoji need stays, invisible or not: joiners, zero-width spaces, soft hyphens, direction marks, variation
 * selectors.
 */
const DANGEROUS = String.raw`[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2065-\u206f\ufff0-\ufffb\u{e0000}-\u{e00ff}\u{e01f0}-\u{e0fff}]`
/** The only valid use of tags: a black flag with a subdivision code, as the flag of Scotland (UTS #51, ED-14a). */
const FLAG = String.raw`\u{1f3f4}[\u{e0061}-\u{e007a}]{2}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{1,4}\u{e007f}`
const UNSAFE = new RegExp(`${FLAG}|${DANGEROUS}`, 'gu')

/** What lets one name pass for another: characters that are invisible or look like a space. */
const UNSEEN = String.raw`[\p{DI}\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800]`
const HAS_UNSEEN = new RegExp(UNSEEN, 'u')
/** Within an emoji such a character is part of the picture. */
const UNSEEN_OR_EMOJI = new RegExp(String.raw`(\p{RGI_Emoji})|${UNSEEN}`, 'gv')

const MARK = /\p{M}/u
/** Invisible by itself, and drawn, if at all, in the cell of the preceding character. */
const INVISIBLE = /\p{DI}/u
/** More combining marks on one base than any script stacks would overlap the neighbouring rows of a terminal. */
const MARKS_ON_A_BASE = 8

/**
 * Returns `text` as one line that cannot move the cursor, reorder the text beside it, or end early: C0 controls become
 * their control pictures (`␛`), DEL `␡`, a tab one space, every other unsafe character U+FFFD. Safe text is returned
 * unchanged.
 */
export function safeText(text: string): string {
  return PLAIN.test(text) ? text : limitMarks(replaceUnsafe(text, visible))
}

/**
 * Returns `text` as a name or an id, which must be distinguishable by sight: safe, with U+FFFD replacing every
 * character that is invisible or looks like a space but is not one.
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

/** Escapes what JSON leaves raw but is unsafe on a terminal (DEL, C1, separators, bidi overrides) as `\uXXXX`. */
export function safeJson(json: string): string {
  return PLAIN.test(json) ? json : replaceUnsafe(json, escaped)
}

function replaceUnsafe(text: string, by: (character: string) => string): string {
  // Only a flag is longer than one character.
  return text.replace(UNSAFE, (found) => (found.length > 2 ? found : by(found)))
}

/** An invisible character among the marks does not start a new base. */
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

/** Whether a value is an array of strings. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
