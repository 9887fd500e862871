/**
 * The telnet side of a connection's input: a streaming state machine over the bytes of IAC sequences (RFC 854, 855).
 * It never speaks first, because `nc` would print what it says, and refuses every option.
 */

export const IAC = 0xff

const SE = 0xf0
const IP = 0xf4
const AYT = 0xf6
const EC = 0xf7
const EL = 0xf8
const SB = 0xfa
const WILL = 0xfb
const WONT = 0xfc
const DO = 0xfd
const DONT = 0xfe

/** RFC 860. A telnet client shows nothing after Ctrl-C until each of its DO TIMING-MARK is answered (RFC 1123, 3.2.4). */
const TIMING_MARK = 6

/** Bytes of one subnegotiation. No option is ever agreed to, so an honest client sends none at all. */
const SUBNEGOTIATION_LIMIT = 4096

/** What a byte of a telnet sequence means for the line being typed; a value from 0 to 255 is a byte of data. */
export const TelnetEvent = {
  Nothing: -1,
  EraseCharacter: -2,
  EraseLine: -3,
  Interrupt: -4,
  Overflow: -5,
} as const

const State = {
  Data: 0,
  Command: 1,
  Option: 2,
  Subnegotiation: 3,
  SubnegotiationCommand: 4,
} as const

export interface TelnetReplies {
  /** Bytes to send back as they are. */
  reply(bytes: Buffer): void
  /** The client asked whether somebody is there (AYT). */
  areYouThere(): void
}

export class Telnet {
  #state: number = State.Data
  #verb = 0
  #subnegotiated = 0
  /** One bit for each option that was refused, those the peer offers (WILL) behind those it asks for (DO). */
  readonly #refused = new Uint8Array(64)
  readonly #replies: TelnetReplies

  constructor(replies: TelnetReplies) {
    this.#replies = replies
  }

  /** Whether the next byte belongs to a sequence that has begun. */
  get inside(): boolean {
    return this.#state !== State.Data
  }

  /** Takes IAC, or the next byte while `inside`. */
  take(byte: number): number {
    switch (this.#state) {
      case State.Data:
        this.#state = State.Command
        return TelnetEvent.Nothing
      case State.Command:
        return this.#command(byte)
      case State.Option:
        this.#state = State.Data
        this.#refuse(byte)
        return TelnetEvent.Nothing
      case State.Subnegotiation:
        if (byte === IAC) this.#state = State.SubnegotiationCommand
        return this.#count()
      default:
        return this.#endSubnegotiation(byte)
    }
  }

  #command(byte: number): number {
    this.#state = State.Data
    switch (byte) {
      case DO:
      case DONT:
      case WILL:
      case WONT:
        this.#verb = byte
        this.#state = State.Option
        return TelnetEvent.Nothing
      case SB:
        this.#subnegotiated = 0
        this.#state = State.Subnegotiation
        return TelnetEvent.Nothing
      case IP:
        return TelnetEvent.Interrupt
      case EC:
        return TelnetEvent.EraseCharacter
      case EL:
        return TelnetEvent.EraseLine
      case AYT:
        this.#replies.areYouThere()
        return TelnetEvent.Nothing
      default:
        // IAC IAC is the byte 255. Below 240 there is no command: the peer's DATA MARK was urgent data, which Node
        // drops from the stream, and the byte is text.
        return byte === IAC || byte < SE ? byte : TelnetEvent.Nothing
    }
  }

  /** IAC inside a subnegotiation: an escaped 255, its end, or a command that breaks it off. */
  #endSubnegotiation(byte: number): number {
    if (byte === IAC) {
      this.#state = State.Subnegotiation
      return this.#count()
    }
    if (byte <= SE) {
      this.#state = State.Data
      return TelnetEvent.Nothing
    }
    return this.#command(byte)
  }

  #count(): number {
    return ++this.#subnegotiated > SUBNEGOTIATION_LIMIT ? TelnetEvent.Overflow : TelnetEvent.Nothing
  }

  /**
   * Every option is refused once: the default state stays, so a repeat needs no answer, and an answer to an answer
   * (WONT, DONT) would be a loop (RFC 854; RFC 1143). TIMING-MARK is no state but a question, answered each time.
   */
  #refuse(option: number): void {
    if (this.#verb === DO && option === TIMING_MARK) {
      this.#replies.reply(Buffer.from([IAC, WONT, option]))
      return
    }
    if (this.#verb !== DO && this.#verb !== WILL) return
    const index = (option >> 3) + (this.#verb === WILL ? 32 : 0)
    const bit = 1 << (option & 7)
    const refused = this.#refused[index] ?? 0
    if (refused & bit) return
    this.#refused[index] = refused | bit
    this.#replies.reply(Buffer.from([IAC, this.#verb === DO ? WONT : DONT, option]))
  }
}
