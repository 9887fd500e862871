/** A2 over TCP: hostile streams, each sent by three clients that split it differently. */
import { must, shown } from '../check.ts'
import { count, type Figure } from '../figure.ts'
import { hostileStreams } from '../hostile.ts'
import { randomFrom } from '../../../core/testing/random.ts'
import { below, type Random } from '../random.ts'
import type { Member } from '../room.ts'

const SECONDS = 30
const STREAMS_A_BATCH = 100
const CONTROL = /\p{Cc}/u

interface Tally {
  streams: number
  lines: number
  unprefixed: number
  controls: number
  raw: number
  different: number
}

/** Sends bytes in pieces of 1 to `most` bytes, each in a write of its own. */
async function sendCut(member: Member, whole: Buffer, random: Random, most: number): Promise<void> {
  for (let at = 0; at < whole.length;) {
    const length = 1 + below(random, most)
    await member.peer.send(whole.subarray(at, at + length))
    at += length
  }
}

export const forgery: Figure = {
  id: 'A2',
  title: `hostile streams over TCP for ${SECONDS} s, each split in three ways`,
  promised:
    '0 lines without their true prefix, 0 control characters, 0 bytes 255, 0 differences between splits',
  ofOthers: true,
  async measure(stage) {
    const { room } = await stage.server()
    const seed = Math.floor(Math.random() * 2 ** 32)
    const random = randomFrom(seed)
    const [watcher, victim, ...speakers] = (await room.join(5)) as [Member, Member, ...Member[]]
    const stream = hostileStreams(random, victim.prefix)
    const tally: Tally = { streams: 0, lines: 0, unprefixed: 0, controls: 0, raw: 0, different: 0 }
    const [whole, cut, bitwise] = speakers as [Member, Member, Member]
    let example = ''
    // Their greetings are not chat.
    watcher.peer.forget()

    const examine = (raw: Buffer, lines: readonly string[]): void => {
      tally.raw += raw.includes(0xff) ? 1 : 0
      for (const line of lines) {
        tally.lines++
        if (CONTROL.test(line)) tally.controls++
        if (!speakers.some(({ prefix }) => line.startsWith(prefix))) {
          tally.unprefixed++
          example ||= line
        }
      }
      const [first, ...others] = speakers.map(({ prefix }) =>
        lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length)),
      )
      // A line begins with its batch, which is the same for all three.
      const text = JSON.stringify(first)
      for (const other of others) tally.different += JSON.stringify(other) === text ? 0 : 1
    }

    const end = performance.now() + SECONDS * 1000
    for (let batch = 0; performance.now() < end; batch++) {
      const bytes = Buffer.concat(Array.from({ length: STREAMS_A_BATCH }, stream))
      await Promise.all([
        whole.peer.send(bytes),
        sendCut(cut, bytes, random, 40),
        sendCut(bitwise, bytes, random, 3),
      ])
      const fence = `batch ${batch}.`
      await Promise.all(speakers.map(({ peer }) => peer.say(fence)))
      for (const { prefix } of speakers) {
        await watcher.peer.line(
          (line) => line === prefix + fence,
          `end of batch ${batch} (seed ${seed})`,
        )
      }
      examine(
        watcher.peer.bytes,
        watcher.peer.lines.filter((line) => !line.endsWith(fence)),
      )
      tally.streams += STREAMS_A_BATCH
      for (const { peer } of [watcher, victim, ...speakers]) peer.forget()
    }
    must(tally.lines > 0, 'nothing was shown')
    const faults = tally.unprefixed + tally.controls + tally.raw + tally.different
    return {
      measured: `${count(tally.streams)} streams × 3, ${count(tally.lines)} lines: ${tally.unprefixed} without their prefix, ${tally.controls} with control characters, ${tally.raw} batches with a byte 255, ${tally.different} differences (seed ${seed})${example === '' ? '' : `; for example ${shown(example)}`}`,
      met: faults === 0,
    }
  },
}
