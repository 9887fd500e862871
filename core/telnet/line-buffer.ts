/** The part of an unfinished line that has been read, or only its end when the line is too long. */
import { continues, lastCharacter } from './utf8.ts'

export interface LineLimits {
  /** Bytes of the longest line that is accepted. */
  readonly line: number
  /** Bytes without a line end after which the connection is closed. */
  readonly unterminated: number
}

/** Initial size of the buffer for a line that arrives in pieces. */
const FIRST_SIZE = 128
/** Up to this many bytes, a loop copies faster than a call. */
const FEW = 16
/** Bytes kept of a line that is too long: enough to tell whether it ends in an unfinished character. */
const END_SIZE = 3
const EMPTY = Buffer.alloc(0)

export class LineBuffer {
  bytes: Buffer = EMPTY
  length = 0
  /** Bytes dropped from a line that is too long; 0 while it is not. */
  overrun = 0
  readonly #limits: LineLimits

  constructor(limits: LineLimits) {
    this.#limits = limits
  }

  /** Bytes of the line so far, including dropped ones. */
  get total(): number {
    return this.length + this.overrun
  }

  /** Adds bytes. Returns false when the line exceeds the limit for input without a line end. */
  add(from: Buffer, start: number, end: number): boolean {
    const length = end - start
    if (length === 0) return true
    const needed = this.length + length
    if (this.overrun > 0 || needed > this.#limits.line) return this.#addToEnd(from, start, end)
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(this.#limits.line, Math.max(FIRST_SIZE, needed * 2)),
      )
      this.bytes.copy(larger, 0, 0, this.length)
      this.bytes = larger
    }
    if (length > FEW) from.copy(this.bytes, this.length, start, end)
    else {
      for (let at = 0; at < length; at++) this.bytes[this.length + at] = from[start + at] as number
    }
    this.length = needed
    return true
  }

  /** Whether a byte continues an unfinished UTF-8 character at the end of the line. */
  continues(byte: number): boolean {
    return continues(this.bytes, this.length, byte)
  }

  /** Removes the bytes of the last character shown: of ill-formed UTF-8, the bytes that one U+FFFD stands for. */
  eraseCharacter(): void {
    if (this.overrun === 0) this.length -= lastCharacter(this.bytes, this.length)
  }

  clear(): void {
    this.length = this.overrun = 0
    if (this.bytes.length > FIRST_SIZE * 2) this.bytes = EMPTY
  }

  /** Keeps only the end of a line that is too long. */
  #addToEnd(from: Buffer, start: number, end: number): boolean {
    const all = this.total + end - start
    const held = this.bytes.subarray(0, this.length)
    const last = Buffer.concat([held, from.subarray(Math.max(start, end - END_SIZE), end)])
    this.bytes = last.subarray(-END_SIZE)
    this.length = this.bytes.length
    this.overrun = all - this.length
    return all <= this.#limits.unterminated
  }
}
