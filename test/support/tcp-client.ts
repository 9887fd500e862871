/** A client that is nothing but a TCP socket. */
import { once } from 'node:events'
import { connect, isIPv6, type Socket } from 'node:net'
import { within } from './deadline.ts'
import { createTranscript, type Transcript } from './transcript.ts'

export interface TcpClient extends Disposable {
  readonly socket: Socket
  /** What it was sent. */
  readonly received: Transcript
  /** The address and port that it comes from, which is the id that the host gives it. */
  readonly id: string
  write(bytes: string | Uint8Array): void
  /** Writes a line as telnet does. */
  say(line: string): void
  /** Resolves once it is sent this line, which must be the next one. */
  hears(line: string): Promise<void>
  /** Resolves once the host has read all that was written so far. It is asked by a TIMING-MARK (RFC 860). */
  isRead(): Promise<void>
  /** Says that nothing more will be written, as `nc` does at the end of a file. */
  end(): void
  /** Resolves to all that it was sent, once the host has closed the connection. */
  closed(): Promise<string>
}

const DO_TIMING_MARK = Buffer.from([0xff, 0xfd, 0x06])
/** As they stand in a transcript, which is text. Who has spoken telnet for the first time is asked for BINARY, too. */
const WONT_TIMING_MARK = Buffer.from([0xff, 0xfc, 0x06]).toString()
const DO_BINARY = Buffer.from([0xff, 0xfd, 0x00]).toString()

/** Connects without waiting for a greeting; from a port that is asked for, or any. */
export async function dial(port: number, host = '127.0.0.1', from?: number): Promise<TcpClient> {
  const socket = connect({
    port,
    host,
    allowHalfOpen: true,
    noDelay: true,
    ...(from !== undefined && { localPort: from }),
  })
  const received = createTranscript('the connection')
  socket.on('data', (chunk) => received.push(chunk))
  socket.on('end', () => {
    received.end()
    socket.end()
  })
  socket.on('close', received.end)
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  await once(socket, 'connect')
  // From here on a reset is an end like any other; `received` has what came before it.
  socket.on('error', () => {})
  const id = labelOf(socket)
  let hasSpoken = false
  return {
    socket,
    received,
    id,
    write: (bytes) => void socket.write(bytes),
    say: (line) => void socket.write(`${line}\r\n`),
    async hears(line) {
      const next = await received.until('\r\n')
      if (next !== `${line}\r\n`) {
        throw new Error(`expected ${JSON.stringify(line)}, heard ${JSON.stringify(next)}`)
      }
    },
    async isRead() {
      socket.write(DO_TIMING_MARK)
      await received.until(hasSpoken ? WONT_TIMING_MARK : WONT_TIMING_MARK + DO_BINARY)
      hasSpoken = true
    },
    end: () => void socket.end(),
    async closed() {
      await within(closed, () => `the host closes ${id}, which was sent ${received.text}`)
      return received.text
    },
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

/** Connects and waits for the greeting. */
export async function join(port: number, host?: string, from?: number): Promise<TcpClient> {
  const client = await dial(port, host, from)
  await client.received.until(greeting(client))
  return client
}

/** What a client is greeted with. */
export function greeting({ id }: { readonly id: string }): string {
  return `multiecho server v1.0\r\nclient id: ${id}\r\n`
}

function labelOf({ localAddress = '', localPort }: Socket): string {
  return isIPv6(localAddress) ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`
}
