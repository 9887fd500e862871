/** A client as plugins see it: its identity, and what may be done to it. */
import { errors, show } from '../support/errors.ts'
import { isTexts, safeName } from '../support/safe-text.ts'
import type { Connection } from './connection.ts'

export interface Client {
  /** Number of the session, never reused while the host runs. Use it as the key for what you keep. */
  readonly key: number
  /** Label of the connection, such as `127.0.0.1:53362` or `[::1]:53362`. A later session may have the same one. */
  readonly id: string
  /** IP address of the peer, IPv4-mapped IPv6 as IPv4; undefined for connections that have none. */
  readonly address: string | undefined
  /**
   * What others see before its lines; at first the id. Setting it throws `NAME_INVALID` unless it is 1 to 64 characters
   * of safe text, none of them invisible.
   */
  name: string
  /** When it connected, by the host's `now()`. */
  readonly connectedAt: number
  /** When it last sent anything, by the host's `now()`. */
  readonly lastInputAt: number
  /** Whether it has left or is about to. */
  readonly closed: boolean
  /**
   * Sends text to this client alone, in order with everything else that it is sent. A line feed in it separates lines;
   * each is made safe and ends in CR LF; an empty list sends nothing. Returns false when nothing can be sent to the
   * client any more. Throws `ARGUMENT_INVALID`.
   */
  send(text: string | readonly string[]): boolean
  /**
   * Closes the connection, once what is queued for it has been sent. Its lines after the current one are dropped.
   * `reason` is seen by the `close` hook and the log; 'closed by the host' when left out.
   */
  close(reason?: string): void
  /** Pauses its input until the returned function is called; with several holds, until all are released. */
  hold(): () => void
}

/** The clients that have been admitted and have not left. */
export interface Clients extends Iterable<Client> {
  readonly size: number
  get(id: string): Client | undefined
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
    if (!isName(name)) throw errors.nameInvalid(name)
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
    // An empty list is no line at all, while an empty text is an empty line.
    return text.length === 0 ? this.#connection.writable : this.#connection.send(text.join('\n'))
  }

  close(reason = 'closed by the host'): void {
    this.#connection.close(reason)
  }

  hold(): () => void {
    return this.#connection.hold()
  }
}

/** The connection of a client. Throws when it is not a client of this host. */
export function connectionOf(client: Client): Connection {
  return ConnectedClient.connectionOf(client)
}

/** Whether a value is a valid name: 1 to 64 characters of safe text, none of them invisible. */
export function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || [...value].length > NAME_LENGTH) return false
  return safeName(value) === value
}
