/**
 * Sits between a telnet client and a server and offers, for the server, to echo and to send without go-aheads (RFC 857,
 * 858): a client that accepts sends each key separately, with CR NUL for Enter and DEL for backspace.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Address } from './peer.ts'
import { bytes, DO, IAC, WILL } from './rows/bytes.ts'

const ECHO = 1
const SUPPRESS_GO_AHEAD = 3
const OFFER = bytes(IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD)
const ACCEPTED = bytes(IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD)

export interface Relay {
  readonly port: number
  /** Resolves when the next client has accepted the offer. */
  taken(): Promise<void>
  end(): Promise<void>
}

export async function characterModeRelay(to: Address): Promise<Relay> {
  const sockets = new Set<Socket>()
  let onTaken = (): void => {}
  const server = createServer((client) => {
    const host = connect(to)
    for (const socket of [client, host]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.once('close', () => sockets.delete(socket))
    }
    client.write(OFFER)
    host.pipe(client)
    // The server has offered nothing, so it must not see that its offer is accepted.
    let answer = Buffer.alloc(0)
    const onAnswer = (chunk: Buffer): void => {
      answer = Buffer.concat([answer, chunk])
      if (answer.length < ACCEPTED.length) return
      client.off('data', onAnswer)
      host.write(answer.subarray(ACCEPTED.length))
      client.pipe(host)
      onTaken()
    }
    client.on('data', onAnswer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    taken: () => new Promise((resolve) => (onTaken = resolve)),
    async end() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
