/** The choke point that makes text safe to show, and JSON safe to print. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { safeText } from '../../core/index.ts'
import { safeJson, safeLines } from '../../core/text.ts'
import { cases, printSeed, seed } from '../support/memory-random.ts'

const test = suite('text')

const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u

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

test('bidi controls become U+FFFD', () => {
  each(['\u061c', '\u200e', '\u200f', ...codes(0x202a, 0x202e), ...codes(0x2066, 0x2069)], '\ufffd')
})

test('what is invisible becomes U+FFFD', () => {
  each(['\u00ad', '\u034f', '\u115f', '\u200b', '\u2060', '\u2063', '\u3164', '\ufeff'], '\ufffd')
})

test('tag characters become U+FFFD', () => each(codes(0xe0000, 0xe007f), '\ufffd'))

test('line and paragraph separators become U+FFFD', () => each(['\u2028', '\u2029'], '\ufffd'))

test('interlinear annotation marks become U+FFFD', () => each(codes(0xfff9, 0xfffb), '\ufffd'))

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

test('the joiners stay, which scripts and emoji need', () => {
  assert.is(safeText('می\u200cخواهم'), 'می\u200cخواهم')
  assert.is(safeText('क्\u200dष'), 'क्\u200dष')
})

test('emoji sequences stay whole', () => {
  for (const emoji of ['❤️', '👩‍💻', '🏳️‍🌈', '👨‍👩‍👧‍👦', '1️⃣', '🇩🇪', '👍🏽', '🧔🏻‍♂️', '☺︎']) {
    assert.is(safeText(emoji), emoji)
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
  assert.is(safeText(`a${marks}\u200b${marks}`), `a${marks}\ufffd${marks}`)
})

test('joiners among the marks do not let more of them through', () => {
  const marks = '\u0301'.repeat(8)
  for (const joiner of ['\u200c', '\u200d', '\ufe0f']) {
    const safe = safeText(`a${`${marks}${joiner}`.repeat(10)}b`)
    assert.ok(safe.replace(/[^\u0301]/g, '').length <= 8, JSON.stringify(joiner))
  }
})

test('safe text comes back as the same text', () => {
  const property = fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
    const safe = safeText(text)
    return UNSAFE.test(text) || /\p{M}{9}/u.test(text) || /\p{DI}/u.test(text) || safe === text
  })
  fc.assert(property, { seed, numRuns: cases(5000) })
})

const nasty = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.constantFrom('\x1b', '\r', '\n', '\x7f', '\u009b', '\u202e', '\u0301', '\u200d', '\ufe0f'),
    fc.constantFrom('a', '(', '😀', '\ud83d', '\ude00', '\u0301'.repeat(9), '\u{e0041}'),
  ),
  { maxLength: 20 },
)

test('nothing unsafe is left of any text, and what is safe stays so', () => {
  const property = fc.property(nasty, (pieces) => {
    const safe = safeText(pieces.join(''))
    assert.not.match(safe, UNSAFE)
    assert.not.match(safe, /\p{M}{9}/u)
    assert.is(safeText(safe), safe)
  })
  fc.assert(property, { seed, numRuns: cases(20_000) })
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
    assert.not.match(json, UNSAFE)
    assert.equal(JSON.parse(json), JSON.parse(JSON.stringify(value)))
  })
  fc.assert(property, { seed, numRuns: cases(5000) })
})

printSeed()
test.run()
