/**
 * A naive chat server, the benchmarks' lower bound: the same protocol as the host, with one `write` for each line and
 * recipient.
 *
 *   node --import tsx test/bench/naive.ts PORT
 */
import { createServer, type Socket } from 'node:net'

const port = Number(process.argv[2])
const clients = new Set<Socket>()

const server = createServer({ noDelay: true }, (socket) => {
  const id = `${socket.remoteAddress}:${socket.remotePort}`
  let partial = ''

  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) {
      const message = `(${id}) ${line.replace(/\r$/, '')}\r\n`
      for (const other of clients) if (other !== socket) other.write(message)
    }
  })
  // A reset is followed by 'close', which is all that matters here.
  socket.on('error', () => {})
  socket.on('close', () => clients.delete(socket))

  clients.add(socket)
  socket.write(`multiecho server v1.0\r\nclient id: ${id}\r\n`)
})

server.listen({ port, host: '127.0.0.1', backlog: 4096 }, () => {
  process.stdout.write(`listening ${port}\n`)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit())
