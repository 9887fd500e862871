/**
 * From bytes to lines, for one connection. Bytes are pushed as they arrive and lines are pulled one at a time, so that
 * a client whose line is held back keeps its bytes here and nothing is read twice. The lines are the same however
 * the bytes were cut.
 */
import { safeText } from './text.ts'
import { IAC, Telnet, TelnetEvent, type TelnetReplies } from './telnet.ts'

export interface LineLimits {
  /** Bytes of the longest line that is let through. */
  readonly line: number
  /** Bytes without a line end after which the connection is given up. */
  readonly unterminated: number
}

/** What is read besides lines. A line that is too long is reported once, at its end. */
export const Fault = {
  TooLong: Symbol('line too long'),
  Unterminated: Symbol('no line end'),
  Subnegotiation: Symbol('endless telnet subnegotiation'),
} as const
export type Fault = (typeof Fault)[keyof typeof Fault]

const LF = 0x0a
const CR = 0x0d
const NUL = 0x00

/** How each byte is treated: printable ASCII, other data, or a byte that ends or edits the line. */
const PRINTABLE = 0
const DATA = 1
const ERASE_CHARACTER = 2
const ERASE_LINE = 3
const END = 4
const TELNET = 5
const KIND = new Uint8Array(256).fill(DATA)
KIND.fill(PRINTABLE, 0x20, 0x7f)
KIND[0x08] = KIND[0x7f] = ERASE_CHARACTER // BS, DEL
KIND[0x15] = ERASE_LINE // ^U
KIND[LF] = KIND[CR] = END
KIND[IAC] = TELNET

const EMPTY = Buffer.alloc(0)
/** Bytes of the longest character in UTF-8. */
const LONGEST_CHARACTER = 4
/** A line that comes in pieces is collected in a buffer of this size at first. */
const PIECE_SIZE = 128

export class LineReader {
  readonly #limits: LineLimits
  readonly #replies: TelnetReplies
  #telnet: Telnet | undefined
  #chunks: Buffer[] = []
  #chunk: Buffer = EMPTY
  #position = 0
  #unread = 0
  /** The part of the current line that is no longer in `#chunk`. */
  #held: Buffer = EMPTY
  #heldLength = 0
  /** Whether the current line is printable ASCII alone so far. */
  #printable = true
  /** Bytes thrown away of a line that is too long; 0 while it is not. */
  #overrun = 0
  #afterCr = false

  constructor(limits: LineLimits, replies: TelnetReplies) {
    this.#limits = limits
    this.#replies = replies
  }

  /** Bytes pushed and not yet looked at. */
  get unread(): number {
    return this.#unread
  }

  /** Bytes of a line whose end has not come. */
  get unterminated(): number {
    return this.#heldLength + this.#overrun
  }

  push(chunk: Buffer): void {
    this.#unread += chunk.length
    // The last chunk may be read through while others wait behind it.
    if (this.#chunks.length === 0 && this.#position === this.#chunk.length) {
      this.#chunk = chunk
      this.#position = 0
    } else {
      this.#chunks.push(chunk)
    }
  }

  /** Returns the next line, safe to show and without its end, or a fault, or undefined when more bytes are needed. */
  next(): string | Fault | undefined {
    for (;;) {
      if (this.#position === this.#chunk.length) {
        const chunk = this.#chunks.shift()
        this.#chunk = chunk ?? EMPTY
        this.#position = 0
        if (chunk === undefined) return undefined
      }
      const before = this.#position
      const result = this.#read()
      this.#unread -= this.#position - before
      if (result !== undefined) return result
    }
  }

  /** Reads up to the end of a line or of the chunk. */
  #read(): string | Fault | undefined {
    const chunk = this.#chunk
    const end = chunk.length
    let start = this.#position
    let at = start
    while (at < end) {
      const byte = chunk[at] as number
      if (this.#telnet?.inside === true) {
        at = start = this.#position = at + 1
        const fault = this.#telnetByte(byte)
        if (fault !== undefined) return fault
        continue
      }
      if (this.#afterCr) {
        this.#afterCr = false
        // CR LF and CR NUL are one line end (RFC 854); the CR alone has ended the line already.
        if (byte === LF || byte === NUL) {
          at = start = this.#position = at + 1
          continue
        }
      }
      const kind = KIND[byte]
      if (kind === PRINTABLE) {
        at++
        while (at < end && KIND[chunk[at] as number] === PRINTABLE) at++
        continue
      }
      if (kind === DATA) {
        this.#printable = false
        at++
        continue
      }
      if (kind === END) {
        this.#position = at + 1
        this.#afterCr = byte === CR
        return this.#endLine(start, at)
      }
      const fault = this.#hold(start, at)
      at = start = this.#position = at + 1
      if (fault !== undefined) return fault
      if (kind === ERASE_CHARACTER) this.#eraseCharacter()
      else if (kind === ERASE_LINE) this.#eraseLine()
      else this.#telnetByte(byte)
    }
    this.#position = end
    return this.#hold(start, end)
  }

  #telnetByte(byte: number): Fault | undefined {
    const event = (this.#telnet ??= new Telnet(this.#replies)).take(byte)
    if (event >= 0) {
      this.#afterCr = false
      this.#printable = false
      return this.#hold(0, 1, Buffer.of(event))
    }
    if (event === TelnetEvent.EraseCharacter) this.#eraseCharacter()
    else if (event === TelnetEvent.EraseLine || event === TelnetEvent.Interrupt) this.#eraseLine()
    else if (event === TelnetEvent.Overflow) return Fault.Subnegotiation
    return undefined
  }

  /** Keeps a part of the current line for later. */
  #hold(start: number, end: number, from: Buffer = this.#chunk): Fault | undefined {
    const length = end - start
    if (length === 0) return undefined
    if (this.#overrun > 0 || this.#heldLength + length > this.#limits.line) {
      this.#overrun += this.#heldLength + length
      this.#forget()
      return this.#overrun > this.#limits.unterminated ? Fault.Unterminated : undefined
    }
    const needed = this.#heldLength + length
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.min(this.#limits.line, Math.max(PIECE_SIZE, needed * 2)),
      )
      this.#held.copy(larger, 0, 0, this.#heldLength)
      this.#held = larger
    }
    from.copy(this.#held, this.#heldLength, start, end)
    this.#heldLength = needed
    return undefined
  }

  #endLine(start: number, end: number): string | Fault {
    const whole = this.#heldLength === 0 && this.#overrun === 0
    if (whole && end - start <= this.#limits.line) {
      const line = this.#decode(this.#chunk, start, end)
      this.#printable = true
      return line
    }
    const fault = this.#hold(start, end)
    if (fault !== undefined) return fault
    const line = this.#overrun > 0 ? Fault.TooLong : this.#decode(this.#held, 0, this.#heldLength)
    this.#overrun = 0
    this.#forget()
    return line
  }

  /** Ill-formed UTF-8 becomes U+FFFD (WHATWG Encoding), by the whole line, so that no character is cut in two. */
  #decode(bytes: Buffer, start: number, end: number): string {
    return this.#printable
      ? bytes.toString('latin1', start, end)
      : safeText(bytes.toString('utf8', start, end))
  }

  /** Takes away the bytes that are shown as the last character: of ill-formed UTF-8, those behind one U+FFFD. */
  #eraseCharacter(): void {
    const length = this.#heldLength
    if (length === 0) return
    let start = Math.max(0, length - 2 * LONGEST_CHARACTER)
    while (start > 0 && start < length && isContinuation(this.#held[start] as number)) start++
    const characters = (end: number): number =>
      Array.from(this.#held.toString('utf8', start, end)).length
    const all = characters(length)
    let erased = 1
    while (erased < length - start && characters(length - erased) >= all) erased++
    this.#heldLength = length - erased
  }

  #eraseLine(): void {
    this.#overrun = 0
    this.#forget()
  }

  #forget(): void {
    this.#heldLength = 0
    this.#printable = true
    if (this.#held.length > PIECE_SIZE * 2) this.#held = EMPTY
  }
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}
