/**
 * The control socket: where a running host is told things from the same machine. A line of JSON asks, a line of JSON
 * answers.
 */
import { createServer, type Socket } from 'node:net'
import { ChatError, describe, errors } from './errors.ts'
import type { Operations, Request } from './operations.ts'
import { takePath } from './socket-path.ts'

/** Bytes of a request. */
const REQUEST_LENGTH = 4096
const CONNECTIONS = 16
/** Milliseconds after which a connection is closed that asks nothing, or does not take its answer. */
const SILENCE = 60_000
const LINE_FEED = 0x0a

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }

export interface Control {
  /** Removes the socket, and closes what is connected to it. */
  close(): void
}

/** Rejects with `CONTROL_FAILED`. What is left of a host that is no more is replaced; that of another one is not. */
export async function openControl(
  path: string,
  operations: Operations,
  silence = SILENCE,
): Promise<Control> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // One that breaks is not answered, and its end is that of serve().
    socket.on('error', () => {})
    socket.on('timeout', () => socket.destroy())
    serve(socket, operations, silence).catch(() => socket.destroy())
  })
  server.maxConnections = CONNECTIONS
  const leave = await takePath(server, path)
  server.on('error', () => {})
  return {
    close() {
      leave()
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Answers one request after the other: nothing is read while one is under way or its answer has not been taken. */
async function serve(socket: Socket, operations: Operations, silence: number): Promise<void> {
  socket.setTimeout(silence)
  for await (const request of requestsOf(socket)) {
    socket.setTimeout(0)
    const answer = await answerTo(request, operations)
    socket.setTimeout(silence)
    await new Promise((taken) => socket.write(`${answer}\n`, taken))
  }
  socket.end()
}

/** The lines that are sent, and at the end what has no line end. Of one that is too long no more is kept than shows that. */
async function* requestsOf(socket: Socket): AsyncGenerator<Buffer> {
  let received = Buffer.alloc(0)
  // Whoever has sent all may still be waiting for the answer.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received = Buffer.concat([received, chunk as Buffer])
    for (let end = received.indexOf(LINE_FEED); end !== -1; end = received.indexOf(LINE_FEED)) {
      yield received.subarray(0, end)
      received = received.subarray(end + 1)
    }
    received = received.subarray(0, REQUEST_LENGTH + 1)
  }
  if (received.length > 0) yield received
}

async function answerTo(request: Buffer, operations: Operations): Promise<string> {
  const write = (answer: Answer): string => JSON.stringify(answer)
  try {
    return write({ ok: true, result: await operations.answer(parse(request)) })
  } catch (error) {
    if (error instanceof ChatError)
      return write({ ok: false, code: error.code, message: error.message })
    return write({ ok: false, code: 'UNKNOWN', message: describe(error) })
  }
}

function parse(request: Buffer): Request {
  if (request.length > REQUEST_LENGTH)
    throw errors.requestInvalid(`a request has ${REQUEST_LENGTH} bytes at most`)
  try {
    return JSON.parse(request.toString()) as Request
  } catch {
    throw errors.requestInvalid('expected a line of JSON, as {"command":"reload"}')
  }
}
