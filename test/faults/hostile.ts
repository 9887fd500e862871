/** Hostile input: byte streams rich in sequences that terminals, telnet and decoders interpret. */
import { below, pick, type Random } from './random.ts'
import { AYT, bytes, DO, DONT, EC, EL, IAC, IP, SB, SE, WILL, WONT } from './rows/bytes.ts'

/** Pieces of a stream. None of them begins a command, since /quit would end it. */
function pieces(victim: string): Buffer[] {
  return [
    bytes(IAC, IAC),
    bytes(IAC, DO, 1),
    bytes(IAC, WILL, 31),
    bytes(IAC, DONT, 6),
    bytes(IAC, WONT, 24),
    bytes(IAC, SB, 24, 1, IAC, SE),
    bytes(IAC, SB, 31, IAC, IAC, 0, IAC, SE),
    bytes(IAC, SB),
    bytes(IAC, SE),
    bytes(IAC, IP),
    bytes(IAC, EC),
    bytes(IAC, EL),
    bytes(IAC, AYT),
    bytes(IAC),
    bytes(IAC, 0x41),
    bytes('\r'),
    bytes('\n'),
    bytes('\r\n'),
    bytes('\r\0'),
    bytes('\0'),
    bytes('\b\b\b'),
    bytes('\x7f'),
    bytes('\x15'),
    bytes('\t'),
    bytes('\x1b[2J'),
    bytes('\x1b[1;1H'),
    bytes('\x1b]0;x\x07'),
    bytes('\x1bP$q\x1b\\'),
    bytes(0x9b, 'x'),
    bytes('\u009b31m'),
    bytes('\u0085'),
    bytes('\u202e'),
    bytes('\u2028'),
    bytes('\u200b\ufeff'),
    bytes('\u200f\u00ad\u{e0100}'),
    bytes('e\u0301\u0301'),
    bytes('é'),
    bytes('€'),
    bytes('😀'),
    bytes('👨\u200d👩'),
    bytes(0xf0, 0x9f),
    bytes(0xc0, 0x80),
    bytes(0xed, 0xa0, 0x80),
    bytes(0x80),
    bytes(victim),
    bytes(`\r\n${victim}`),
    bytes(`\r${victim}`),
    bytes('hello'),
    bytes('a '),
    bytes('x'.repeat(70)),
  ]
}

/** Ends any open sequence of a stream, and its line. */
const CLOSE = bytes(IAC, SE, IAC, SE, '\r\n')

/** Generates streams of a few pieces and random bytes. */
export function hostileStreams(random: Random, victim: string): () => Buffer {
  const all = pieces(victim)
  return () => {
    const parts: Buffer[] = []
    const length = 1 + below(random, 12)
    for (let index = 0; index < length; index++) {
      parts.push(random() < 0.15 ? bytes(below(random, 256)) : pick(random, all))
    }
    return Buffer.concat([...parts, CLOSE])
  }
}
