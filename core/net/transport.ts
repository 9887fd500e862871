/** Where connections come from. A transport knows nothing of chat, and the host nothing of the transport. */
import type { Duplex } from 'node:stream'

/** The other end of a connection. */
export interface Peer {
  /** Its label, such as `127.0.0.1:53362`. */
  readonly label: string
  /** Its IP address, if it has one. */
  readonly address?: string | undefined
}

export interface Arrivals {
  connection(stream: Duplex, peer: Peer): void
  /** A connection was gone before its address was known. */
  lost(): void
}

export interface Transport {
  /** Starts accepting; resolves to the address once it listens. */
  listen(arrivals: Arrivals): Promise<string>
  /** Stops accepting. Open connections stay. */
  stop(): void
}

/** An IPv4 address without the prefix that maps it to IPv6 (RFC 4291, section 2.5.5.2). */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
