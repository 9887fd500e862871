/** Rows N8 to N12: admission of clients, and its cost. */
import { once } from 'node:events'
import { alone, must, mustBe, onHost, shown, type Check } from '../check.ts'
import { startHost, tableOf, visitsOf } from '../host.ts'
import { Load } from '../load.ts'
import { needDescriptors, needIpv6, when } from '../machine.ts'
import { Peer } from '../peer.ts'
import { greeted, type Member } from '../room.ts'

/** Almost the maximum number of clients. */
const SILENT = 9900

const plain = 'plugins: [logging(), stats(), quit(), echo()]'

export const admission: readonly Check[] = [
  alone(
    'N8',
    'a connection that is reset before it is accepted is neither client nor row',
    async () => {
      const host = await startHost({ config: plain })
      try {
        const [speaker, watcher] = await host.room.pair()
        host.signal('SIGSTOP')
        const dials = await Promise.all(
          Array.from({ length: 100 }, () => Peer.connect(host.address)),
        )
        const gone = dials.map((peer) => once(peer.socket, 'close'))
        for (const peer of dials) peer.reset()
        await Promise.all(gone)
        host.signal('SIGCONT')
        await host.room.stillTalks(speaker, watcher)
        const counted = (): number =>
          host.log.match(/new connection|was reset before/g)?.length ?? 0
        await when(
          () => counted() === 102,
          () => `${counted()} of 102 connections are in the log`,
        )
        const lost = host.log.split('a connection was reset before it was accepted').length - 1
        await host.stop()
        const rows = visitsOf(tableOf(host.stdout))
        must(!`${host.stdout}${host.log}`.includes('undefined'), 'there is an undefined id')
        mustBe(rows + lost, 102, 'rows and resets')
        must(lost > 0, 'no connection was reset before it was accepted')
        return `102 connections are ${rows} rows and ${lost} logged resets`
      } finally {
        await host.kill()
      }
    },
  ),

  onHost('N9', 'a silent client costs at most 8 KiB', { config: plain }, async (host) => {
    needDescriptors(SILENT + 100)
    const [speaker, watcher] = await host.room.pair()
    const before = host.rss()
    const silent = new Load('hold', host.address, SILENT)
    try {
      const { greeted: inside } = JSON.parse(await silent.line()) as { greeted: number }
      mustBe(inside, SILENT, 'greeted clients')
      await host.room.stillTalks(speaker, watcher)
      const each = (host.rss() - before) / SILENT
      must(each <= 8192, `${Math.round(each)} bytes each of ${SILENT}`)
      return `${(each / 1024).toFixed(1)} KiB each of ${SILENT}`
    } finally {
      await silent.end()
    }
  }),

  onHost(
    'N9',
    'the idle limit counts what a client sends, not what it receives',
    { config: `${plain}, limits: { idle: 1000 }` },
    async (host) => {
      const [speaker, silent] = await host.room.pair()
      const begun = performance.now()
      const talk = setInterval(() => void speaker.peer.say('still here'), 100)
      try {
        await silent.peer.ended('of the silent client')
      } finally {
        clearInterval(talk)
      }
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      must(speaker.peer.end === undefined, 'the talker was closed too')
      const told = silent.peer.lines.find((line) => line.startsWith('closed:'))
      must(told !== undefined, 'it got no reason')
      return `closed after ${seconds} s without input: ${shown(told)}`
    },
  ),

  onHost(
    'N11',
    'a connection above the limit by address gets a message',
    { config: 'plugins: [logging(), access({ exempt: [], perAddress: 3 }), echo()]' },
    async ({ room }) => {
      const here = await room.join(3)
      const fourth = await room.connect()
      await fourth.ended('of the fourth')
      must(/limit/.test(fourth.lines.join(' ')), `it got ${shown(fourth.lines)}`)
      const elsewhere = await greeted(await room.connect({ localAddress: '127.0.0.2' }))
      here[0]?.peer.close()
      await here[0]?.peer.until(() => here[0]?.peer.socket.closed, 'close')
      await room.heard(here[1] as Member, elsewhere, '')
      await greeted(await room.connect())
      return `4th of 3: ${shown(fourth.lines.at(-1))}; another address and the next one get in`
    },
  ),

  onHost(
    'N11',
    'new connections per minute are limited, and addresses can be allowed or denied',
    { config: "plugins: [access({ exempt: [], perMinute: 5, deny: ['127.0.0.2'] }), echo()]" },
    async ({ room }) => {
      for (let dial = 0; dial < 5; dial++) (await greeted(await room.connect())).peer.close()
      const sixth = await room.connect()
      await sixth.ended('of the sixth in a minute')
      const denied = await room.connect({ localAddress: '127.0.0.2' })
      await denied.ended('of the denied client')
      must(/minute/.test(sixth.lines.join(' ')), `the sixth got ${shown(sixth.lines)}`)
      must(/not accepted/.test(denied.lines.join(' ')), `it got ${shown(denied.lines)}`)
      return `6th of 5: ${shown(sixth.lines[0])}; denied: ${shown(denied.lines[0])}`
    },
  ),

  alone('N11', 'an IPv4-mapped address counts as IPv4, and IPv6 by its /64', async () => {
    needIpv6()
    const config = 'plugins: [access({ exempt: [], perAddress: 2 }), echo()]'
    const host = await startHost({ address: '::', config })
    const v4 = { host: '127.0.0.1', port: host.port }
    const peers = [await Peer.connect(v4), await Peer.connect(v4), await Peer.connect(v4)]
    try {
      await greeted(peers[0] as Peer)
      await greeted(peers[1] as Peer)
      await peers[2]?.ended('of the third over IPv4')
      const [one, two] = await host.room.pair()
      const third = await host.room.connect()
      await third.ended('of the third over IPv6')
      await host.room.stillTalks(one, two)
      return 'two of each are admitted, a third of either is rejected'
    } finally {
      for (const peer of peers) peer.close()
      await host.kill()
    }
  }),

  alone('N12', 'when file descriptors run out, each further client gets a message', async () => {
    const host = await startHost({ before: ['sh', '-c', 'ulimit -n 128; exec "$@"', 'sh'] })
    try {
      const peers = await Promise.all(Array.from({ length: 300 }, () => host.room.connect()))
      await Promise.all(
        peers.map((peer) => peer.until(() => peer.lines.length > 0 || peer.end, 'answer')),
      )
      const silent = peers.filter((peer) => peer.lines.length === 0).length
      const full = peers.filter((peer) => /full/.test(peer.lines[0] ?? '')).length
      mustBe(silent, 0, 'clients without an answer')
      must(full > 0 && full < 300, `${full} got the message that the server is full`)
      must(/room for \d+ clients/.test(host.log), 'the log does not mention the lowered limit')
      must(host.log.includes('the server is full'), 'the log could not be written')
      return `300 connection attempts at ulimit 128: ${300 - full} greeted, ${full} rejected with a message, 0 without an answer`
    } finally {
      await host.kill()
    }
  }),
]
