/** A7: more clients than there are file descriptors. */
import { must } from '../check.ts'
import { count, type Figure } from '../figure.ts'
import type { Peer } from '../peer.ts'

const DESCRIPTORS = 128
const DIALS = 300

export const descriptors: Figure = {
  id: 'A7',
  title: `${DIALS} connection attempts at ulimit -n ${DESCRIPTORS}`,
  promised: `${DIALS} of ${DIALS} answered, 0 silent; the log is written meanwhile; a new client is served ≤ 1 s after others leave`,
  ofOthers: true,
  async measure(stage) {
    const server = await stage.server({
      before: ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh'],
      config: 'plugins: [logging({ lines: true }), stats(), quit(), help(), echo()]',
    })
    const peers: Peer[] = []
    for (let dial = 0; dial < DIALS; dial++) {
      const peer = await server.room.connect().catch(() => undefined)
      must(peer !== undefined, `it exited, or accepts no more connections, after ${dial} attempts`)
      await peer.until(() => peer.lines.length > 0 || peer.end, 'answer').catch(() => {})
      peers.push(peer)
    }
    const silent = peers.filter((peer) => peer.lines.length === 0).length
    const isFull = (peer: Peer): boolean => /full/.test(peer.lines[0] ?? '')
    const full = peers.filter(isFull).length
    const inside = peers.filter((peer) => peer.lines.length > 0 && !isFull(peer))
    const [speaker, watcher] = inside as [Peer, Peer]
    await speaker.say('written while it is full')
    await watcher.line((line) => line.endsWith('written while it is full'), 'line')
    const logged = server.host?.log.includes('written while it is full')
    for (const peer of inside.slice(2)) peer.close()
    await Promise.all(inside.slice(2).map((peer) => peer.until(() => peer.socket.closed, 'close')))
    const begun = performance.now()
    let milliseconds = Infinity
    while (milliseconds === Infinity && performance.now() - begun < 5000) {
      const peer = await server.room.connect()
      await peer.until(() => peer.lines.length > 0 || peer.end, 'answer').catch(() => {})
      if (peer.end === undefined && peer.lines.length > 0) milliseconds = performance.now() - begun
      peer.close()
    }
    const log = logged === undefined ? '' : `the log is ${logged ? '' : 'not '}written; `
    return {
      measured: `${inside.length} greeted, ${full} rejected with a message, ${silent} without an answer of ${count(DIALS)}; ${log}the next one served after ${Math.round(milliseconds)} ms`,
      met:
        silent === 0 && full + inside.length === DIALS && logged !== false && milliseconds <= 1000,
    }
  },
}
