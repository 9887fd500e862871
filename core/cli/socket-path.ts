/** Claims the path of a unix socket: one host at a time, and only its owner may connect. */
import { once } from 'node:events'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  renameSync,
  rmSync,
  unlinkSync,
  type BigIntStats,
} from 'node:fs'
import { connect, type Server } from 'node:net'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { ChatError, describe, errors } from '../support/errors.ts'

/** Bytes that the path of a unix socket may have on every system. */
const LENGTH = 103
/** Attempts to claim a path that others claim and release at the same moment. */
const TRIES = 20

/**
 * The shorter form of a path, relative or absolute, since its length is limited. Throws `CONTROL_FAILED` when both are
 * too long.
 */
export function socketAddress(path: string): string {
  const absolute = resolve(path)
  const near = relative(process.cwd(), absolute)
  // The relative path of the working directory is empty.
  const address = near !== '' && near.length < absolute.length ? near : absolute
  if (Buffer.byteLength(address) <= LENGTH) return address
  throw errors.controlFailed(
    path,
    `the path of a socket may have ${LENGTH} bytes, and this has ${Buffer.byteLength(address)}; name a shorter one with --control PATH`,
  )
}

/**
 * Lets a server listen at a path; resolves to a function that removes the socket if it is still the same one, to be
 * called while the server listens. Rejects with `CONTROL_FAILED`. The socket of a host that has ended is replaced; that
 * of a running one is not.
 */
export async function takePath(server: Server, path: string): Promise<() => void> {
  const address = socketAddress(path)
  try {
    if (process.platform !== 'win32') return await take(server, path)
    server.listen(address)
    await once(server, 'listening')
    return () => {}
  } catch (cause) {
    server.close()
    throw cause instanceof ChatError
      ? cause
      : errors.controlFailed(path, problemOf(cause, dirname(path)), cause)
  }
}

/**
 * The socket is created in a private folder, and linked to its path once it listens: whoever finds it there finds it
 * ready and with its permissions set. If several hosts link at once, one is first. Node would remove whatever is at the
 * path that it listened on, so it only knows the private one.
 */
async function take(server: Server, path: string): Promise<() => void> {
  const place = resolve(path)
  const aside = mkdtempSync(asideOf(socketAddress(path)))
  try {
    const own = join(aside, 's')
    server.listen(socketAddress(own))
    await once(server, 'listening')
    chmodSync(own, 0o600)
    await link(own, path, aside)
    const made = statOf(own)
    return () => {
      try {
        // No other host takes it for a stale one meanwhile: it still answers.
        if (isSame(statOf(place), made)) unlinkSync(place)
      } catch {
        // It stays, like that of a host that was killed.
      }
    }
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

/**
 * The prefix of a temporary folder's name: chosen so that the path of a socket in it is no longer than the real path,
 * if possible.
 */
function asideOf(address: string): string {
  const name = basename(address)
  return join(dirname(address), name.slice(0, Math.max(1, name.length - 'XXXXXX/s'.length)))
}

async function link(own: string, path: string, aside: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      return linkSync(own, path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    await removeStale(path, join(aside, 'stale'))
  }
  throw errors.controlFailed(
    path,
    'other hosts keep taking it; name another path with --control PATH',
  )
}

/** Moves a stale socket away, into a folder that is removed. */
async function removeStale(path: string, aside: string): Promise<void> {
  const found = statOf(path)
  if (found === undefined) return
  if (!found.isSocket()) {
    throw errors.controlFailed(
      path,
      'a file of that name exists that is not a socket; remove it, or name another path with --control PATH',
    )
  }
  const refused = await refusal(socketAddress(path))
  if (refused === 'ENOENT') return
  if (refused === 'EACCES') {
    throw errors.controlFailed(
      path,
      'it exists already and belongs to another user; name another path with --control PATH',
    )
  }
  if (refused !== 'ECONNREFUSED') {
    throw errors.controlFailed(
      path,
      'another host is using it; name another path with --control PATH, or set control: false in the config',
    )
  }
  // Another host may have replaced it meanwhile. Between this check and the rename it still may: then it is put back.
  if (!isSame(statOf(path), found)) return
  try {
    renameSync(path, aside)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return
    throw errors.controlFailed(
      path,
      `it is left over from a host that has ended, and this user may not remove it (${describe(cause)}); have it removed, or name another path with --control PATH`,
      cause,
    )
  }
  if (!isSame(statOf(aside), found) && statOf(path) === undefined) linkSync(aside, path)
}

/** The error code with which a socket refuses a connection; undefined when it accepts. */
function refusal(address: string): Promise<string | undefined> {
  return new Promise((resolved) => {
    const socket = connect(address, () => {
      socket.destroy()
      resolved(undefined)
    })
    socket.on('error', (error) => resolved(codeOf(error)))
  })
}

function problemOf(cause: unknown, folder: string): string {
  const where = folder === '.' ? 'this folder' : `the folder ${folder}`
  switch (codeOf(cause)) {
    case 'ENOENT':
      return `there is no folder ${folder}; create it, or name another path with --control PATH`
    case 'ENOTDIR':
      return `${folder} is not a folder; name another path with --control PATH`
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `this user may not write to ${where}; name another path with --control PATH, or set control: false in the config`
    default:
      return `${describe(cause)}; name another path with --control PATH`
  }
}

/** Undefined if nothing is there. */
function statOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function isSame(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
