/** The servers that are compared, with rate limits, DNS lookups and logs switched off. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

export interface Server {
  readonly name: string
  readonly command: (port: number) => readonly string[]
  /** Options for the load generator. */
  readonly load: readonly string[]
  /** Its working directory: a folder without a config file. */
  readonly cwd: string
}

const INSPIRCD = (folder: string, port: number): string => `
<server name="irc.bench.test" description="bench" network="bench" id="0AA">
<admin name="bench" nick="bench" email="bench@bench.test">
<bind address="127.0.0.1" port="${port}" type="clients">
<connect name="all" allow="*" timeout="60" threshold="1000000" commandrate="100000000" fakelag="no"
 recvq="1048576" softsendq="268435456" hardsendq="268435456" localmax="20000" globalmax="20000"
 resolvehostnames="no" useident="no" modes="">
<path configdir="${folder}" datadir="${folder}" logdir="${folder}" moduledir="/usr/lib/inspircd/modules">
<pid file="${folder}/inspircd.pid">
<performance softlimit="20000" somaxconn="4096" netbuffersize="65535" quietbursts="yes">
<options defaultmodes="n">
`

const NGIRCD = (port: number): string => `
[Global]
Name = irc.bench.test
Info = bench
Listen = 127.0.0.1
Ports = ${port}
MotdPhrase = bench
ServerUID = nobody
ServerGID = nogroup
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
`

/** Compiles a C program of this folder; undefined if there is no compiler. */
export function compile(name: string, folder: string): string | undefined {
  if (spawnSync('cc', ['--version']).status !== 0) return undefined
  const output = join(folder, name)
  execFileSync('cc', ['-O2', '-o', output, join(import.meta.dirname, `${name}.c`)])
  return output
}

function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

/** The servers installed on this machine; the folder is for their files. Reports missing ones to `note`. */
export function findServers(
  folder: string,
  host: string,
  note: (text: string) => void,
): Map<string, Server> {
  const cwd = join(folder, 'empty')
  mkdirSync(cwd)
  const servers = new Map<string, Server>()
  const add = (
    name: string,
    command: ((port: number) => readonly string[]) | false,
    load: readonly string[] = [],
  ): void => {
    if (command === false) note(`${name} is not installed: left out`)
    else servers.set(name, { name, command, load, cwd })
  }
  const configured =
    (program: string, config: (port: number) => string, ...words: string[]) =>
    (port: number): readonly string[] => {
      const file = join(folder, `${program}.conf`)
      writeFileSync(file, config(port))
      return [program, ...words, file]
    }
  const hostWords = host.split(' ')
  add('multiecho', (port) => [...hostWords, '-p', String(port)])
  const c = compile('epoll-server', folder)
  add('c', c !== undefined && ((port) => [c, String(port)]))
  const naive = join(root, 'test/bench/naive.ts')
  const tsx = import.meta.resolve('tsx')
  add('naive', (port) => ['node', '--import', tsx, naive, String(port)])
  const inspircd = configured(
    'inspircd',
    (port) => INSPIRCD(folder, port),
    ...(process.getuid?.() === 0 ? ['--runasroot'] : []),
    '--nofork',
    '--nolog',
    '--config',
  )
  add('inspircd', has('inspircd') && inspircd, ['--protocol', 'irc'])
  // It leaves Nagle's algorithm on, so that its writes wait for acknowledgements: once with ordinary clients, which delay
  // them, and once with clients that do not.
  add('inspircd-acknowledged', has('inspircd') && inspircd, ['--protocol', 'irc', '--quickack'])
  add('ngircd', has('ngircd') && configured('ngircd', NGIRCD, '-n', '-f'), ['--protocol', 'irc'])
  const ncat = (port: number) => ['ncat', '--chat', '-k', '-m', '500', '-l', '127.0.0.1', `${port}`]
  // Its listen queue is short.
  add('ncat', has('ncat') && ncat, ['--protocol', 'ncat', '--concurrency', '1'])
  return servers
}

/** The names of the servers in tables. */
export const TITLES: Readonly<Record<string, string>> = {
  multiecho: 'multiecho',
  c: 'C, epoll, one write per turn',
  naive: 'Node, one write per line',
  inspircd: 'InspIRCd',
  'inspircd-acknowledged': 'InspIRCd, immediate ACKs',
  ngircd: 'ngIRCd',
  ncat: 'ncat --chat',
}
