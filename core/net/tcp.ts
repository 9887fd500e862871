/** Connections over TCP. Knows nothing of chat: it hands over sockets with the addresses of their peers. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Logger } from '../support/log.ts'
import { listenError, withPort } from './listen-error.ts'
import { unmapped, type Peer, type Transport } from './transport.ts'

/** Connections that the kernel queues until they are accepted; Node's default of 511 loses some in a storm of joins. */
const ACCEPT_BACKLOG = 4096
/** Milliseconds without traffic after which the kernel probes whether the peer is still there. */
const KEEP_ALIVE_DELAY = 60_000

export interface TcpTransport extends Transport {
  /** The port that it listens on; differs from the requested one if that was 0. */
  readonly port: number
  /** The address that it listens on; a host name resolved. */
  readonly address: string
}

export function createTcpTransport(host: string, port: number, log: Logger): TcpTransport {
  let server: Server | undefined
  let bound = { address: host, port }
  return {
    get port() {
      return bound.port
    },
    get address() {
      return bound.address
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
          const { address: given, port: free } = listening.address() as AddressInfo
          // Node omits the zone of a link-local address.
          bound = { address: host.includes('%') ? host : given, port: free }
          listening.on('error', (error) => log.error(`tcp server: ${error.message}`))
          const address = withPort(bound.address, bound.port)
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

/** The peer of a socket; undefined when it was reset before its address could be read (nodejs/node#23858). */
function peerOf(socket: Socket): Peer | undefined {
  const { remoteAddress } = socket
  if (remoteAddress === undefined) return undefined
  // A dual-stack socket has IPv4 peers too.
  const address = unmapped(remoteAddress)
  return { label: withPort(address, socket.remotePort as number), address }
}
