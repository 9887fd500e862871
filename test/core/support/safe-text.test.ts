/** The choke point that makes text safe to show, and JSON safe to print. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { safeText } from '../../../core/index.ts'
import { safeJson, safeLines, safeName } from '../../../core/support/safe-text.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('text')

/** What a terminal obeys, breaks a line at or reorders by, and what is invisible and of no use, by Unicode's properties. */
const UNSAFE = new RegExp(
  [
    String.raw`[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]`,
    // Bidi controls, but for the marks, which have a direction as a letter has.
    String.raw`[\p{Bidi_C}--[\u061c\u200e\u200f]]`,
    // Invisible, and set aside for later or deprecated.
    String.raw`[\p{DI}&&\p{Cn}]`,
    String.raw`[\p{Cf}&&\p{Dep}]`,
    // Interlinear annotation.
    String.raw`[\ufff9-\ufffb]`,
    // Tags.
    String.raw`[\u{e0020}-\u{e007f}]`,
  ].join('|'),
  'v',
)
/** The only tags that are of use. */
const FLAGS = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu

/** Of each code point there is. */
const everyCharacter = codes(0, 0x10ffff)

function withoutFlags(text: string): string {
  return text.replaceAll(FLAGS, '')
}

function codes(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String.fromCodePoint(from + index))
}

/** Each of some characters, between two letters, must come out as `expected`. */
function each(characters: readonly string[], expected: string): void {
  for (const character of characters) {
    const code = character.codePointAt(0)?.toString(16)
    assert.is(safeText(`a${character}b`), `a${expected}b`, `U+${code}`)
  }
}

test('printable ASCII stays', () => {
  const ascii = codes(0x20, 0x7e).join('')
  assert.is(safeText(ascii), ascii)
  assert.is(safeText(''), '')
})

test('C0 controls become their control pictures', () => {
  for (const control of codes(0x00, 0x1f)) {
    const picture = String.fromCodePoint(0x2400 + control.charCodeAt(0))
    assert.is(safeText(control), control === '\t' ? ' ' : picture)
  }
  assert.is(safeText('\x1b[2J\r\n\0'), '␛[2J␍␊␀')
})

test('a tab becomes one space and DEL its picture', () => {
  each(['\t'], ' ')
  each(['\x7f'], '␡')
})

test('C1 controls become U+FFFD', () => each(codes(0x80, 0x9f), '\ufffd'))

test('bidi embeddings, overrides and isolates become U+FFFD', () => {
  each([...codes(0x202a, 0x202e), ...codes(0x2066, 0x2069)], '\ufffd')
})

test('deprecated format characters become U+FFFD', () => each(codes(0x206a, 0x206f), '\ufffd'))

test('tags become U+FFFD', () => each(codes(0xe0000, 0xe007f), '\ufffd'))

test('line and paragraph separators become U+FFFD', () => each(['\u2028', '\u2029'], '\ufffd'))

test('interlinear annotation marks become U+FFFD', () => each(codes(0xfff9, 0xfffb), '\ufffd'))

test('of all characters there are, those that are dangerous at a terminal are replaced and no other', () => {
  let replaced = 0
  for (const character of everyCharacter) {
    const text = `a${character}b`
    const safe = safeText(text)
    if (safe !== text) replaced++
    const shown = safe === text ? text : /^a[ \u2400-\u2421\ufffd]b$/.test(safe) ? safe : undefined
    if (shown !== undefined && (safe !== text) === UNSAFE.test(character)) continue
    assert.unreachable(`U+${character.codePointAt(0)?.toString(16)}: ${JSON.stringify(safe)}`)
  }
  assert.ok(replaced > 65 + 2048 + 2 + 9 + 3584, String(replaced))
})

test('lone surrogates become U+FFFD and pairs stay', () => {
  each(['\ud83d', '\ude00', '\udfff'], '\ufffd')
  assert.is(safeText('\ude00\ud83d'), '\ufffd\ufffd')
  assert.is(safeText('😀'), '😀')
})

test('letters, marks and symbols of all scripts stay', () => {
  for (const text of [
    'é',
    'e\u0301',
    'Ж',
    '中文',
    'שלום',
    'مرحبا',
    'ไม่',
    '€',
    '☃',
    '𝒳',
    '\u00a0',
  ]) {
    assert.is(safeText(text), text)
  }
})

test('what scripts need stays, though nobody sees it', () => {
  for (const text of [
    'می\u200cخواهم',
    'क्\u200dष',
    'สวัสดี\u200bชาวโลก',
    'ភាសា\u200bខ្មែរ',
    'ພາສາ\u200bລາວ',
    'Donau\u00addampfschiff',
    '\u200fשלום (a)\u200e!',
    '\u061c١٢',
    '葛\u{e0100}城',
    'ᠨᠠ\u180e',
    'אֳ\u034fִ',
    'ㄱ\u3164ㄴ',
    'f\u2061(x)',
    'a\u2060b\ufeffc',
    '\u2800⠓⠊',
  ]) {
    assert.is(safeText(text), text)
  }
})

test('emoji sequences stay whole', () => {
  for (const emoji of ['❤️', '👩‍💻', '🏳️‍🌈', '👨‍👩‍👧‍👦', '1️⃣', '🇩🇪', '👍🏽', '🧔🏻‍♂️', '☺︎', '🏴‍☠️']) {
    assert.is(safeText(emoji), emoji)
  }
})

test('the flags of parts of a country stay, and no other tags', () => {
  const tags = (code: string): string =>
    [...code].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('')
  const end = '\u{e007f}'
  for (const code of ['gbeng', 'gbsct', 'gbwls', 'usca', 'frbre']) {
    const flag = `🏴${tags(code)}${end}`
    assert.is(safeText(`a${flag}b`), `a${flag}b`)
    assert.is(safeJson(`"${flag}"`), `"${flag}"`)
  }
  for (const [text, left] of [
    [`🏴${tags('gbeng')}`, 1],
    [`🏴${end}`, 1],
    [`🏴${tags('gb')}${end}`, 1],
    [`🏴${tags('gbabcde')}${end}`, 1],
    [`🏴${tags('send me your')}${end}`, 1],
    [`😀${tags('gbeng')}${end}`, 1],
    [`🏴${tags('gbeng')}${end}${end}`, 7],
  ] as const) {
    assert.is([...safeText(text)].filter((one) => one !== '\ufffd').length, left, text)
  }
})

test('at most 8 marks stay on one base', () => {
  const mark = '\u0301'
  assert.is(safeText(`a${mark.repeat(8)}b`), `a${mark.repeat(8)}b`)
  assert.is(safeText(`a${mark.repeat(9)}b`), `a${mark.repeat(8)}b`)
  assert.is(safeText(`a${mark.repeat(5000)}b`), `a${mark.repeat(8)}b`)
  assert.is(safeText(`a${mark.repeat(9)}b${mark.repeat(9)}`).length, 18)
  assert.is(safeText('\u0301\u0302'.repeat(50)).length, 8)
})

test('a character that was replaced is a base of its own', () => {
  const marks = '\u0301'.repeat(8)
  assert.is(safeText(`a${marks}\u202e${marks}`), `a${marks}\ufffd${marks}`)
})

test('nothing invisible among the marks lets more of them through', () => {
  const marks = '\u0301'.repeat(8)
  const invisible = everyCharacter.filter((one) => /\p{DI}/u.test(one) && !UNSAFE.test(one))
  assert.ok(invisible.length > 270, String(invisible.length))
  for (const character of invisible) {
    const safe = safeText(`a${`${marks}${character}`.repeat(10)}b`)
    const code = character.codePointAt(0)?.toString(16)
    assert.ok(safe.replace(/[^\u0301]/g, '').length <= 8, `U+${code}`)
  }
})

test('safe text comes back as the same text', () => {
  const property = fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
    const safe = safeText(text)
    return UNSAFE.test(text) || /\p{M}[\p{M}\p{DI}]{8}/u.test(text) || safe === text
  })
  fc.assert(property, { seed, numRuns: cases(5000) })
})

const nasty = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.constantFrom('\x1b', '\r', '\n', '\x7f', '\u009b', '\u202e', '\u0301', '\u200d', '\ufe0f'),
    fc.constantFrom(
      'a',
      '(',
      '😀',
      '🏴\u{e0067}\u{e0062}\u{e0065}',
      '\u{e007f}',
      '\ud83d',
      '\ude00',
      '\u0301'.repeat(9),
      '\u{e0041}',
    ),
  ),
  { maxLength: 20 },
)

test('nothing unsafe is left of any text, and what is safe stays so', () => {
  const property = fc.property(nasty, (pieces) => {
    const safe = safeText(pieces.join(''))
    assert.not.match(withoutFlags(safe), UNSAFE)
    assert.not.match(safe, /\p{M}{9}/u)
    assert.is(safeText(safe), safe)
  })
  fc.assert(property, { seed, numRuns: cases(20_000) })
})

test('a name keeps what is seen of it', () => {
  for (const name of [
    'Ada Lovelace',
    'Zoë',
    '田中\u3000太郎',
    'ไม่',
    '😀',
    '❤️',
    '👩‍💻',
    '🏳️‍🌈',
    '🇩🇪',
    '1️⃣',
    '🏴󠁧󠁢󠁳󠁣󠁴󠁿',
  ]) {
    assert.is(safeName(name), name)
  }
})

test('of all characters there are, none that is invisible or passes for a space is left in a name', () => {
  for (const character of everyCharacter) {
    const hidden = /[\p{DI}\u2800]|(?![ \u3000])\p{Zs}/u.test(character)
    const text = `a${character}b`
    if (safeName(text) === (hidden ? 'a\ufffdb' : safeText(text))) continue
    assert.unreachable(`U+${character.codePointAt(0)?.toString(16)}`)
  }
})

test('a name made safe stays so, and is safe text', () => {
  const property = fc.property(nasty, (pieces) => {
    const name = safeName(pieces.join(''))
    assert.is(safeName(name), name)
    assert.is(safeText(name), name)
  })
  fc.assert(property, { seed, numRuns: cases(5000) })
})

test('lines are split at LF and at CR LF, and each is made safe', () => {
  assert.equal(safeLines('a\nb\r\nc\rd\n'), ['a', 'b', 'c␍d', ''])
  assert.equal(safeLines('\x1b'), ['␛'])
  assert.equal(safeLines(''), [''])
})

test('JSON with nothing unsafe in it stays as it is', () => {
  const json = JSON.stringify({ a: [1, 'é', '😀', '\n\x1b'] })
  assert.is(safeJson(json), json)
})

test('what a terminal would obey in JSON is escaped, astral characters as two units', () => {
  assert.is(safeJson('"\x7f\u009b\u2028\u202e"'), String.raw`"\u007f\u009b\u2028\u202e"`)
  assert.is(safeJson('"\u{e0041}"'), String.raw`"\udb40\udc41"`)
})

test('JSON made safe holds nothing unsafe and parses to the same value', () => {
  const property = fc.property(nasty, fc.jsonValue(), (pieces, other) => {
    const value = [pieces.join(''), other, { [pieces.join('')]: 1 }]
    const json = safeJson(JSON.stringify(value))
    assert.not.match(withoutFlags(json), UNSAFE)
    assert.equal(JSON.parse(json), JSON.parse(JSON.stringify(value)))
  })
  fc.assert(property, { seed, numRuns: cases(5000) })
})

printSeed()
test.run()
