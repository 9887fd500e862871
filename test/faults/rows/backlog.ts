/** Rows N1 to N4: clients that never read: the host's backlog for them, and its log. */
import { must, mustBe, onHost, shown, type Check } from '../check.ts'
import type { RunningHost } from '../host.ts'
import { MiB, mib } from '../machine.ts'
import type { Peer } from '../peer.ts'
import { greeted } from '../room.ts'
import { talkAtLength } from './connections.ts'

const plain = 'plugins: [logging(), stats(), quit(), echo()]'

/** Clients that never read, in the order in which they joined. */
export async function stuckPeers(host: RunningHost, count: number): Promise<Peer[]> {
  const peers: Peer[] = []
  for (let index = 0; index < count; index++) {
    const peer = await host.room.connect()
    await greeted(peer)
    peer.pause()
    peers.push(peer)
  }
  return peers
}

export const backlog: readonly Check[] = [
  onHost('N1', 'clients that never read are closed, and the log says why', {}, async (host) => {
    const [speaker, watcher] = await host.room.pair()
    const [stuck] = await stuckPeers(host, 1)
    const before = host.rss()
    await talkAtLength(host.room, speaker, watcher, 8000)
    const closing = await host.logs(/closing connection: .* \(slow reader\)/)
    must(closing.includes((stuck as Peer).name), `somebody else was closed: ${closing}`)
    const grown = host.rss() - before
    must(grown <= 64 * MiB, `resident memory grew by ${mib(grown)}`)
    return `${shown(closing)}, memory ${mib(grown)} more`
  }),

  onHost(
    'N2',
    'two hundred thousand small lines take no more memory than their bytes',
    {},
    async (host) => {
      const { room } = host
      const [speaker, watcher] = await room.pair()
      await stuckPeers(host, 5)
      const before = host.rss()
      let shownLines = 0
      for (let part = 0; part < 20; part++) {
        const { texts } = await room.heard(speaker, watcher, 'a\n'.repeat(10_000))
        shownLines += texts.length
      }
      mustBe(shownLines, 200_000, 'lines shown to the reader')
      const grown = host.rss() - before
      must(grown <= 48 * MiB, `resident memory grew by ${mib(grown)}`)
      return `200,000 lines, 5 clients that never read, memory ${mib(grown)} more`
    },
  ),

  onHost(
    'N3',
    'the total backlog is bounded, and the client with the largest one is closed first',
    {
      config: `${plain}, limits: { backlogHard: ${256 * MiB}, backlogTotal: ${4 * MiB} }`,
    },
    async (host) => {
      const { room } = host
      const [speaker, watcher] = await room.pair()
      const [first] = await stuckPeers(host, 1)
      await talkAtLength(room, speaker, watcher, 1500)
      const later = await stuckPeers(host, 5)
      const before = host.rss()
      await talkAtLength(room, speaker, watcher, 7000)
      await host.logs(/\(slow reader\)/)
      const closed = [...host.log.matchAll(/closing connection: (\S+) \(slow reader\)/g)].map(
        ([, name]) => name,
      )
      mustBe(closed[0], (first as Peer).name, 'the first to be closed')
      must(closed.length < later.length + 1, 'all were closed')
      const grown = host.rss() - before
      must(grown <= 48 * MiB, `resident memory grew by ${mib(grown)}`)
      return `${closed.length} of 6 clients that never read closed, the oldest first, 8,500 of 8,500 lines shown`
    },
  ),

  onHost(
    'N4',
    'a vanished peer is closed after the write deadline without progress',
    {
      config: `${plain}, limits: { backlogSoft: 65536, backlogHard: ${256 * MiB}, writeDeadline: 1000 }`,
    },
    async (host) => {
      const [speaker, watcher] = await host.room.pair()
      const [stuck] = await stuckPeers(host, 1)
      await talkAtLength(host.room, speaker, watcher, 6000)
      const begun = performance.now()
      const closing = await host.logs(/closing connection: .* \(slow reader\)/)
      must(closing.includes((stuck as Peer).name), `somebody else was closed: ${closing}`)
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      return `closed ${seconds} s after the last of 6 MB, with a deadline of 1 s`
    },
  ),
]
