/**
 * Sends a request to the host behind a control socket. There may be none, or one of another version, or one that hangs.
 */
import { statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import type { Request } from '../host/operations.ts'
import { ChatError, describe, errors } from '../support/errors.ts'
import type { Answer } from './control.ts'
import { socketAddress } from './socket-path.ts'

/** Milliseconds for an answer. A reload takes as long as its plugins do, and waits for the previous one. */
const PATIENCE = 120_000
/** Maximum characters of an answer. */
const ANSWER_LENGTH = 16 * 1024 * 1024

const answerSchema: z.ZodType<Answer> = z.union([
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
])

/** Resolves to the answer. Rejects with `NO_HOST`, with `NO_ANSWER`, or with the error that the host answers. */
export async function askHost(
  path: string,
  request: Request,
  patience = PATIENCE,
): Promise<unknown> {
  const socket = connect(socketAddress(path))
  const late = setTimeout(() => {
    const problem = `it has not answered within ${patience / 1000} s; it may hang, or still be working on it: see its log`
    socket.destroy(errors.noAnswer(path, problem))
  }, patience)
  try {
    socket.write(`${JSON.stringify(request)}\n`)
    const answer = parse(path, await answerOf(path, socket))
    if (answer.ok) return answer.result
    throw errors.answered(answer.code, answer.message)
  } catch (error) {
    throw error instanceof ChatError ? error : lost(path, error)
  } finally {
    clearTimeout(late)
    socket.destroy()
  }
}

/** The first line that arrives. */
async function answerOf(path: string, socket: Socket): Promise<string> {
  let received = ''
  socket.setEncoding('utf8')
  for await (const chunk of socket) {
    const text = chunk as string
    received += text
    if (text.includes('\n')) return received.slice(0, received.indexOf('\n'))
    if (received.length > ANSWER_LENGTH)
      throw errors.noAnswer(path, `its answer does not end; ${ELSEWHERE}`)
  }
  throw errors.noAnswer(path, ENDED)
}

function parse(path: string, line: string): Answer {
  try {
    return answerSchema.parse(JSON.parse(line))
  } catch {
    throw errors.noAnswer(path, `its answer is not that of a host; ${ELSEWHERE}`)
  }
}

const ELSEWHERE = 'name the socket of a host with --control PATH'
const ENDED =
  'it closed the connection without an answer: it is stopping, or has too many requests at a time; try again'

/** The error for a failed connection. */
function lost(path: string, error: unknown): ChatError {
  const none = (problem: string): ChatError =>
    errors.noHost(
      path,
      `${problem}; start one in this folder, or name its socket with --control PATH`,
    )
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return none('there is no such socket')
    case 'ECONNREFUSED':
      return none(
        statSync(path, { throwIfNoEntry: false })?.isSocket() === false
          ? 'it is not a socket'
          : 'the host that made this socket has ended',
      )
    case 'EACCES':
    case 'EPERM':
      return errors.noAnswer(path, 'it belongs to another user; run this command as that user')
    case 'EAGAIN':
    case 'EPIPE':
    case 'ECONNRESET':
      return errors.noAnswer(path, ENDED)
    default:
      return errors.noAnswer(path, `${describe(error)}; ${ELSEWHERE}`)
  }
}
