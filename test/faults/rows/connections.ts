/** Rows N1 to N10, N17 to N19, as far as they are observable over TCP. */
import { must, mustBe, overTcp, shown, type Check } from '../check.ts'
import { mib } from '../machine.ts'
import { Peer } from '../peer.ts'
import type { Member, Room } from '../room.ts'

/** Lines of 1 kB that the watcher must have received before more are sent, so that only a client that never reads lags. */
const WINDOW = 200
const LINE = 'x'.repeat(1000)

/** Says numbered lines of 1 kB; fails unless the watcher is shown each of them in order. */
export async function talkAtLength(
  room: Room,
  speaker: Member,
  watcher: Member,
  lines: number,
): Promise<void> {
  for (let from = 0; from < lines; from += WINDOW) {
    const numbers = Array.from(
      { length: Math.min(WINDOW, lines - from) },
      (_, index) => from + index,
    )
    const { texts } = await room.heard(
      speaker,
      watcher,
      numbers.map((number) => `${number} ${LINE}\r\n`).join(''),
    )
    mustBe(
      texts.map((line) => Number.parseInt(line)),
      numbers,
      'lines that the others see',
    )
  }
}

export const connections: readonly Check[] = [
  overTcp(
    'N1',
    'a client that never reads is cut off, and the others lose no line',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const stuck = await room.connect({ paused: true })
      await talkAtLength(room, speaker, watcher, 8000)
      stuck.resume()
      await stuck.ended('of the client that never reads')
      must(stuck.received < 8000 * LINE.length, `it was sent all ${mib(stuck.received)}`)
      return `8,000 of 8,000 lines of 1 kB shown; cut off with ${mib(stuck.received)} sent`
    },
  ),

  overTcp(
    'N5',
    'a last line before the end of the input is delivered, and answered',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const from = watcher.peer.lines.length
      const begun = performance.now()
      speaker.peer.finish('hi\r\n/nosuch\r\n')
      await watcher.peer.line((line) => line === `${speaker.prefix}hi`, 'last line', { from })
      await speaker.peer.ended('of the client that ended its input')
      const milliseconds = Math.round(performance.now() - begun)
      mustBe(speaker.peer.end, 'end', 'how it was closed')
      must(milliseconds <= 1000, `closed after ${milliseconds} ms`)
      const answered = speaker.peer.lines.some((line) => line.includes('/nosuch'))
      must(answered, 'what was queued for it was not flushed')
      return `delivered, its own answer flushed, closed after ${milliseconds} ms`
    },
  ),

  overTcp('N6', 'an unfinished line at the end of the input is not a message', async (room) => {
    const [speaker, watcher, third] = await room.three()
    const from = watcher.peer.lines.length
    speaker.peer.finish('no newline')
    await speaker.peer.ended('of the client that ended its input')
    await room.heard(third, watcher, '')
    const leaked = watcher.peer.lines.slice(from).filter((line) => line.includes('no newline'))
    mustBe(leaked, [], 'what the others see of it')
    return 'nothing shown'
  }),

  overTcp('N7', 'a thousand resets during a broadcast affect no other client', async (room) => {
    const [speaker, watcher] = await room.pair()
    for (let round = 0; round < 10; round++) {
      const victims = await room.join(100)
      for (const { peer } of victims) await peer.send('half a li')
      const numbers = Array.from({ length: 20 }, (_, index) => `${round} ${index}`)
      const heard = room.heard(speaker, watcher, numbers.map((line) => `${line}\r\n`).join(''))
      for (const { peer } of victims) peer.reset()
      mustBe((await heard).texts, numbers, 'lines during the resets')
    }
    await room.stillTalks(speaker, watcher)
    return '1,000 resets, 200 of 200 lines shown'
  }),

  overTcp(
    'N8',
    'a connection that is reset at once has no effect and is not a client',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const from = watcher.peer.lines.length
      for (let round = 0; round < 20; round++) {
        const dials = Array.from({ length: 25 }, async () =>
          (await Peer.connect(room.address)).reset(),
        )
        await Promise.all(dials)
      }
      await room.stillTalks(speaker, watcher)
      const odd = watcher.peer.lines.slice(from).filter((line) => line.includes('undefined'))
      mustBe(odd, [], 'lines without a name')
      return '500 resets; all others stay connected'
    },
  ),

  overTcp('N9', 'three hundred silent clients receive every line', async (room) => {
    const [speaker] = await room.pair()
    const silent = await room.join(300)
    const from = silent.map(({ peer }) => peer.lines.length)
    const said = Array.from({ length: 10 }, (_, index) => `line ${index}`)
    await speaker.peer.send(said.map((line) => `${line}\r\n`).join(''))
    for (const [index, { peer }] of silent.entries()) {
      await peer.line((line) => line === `${speaker.prefix}line 9`, 'last line')
      const seen = peer.lines.slice(from[index]).filter((line) => line.startsWith(speaker.prefix))
      mustBe(
        seen.map((line) => line.slice(speaker.prefix.length)),
        said,
        'lines that a silent client sees',
      )
    }
    return '3,000 of 3,000 deliveries'
  }),

  overTcp(
    'N10',
    'many joins at once are greeted, and connected clients lose no line',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const waits: number[] = []
      let joined = 0
      const listening = room.listen(speaker, watcher)
      let said = 0
      for (let round = 0; round < 20; round++) {
        const dials = Array.from({ length: 50 }, async () => {
          const begun = performance.now()
          const peer = await room.connect()
          await peer.until(() => peer.lines.length > 0, 'greeting')
          waits.push(performance.now() - begun)
          peer.close()
          joined++
        })
        await speaker.peer.say(`line ${said++}`)
        await Promise.all(dials)
      }
      const { texts } = await listening()
      mustBe(texts.length, said, 'lines shown to connected clients')
      const p99 = waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.99)] ?? NaN
      must(p99 <= 200, `the greeting took up to ${Math.round(p99)} ms (p99)`)
      return `${joined} joins, greeted within ${Math.round(p99)} ms (p99), ${said} of ${said} lines shown`
    },
  ),

  overTcp(
    'N17',
    'a line goes to exactly the connected clients while others join and leave',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const lines = 600
      const visits: Array<{ peer: Peer; first: number; last: number }> = []
      const listening = room.listen(speaker, watcher)
      for (let number = 0; number < lines; number++) {
        await speaker.peer.say(`number ${number}`)
        if (number % 10 === 0) {
          const [visitor] = await room.join(2)
          visits.push({ peer: (visitor as Member).peer, first: number, last: Infinity })
        }
        const gone = visits[visits.length - 4]
        if (number % 10 === 5 && gone !== undefined) {
          gone.last = number
          gone.peer.close()
        }
      }
      const { texts } = await listening()
      const own = texts.filter((line) => line.startsWith('number'))
      mustBe(own.length, lines, 'lines shown to the client that stays')
      for (const { peer, first } of visits) {
        const seen = peer.lines
          .filter((line) => line.startsWith(`${speaker.prefix}number`))
          .map((line) => Number(line.slice(`${speaker.prefix}number `.length)))
        must(
          seen.every((number, index) => index === 0 || number === (seen[index - 1] as number) + 1),
          `a gap or a duplicate: ${shown(seen)}`,
        )
        must(
          (seen[0] ?? lines) <= first + 1,
          `a client that joined at ${first} saw ${seen[0]} first`,
        )
      }
      return `${lines} of ${lines} lines shown to the client that stays, no gap for ${visits.length} others`
    },
  ),

  overTcp('N18', 'nothing after /quit is delivered', async (room) => {
    const [speaker, watcher, third] = await room.three()
    const from = watcher.peer.lines.length
    await speaker.peer.send('hi\r\n/quit\r\nlater\r\n')
    await speaker.peer.ended('of the client that quits')
    await room.heard(third, watcher, '')
    const seen = watcher.peer.lines.slice(from).filter((line) => line.startsWith(speaker.prefix))
    mustBe(seen, [`${speaker.prefix}hi`], 'what the others see')
    return 'the line before it is shown, the line after it is not'
  }),

  overTcp('N19', 'a flood from one client arrives completely and in order', async (room) => {
    const [speaker, watcher] = await room.pair()
    const { texts } = await room.heard(speaker, watcher, 'a\nb\n'.repeat(5000))
    mustBe(texts.length, 10_000, 'lines')
    const inOrder = texts.every((line, index) => line === (index % 2 === 0 ? 'a' : 'b'))
    must(inOrder, 'they are out of order')
    return '10,000 of 10,000 lines'
  }),
]
