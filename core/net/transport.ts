/** Where connections come from. What brings them knows nothing of chat, and the host nothing of where that is. */
import type { Duplex } from 'node:stream'

/** Who is at the other end. */
export interface Peer {
  /** What to call it, as `127.0.0.1:53362`. */
  readonly label: string
  /** Its IP address, where it has one. */
  readonly address?: string | undefined
}

export interface Arrivals {
  connection(stream: Duplex, peer: Peer): void
  /** One was gone before anybody could ask who it was. */
  lost(): void
}

export interface Transport {
  /** Begins to accept; resolves to the address when connections can come. */
  listen(arrivals: Arrivals): Promise<string>
  /** Accepts no more. Connections stay. */
  stop(): void
}

/** An address of IPv4 that is mapped to IPv6 (RFC 4291, section 2.5.5.2) is shown as what it is. */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
