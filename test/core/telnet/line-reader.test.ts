/** Bytes to lines: line ends, editing, telnet, limits, and that none of it depends on how the bytes were cut. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Fault, LineReader } from '../../../core/telnet/line-reader.ts'
import { safeText } from '../../../core/support/safe-text.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import {
  AYT,
  bytes,
  DO,
  DONT,
  EC,
  EL,
  GRIN,
  IAC,
  input,
  IP,
  NOP,
  SB,
  SE,
  WILL,
  WONT,
  type Bytes,
} from '../../support/memory-bytes.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('line reader')

/** What whoever speaks telnet is asked for, once. */
const DO_BINARY = '<fffd00>'

const LIMITS = { line: 4096, unterminated: 64 * 1024 }

/**
 * All that comes of some chunks, in order: lines, faults, answers as hex, and `AYT`. Stops at a fault that closes. Of each
 * chunk's lines at most `pulls` are pulled before the next chunk comes, as from a client that is held; the rest at the end.
 */
function readChunks(chunks: readonly Buffer[], pulls: readonly number[] = []): string[] {
  const seen: string[] = []
  const reader = new LineReader(LIMITS, {
    // Several leave in one piece; each takes three bytes.
    reply: (answer) => {
      for (let at = 0; at < answer.length; at += 3)
        seen.push(`<${answer.toString('hex', at, at + 3)}>`)
    },
    areYouThere: () => seen.push('<AYT>'),
  })
  const drain = (most = Infinity): boolean => {
    for (let count = 0; count < most; count++) {
      const got = reader.next()
      if (got === undefined) break
      seen.push(typeof got === 'string' ? `"${got}"` : `!${got.description}`)
      if (got === Fault.Unterminated || got === Fault.Subnegotiation) return false
    }
    return true
  }
  for (const [index, chunk] of chunks.entries()) {
    reader.push(chunk)
    if (!drain(pulls[index])) return seen
  }
  drain()
  return seen
}

/** What comes of some bytes but for the question that every telnet client is asked, wherever they are cut. */
function readLines(...parts: readonly Bytes[]): string[] {
  return read(...parts).filter((seen) => seen !== DO_BINARY)
}

/** Reads some bytes whole, and checks that every cut in two and one byte at a time come to the same. */
function read(...parts: readonly Bytes[]): string[] {
  const all = bytes(...parts)
  const whole = readChunks([all])
  const single = Array.from(all, (byte) => Buffer.of(byte))
  assert.equal(readChunks(single), whole, 'one byte at a time')
  assert.equal(
    readChunks(
      single,
      single.map(() => 0),
    ),
    whole,
    'one byte at a time, read at the end',
  )
  for (let cut = 1; cut < Math.min(all.length, 200); cut++) {
    assert.equal(readChunks([all.subarray(0, cut), all.subarray(cut)]), whole, `cut at ${cut}`)
  }
  return whole
}

for (const [name, end] of [
  ['LF', '\n'],
  ['CR LF', '\r\n'],
  ['CR NUL', '\r\0'],
  ['a bare CR', '\r'],
] as const) {
  test(`${name} ends a line once, wherever the bytes are cut`, () => {
    assert.equal(read('one', end, 'two', end, end, 'three', end), [
      '"one"',
      '"two"',
      '""',
      '"three"',
    ])
  })
}

test('the four line ends can be mixed', () => {
  assert.equal(read('a\rb\r\nc\r\0d\ne\n\rf\n'), ['"a"', '"b"', '"c"', '"d"', '"e"', '""', '"f"'])
})

test('CR LF LF is two line ends', () => {
  assert.equal(read('a\r\n\nb\n'), ['"a"', '""', '"b"'])
})

test('NUL does nothing, wherever it stands', () => {
  assert.equal(read('\0/quit\r\n'), ['"/quit"'])
  assert.equal(read('a\0b\0\0c\0\n'), ['"abc"'])
  assert.equal(read('a\r\0\0b\n'), ['"a"', '"b"'])
  assert.equal(read(0xc3, 0, 0xa9, '\n'), ['"é"'])
  assert.equal(read('a', IAC, 0, 'b\n'), ['"ab"'])
  assert.equal(read('\0'.repeat(5000), 'x'.repeat(4096), '\n'), [`"${'x'.repeat(4096)}"`])
})

test('a byte order mark in front of a line is no part of it', () => {
  assert.equal(read('\ufeffhello\n\ufeff/quit\n'), ['"hello"', '"/quit"'])
  assert.equal(read('\ufeff\n'), ['""'])
})

test('lines are never trimmed', () => {
  assert.equal(read('  two  \n'), ['"  two  "'])
})

test('a line without an end is not a line', () => {
  const reader = new LineReader(LIMITS, { reply: () => {}, areYouThere: () => {} })
  reader.push(bytes('done\nhalf'))
  assert.is(reader.next(), 'done')
  assert.is(reader.next(), undefined)
  assert.is(reader.unterminated, 4)
  assert.is(reader.unread, 0)
})

test('bytes wait in the reader until they are pulled, and are counted', () => {
  const reader = new LineReader(LIMITS, { reply: () => {}, areYouThere: () => {} })
  reader.push(bytes('one\ntwo\n'))
  reader.push(bytes('three\n'))
  assert.is(reader.unread, 14)
  assert.is(reader.next(), 'one')
  assert.is(reader.unread, 10)
  assert.equal([reader.next(), reader.next(), reader.next()], ['two', 'three', undefined])
  assert.is(reader.unread, 0)
})

test('4096 bytes are a line and 4097 are too long, however they are cut', () => {
  const most = 'x'.repeat(4096)
  assert.equal(read(most, '\nnext\n'), [`"${most}"`, '"next"'])
  assert.equal(read(most, 'x\nnext\n'), ['!line too long', '"next"'])
})

test('an emoji that ends at byte 4096 is let through and one that ends at 4097 is not', () => {
  const fits = 'x'.repeat(4092) + GRIN
  assert.equal(read(fits, '\n'), [`"${fits}"`])
  assert.equal(read(`x${fits}`, '\nnext\n'), ['!line too long', '"next"'])
})

test('a line that is too long is reported once, at its end', () => {
  assert.equal(readChunks([bytes('x'.repeat(5000))]), [])
  const chunks = Array.from({ length: 10 }, () => bytes('x'.repeat(1000)))
  assert.equal(readChunks([...chunks, bytes('\n')]), ['!line too long'])
})

test('a line that was erased down to the limit is let through', () => {
  const most = 'x'.repeat(4096)
  assert.equal(read('gone', 0x15, most, 0x7f, 'y\n'), [`"${most.slice(1)}y"`])
})

test('65,536 bytes without an end are too long, one more gives the connection up', () => {
  const most = 'x'.repeat(64 * 1024)
  assert.equal(readChunks([bytes(most)]), [])
  assert.equal(readChunks([bytes(most, '\n')]), ['!line too long'])
  assert.equal(readChunks([bytes(most, 'x')]), ['!no line end'])
  assert.equal(readChunks([bytes(most), bytes('x')]), ['!no line end'])
  assert.equal(readChunks([bytes(most, 'x\nlate\n')]), ['!no line end'])
})

test('erasing takes nothing off what was typed of a line that is too long', () => {
  const [begun, rest] = ['x'.repeat(5000), 'x'.repeat(60_536)]
  assert.equal(readChunks([bytes(begun, 0x7f, rest)]), [])
  assert.equal(readChunks([bytes(begun, 0x7f, rest, 'x')]), ['!no line end'])
})

for (const [name, erase] of [
  ['BS', bytes(0x08)],
  ['DEL', bytes(0x7f)],
  ['IAC EC', bytes(IAC, EC)],
] as const) {
  test(`${name} erases one code point`, () => {
    assert.equal(readLines('hx', erase, 'i\n'), ['"hi"'])
    assert.equal(readLines('aé', erase, '\n'), ['"a"'])
    assert.equal(readLines('a€', erase, '\n'), ['"a"'])
    assert.equal(readLines(`a${GRIN}`, erase, '\n'), ['"a"'])
    assert.equal(readLines(`é${GRIN}`, erase, erase, 'b\n'), ['"b"'])
  })

  test(`${name} does nothing to an empty line, nor to the line before`, () => {
    assert.equal(readLines(erase, erase, '\n'), ['""'])
    assert.equal(readLines('one\n', erase, 'two\n'), ['"one"', '"two"'])
    assert.equal(readLines('a', erase, erase, erase, 'b\n'), ['"b"'])
  })
}

test('DEL behind ill-formed UTF-8 erases no more than is shown as one character', () => {
  assert.equal(read('ab', 0xe9, 0xe9, 0x7f, '\n'), ['"ab\ufffd"'])
  assert.equal(read('aé', 0xb0, 0x7f, '\n'), ['"aé"'])
})

for (const [name, kill] of [
  ['^U', bytes(0x15)],
  ['IAC EL', bytes(IAC, EL)],
  ['IAC IP', bytes(IAC, IP)],
] as const) {
  test(`${name} drops the line typed so far`, () => {
    assert.equal(readLines('wrong é', kill, 'right\n'), ['"right"'])
    assert.equal(readLines(kill, kill, '\n'), ['""'])
    assert.equal(readLines('one\n', kill, 'two\n'), ['"one"', '"two"'])
  })

  test(`${name} makes a line that was too long a new one`, () => {
    assert.equal(readLines('x'.repeat(5000), kill, 'short\n'), ['"short"'])
  })
}

test('IAC IAC is one byte 255, which is no character', () => {
  assert.equal(read('a', IAC, IAC, 'b\n'), ['"a\ufffdb"'])
  assert.equal(read(IAC, IAC, IAC, IAC, '\n'), ['"\ufffd\ufffd"'])
})

test('IAC before a byte that is no command is dropped, and the byte is what it is', () => {
  assert.equal(read(IAC, 'hello\n'), ['"hello"'])
  assert.equal(read('a', IAC, 0xc3, 0xa9, 'b\n'), ['"aéb"'])
  assert.equal(read('a', IAC, '\nb\n'), ['"a"', '"b"'])
  assert.equal(read('a', IAC, '\rb', IAC, '\r\nc\n'), ['"a"', '"b"', '"c"'])
  assert.equal(read('ab', IAC, 0x7f, IAC, 0x08, 'c\n'), ['"c"'])
  assert.equal(read('wrong', IAC, 0x15, 'right\n'), ['"right"'])
})

test('bytes from 236 on are commands behind IAC, all others are not', () => {
  for (let byte = 0; byte < 256; byte++) {
    const seen = readChunks([bytes('a', IAC, byte, 'bc\n')]).join()
    assert.is(seen.includes(DO_BINARY), byte >= 236 && ![SB, IAC].includes(byte), `IAC ${byte}`)
    if (byte >= 236 && byte < SB && ![IP, AYT, EC, EL].some((one) => one === byte)) {
      assert.is(seen.replace(`${DO_BINARY},`, ''), '"abc"', `IAC ${byte}`)
    }
  }
})

test('commands without a meaning here leave the line alone', () => {
  const codes = [0xec, 0xed, 0xee, 0xef, SE, NOP, 0xf2, 0xf3, 0xf5, 0xf9]
  assert.equal(readLines('a', ...codes.map((code) => bytes(IAC, code)), 'b\n'), ['"ab"'])
})

test('AYT is asked on as often as it comes', () => {
  assert.equal(readLines('a', IAC, AYT, IAC, AYT, 'b\n'), ['<AYT>', '<AYT>', '"ab"'])
})

test('DO TIMING-MARK is refused each time', () => {
  const mark = [IAC, DO, 6]
  assert.equal(readLines(mark, mark, 'a', mark, '\n'), ['<fffc06>', '<fffc06>', '<fffc06>', '"a"'])
})

test('who speaks telnet is asked once for binary transmission, and who does not is never', () => {
  assert.equal(read(IAC, NOP, 'a\n', IAC, NOP, IAC, DO, 6, 'b\n'), [
    DO_BINARY,
    '"a"',
    '<fffc06>',
    '"b"',
  ])
  assert.equal(read('a', IAC, IAC, IAC, 'b', IAC, '\n'), ['"a\ufffdb"'])
})

test('binary transmission is agreed to, asked for or not, and refused again when the client stops it', () => {
  const [will, wont] = [
    [IAC, WILL, 0],
    [IAC, WONT, 0],
  ]
  assert.equal(read(IAC, NOP, will, will), [DO_BINARY])
  assert.equal(read(will, will), [DO_BINARY])
  assert.equal(read(IAC, NOP, wont, wont, will, will, wont), [DO_BINARY, '<fffe00>'])
  assert.equal(read(will, wont, wont, will, wont), [DO_BINARY, '<fffe00>'])
  assert.equal(read(will, wont), [DO_BINARY, '<fffe00>'])
  assert.equal(read(wont, wont, will, will), [DO_BINARY, '<fffe00>'])
  assert.equal(read(IAC, DO, 0, IAC, DO, 0, IAC, DONT, 0), ['<fffc00>', DO_BINARY])
})

test('WILL TIMING-MARK is an offer like any other', () => {
  const mark = [IAC, WILL, 6]
  assert.equal(readLines(mark, mark), ['<fffe06>'])
})

test('every other option is refused once for DO and once for WILL', () => {
  for (const option of [1, 3, 5, 7, 8, 24, 31, 34, 127, 128, 200, 254, 255]) {
    const code = option.toString(16).padStart(2, '0')
    const both = [IAC, DO, option, IAC, WILL, option]
    assert.equal(readLines(both, both), [`<fffc${code}>`, `<fffe${code}>`])
  }
})

test('all 256 options cost at most 511 answers, those to TIMING-MARK aside', () => {
  const flood = Array.from({ length: 256 }, (_, option) => [IAC, DO, option, IAC, WILL, option])
  const answers = readChunks([bytes(...flood, ...flood, ...flood)])
  // The offer of binary transmission is accepted, beside the question for it.
  assert.is(answers.length, 511 + 3)
  assert.is(new Set(answers).size, 512)
  assert.is(answers.filter((answer) => answer.startsWith('<fffd')).length, 1)
})

test('WONT and DONT are never answered, so that no loop can begin', () => {
  for (const option of [0, 1, 6, 255]) {
    assert.equal(readLines(IAC, WONT, option, IAC, DONT, option, 'a\n'), ['"a"'])
  }
})

test('a subnegotiation is thrown away, whatever it holds', () => {
  const ttype = [IAC, SB, 24, 1, IAC, SE]
  assert.equal(readLines('a', ttype, 'b\n'), ['"ab"'])
  assert.equal(readLines(IAC, SB, 'line\r\nin it', 0x7f, 0x15, IAC, IAC, 'x', IAC, SE, 'b\n'), [
    '"b"',
  ])
})

test('another command ends a subnegotiation that was not ended', () => {
  assert.equal(readLines(IAC, SB, 24, 'x', IAC, DO, 6, 'hi\n'), ['<fffc06>', '"hi"'])
  assert.equal(readLines(IAC, SB, 24, 'x', IAC, SB, 25, 'y', IAC, SE, 'hi\n'), ['"hi"'])
})

test('so does IAC before a byte that is no command, which is thrown away with it', () => {
  for (const byte of ['y', '\n', 0x80, 0xeb, 0xec, 0xef])
    assert.equal(readLines('h', IAC, SB, 24, 'x', IAC, byte, 'i\n'), ['"hi"'], String(byte))
})

test('a subnegotiation of 4096 bytes is let through, one more gives the connection up', () => {
  const most = 'x'.repeat(4096)
  assert.equal(readChunks([bytes(IAC, SB, most, IAC)]), ['!endless telnet subnegotiation'])
  assert.equal(readChunks([bytes(IAC, SB, most.slice(1), IAC, SE, 'a\n')]), [DO_BINARY, '"a"'])
  assert.equal(readChunks([bytes(IAC, SB, most, 'x')]), ['!endless telnet subnegotiation'])
  assert.equal(readChunks([bytes('a\n', IAC, SB, 'x'.repeat(1e6))]), [
    '"a"',
    '!endless telnet subnegotiation',
  ])
})

test('subnegotiations are counted one by one', () => {
  const one = [IAC, SB, 'x'.repeat(3000), IAC, SE]
  assert.equal(readChunks([bytes(one, one, one, 'a\n')]), [DO_BINARY, '"a"'])
})

const KEYS = [
  [0x83, 0xf4],
  [0x8f, 0xf5],
  [0x9a, 0xed],
  [0x9c, 0xf3],
  [0x9c, 0xee],
] as const

test('what telnet makes of bytes of a character are those bytes again, and its timing marks are answered', () => {
  for (const [byte, command] of KEYS) {
    const sent = [IAC, command, IAC, DO, 6]
    for (const [before, after] of [
      [[0xd1], []],
      [[0xe2, 0x82], []],
      [[0xe2], [0xa6]],
      [[0xf0, 0x9f], [0x98]],
      [[0xf0, 0x9f, 0x98], []],
    ] as const) {
      const character = Buffer.from([...before, byte, ...after]).toString()
      const seen = read('half ', before, sent, after, ' more\n')
      assert.equal(seen, [DO_BINARY, '<fffc06>', `"half ${character} more"`])
    }
  }
})

test('they are not where they would not continue it', () => {
  for (const [, command] of KEYS) {
    const isInterrupt = command === 0xf4
    for (const before of ['', 'a', 'é', '€', GRIN, [0x80], [0xc0], [0xff, 0xff], [0xf5]] as const) {
      const whole = readLines('x', before, '\n')[0]
      const seen = readLines('x', before, IAC, command, 'y\n')
      assert.equal(seen, [isInterrupt ? '"y"' : `${whole?.slice(0, -1)}y"`])
    }
  }
  // 83 and 8F are not the second byte of what begins with E0 or F0, nor 9A of what begins with F4.
  assert.equal(readLines('x', 0xe0, IAC, IP, 'y\n'), ['"y"'])
  assert.equal(readLines('x', 0xf0, IAC, IP, 'y\n'), ['"y"'])
  assert.equal(readLines('x', 0xf4, IAC, 0xed, 'y\n'), ['"x\ufffdy"'])
})

test('a line that is too long is no other line for what telnet makes of a character', () => {
  const long = 'у'.repeat(3000)
  const sent = Array.from(long, () => [0xd1, IAC, IP])
  assert.equal(readLines(...sent, '\nnext\n'), ['!line too long', '"next"'])
})

test('UTF-8 is decoded by the line, however it is cut', () => {
  assert.equal(read(`é€${GRIN}\n`), [`"é€${GRIN}"`])
})

test('ill-formed UTF-8 becomes U+FFFD', () => {
  assert.equal(read('a', 0xc0, 0x80, 'b\n'), ['"a\ufffd\ufffdb"'])
  assert.equal(read('a', 0xed, 0xa0, 0x80, 'b\n'), ['"a\ufffd\ufffd\ufffdb"'])
  assert.equal(read('a', 0xf0, 0x9f, 0x98, '\n'), ['"a\ufffd"'])
  assert.equal(read('a', 0xf0, 0x9f, '\n', 0x98, 0x80, '\n'), ['"a\ufffd"', '"\ufffd\ufffd"'])
})

test('controls never come out of the reader', () => {
  assert.equal(read('\x1b]0;pwn\x07\n'), ['"␛]0;pwn␇"'])
  assert.equal(read('\x1b[6n\x1bP$q\x1b\\\n'), ['"␛[6n␛P$q␛\\"'])
  assert.equal(read('a', 0xc2, 0x9b, '31m\n'), ['"a\ufffd31m"'])
  assert.equal(read('a\tb\n'), ['"a b"'])
})

test('a line like any other follows one with controls or without ASCII', () => {
  assert.equal(read('é\nplain\n\x1b\nplain\n'), ['"é"', '"plain"', '"␛"', '"plain"'])
})

// Through a host

test('a client is told of a line that is too long, and its next one works', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [long, other] = [await host.connect(), await host.connect()]
  assert.equal(await long.say('x'.repeat(4097)), [
    'your line was not sent: it is longer than 4096 bytes',
  ])
  assert.equal(await long.say('next'), [])
  assert.equal(other.take(), [`(${long.id}) next`])
})

test('a client that ends no line in 64 KiB is closed and what it typed goes nowhere', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [long, other] = [await host.connect(), await host.connect()]
  await long.send('before\r\n')
  await long.send('x'.repeat(64 * 1024))
  assert.is(long.closed, false)
  await long.send('x\r\nafter\r\n')
  assert.is(long.closed, true)
  assert.equal(other.take(), [`(${long.id}) before`])
})

test('a client that subnegotiates without end is closed', async () => {
  await using host = await createTestHost({})
  const client = await host.connect()
  await client.send(bytes(IAC, SB, 24, 'x'.repeat(5000)))
  assert.is(client.closed, true)
})

test('the host never speaks telnet first', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await host.connect(), await host.connect()]
  await one.say('hello')
  await two.say('\xff\xfb\x01')
  assert.not(one.bytes.includes(IAC))
  assert.not(two.bytes.includes(IAC))
})

test('each Ctrl-C of a telnet client is answered, so that it shows what follows', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const client = await host.connect()
  const before = client.bytes.length
  const interrupt = bytes(IAC, IP, IAC, DO, 6)
  for (let count = 1; count <= 3; count++) {
    await client.send(interrupt)
    assert.is(client.bytes.subarray(before).toString('hex'), `fffd00${'fffc06'.repeat(count)}`)
  }
})

test('answers arrive in the order of all else that the client is sent', async () => {
  await using host = await createTestHost({})
  const client = await host.connect()
  const before = client.bytes.length
  await client.send(bytes('/x\r\n', IAC, DO, 6, '/y\r\n', IAC, WILL, 24))
  assert.equal(
    client.bytes.subarray(before),
    bytes(
      ['there is no command /x\r\n', IAC, WONT, 6, IAC, DO, 0],
      ['there is no command /y\r\n', IAC, DONT, 24],
    ),
  )
})

test('AYT is answered at most once a second', async () => {
  await using host = await createTestHost({})
  const client = await host.connect()
  await client.send(bytes(IAC, NOP, '/x\n'))
  const ask = bytes(IAC, AYT)
  assert.equal(await client.send(bytes(ask, ask, ask)), ['[yes, still here]'])
  await host.advance(999)
  assert.equal(await client.send(ask), [])
  await host.advance(1)
  assert.equal(await client.send(ask), ['[yes, still here]'])
})

test('chunks that wait stay in order when the one before them has just been read through', () => {
  const chunks = ['one\n', 'two\n', 'three\n', 'four\n'].map((text) => bytes(text))
  assert.equal(readChunks(chunks, [0, 1, 0]), ['"one"', '"two"', '"three"', '"four"'])
})

// At random

const runs = { seed, numRuns: cases(40_000) }

const cuts = fc.array(fc.nat({ max: 30 }), { maxLength: 4 })

function chunksOf(all: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.filter((place) => place < all.length).toSorted((a, b) => a - b)]
  return places.map((place, index) => all.subarray(place, places[index + 1]))
}

test('any bytes come to the same, however they are cut and whenever lines are pulled', () => {
  const pulls = fc.array(fc.nat({ max: 3 }), { minLength: 5, maxLength: 5 })
  const property = fc.property(input, cuts, pulls, (all, at, some) => {
    const whole = readChunks([all]).join()
    const chunks = chunksOf(all, at)
    return readChunks(chunks).join() === whole && readChunks(chunks, some).join() === whole
  })
  fc.assert(property, runs)
})

test('no line ever holds a control, a lone surrogate or a reordering character', () => {
  const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2065-\u206f]/u
  const property = fc.property(input, (all) => !unsafe.test(readChunks([all]).join()))
  fc.assert(property, runs)
})

/** What was meant, and the line, as its code points, that must come of it. */
interface Line {
  readonly points: string[]
}
type Keystroke = readonly [sent: Bytes, apply: (line: Line) => 'ends' | undefined]

const typed = (text: string): Keystroke => [text, ({ points }) => void points.push(text)]
const erased = (sent: Bytes): Keystroke => [sent, ({ points }) => void points.pop()]
const cleared = (sent: Bytes): Keystroke => [sent, ({ points }) => void points.splice(0)]
const ended = (sent: Bytes): Keystroke => [sent, () => 'ends']
const ignored = (sent: Bytes): Keystroke => [sent, () => undefined]

const keystroke = fc.constantFrom(
  ...['a', ' ', '(', 'é', '€', GRIN, '"'].map(typed),
  ...[0x7f, 0x08, [IAC, EC]].map(erased),
  ...[0x15, [IAC, EL], [IAC, IP]].map(cleared),
  // A bare CR is ended here by what can be no part of its line end.
  ...['\n', '\r\n', '\r\0', ['\r', IAC, NOP]].map(ended),
  ...[
    [IAC, NOP],
    [IAC, WONT, 1],
    [IAC, SB, 31, 0, 80, IAC, IAC, IAC, SE],
  ].map(ignored),
)

test('whatever is typed, erased and ended comes out as it was meant', () => {
  const property = fc.property(fc.array(keystroke, { maxLength: 24 }), cuts, (keys, at) => {
    const expected: string[] = []
    const line: Line = { points: [] }
    for (const [, apply] of keys) {
      if (apply(line) === 'ends') expected.push(`"${line.points.splice(0).join('')}"`)
    }
    const all = bytes(...keys.map(([sent]) => sent))
    const seen = readChunks(chunksOf(all, at)).filter((one) => one !== DO_BINARY)
    assert.equal(seen, expected)
  })
  fc.assert(property, runs)
})

/** Bytes that are, or nearly are, UTF-8. */
const nearlyText = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'é', '€', GRIN).map((text) => bytes(text)),
      fc.constantFrom(0x80, 0x83, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0).map(bytes),
      fc.constantFrom(0xe2, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xfe).map(bytes),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts))

test('erasing takes away what is shown as one character, of ill-formed UTF-8, too', () => {
  const property = fc.property(nearlyText, fc.nat({ max: 12 }), (text, times) => {
    const all = Array.from(text.toString())
    const shown = all.slice(0, Math.max(0, all.length - times)).map((one) => safeText(one))
    const seen = readChunks([bytes(text, '\x7f'.repeat(times), '\n')])
    const last = Array.from((seen[0] ?? '').slice(1, -1))
    assert.equal(last, shown)
  })
  fc.assert(property, runs)
})

printSeed()
test.run()
