/**
 * The control socket: takes requests to a running host from the same machine. A line of JSON asks, a line of JSON
 * answers.
 */
import { createServer, type Socket } from 'node:net'
import type { Operations, Request } from '../host/operations.ts'
import { ChatError, describe, errors } from '../support/errors.ts'
import { takePath } from './socket-path.ts'

/** Maximum bytes of a request. */
const REQUEST_LENGTH = 4096
const CONNECTIONS = 16
/** Milliseconds after which a connection is closed that sends no request or does not read its answer. */
const SILENCE = 60_000
const LINE_FEED = 0x0a

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }

export interface Control {
  /** Removes the socket, and closes what is connected to it. */
  close(): void
}

/**
 * Rejects with `CONTROL_FAILED`. The socket of a host that has ended is replaced; that of a running one is not. `silence`
 * is how long a connection may ask nothing, in milliseconds.
 */
export async function openControl(
  path: string,
  operations: Operations,
  silence = SILENCE,
): Promise<Control> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A broken connection gets no answer; serve() ends it.
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

/** Answers one request at a time: nothing is read while one is being handled or its answer has not been written. */
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

/**
 * The lines that are sent, and at the end the rest without a line end. Of a line that is too long, no more is kept than
 * shows that.
 */
async function* requestsOf(socket: Socket): AsyncGenerator<Buffer> {
  let received = Buffer.alloc(0)
  // A client that has ended its side may still be waiting for the answer.
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
    throw errors.requestInvalid('expected a line of JSON, such as {"command":"reload"}')
  }
}
