/** A random client of the soak test: its actions, its row in the table, and what it must have been shown. */
import { must, shown } from './check.ts'
import type { Peer } from './peer.ts'
import { below, pick, type Random } from './random.ts'
import { greeted, type Room } from './room.ts'
import { bytes, IAC, WILL } from './rows/bytes.ts'

/** How a session ends. */
export type Leaving = 'quit' | 'end of input' | 'close' | 'reset'

const WAYS_TO_LEAVE: readonly Leaving[] = ['quit', 'end of input', 'close', 'reset']
const WORDS = [
  'hello',
  'grüße',
  '😀',
  '中文',
  'a b  c',
  '//x',
  '/ x',
  '%s',
  '(1.2.3.4)',
  'x'.repeat(300),
]
/** Input that forms no line: empty lines, an erased one, a telnet offer. */
const HARMLESS = [
  bytes('\r\n'),
  bytes('\n\n'),
  bytes('\r\0'),
  bytes('half', 0x15),
  bytes(IAC, WILL, 31),
]
/** The answer to that offer, as it is decoded. */
const REFUSED_OFFER = '\ufffd\ufffd\x1f'
const TOO_LONG = `${'y'.repeat(5000)}\r\n`

export interface Visitor {
  readonly peer: Peer
  readonly name: string
  readonly prefix: string
  muted: boolean
  left: Leaving | undefined
  /** Whether it was connected when the round began. */
  settled: boolean
  /** Texts of this round that the others must be shown. */
  said: string[]
  /** Lines delivered in earlier rounds, and lines muted. */
  echoed: number
  mutedLines: number
}

export async function arrive(room: Room): Promise<Visitor> {
  const peer = await room.connect()
  const { prefix } = await greeted(peer)
  peer.forget()
  return {
    peer,
    name: prefix.slice(1, -2),
    prefix,
    muted: false,
    left: undefined,
    settled: false,
    said: [],
    echoed: 0,
    mutedLines: 0,
  }
}

/** Sends and does some things in random order; some clients leave afterwards. */
export async function act(visitor: Visitor, round: number, random: Random): Promise<void> {
  const { peer } = visitor
  const steps = below(random, 8)
  if (random() < 0.1) peer.pause()
  for (let step = 0; step < steps; step++) {
    const dice = random()
    if (dice < 0.05) {
      visitor.muted = !visitor.muted
      await peer.say(visitor.muted ? '/mute' : '/UNMUTE')
    } else if (dice < 0.08) {
      await peer.send(TOO_LONG)
    } else if (dice < 0.11) {
      await peer.say('/nosuchcommand please')
    } else if (dice < 0.14) {
      await peer.send(pick(random, HARMLESS))
    } else {
      await speak(visitor, `${round}.${step} ${pick(random, WORDS)}`, random)
    }
  }
}

async function speak(visitor: Visitor, text: string, random: Random): Promise<void> {
  if (visitor.muted) visitor.mutedLines++
  else visitor.said.push(text)
  const line = Buffer.from(text + pick(random, ['\n', '\r\n', '\r\0']))
  const cut = random() < 0.3 ? below(random, line.length) : 0
  if (cut > 0) await visitor.peer.send(line.subarray(0, cut))
  await visitor.peer.send(line.subarray(cut))
}

/** Leaves in a random way. */
export async function leave(visitor: Visitor, random: Random): Promise<void> {
  const { peer } = visitor
  const how = pick(random, WAYS_TO_LEAVE)
  visitor.left = how
  peer.resume()
  if (how === 'quit') {
    await peer.send('/quit\r\nnever shown\r\n')
  } else if (how === 'end of input') {
    peer.finish('never finished')
  } else if (how === 'close') {
    peer.close()
  } else {
    peer.reset()
  }
  await peer.until(() => peer.socket.closed, `end of a session by ${how}`)
}

/** Whether everything that it sent is sure to have been read: a broken connection may lose bytes in flight. */
export function isHeard({ left }: Visitor): boolean {
  return left !== 'close' && left !== 'reset'
}

/** Fails unless the client was shown what the others said in this round, each in order, and nothing else. */
export function examine(visitor: Visitor, others: readonly Visitor[], round: number): void {
  const lines = visitor.peer.lines
    .map((line) => line.replace(REFUSED_OFFER, ''))
    .filter((line) => !line.startsWith('there is no command'))
  const left = new Set(lines)
  for (const other of others) {
    const seen = lines.filter((line) => line.startsWith(other.prefix))
    for (const line of seen) left.delete(line)
    const texts = seen.map((line) => line.slice(other.prefix.length))
    const where = `round ${round}, ${visitor.name} of ${other.name}`
    const { said } = other
    const from = texts.length === 0 ? 0 : said.indexOf(texts[0] as string)
    must(
      JSON.stringify(said.slice(from, from + texts.length)) === JSON.stringify(texts),
      `${where}: said ${shown(said)}, shown ${shown(texts)}`,
    )
    const whole = visitor.settled && visitor.left === undefined
    if (whole && isHeard(other)) {
      must(texts.length === said.length, `${where}: ${texts.length} of ${said.length} lines shown`)
    }
    if (whole) must(from === 0, `${where}: the first lines are missing`)
  }
  for (const line of left) {
    must(
      line.startsWith('your line was not sent'),
      `round ${round}, ${visitor.name}: shown ${shown(line)}`,
    )
  }
}
