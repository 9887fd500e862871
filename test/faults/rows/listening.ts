/** Rows N13 to N15: listening, and the errors if that fails. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { alone, must, mustBe, shown, skip, type Check } from '../check.ts'
import { runToEnd, startHost } from '../host.ts'
import { needIpv6, needPrograms, newFolder } from '../machine.ts'
import { Peer } from '../peer.ts'
import { greeted } from '../room.ts'

/** Fails unless the program ended with one sentence and the status; returns the sentence. */
function mustRefuse(
  { code, stdout, stderr, milliseconds }: Awaited<ReturnType<typeof runToEnd>>,
  status: number,
): string {
  mustBe(code, status, 'the status')
  mustBe(stdout, '', 'standard output')
  const lines = stderr.trimEnd().split('\n')
  must(lines.length === 1 && stderr.startsWith('multiecho: '), `it says ${shown(stderr, 300)}`)
  must(milliseconds < 3000, `it took ${Math.round(milliseconds)} ms`)
  return stderr.trim()
}

export const listening: readonly Check[] = [
  alone('N13', 'a port that is taken is reported in one sentence, status 1', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    try {
      const said = mustRefuse(await runToEnd({ port }), 1)
      must(said.includes(String(port)) && said.includes('in use'), said)
      return shown(said, 160)
    } finally {
      other.close()
    }
  }),

  alone('N13', 'a port without permission is reported in one sentence, status 1', async () => {
    const lowest = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
    if (lowest <= 81) skip('any user may listen on port 81 here')
    const root = process.getuid?.() === 0
    if (root) needPrograms('setpriv')
    const folder = newFolder()
    const before = root
      ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--']
      : []
    const ran = await runToEnd({ port: 81, before, folder, config: 'plugins: [echo()]' })
    if (/EACCES.*chat\.config|permission denied, (open|scandir)/.test(ran.stderr))
      skip('the other user cannot read the program')
    const said = mustRefuse(ran, 1)
    must(said.includes('may not listen'), said)
    return shown(said, 160)
  }),

  alone('N13', 'an address of another machine is reported in one sentence, status 1', async () => {
    const said = mustRefuse(await runToEnd({ address: '203.0.113.7' }), 1)
    must(said.includes('203.0.113.7'), said)
    return shown(said, 160)
  }),

  alone('N13', 'an invalid port is reported in one sentence, status 2', async () => {
    const wrong = ['70000', '-1', '9090x', '1.5', '']
    const said: string[] = []
    for (const port of wrong) said.push(mustRefuse(await runToEnd({}, ['-p', port]), 2))
    for (const sentence of said) must(/port/i.test(sentence), sentence)
    return `${wrong.length} of ${wrong.length}: ${shown(said[0], 140)}`
  }),

  alone('N14', 'a free port is printed and logged before the first client', async () => {
    const host = await startHost()
    try {
      must(host.port > 0, 'no port is printed')
      must(host.log.includes(`listening on address 127.0.0.1:${host.port}`), 'it is not logged')
      const [speaker, watcher] = await host.room.pair()
      await host.room.stillTalks(speaker, watcher)
      return `port ${host.port}, printed and logged`
    } finally {
      await host.kill()
    }
  }),

  alone('N15', 'IPv6 ids have brackets, IPv4-mapped addresses look like IPv4', async () => {
    needIpv6()
    const host = await startHost({ address: '::' })
    const v4 = await Peer.connect({ host: '127.0.0.1', port: host.port })
    try {
      const { prefix } = await greeted(v4)
      const [speaker, watcher] = await host.room.pair()
      await host.room.stillTalks(speaker, watcher)
      must(/^\(127\.0\.0\.1:\d+\) $/.test(prefix), `over IPv4: ${prefix}`)
      must(/^\(\[::1\]:\d+\) $/.test(speaker.prefix), `over IPv6: ${speaker.prefix}`)
      return `${prefix.trim()} and ${speaker.prefix.trim()}`
    } finally {
      v4.close()
      await host.kill()
    }
  }),

  alone('N13', 'a log that cannot be opened is reported in one sentence', async () => {
    const said = await runToEnd({
      config: "plugins: [logging({ file: '/nowhere/chat.log' }), echo()]",
    })
    must(said.code === 1 || said.code === 2, `status ${said.code}`)
    must(said.stderr.trim().split('\n').length === 1, `it says ${shown(said.stderr, 300)}`)
    return shown(said.stderr.trim(), 160)
  }),
]
