/** Connections over TCP. Knows nothing of chat: it hands over sockets and tells who is at their other end. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { errors, type ChatError } from './errors.ts'
import type { Peer } from './connection.ts'
import type { Logger } from './log.ts'
import { unmapped, type Transport } from './transport.ts'

/** Connections that the kernel keeps until they are accepted; Node's own 511 loses some in a storm of joins. */
const ACCEPT_BACKLOG = 4096
/** Milliseconds without traffic after which the kernel asks whether the peer is still there. */
const KEEP_ALIVE_DELAY = 60_000

export interface TcpTransport extends Transport {
  /** The port that it listens on, which is another than the one asked for where that was 0. */
  readonly port: number
}

export function createTcpTransport(host: string, port: number, log: Logger): TcpTransport {
  let server: Server | undefined
  let bound = port
  return {
    get port() {
      return bound
    },
    listen({ connection, lost }) {
      return new Promise((resolve, reject) => {
        const options = {
          allowHalfOpen: true,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: KEEP_ALIVE_DELAY,
          pauseOnConnect: true,
        }
        const listening = createServer(options, (socket) => {
          const peer = peerOf(socket)
          if (peer !== undefined) return connection(socket, peer)
          socket.destroy()
          lost()
        })
        server = listening
        listening.once('error', (error: NodeJS.ErrnoException) =>
          reject(listenError(error, host, port)),
        )
        listening.listen({ host, port, backlog: ACCEPT_BACKLOG }, () => {
          bound = (listening.address() as AddressInfo).port
          listening.on('error', (error) => log.error(`tcp server: ${error.message}`))
          const address = withPort(host, bound)
          log.info(`tcp server listening on address ${address}`)
          resolve(address)
        })
      })
    },
    stop() {
      if (server?.listening !== true) return
      log.info('tcp server is shutting down')
      server.close()
    },
  }
}

/** `127.0.0.1:9090`, or `[::1]:9090`: without the brackets nobody could tell the port from the address. */
function withPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** Who is at the other end, or undefined when it has reset the connection before it could be asked (nodejs/node#23858). */
function peerOf(socket: Socket): Peer | undefined {
  const { remoteAddress } = socket
  if (remoteAddress === undefined) return undefined
  // A dual-stack socket has IPv4 peers too.
  const address = unmapped(remoteAddress)
  return { label: withPort(address, socket.remotePort as number), address }
}

/** What went wrong, where, and what to do, in one sentence. */
function listenError(error: NodeJS.ErrnoException, host: string, port: number): ChatError {
  const where = withPort(host, port)
  switch (error.code) {
    case 'EADDRINUSE':
      return errors.listenFailed(
        `port ${port} on ${host} is taken by another program; stop that one, or choose another port with --port N`,
        error,
      )
    case 'EACCES':
      return errors.listenFailed(
        `this user may not listen on ${where}; choose a port of 1024 or above with --port N`,
        error,
      )
    case 'EADDRNOTAVAIL':
      return errors.listenFailed(
        `${host} is not an address of this machine; use 0.0.0.0 for all of its addresses, or 127.0.0.1 for this machine alone, with --host H`,
        error,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return errors.listenFailed(
        `the host name ${host} is not known; give an address of this machine with --host H`,
        error,
      )
    default:
      return errors.listenFailed(`cannot listen on ${where}: ${error.message}`, error)
  }
}
