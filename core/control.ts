/**
 * The control socket: where a running host is told things from the same machine. A unix socket that nobody but its owner
 * may open; a line of JSON asks, a line of JSON answers.
 */
import { lstatSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { relative, resolve } from 'node:path'
import { ChatError, describe, errors } from './errors.ts'
import type { Operations, Request } from './operations.ts'

/** Bytes that the path of a unix socket may have, on every system. */
const PATH_LENGTH = 103
/** Bytes of a request. */
const REQUEST_LENGTH = 4096
const CONNECTIONS = 16
/** Milliseconds without a word after which a connection is closed. */
const SILENCE = 60_000

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }

export interface Control {
  /** Removes the socket, and closes what is connected to it. */
  close(): void
}

/** Rejects with `CONTROL_FAILED`. What is left of a host that is no more is replaced; that of another one is not. */
export async function openControl(path: string, operations: Operations): Promise<Control> {
  const address = socketAddress(path)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, operations)
  })
  server.maxConnections = CONNECTIONS
  try {
    await listen(server, address)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw errors.controlFailed(path, describe(cause), cause)
    await removeStale(path, address)
    await listen(server, address).catch((again: unknown) => {
      throw errors.controlFailed(path, describe(again), again)
    })
  }
  server.on('error', () => {})
  return {
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The shorter way to write a path, since it may not be long. Throws `CONTROL_FAILED` where both are too long. */
function socketAddress(path: string): string {
  const absolute = resolve(path)
  const near = relative(process.cwd(), absolute)
  const address = near.length < absolute.length ? near : absolute
  if (Buffer.byteLength(address) <= PATH_LENGTH) return address
  throw errors.controlFailed(
    path,
    `the path of a socket may have ${PATH_LENGTH} bytes, and this has ${Buffer.byteLength(address)}; name a shorter one with --control PATH`,
  )
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolved, reject) => {
    server.once('error', reject)
    // It is bound before this returns, so that there is no moment in which others may open it.
    const before = process.umask(0o177)
    try {
      server.listen(address, () => {
        server.off('error', reject)
        resolved()
      })
    } finally {
      process.umask(before)
    }
  })
}

async function removeStale(path: string, address: string): Promise<void> {
  if (!lstatSync(address).isSocket())
    throw errors.controlFailed(
      path,
      'there is a file of that name that is no socket; remove it, or name another path with --control PATH',
    )
  if (await answers(address))
    throw errors.controlFailed(
      path,
      'another host has it; name another path with --control PATH, or set control: false in the config',
    )
  unlinkSync(address)
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolved) => {
    const socket = connect(address)
    socket.on('connect', () => {
      socket.destroy()
      resolved(true)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolved(error.code !== 'ECONNREFUSED'))
  })
}

/** Answers the requests of one connection, one after the other. */
function serve(socket: Socket, operations: Operations): void {
  let received = ''
  let last = Promise.resolve()
  socket.setEncoding('utf8')
  socket.setTimeout(SILENCE, () => socket.destroy())
  socket.on('error', () => {})
  const send = (answer: Answer): void => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`)
  }
  socket.on('data', (text: string) => {
    received += text
    const lines = received.split('\n')
    received = lines.pop() ?? ''
    for (const line of lines) last = last.then(async () => send(await answerTo(line, operations)))
    if (received.length <= REQUEST_LENGTH) return
    const { code, message } = errors.requestInvalid(
      `a request has ${REQUEST_LENGTH} characters at most`,
    )
    send({ ok: false, code, message })
    socket.destroySoon()
  })
}

async function answerTo(line: string, operations: Operations): Promise<Answer> {
  try {
    return { ok: true, result: await operations.answer(parse(line)) }
  } catch (error) {
    const code = error instanceof ChatError ? error.code : 'UNKNOWN'
    return { ok: false, code, message: messageOf(error) }
  }
}

function messageOf(error: unknown): string {
  return error instanceof ChatError ? error.message : describe(error)
}

function parse(line: string): Request {
  try {
    return JSON.parse(line) as Request
  } catch {
    throw errors.requestInvalid('expected a line of JSON, as {"command":"reload"}')
  }
}

/** Asks a host; resolves to what it answers. Rejects with `NO_HOST`, or with the error that it answers. */
export function askHost(path: string, request: Request): Promise<unknown> {
  return new Promise((resolved, reject) => {
    const socket = connect(socketAddress(path))
    let received = ''
    const lost = (problem: string): void =>
      reject(
        errors.noHost(
          path,
          `${problem}; start one in this folder, or name its socket with --control PATH`,
        ),
      )
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      lost(
        error.code === 'ENOENT'
          ? 'there is no such socket'
          : error.code === 'ECONNREFUSED'
            ? 'the one that made this socket has ended'
            : error.message,
      ),
    )
    socket.on('data', (text: string) => {
      received += text
      if (!received.endsWith('\n')) return
      socket.destroy()
      const answer = JSON.parse(received) as Answer
      if (answer.ok) resolved(answer.result)
      else reject(errors.answered(answer.code, answer.message))
    })
    socket.on('close', () => lost('it ended without an answer'))
  })
}
