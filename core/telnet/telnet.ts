/**
 * The telnet protocol of a connection's input: a streaming state machine over the bytes of IAC sequences (RFC 854,
 * 855). It never speaks first, because `nc` would print it. It asks a client that has sent telnet for binary
 * transmission, once, and refuses every other option.
 */

export const IAC = 0xff

const SUSP = 0xed
const ABORT = 0xee
const SE = 0xf0
const BRK = 0xf3
const IP = 0xf4
const AO = 0xf5
const AYT = 0xf6
const EC = 0xf7
const EL = 0xf8
const SB = 0xfa
const WILL = 0xfb
const WONT = 0xfc
const DO = 0xfd
const DONT = 0xfe
/** RFC 1184 and 885 define the lowest commands: EOF, SUSP, ABORT and EOR. */
const LOWEST_COMMAND = 0xec

/** RFC 856. Without it, GNU telnet takes some bytes of UTF-8 for control keys. */
const BINARY = 0
/** RFC 860. A telnet client shows nothing after Ctrl-C until each of its DO TIMING-MARK is answered (RFC 1123, 3.2.4). */
const TIMING_MARK = 6

/** Bytes of one subnegotiation. No option that has any is ever agreed to, so an honest client sends none. */
const SUBNEGOTIATION_LIMIT = 4096

/** Bytes of a few answers of three bytes each. */
const ANSWERS_SIZE = 12

/** What a byte of a telnet sequence means for the line being typed; a value from 0 to 255 is a byte of data. */
export const TelnetEvent = {
  Nothing: -1,
  EraseCharacter: -2,
  EraseLine: -3,
  Overflow: -4,
  /** Not a sequence: the byte is to be read as if no IAC had preceded it. */
  Stray: -5,
  /** Added to a byte: a command, or that byte in the middle of a character. */
  Key: 0x100,
} as const

/** Interrupt Process. Erases the line, unless it is a byte of a character. */
export const INTERRUPT_KEY = 0x83
/**
 * Bytes that GNU telnet sends as commands unless it is asked for binary transmission: it looks at only seven bits of
 * what is typed (`strip` in its telnet/telnet.c), and takes them for ^C, ^O, ^Z and ^\. Measured with inetutils 2.4,
 * Debian's; ABORT is what the same key sends in RFC 1184's mode. A real Ctrl-C never arrives within a character in line
 * mode, where the terminal only passes on whole lines.
 */
const KEYS: ReadonlyMap<number, number> = new Map([
  [IP, INTERRUPT_KEY],
  [AO, 0x8f],
  [SUSP, 0x9a],
  [BRK, 0x9c],
  [ABORT, 0x9c],
])

const State = {
  Data: 0,
  Command: 1,
  Option: 2,
  Subnegotiation: 3,
  SubnegotiationCommand: 4,
} as const

/** Whether the client transmits binary (RFC 1143, except that it is asked once, and a refusal is final). */
const Binary = { NeverAsked: 0, Asked: 1, Yes: 2, No: 3 } as const

export interface TelnetReplies {
  /** Bytes to send back as they are; the buffer is reused after the call. */
  reply(bytes: Buffer): void
  /** The client asked whether anyone is there (AYT). */
  areYouThere(): void
}

export class Telnet {
  #state: number = State.Data
  #verb = 0
  #subnegotiated = 0
  #binary: number = Binary.NeverAsked
  /** One bit for each option that was refused: those that the peer asks for (DO), then those that it offers (WILL). */
  readonly #refused = new Uint8Array(64)
  readonly #replies: TelnetReplies
  /** Answers that have not been sent yet. */
  #answers = Buffer.alloc(0)
  #answered = 0

  constructor(replies: TelnetReplies) {
    this.#replies = replies
  }

  /** Whether the next byte belongs to an unfinished sequence. */
  get inside(): boolean {
    return this.#state !== State.Data
  }

  /** Takes IAC, or the next byte while `inside`. */
  take(byte: number): number {
    const event = this.#take(byte)
    if (this.#binary !== Binary.NeverAsked || this.#state !== State.Data) return event
    if (event !== TelnetEvent.Stray && event !== IAC) this.#askForBinary(Binary.Asked)
    return event
  }

  /** Sends the pending answers, in one piece. */
  flush(): void {
    if (this.#answered === 0) return
    const answers = this.#answers.subarray(0, this.#answered)
    this.#answered = 0
    this.#replies.reply(answers)
  }

  #take(byte: number): number {
    switch (this.#state) {
      case State.Data:
        this.#state = State.Command
        return TelnetEvent.Nothing
      case State.Command:
        return this.#command(byte)
      case State.Option:
        this.#state = State.Data
        this.#negotiate(byte)
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
    // IAC IAC is the byte 255. A byte below the commands is none: the peer's DATA MARK was urgent data, which Node
    // drops from the stream, or the 255 came from a client that does not speak telnet.
    if (byte === IAC) return IAC
    if (byte < LOWEST_COMMAND) return TelnetEvent.Stray
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
      case EC:
        return TelnetEvent.EraseCharacter
      case EL:
        return TelnetEvent.EraseLine
      case AYT:
        this.flush()
        this.#replies.areYouThere()
        return TelnetEvent.Nothing
      default: {
        const key = KEYS.get(byte)
        return key === undefined ? TelnetEvent.Nothing : TelnetEvent.Key + key
      }
    }
  }

  /** After IAC inside a subnegotiation: an escaped 255, its end, or a command that breaks it off. */
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

  #negotiate(option: number): void {
    const verb = this.#verb
    if (option === BINARY && (verb === WILL || verb === WONT)) this.#negotiateBinary(verb)
    // This one is not a state but a question, answered each time.
    else if (option === TIMING_MARK && verb === DO) this.#answer(WONT, option)
    else if (verb === DO) this.#refuse(WONT, option, 0)
    else if (verb === WILL) this.#refuse(DONT, option, 32)
  }

  /**
   * Every option is refused once: the default state stays, so a repeat needs no answer, and answering an answer (WONT,
   * DONT) would loop (RFC 854; RFC 1143).
   */
  #refuse(answer: number, option: number, from: number): void {
    const index = from + (option >> 3)
    const bit = 1 << (option & 7)
    const refused = this.#refused[index] ?? 0
    if (refused & bit) return
    this.#refused[index] = refused | bit
    this.#answer(answer, option)
  }

  /** The client says whether it transmits binary, on request or of its own accord. */
  #negotiateBinary(verb: number): void {
    const before = this.#binary
    if (verb === WILL) {
      if (before === Binary.NeverAsked) this.#askForBinary(Binary.Yes)
      else if (before === Binary.Asked) this.#binary = Binary.Yes
      else if (before === Binary.No) this.#refuse(DONT, BINARY, 32)
    } else if (before !== Binary.NeverAsked) {
      this.#binary = Binary.No
      if (before === Binary.Yes) this.#refuse(DONT, BINARY, 32)
    }
  }

  #askForBinary(state: number): void {
    this.#binary = state
    this.#answer(DO, BINARY)
  }

  #answer(verb: number, option: number): void {
    if (this.#answered === this.#answers.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(ANSWERS_SIZE, 2 * this.#answered))
      larger.set(this.#answers)
      this.#answers = larger
    }
    this.#answers[this.#answered++] = IAC
    this.#answers[this.#answered++] = verb
    this.#answers[this.#answered++] = option
  }
}
