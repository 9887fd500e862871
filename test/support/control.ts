/** Both ends of a control socket, as anybody could write them. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { within } from './deadline.ts'
import type { HostProcess } from './host.ts'

/** Where a host has its socket that was told nothing else. */
export function socketOf({ folder }: HostProcess): string {
  return join(folder.path, '.multiecho.sock')
}

/** What a socket answers to a line. */
export async function asked(path: string, line: string): Promise<string> {
  const socket = connect(path)
  socket.write(`${line}\n`)
  return within(firstLine(socket), () => `${path} answers ${line}`)
}

async function firstLine(socket: Socket): Promise<string> {
  let answer = ''
  for await (const chunk of socket) {
    answer += String(chunk)
    if (answer.endsWith('\n')) break
  }
  return answer
}

/** What a socket answers, up to its end, to all that is written, in pieces, and after which nothing more is. */
export async function answersTo(
  path: string,
  ...pieces: ReadonlyArray<string | Uint8Array>
): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true })
  const write = async (): Promise<void> => {
    for (const piece of pieces) await new Promise((taken) => socket.write(piece, taken))
    socket.end()
  }
  const read = async (): Promise<string> => {
    let answers = ''
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) answers += String(chunk)
    return answers
  }
  const [answers] = await within(Promise.all([read(), write()]), () => `${path} answers and ends`)
  socket.destroy()
  return answers
}

export interface FakeHost extends Disposable {
  /** Resolves once somebody has asked something. */
  readonly asked: Promise<unknown>
}

/** Listens at a path and does with whoever asks what is asked for. */
export async function fakeHost(path: string, answer: (socket: Socket) => void): Promise<FakeHost> {
  const sockets = new Set<Socket>()
  let note = (): void => {}
  const asking = new Promise<void>((resolve) => {
    note = resolve
  })
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      note()
      answer(socket)
    })
  })
  await once(server.listen(path), 'listening')
  return {
    asked: asking,
    [Symbol.dispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
