/**
 * From bytes to lines, for one connection. Bytes are pushed as they arrive and lines are pulled one at a time, so that
 * the bytes of a client that is held wait here and nothing is read twice. The lines do not depend on how the bytes were
 * split.
 */
import { safeText } from '../support/safe-text.ts'
import { LineBuffer, type LineLimits } from './line-buffer.ts'
import { IAC, INTERRUPT_KEY, Telnet, TelnetEvent, type TelnetReplies } from './telnet.ts'

/** What is returned besides lines. A line that is too long is reported once, at its end. */
export const Fault = {
  TooLong: Symbol('line too long'),
  Unterminated: Symbol('no line end'),
  Subnegotiation: Symbol('endless telnet subnegotiation'),
} as const
export type Fault = (typeof Fault)[keyof typeof Fault]

/** Returned when the budget is used up and there is more to read. */
export const OutOfBudget = Symbol('out of budget')

/**
 * Costs on top of 1 for each byte: for a byte that edits, for a line that says something, and for each byte of a line
 * that is not all printable ASCII.
 */
const EDIT_COST = 15
const LINE_COST = 1000
const TEXT_COST = 30

/** More than is ever pushed, and an integer, which is faster for the engine than Infinity. */
const UNBOUNDED = 2 ** 30

const LF = 0x0a
const CR = 0x0d
const NUL = 0x00

/** The kind of each byte: printable ASCII, other data, or a byte that ends or edits the line, or does nothing. */
const PRINTABLE = 0
const DATA = 1
const ERASE_CHARACTER = 2
const ERASE_LINE = 3
const END = 4
const TELNET = 5
const NOTHING = 6
const KIND = new Uint8Array(256).fill(DATA)
KIND.fill(PRINTABLE, 0x20, 0x7f)
KIND[0x08] = KIND[0x7f] = ERASE_CHARACTER // BS, DEL
KIND[0x15] = ERASE_LINE // ^U
KIND[LF] = KIND[CR] = END
KIND[IAC] = TELNET
KIND[NUL] = NOTHING // RFC 854: no operation

const BYTE_ORDER_MARK = '\ufeff'

const EMPTY = Buffer.alloc(0)
/** Initial size of the buffer that collects unread bytes. */
const WAITING_SIZE = 4096

export class LineReader {
  /** How much may still be read; a byte of a plain line costs 1. */
  budget = UNBOUNDED
  /** Bytes that edited a line or ended an empty one, since the last line that said something. */
  edits = 0
  readonly #limits: LineLimits
  readonly #replies: TelnetReplies
  #telnet: Telnet | undefined
  /** Holds the unread bytes, from `#position` to `#end`. */
  #chunk: Buffer = EMPTY
  #position = 0
  #end = 0
  /** The part of the current line that is no longer in `#chunk`. */
  readonly #held: LineBuffer
  /** Whether the current line is all printable ASCII so far. */
  #printable = true
  #afterCr = false

  constructor(limits: LineLimits, replies: TelnetReplies) {
    this.#limits = limits
    this.#held = new LineBuffer(limits)
    this.#replies = replies
  }

  /** Bytes pushed and not yet read. */
  get unread(): number {
    return this.#end - this.#position
  }

  /** Bytes of the unfinished line. */
  get unterminated(): number {
    return this.#held.total
  }

  /**
   * Adds unread bytes. They are not copied if there are no others; otherwise all are moved into one buffer, since a
   * piece of one byte takes a thousand in Node. What waits takes at most twice its size, or 4 KiB.
   */
  push(chunk: Buffer): void {
    const unread = this.unread
    if (unread === 0) {
      this.#chunk = chunk
      this.#position = 0
      this.#end = chunk.length
      return
    }
    if (this.#end + chunk.length > this.#chunk.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(WAITING_SIZE, 2 * unread + chunk.length))
      this.#chunk.copy(larger, 0, this.#position, this.#end)
      this.#chunk = larger
      this.#position = 0
      this.#end = unread
    }
    chunk.copy(this.#chunk, this.#end)
    this.#end += chunk.length
  }

  /** Takes back the last unread bytes, at most `most` of them. */
  takeBack(most: number): Buffer {
    const start = Math.max(this.#position, this.#end - most)
    const rest = this.#chunk.subarray(start, this.#end)
    // What is pushed next must not overwrite them.
    this.#chunk = this.#chunk.subarray(0, start)
    this.#end = start
    return rest
  }

  /**
   * Returns the next line, safe to show and without its end, or a fault, or `OutOfBudget`, or undefined when more bytes
   * are needed. Telnet replies up to that point have been sent by then.
   */
  next(): string | Fault | typeof OutOfBudget | undefined {
    const result = this.#read()
    this.#telnet?.flush()
    return result
  }

  /** Reads up to the end of a line, of the budget or of the input. */
  #read(): string | Fault | typeof OutOfBudget | undefined {
    const chunk = this.#chunk
    const last = this.#end
    let start = this.#position
    let at = start
    // Where the budget ends if everything is plain.
    const most = start + this.budget
    let limit = most
    let end = limit < last ? limit : last
    let telnet = this.#telnet
    while (at < end) {
      const byte = chunk[at] as number
      if (telnet !== undefined && telnet.inside) {
        limit -= EDIT_COST
        if (limit < end) end = limit
        const event = telnet.take(byte)
        if (event === TelnetEvent.Stray) continue
        start = ++at
        const fault = event === TelnetEvent.Nothing ? undefined : this.#telnetEvent(event)
        if (fault !== undefined) return fault
        continue
      }
      if (this.#afterCr) {
        this.#afterCr = false
        // CR LF and CR NUL are one line end (RFC 854); the CR has already ended the line.
        if (byte === LF || byte === NUL) {
          start = ++at
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
        const isEmpty = at === start && this.unterminated === 0
        this.#position = at + 1
        this.budget = limit - this.#position - (isEmpty ? EDIT_COST : LINE_COST)
        this.edits = isEmpty ? this.edits + 1 + (most - limit) / EDIT_COST : 0
        this.#afterCr = byte === CR
        return this.#endLine(start, at)
      }
      const fault = start === at ? undefined : this.#hold(start, at)
      if (fault !== undefined) return fault
      start = ++at
      limit -= EDIT_COST
      if (limit < end) end = limit
      if (kind === TELNET) {
        telnet = this.#telnet ??= new Telnet(this.#replies)
        telnet.take(byte)
      } else if (kind === ERASE_CHARACTER) this.#held.eraseCharacter()
      else if (kind === ERASE_LINE) this.#eraseLine()
    }
    this.#position = at
    this.budget = limit - at
    this.edits += (most - limit) / EDIT_COST
    const fault = this.#hold(start, at)
    if (fault !== undefined) return fault
    if (at < last) return OutOfBudget
    this.#release()
    return undefined
  }

  #telnetEvent(event: number): Fault | undefined {
    if (event >= TelnetEvent.Key) {
      const key = event - TelnetEvent.Key
      if (this.#held.continues(key)) return this.#holdByte(key)
      if (key === INTERRUPT_KEY) this.#eraseLine()
    } else if (event >= 0) return this.#holdByte(event)
    else if (event === TelnetEvent.EraseCharacter) this.#held.eraseCharacter()
    else if (event === TelnetEvent.EraseLine) this.#eraseLine()
    else if (event === TelnetEvent.Overflow) return Fault.Subnegotiation
    return undefined
  }

  #holdByte(byte: number): Fault | undefined {
    this.#afterCr = false
    this.#printable = false
    return this.#hold(0, 1, Buffer.of(byte))
  }

  /** Releases the chunk, which may be a slice of something large. */
  #release(): void {
    this.#chunk = EMPTY
    this.#position = this.#end = 0
  }

  /** Keeps a part of the current line for later. */
  #hold(start: number, end: number, from: Buffer = this.#chunk): Fault | undefined {
    return this.#held.add(from, start, end) ? undefined : Fault.Unterminated
  }

  #endLine(start: number, end: number): string | Fault {
    const held = this.#held
    if (held.total === 0 && end - start <= this.#limits.line) {
      const line = this.#decode(this.#chunk, start, end)
      this.#printable = true
      return line
    }
    const fault = this.#hold(start, end)
    if (fault !== undefined) return fault
    const line = held.overrun > 0 ? Fault.TooLong : this.#decode(held.bytes, 0, held.length)
    this.#eraseLine()
    return line
  }

  /** Invalid UTF-8 becomes U+FFFD (WHATWG Encoding). Whole lines are decoded, so that no character is split. */
  #decode(bytes: Buffer, start: number, end: number): string {
    if (this.#printable) return bytes.toString('latin1', start, end)
    this.budget -= TEXT_COST * (end - start)
    const text = bytes.toString('utf8', start, end)
    // Some editors begin a file with a byte order mark; it is not part of the text.
    return safeText(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text)
  }

  #eraseLine(): void {
    this.#held.clear()
    this.#printable = true
  }
}
