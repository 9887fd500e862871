/** A client as plugins see it: who it is, and the few things that may be done to it. */
import { errors, show } from '../support/errors.ts'
import { isTexts, safeName } from '../support/safe-text.ts'
import type { Connection } from './connection.ts'

export interface Client {
  /** Number of the visit: never used twice while the host runs. The key to keep things by. */
  readonly key: number
  /** Label of the connection, as `127.0.0.1:53362` or `[::1]:53362`. A later visit may have the same one. */
  readonly id: string
  /** IP address of its other end, IPv4-mapped IPv6 as IPv4; undefined when it came over something else. */
  readonly address: string | undefined
  /** What others see in front of its lines; at first the id. Setting it throws `NAME_INVALID` unless it is 1 to 64 characters of safe text, none of them invisible. */
  name: string
  /** When it connected, by the host's `now()`. */
  readonly connectedAt: number
  /** When it last sent anything, by the host's `now()`. */
  readonly lastInputAt: number
  /** Whether it has left or is about to. */
  readonly closed: boolean
  /**
   * Sends text to this client alone, in the order of all else that it is sent. A line feed in it separates lines; each
   * is made safe and ends in CR LF; an empty list sends nothing. Returns false when the client can no longer be sent
   * anything. Throws `ARGUMENT_INVALID`.
   */
  send(text: string | readonly string[]): boolean
  /**
   * Closes the connection, once what is queued for it has been sent. Its lines behind the current one are dropped.
   * `reason` is seen by the `close` hook and the log; 'closed by the host' when left out.
   */
  close(reason?: string): void
  /** Pauses its input until the returned function has been called; several holds must all be released. */
  hold(): () => void
}

const NAME_LENGTH = 64

export class ConnectedClient implements Client {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  static connectionOf(client: Client): Connection {
    if (typeof client === 'object' && client !== null && #connection in client) {
      return client.#connection
    }
    throw errors.clientInvalid(client)
  }

  get key(): number {
    return this.#connection.key
  }

  get id(): string {
    return this.#connection.id
  }

  get address(): string | undefined {
    return this.#connection.address
  }

  get name(): string {
    return this.#connection.name
  }

  set name(name: string) {
    const valid = typeof name === 'string' && name !== '' && [...name].length <= NAME_LENGTH
    if (!valid || safeName(name) !== name) throw errors.nameInvalid(name)
    this.#connection.name = name
  }

  get connectedAt(): number {
    return this.#connection.connectedAt
  }

  get lastInputAt(): number {
    return this.#connection.lastInputAt
  }

  get closed(): boolean {
    return this.#connection.left
  }

  send(text: string | readonly string[]): boolean {
    if (typeof text === 'string') return this.#connection.send(text)
    if (!isTexts(text))
      throw errors.argumentInvalid(
        'client.send',
        `expected a text or a list of texts, found ${show(text)}`,
      )
    // No line at all, where an empty text is an empty one.
    return text.length === 0 ? this.#connection.writable : this.#connection.send(text.join('\n'))
  }

  close(reason = 'closed by the host'): void {
    this.#connection.close(reason)
  }

  hold(): () => void {
    return this.#connection.hold()
  }
}

/** The connection behind a client. Throws when somebody made up a client. */
export function connectionOf(client: Client): Connection {
  return ConnectedClient.connectionOf(client)
}
