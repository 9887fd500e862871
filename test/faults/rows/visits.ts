/** Rows N6 and N16 to N21: sessions in the log and the table. */
import { alone, must, mustBe, onHost, shown, skip, type Check } from '../check.ts'
import { startHost, tableOf, visitsOf } from '../host.ts'
import type { Peer } from '../peer.ts'
import { greeted, type Room } from '../room.ts'

const plain = 'plugins: [logging(), stats(), quit(), echo()]'

/** Connects from a port that was just used; skips the check if the kernel does not allow that. */
async function sameAgain(room: Room, localPort: number | undefined): Promise<Peer> {
  let code = ''
  for (let attempt = 0; attempt < 40; attempt++) {
    try {
      return await room.connect({ localPort, localAddress: '127.0.0.1' })
    } catch (error) {
      code = (error as NodeJS.ErrnoException).code ?? String(error)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return skip(`the kernel does not reuse the port (${code})`)
}

export const visits: readonly Check[] = [
  onHost('N6', 'an unfinished line is logged', {}, async (host) => {
    const [speaker] = await host.room.pair()
    speaker.peer.finish('no newline')
    return shown(await host.logs(/dropped 10 bytes without a line end from \S+/))
  }),

  alone('N16', 'the same address and port twice are two sessions', async () => {
    const host = await startHost({ config: plain })
    try {
      const first = await greeted(await host.room.connect())
      const { localPort } = first.peer.socket
      await first.peer.say('/quit')
      await first.peer.ended('of the first session')
      first.peer.close()
      await first.peer.until(() => first.peer.socket.closed, 'close')
      const again = await sameAgain(host.room, localPort)
      await greeted(again)
      mustBe(again.name, first.prefix.slice(1, -2), 'the id of the second session')
      await again.say('one')
      await host.stop()
      const rows = tableOf(host.stdout)
      mustBe(
        rows.map(({ echoed, quit }) => [echoed, quit]),
        [
          [0, 'true'],
          [1, 'false'],
        ],
        'the rows of the two sessions',
      )
      return `two rows for ${rows[0]?.id}`
    } finally {
      await host.kill()
    }
  }),

  onHost(
    'N19',
    'with the flood plugin, a flood is slowed down, loses nothing and does not affect others',
    { config: 'plugins: [flood({ burst: 100, perSecond: 400 }), echo()]' },
    async ({ room }) => {
      const [flooder, watcher, speaker] = await room.three()
      const flood = room.heard(
        flooder,
        watcher,
        Array.from({ length: 900 }, (_, index) => `${index}\r\n`).join(''),
      )
      const begun = performance.now()
      const waits: number[] = []
      for (let round = 0; round < 50; round++) {
        const said = performance.now()
        await room.stillTalks(speaker, watcher)
        waits.push(performance.now() - said)
      }
      const { texts } = await flood
      const seconds = (performance.now() - begun) / 1000
      mustBe(texts.length, 900, 'lines of the flood')
      must(
        texts.every((line, index) => line === String(index)),
        'they are out of order',
      )
      must(seconds >= 1.8, `it took only ${seconds.toFixed(1)} s`)
      const worst = Math.max(...waits)
      must(worst < 300, `another one waited ${Math.round(worst)} ms`)
      const told = flooder.peer.lines.filter((line) => line.includes('you are sending fast')).length
      mustBe(told, 1, 'notices to the flooding client')
      return `900 of 900 in ${seconds.toFixed(1)} s, others waited ${Math.round(worst)} ms at most`
    },
  ),

  alone(
    'N20',
    'the table has the configured number of rows and one of sums, and is exact',
    async () => {
      const host = await startHost({
        config: 'plugins: [stats({ rows: 5 }), mute(), quit(), echo()]',
      })
      try {
        for (let visit = 0; visit < 12; visit++) {
          const { peer } = await greeted(await host.room.connect())
          await peer.send('one\r\ntwo\r\n/mute\r\nthree\r\n/quit\r\n')
          await peer.ended('of a session')
        }
        await host.stop()
        const rows = tableOf(host.stdout)
        mustBe(rows.length, 6, 'rows')
        mustBe(rows.at(-1), { id: '7 more', echoed: 14, muted: 7, quit: '7' }, 'the row of sums')
        mustBe(visitsOf(rows), 12, 'visits')
        return '12 sessions: 5 rows and one of sums, exact'
      } finally {
        await host.kill()
      }
    },
  ),

  alone('N21', 'after a kill it listens on the same port again within a second', async () => {
    const now = (): number => performance.now()
    const started = now()
    const first = await startHost({ config: plain })
    // On a busy machine, Node itself takes longer to start.
    const limit = Math.max(1000, 1.5 * (now() - started))
    await first.room.join(50)
    first.signal('SIGKILL')
    await first.exited
    const begun = now()
    const second = await startHost({ config: plain, port: first.port })
    const milliseconds = Math.round(now() - begun)
    try {
      must(milliseconds <= limit, `after ${milliseconds} ms`)
      const [speaker, watcher] = await second.room.pair()
      await second.room.stillTalks(speaker, watcher)
      return `after ${milliseconds} ms, with 50 clients connected`
    } finally {
      await first.kill()
      await second.kill()
    }
  }),
]
