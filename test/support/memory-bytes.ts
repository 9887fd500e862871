/** Bytes as a client sends them: telnet's codes, and what to send at random. */
import * as fc from 'fast-check'

export const IAC = 0xff
export const [SE, NOP, IP, AYT, EC, EL, SB, WILL, WONT, DO, DONT] = [
  0xf0, 0xf1, 0xf4, 0xf6, 0xf7, 0xf8, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
] as const

export const GRIN = '😀'

export type Bytes = string | number | readonly Bytes[] | Uint8Array

/** Bytes of texts, as UTF-8, and of numbers. */
export function bytes(...parts: readonly Bytes[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part)
      if (typeof part === 'number') return Buffer.of(part)
      return part instanceof Uint8Array ? Buffer.from(part) : bytes(...part)
    }),
  )
}

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(IAC, 0x1b, 0x0d, 0x0a, 0x00, 0x7f, 0x08, 0x15) },
  { weight: 2, arbitrary: fc.constantFrom(NOP, IP, AYT, EC, EL, SB, SE, WILL, WONT, DO, DONT, 6) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 255 }) },
  { weight: 1, arbitrary: fc.constantFrom(0xc2, 0x9b, 0xe2, 0x80, 0xae, 0xf0, 0x9f, 0x98, 0xed) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('(127.0.0.1:5) ', 'hi', '\x1b[2J', '\u202e', '\u009b', GRIN, '/a'),
  },
)

/** Bytes at random, many of which mean something. */
export const input = fc.array(piece, { maxLength: 24 }).map((pieces) => bytes(...pieces))
