/** Rows T1 to T10 and T22: the telnet side of what a client sends. */
import { must, mustBe, onHost, overTcp, shown, type Check } from '../check.ts'
import { MiB, mib } from '../machine.ts'
import type { Member, Room } from '../room.ts'
import {
  AO,
  AYT,
  BRK,
  bytes,
  count,
  cuts,
  DO,
  DONT,
  EC,
  EL,
  IAC,
  IP,
  SB,
  SE,
  TIMING_MARK,
  times,
  WILL,
  WONT,
} from './bytes.ts'

const REFUSED_MARK = bytes(IAC, WONT, TIMING_MARK)
/** What a telnet client sends for Ctrl-C. */
const INTERRUPT = bytes(IAC, IP, IAC, DO, TIMING_MARK)

/** How many options the server has refused. */
function answers({ peer }: Member): number {
  return count(peer.bytes, bytes(IAC, WONT)) + count(peer.bytes, bytes(IAC, DONT))
}

/** Waits until the server has read all input of the member, and the member all answers. */
async function read(room: Room, speaker: Member, watcher: Member): Promise<void> {
  await room.heard(speaker, watcher, '')
  await room.heard(watcher, speaker, '')
}

export const telnet: readonly Check[] = [
  overTcp('T1', 'a million option requests get at most 512 answers', async (room) => {
    const [speaker, watcher] = await room.pair()
    await speaker.peer.send(times(1_000_000, bytes(IAC, DO, 1)))
    await read(room, speaker, watcher)
    const same = answers(speaker)
    must(same <= 1, `${same} answers to the same request`)
    for (let option = 0; option < 256; option++) {
      if (option === TIMING_MARK) continue
      await speaker.peer.send(bytes(IAC, DO, option, IAC, WILL, option))
    }
    await read(room, speaker, watcher)
    const all = answers(speaker)
    must(all <= 512, `${all} answers`)
    await room.stillTalks(speaker, watcher)
    return `${same} answer to 1,000,000 equal requests, ${all} to all options`
  }),

  onHost('T1', 'a million option requests cost at most 100 ms of CPU', {}, async (host) => {
    const [speaker, watcher] = await host.room.pair()
    const flood = async (): Promise<void> => {
      await speaker.peer.send(times(1_000_000, bytes(IAC, DO, 1)))
      await read(host.room, speaker, watcher)
    }
    // The first ones include JIT compilation, whose duration varies.
    for (let warm = 0; warm < 3; warm++) await flood()
    const before = host.cpu()
    await flood()
    const used = Math.round((host.cpu() - before) * 1000)
    must(used <= 100, `${used} ms`)
    return `${used} ms`
  }),

  overTcp(
    'T2',
    'every timing mark is answered, so that telnet shows lines after Ctrl-C',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const { texts } = await room.heard(
        speaker,
        watcher,
        bytes(
          'half',
          INTERRUPT,
          'one\r\n',
          'again',
          INTERRUPT,
          'two\r\n',
          IAC,
          AO,
          IAC,
          BRK,
          'three\r\n',
        ),
      )
      await read(room, speaker, watcher)
      const marks = count(speaker.peer.bytes, REFUSED_MARK)
      mustBe(marks, 2, 'answers to two timing marks')
      mustBe(texts, ['one', 'two', 'three'], 'lines after Ctrl-C, AO and BRK')
      const { lines } = await room.heard(watcher, speaker, 'to you\r\n')
      must(
        lines.some((line) => line.endsWith('to you')),
        'the next line of another client did not arrive',
      )
      return '2 of 2 marks answered, every later line shown'
    },
  ),

  overTcp('T2', 'AYT is answered with a line, at most once a second', async (room) => {
    const [speaker, watcher] = await room.pair()
    const before = speaker.peer.lines.length
    await speaker.peer.send(times(100, bytes(IAC, AYT)))
    await read(room, speaker, watcher)
    const got = speaker.peer.lines.slice(before).filter((line) => !line.startsWith(watcher.prefix))
    must(got.length === 1 || got.length === 2, `${got.length} answers to 100 questions`)
    return `${got.length} of 100 answered: ${shown(got[0])}`
  }),

  overTcp('T3', 'an answer is never answered, so that there is no loop', async (room) => {
    const [speaker, watcher] = await room.pair()
    await speaker.peer.send(bytes(IAC, DO, 1, IAC, WILL, 31))
    await read(room, speaker, watcher)
    const asked = answers(speaker)
    for (let round = 0; round < 20; round++) {
      await speaker.peer.send(bytes(IAC, DONT, 1, IAC, WONT, 31))
      await read(room, speaker, watcher)
    }
    mustBe(answers(speaker), asked, 'answers after 20 rounds of answers')
    must(asked <= 2, `${asked} answers to two requests`)
    return `${asked} answers to two requests, none to 40 answers`
  }),

  overTcp('T4', 'a telnet sequence split anywhere between packets means the same', async (room) => {
    const [speaker, watcher, third] = await room.three()
    const whole = bytes(IAC, SB, 24, 1, IAC, SE, 'hi', IAC, DO, 1, '!\r\n')
    for (const parts of [...cuts(whole), Array.from(whole, (byte) => bytes(byte))]) {
      const listening = room.listen(speaker, watcher)
      await room.apart(speaker, watcher, third, parts)
      const { texts } = await listening()
      mustBe(texts, ['hi!'], `split into ${parts.map((part) => part.toString('hex')).join(' ')}`)
    }
    return `the same for ${whole.length} splits`
  }),

  overTcp('T5', 'IAC IAC is one byte 255 and reaches others as U+FFFD', async (room) => {
    const [speaker, watcher] = await room.pair()
    const heard = await room.heard(speaker, watcher, bytes('a', IAC, IAC, 'b\r\n'))
    mustBe(heard.texts, ['a\ufffdb'], 'the line')
    mustBe(count(heard.bytes, bytes(IAC)), 0, 'bytes 255 sent to others')
    must(heard.bytes.includes('a\ufffdb'), 'U+FFFD is not sent as UTF-8')
    return shown(heard.texts)
  }),

  overTcp('T6', 'a client that sends an endless subnegotiation is closed', async (room) => {
    const [speaker, watcher, other] = await room.three()
    await speaker.peer.send(bytes(IAC, SB, 24))
    const sent = await speaker.peer.pour(Buffer.alloc(4096, 'x'), 16 * MiB)
    must(sent < 16 * MiB, `${mib(sent)} were taken`)
    await speaker.peer.ended('of the sender')
    await room.stillTalks(other, watcher)
    return `closed after ${mib(sent)} had left the sender (${speaker.peer.end})`
  }),

  onHost(
    'T6',
    'at most 4 KiB of a subnegotiation are accepted, with no extra memory',
    {},
    async (host) => {
      const { room } = host
      const [speaker, watcher, third] = await room.three()
      const before = host.rss()
      await speaker.peer.send(bytes(IAC, SB, 24, Buffer.alloc(4000, 'x')))
      await room.heard(third, watcher, '')
      must(speaker.peer.end === undefined, 'closed below 4 KiB')
      await speaker.peer.send(Buffer.alloc(200, 'x'))
      await speaker.peer.ended('above 4 KiB')
      const grown = host.rss() - before
      must(grown <= 4 * MiB, `resident memory grew by ${mib(grown)}`)
      must(host.log.includes('(protocol error)'), 'the log does not say why')
      return `closed between 4,000 and 4,200 bytes, logged as protocol error`
    },
  ),

  overTcp(
    'T7',
    'IAC before a letter or a line end is removed, and that is kept; NUL has no effect',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      // What remains of Ctrl-C after the urgent data mark has been removed from the stream.
      const { texts } = await room.heard(
        speaker,
        watcher,
        bytes(IAC, IP, IAC, 'hello\r\n', 'a', IAC, '\nb', IAC, '\r\n\0c\0\n'),
      )
      mustBe(texts, ['hello', 'a', 'b', 'c'], 'the lines')
      return shown(texts)
    },
  ),

  overTcp('T8', 'erasing on an empty line has no effect', async (room) => {
    const [speaker, watcher] = await room.pair()
    const { texts } = await room.heard(
      speaker,
      watcher,
      bytes(IAC, EC, IAC, EL, 0x7f, 0x08, 0x15, 'still here\r\n'),
    )
    mustBe(texts, ['still here'], 'the line')
    return shown(texts)
  }),

  overTcp(
    'T9',
    'LF, CR LF, CR NUL and CR each end a line once, wherever they are split',
    async (room) => {
      const [speaker, watcher, third] = await room.three()
      let ways = 0
      for (const end of ['\n', '\r\n', '\r\0', '\r']) {
        const whole = bytes('one', end, 'two', end)
        for (const parts of [[whole], ...cuts(whole)]) {
          const listening = room.listen(speaker, watcher)
          await room.apart(speaker, watcher, third, parts)
          const heard = await listening()
          mustBe(heard.texts, ['one', 'two'], `lines that end in ${shown(end)}`)
          mustBe(
            count(heard.bytes, bytes('\n')) + count(heard.bytes, bytes('\r')),
            2 * count(heard.bytes, bytes('\r\n')),
            'bytes CR and LF outside CR LF',
          )
          ways++
        }
      }
      return `two lines of two for ${ways} line ends and splits, always CR LF`
    },
  ),

  overTcp('T10', 'BS, DEL and EC erase one character, ^U and EL the line', async (room) => {
    const [speaker, watcher] = await room.pair()
    const typed: Array<[Buffer, string]> = [
      [bytes('hx', 0x7f, 'i\r\0'), 'hi'],
      [bytes('hx', 0x08, 'i\r\n'), 'hi'],
      [bytes('hx', IAC, EC, 'i\r\n'), 'hi'],
      [bytes('é', 0x7f, 'e\r\n'), 'e'],
      [bytes('a😀', 0x7f, 'b\r\n'), 'ab'],
      [bytes('中文', 0x08, 0x08, 0x08, 'ok\r\n'), 'ok'],
      [bytes('wrong', 0x15, 'right\r\n'), 'right'],
      [bytes('wrong', IAC, EL, 'right\r\n'), 'right'],
    ]
    for (const [input, line] of typed) {
      const heard = await room.heard(speaker, watcher, input)
      mustBe(heard.texts, [line], `what was typed as ${input.toString('hex')}`)
      must(!/[\x08\x7f\x15]/.test(heard.bytes.toString('latin1')), 'an editing byte was relayed')
    }
    return `${typed.length} of ${typed.length} edited lines are correct`
  }),

  overTcp(
    'T22',
    "no byte 255 is relayed, so that no client can control another one's telnet",
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const heard = await room.heard(
        speaker,
        watcher,
        bytes(
          'x',
          IAC,
          DO,
          24,
          IAC,
          SB,
          24,
          1,
          IAC,
          SE,
          IAC,
          IAC,
          DO,
          31,
          0xfe,
          0xc3,
          '\r\nlater\r\n',
        ),
      )
      mustBe(count(watcher.peer.bytes, bytes(IAC)), 0, 'bytes 255 sent to the watcher')
      must(heard.texts.includes('later'), 'the next line did not arrive')
      return `0 bytes 255; shown as ${shown(heard.texts[0])}`
    },
  ),
]
