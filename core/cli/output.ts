/**
 * Standard output and standard error that never block: a reader that does not keep up, such as a paused terminal or a
 * full pipe, delays nothing. Output waits up to a limit; lines beyond it are counted, and the count is printed.
 */
import { constants, fstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'

/** Bytes that may wait to be written. One more text beyond that is accepted in full. */
const MOST_WAITING = 1024 * 1024
/** Milliseconds between two attempts to write, at first and at most. */
const FIRST_PAUSE = 1
const LAST_PAUSE = 50

const FLAGS = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** Writes bytes; calls back once they are written, or cannot be. */
type Put = (bytes: Buffer, done: (written: boolean) => void) => void

/** To be called once for each stream, before anything is printed. */
export function neverBlock(stream: Writable & { readonly fd: number }): void {
  const { fd } = stream
  const descriptor = reopen(fd)
  const put = descriptor === undefined ? putOf(stream) : putTo(descriptor)
  let lost = 0

  function write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    const isLast = stream.writableLength <= chunk.length
    const text = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
    const told = isLast ? lost : 0
    const bytes = told === 0 ? text : Buffer.concat([text, notPrinted(told)])
    put(bytes, (written) => {
      lost += written ? -told : linesIn(text)
      done()
    })
  }

  const take = stream.write.bind(stream) as (...given: unknown[]) => boolean
  function takeBounded(chunk: string | Uint8Array, ...rest: unknown[]): boolean {
    if (stream.writableLength < MOST_WAITING) return take(chunk, ...rest)
    lost += linesIn(Buffer.from(chunk))
    for (const done of rest) if (typeof done === 'function') process.nextTick(done)
    return false
  }

  // Its reader may go away, which is no reason for the host to end.
  stream.on('error', () => {})
  Object.assign(stream, { _write: write, _writev: undefined, write: takeBounded })
}

/** Resolves when everything printed has been written, or after `limit` milliseconds. */
export async function flushed(limit?: number): Promise<void> {
  const taken = [process.stdout, process.stderr].map(
    (stream) =>
      new Promise((resolve) => {
        // Past the limit on what may wait: this is an empty text.
        Writable.prototype.write.call(stream, '', 'utf8', () => resolve(undefined))
      }),
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    if (limit !== undefined) timer = setTimeout(resolve, limit)
  })
  await Promise.race([Promise.all(taken), late])
  clearTimeout(timer)
}

/**
 * Opens the file behind a descriptor again, so that writing to it does not block: changing the descriptor itself would
 * change it for all programs that share it. A regular file, which does not block, is used as it is. Undefined when it
 * cannot be opened, as for a socket.
 */
function reopen(fd: number): number | undefined {
  if (fstatSync(fd).isFile()) return fd
  // A terminal that belongs to another user, as after su, can still be opened as /dev/tty.
  for (const path of [`/proc/self/fd/${fd}`, ...(isOwnTerminal(fd) ? ['/dev/tty'] : [])]) {
    try {
      return openSync(path, FLAGS)
    } catch {
      // Try the next one.
    }
  }
  return undefined
}

/** Whether it is the controlling terminal of this process: the field tty_nr of proc(5). */
function isOwnTerminal(fd: number): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ')
    return Number(fields?.[4]) === fstatSync(fd).rdev
  } catch {
    return false
  }
}

/** Writes as Node does, which for a socket does not block. */
function putOf(stream: Writable): Put {
  const write = stream._write.bind(stream)
  return (bytes, done) => {
    write(bytes, 'buffer' as BufferEncoding, (error) => done(error === null || error === undefined))
  }
}

function putTo(descriptor: number): Put {
  return (bytes, done) => {
    let at = 0
    let pause = FIRST_PAUSE
    function go(): void {
      try {
        while (at < bytes.length) {
          const written = writeSync(descriptor, bytes, at)
          if (written === 0) return later()
          at += written
          pause = FIRST_PAUSE
        }
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? later() : done(false)
      }
      done(true)
    }
    function later(): void {
      setTimeout(go, pause)
      pause = Math.min(pause * 2, LAST_PAUSE)
    }
    go()
  }
}

function linesIn(text: Uint8Array): number {
  let lines = 0
  for (const byte of text) if (byte === 0x0a) lines++
  return lines
}

function notPrinted(lines: number): Buffer {
  return Buffer.from(
    `multiecho: ${lines} lines were not printed here: they were not read in time\n`,
  )
}
