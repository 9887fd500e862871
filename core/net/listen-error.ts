/** The error when a port cannot be listened on: what went wrong, where, and what to do, in one sentence. */
import { isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { errors, type ChatError } from '../support/errors.ts'

export function listenError(error: NodeJS.ErrnoException, host: string, port: number): ChatError {
  return errors.listenFailed(problemOf(error, host, port), error)
}

/** `127.0.0.1:9090`, or `[::1]:9090`: without the brackets the port could not be told from the address. */
export function withPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function problemOf(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = withPort(host, port)
  const unforeseen = `cannot listen on ${where}: ${error.message}; try another address with --host H, or another port with --port N`
  switch (error.code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is in use by another program; stop it, or choose another port with --port N`
    case 'EACCES':
      return `this user may not listen on ${where}; choose ${port < 1024 ? 'a port of 1024 or above' : 'another port'} with --port N`
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; use 0.0.0.0 for all of its addresses, or 127.0.0.1 for this machine alone, with --host H`
    case 'EAFNOSUPPORT':
      return isIPv6(host)
        ? `this machine has no IPv6, which ${host} is an address of; use 0.0.0.0 for all of its IPv4 addresses, or 127.0.0.1 for this machine alone, with --host H`
        : `this machine has no network for addresses like ${host}; give another address with --host H`
    case 'EINVAL':
      if (!isIP(host) || !LINK_LOCAL.test(host)) return unforeseen
      return `${host} is an address of a single network, and needs the name of its interface; give it as ${zoned(host)} with --host H`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${host} is not known; give an address of this machine with --host H`
    default:
      return unforeseen
  }
}

/** fe80::/10 (RFC 4291, 2.5.6). */
const LINK_LOCAL = /^fe[89ab]/i

/** The address with the zone of each interface that it may belong to (RFC 4007, 11). */
function zoned(host: string): string {
  const [address] = host.split('%')
  const names = Object.entries(networkInterfaces())
    .filter(([, addresses]) => addresses?.some(({ internal }) => !internal))
    .map(([name]) => `${address}%${name}`)
  return names.join(' or ') || `${address}%INTERFACE`
}
