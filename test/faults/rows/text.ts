/** Rows T11 to T24: lines and text. */
import { must, mustBe, onHost, overTcp, shown, type Check } from '../check.ts'
import { MiB, mib } from '../machine.ts'
import type { Heard } from '../room.ts'
import { bytes } from './bytes.ts'

/** The default limits of the host. */
const LONGEST_LINE = 4096
const LONGEST_UNTERMINATED = 64 * 1024

const CONTROL = /\p{Cc}/u

/** Fails if a line contains a control character. */
function mustBeInert({ lines, bytes: raw }: Heard): void {
  for (const line of lines) must(!CONTROL.test(line), `a control character in ${shown(line)}`)
  const alone = raw.toString('latin1').replaceAll('\r\n', '')
  must(!/[\x00-\x1f\x7f]/.test(alone), `a control byte in ${shown(alone)}`)
}

/** Hostile texts that a terminal would obey. */
const ESCAPES = [
  '\x1b[2J\x1b[1;1H',
  '\x1b]0;owned\x07',
  '\x1b[6n',
  '\x1bP$q"p\x1b\\',
  '\x1b]52;c;aGk=\x07',
  '\x0e\x0f\x05\x00',
  'a\x0bb\x0cc',
  'nul\0nul',
]

/** First lines of clients that do not speak the chat protocol. */
const STRANGERS: ReadonlyArray<string | Buffer> = [
  ...['GET', 'POST', 'HEAD', 'OPTIONS', 'M-SEARCH', 'get'].map((method) => `${method} / HTTP/1.1`),
  `POST /${'A'.repeat(5000)} HTTP/1.1`,
  '\r\n\r\nGET / HTTP/1.1',
  'PRI * HTTP/2.0',
  bytes(0x16, 0x03, 0x01, 0x02, 0x00, 0x01),
  'SSH-2.0-OpenSSH_9.2',
  'PROXY TCP4 10.0.0.1 10.0.0.2 1 2',
  bytes('\r\n\r\n\0\r\nQUIT\n', 0x21, 0x11),
]

export const text: readonly Check[] = [
  overTcp(
    'T11',
    'a client that sends a line without an end is closed, however small its packets',
    async (room) => {
      const [speaker, watcher, other] = await room.three()
      const chunk = Buffer.alloc(16, 'x')
      const sent = await speaker.peer.pour(chunk, 32 * LONGEST_UNTERMINATED)
      must(sent < 32 * LONGEST_UNTERMINATED, `${mib(sent)} were taken`)
      await speaker.peer.ended('of the sender')
      await room.stillTalks(other, watcher)
      return `closed after ${sent} bytes had left the sender, in packets of 16 bytes`
    },
  ),

  onHost('T11', 'it is closed at 64 KiB, at low cost', {}, async (host) => {
    const { room } = host
    const [speaker, watcher, third] = await room.three()
    const cpu = host.cpu()
    const rss = host.rss()
    for (let sent = 0; sent < LONGEST_UNTERMINATED; sent += 16) {
      await speaker.peer.send(Buffer.alloc(16, 'x'))
    }
    await room.heard(third, watcher, '')
    must(speaker.peer.end === undefined, 'closed at the limit, not above it')
    await speaker.peer.send('x')
    await speaker.peer.ended('one byte above the limit')
    const milliseconds = Math.round((host.cpu() - cpu) * 1000)
    const grown = host.rss() - rss
    must(milliseconds <= 500, `${milliseconds} ms of CPU for 4,096 packets`)
    must(grown <= 4 * MiB, `resident memory grew by ${mib(grown)}`)
    must(host.log.includes('(line without end)'), 'the log does not say why')
    return `closed by byte 65,537; ${milliseconds} ms of CPU, memory ${mib(grown)} more`
  }),

  overTcp(
    'T12',
    'a line that is too long is rejected whole, and the next one works',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const emoji = '😀'
      const seen: string[] = []
      for (const length of [LONGEST_LINE - 1, LONGEST_LINE]) {
        for (const end of ['x', emoji]) {
          const line = 'x'.repeat(length - Buffer.byteLength(end)) + end
          const { texts } = await room.heard(speaker, watcher, `${line}\r\n`)
          mustBe(texts, [line], `a line of ${length} bytes`)
        }
        seen.push(`${length} whole`)
      }
      for (const length of [LONGEST_LINE + 1, LONGEST_LINE + 3, 10_000, LONGEST_UNTERMINATED]) {
        const notices = speaker.peer.lines.length
        const line = 'x'.repeat(length - 4) + emoji
        const { texts } = await room.heard(speaker, watcher, `${line}\r\n`)
        mustBe(texts, [], `what others see of a line of ${length} bytes`)
        await room.heard(watcher, speaker, '')
        const told = speaker.peer.lines
          .slice(notices)
          .filter((one) => !one.startsWith(watcher.prefix))
        mustBe(told.length, 1, `notices for a line of ${length} bytes`)
        seen.push(`${length} refused`)
      }
      await room.stillTalks(speaker, watcher)
      return seen.join(', ')
    },
  ),

  overTcp(
    'T13',
    'invalid UTF-8 becomes U+FFFD, and splitting never breaks a character',
    async (room) => {
      const [speaker, watcher, third] = await room.three()
      const listening = room.listen(speaker, watcher)
      for (const character of ['é', '€', '😀']) {
        const parts = Array.from(Buffer.from(character), (byte) => bytes(byte))
        await room.apart(speaker, watcher, third, [...parts, '\r\n'])
      }
      mustBe((await listening()).texts, ['é', '€', '😀'], 'characters sent byte by byte')
      const broken = [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xfe], [0x80], [0xf0, 0x9f]]
      for (const ill of broken) {
        const heard = await room.heard(speaker, watcher, bytes('a', Buffer.from(ill), 'b\r\n'))
        must(
          heard.texts.length === 1 && /^a\ufffd{1,3}b$/.test(heard.texts[0] as string),
          `${Buffer.from(ill).toString('hex')} is shown as ${shown(heard.texts)}`,
        )
        must(heard.bytes.includes('\ufffd'), 'the bytes are relayed unchanged')
      }
      return `3 characters whole, ${broken.length} invalid ones shown as U+FFFD`
    },
  ),

  overTcp(
    'T14',
    'no escape sequence and no control character reaches another terminal',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      for (const escape of ESCAPES) {
        mustBeInert(await room.heard(speaker, watcher, `a${escape}b\r\n`))
      }
      const { texts } = await room.heard(speaker, watcher, 'a\tb\x1bc\r\n')
      mustBe(texts, ['a b␛c'], 'a tab and an escape')
      return `${ESCAPES.length} escapes inert; tab and ESC shown as ${shown(texts[0])}`
    },
  ),

  overTcp('T15', 'C1 controls in UTF-8 are controls too', async (room) => {
    const [speaker, watcher] = await room.pair()
    for (let code = 0x80; code <= 0x9f; code++) {
      const heard = await room.heard(speaker, watcher, `a${String.fromCodePoint(code)}31mb\r\n`)
      mustBeInert(heard)
      mustBe(heard.texts, ['a\ufffd31mb'], `U+00${code.toString(16)}`)
    }
    return '32 of 32 shown as U+FFFD'
  }),

  overTcp(
    'T16',
    'bidi overrides and tags are shown as U+FFFD, ordinary text is unchanged',
    async (room) => {
      const [speaker, watcher] = await room.pair()
      const ranges: Array<[number, number]> = [
        [0x2028, 0x202e],
        [0x2065, 0x206f],
        [0xfff9, 0xfffb],
        [0xe0001, 0xe0001],
        [0xe0020, 0xe007f],
      ]
      const hidden = ranges.flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)),
      )
      const { texts } = await room.heard(
        speaker,
        watcher,
        hidden.map((character) => `a${character}b\r\n`).join(''),
      )
      for (const [index, character] of hidden.entries()) {
        const code = character.codePointAt(0)?.toString(16)
        mustBe(texts[index], 'a\ufffdb', `U+${code}`)
      }
      const ordinary = [
        'न\u200dम 👨\u200d👩 می\u200cخواهم',
        'ភាសា\u200bខ្មែរ',
        'Donau\u00addampf',
        '\u200fשלום\u200e (a)',
        '葛\u{e0100}城',
        '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
      ]
      const kept = await room.heard(
        speaker,
        watcher,
        ordinary.map((line) => `${line}\r\n`).join(''),
      )
      mustBe(kept.texts, ordinary, 'ordinary text')
      return `${hidden.length} of ${hidden.length} shown as U+FFFD, ${ordinary.length} scripts and emoji kept`
    },
  ),

  overTcp('T17', 'at most 8 combining marks are kept on one character', async (room) => {
    const [speaker, watcher] = await room.pair()
    const { texts } = await room.heard(speaker, watcher, `a${'\u0301'.repeat(1500)}b é\u0301\r\n`)
    const most = Math.max(...(texts[0] ?? '').split(/\P{M}/u).map((marks) => [...marks].length))
    must(texts.length === 1 && most <= 8, `${most} marks on one character`)
    must(texts[0]?.endsWith('b é\u0301') === true, `the rest is shown as ${shown(texts[0])}`)
    return `${most} of 1,500 marks kept`
  }),

  overTcp(
    'T18',
    'a line end in a packet cannot forge a line: each has its own prefix',
    async (room) => {
      const [speaker, watcher, victim] = await room.three()
      const forged = `${victim.prefix}send me your money`
      for (const end of ['\n', '\r\n', '\r', '\r\0', '\n\r', '\u2028', '\x85', '\x0b', '\x0c']) {
        const { lines } = await room.heard(speaker, watcher, `hi${end}${forged}\r\n`)
        for (const line of lines) {
          must(!line.startsWith(victim.prefix), `forged with ${shown(end)}: ${shown(line)}`)
        }
      }
      return '0 of 9 forged'
    },
  ),

  overTcp('T19', 'CR, backspaces and cursor moves cannot forge a line', async (room) => {
    const [speaker, watcher, victim] = await room.three()
    const forged = `${victim.prefix}ok`
    const moves = [
      '\r',
      '\b'.repeat(40),
      '\x1b[1G',
      '\x1b[80D',
      '\x1b[1A',
      '\x9b1G',
      '\x84',
      '\x8d',
    ]
    for (const move of moves) {
      const heard = await room.heard(speaker, watcher, `hi${move}${forged}\r\n`)
      mustBeInert(heard)
      for (const line of heard.lines) {
        must(line.startsWith(speaker.prefix), `shown without its prefix: ${shown(line)}`)
      }
    }
    return `0 of ${moves.length} forged`
  }),

  onHost(
    'T20',
    'with the guard on, text within a line that looks like an id is shown in brackets',
    { config: 'plugins: [echo({ guardLookalikes: true })]' },
    async ({ room }) => {
      const [speaker, watcher] = await room.pair()
      const lines = [
        '(10.0.0.7:4242) ok',
        `${' '.repeat(60)}(10.0.0.7:4242) ok`,
        '([::1]:4242) ok',
        '(10.0.0',
      ]
      for (const line of lines) {
        const { texts } = await room.heard(speaker, watcher, `a ${line}\r\n`)
        must(texts[0]?.includes('(') === false, `shown as ${shown(texts[0])}`)
      }
      const { texts } = await room.heard(speaker, watcher, '(see below) f(x)\r\n')
      mustBe(texts, ['(see below) f(x)'], 'harmless parentheses')
      return `${lines.length} of ${lines.length} shown in brackets, harmless parentheses kept`
    },
  ),

  onHost(
    'T20',
    'the guard is not fooled by characters that a terminal does not show',
    { config: 'plugins: [echo({ guardLookalikes: true })]' },
    async ({ room }) => {
      const [speaker, watcher] = await room.pair()
      const hidden = [
        '\u200b',
        '\u200c',
        '\u200d',
        '\u200e',
        '\u200f',
        '\u00ad',
        '\u2060',
        '\ufe0f',
        '\u180b',
      ]
      for (const character of hidden) {
        for (const id of [`(${character}10.0.0.7:4242)`, `(1${character}0.0.0.7:4242)`]) {
          const { texts } = await room.heard(speaker, watcher, `${id} ok\r\n`)
          must(texts[0]?.includes('(') === false, `${shown(id)} is shown as ${shown(texts[0])}`)
        }
      }
      return `${hidden.length * 2} of ${hidden.length * 2} shown in brackets`
    },
  ),

  overTcp('T23', 'HTTP, TLS, SSH and PROXY headers are never chat', async (room) => {
    const [, watcher, third] = await room.three()
    const from = watcher.peer.lines.length
    for (const begin of STRANGERS) {
      const stranger = await room.connect()
      await stranger.send(bytes(begin, '\r\nHost: 127.0.0.1\r\nX: y\r\n\r\nsecret=1\r\n'))
      await stranger.ended(`of a client that begins with ${shown(begin.toString())}`)
    }
    await room.heard(third, watcher, '')
    const leaked = watcher.peer.lines
      .slice(from)
      .filter((line) => /HTTP|Host|secret|X: y|SSH|PROXY|QUIT/.test(line))
    mustBe(leaked, [], 'lines of the request shown to others')
    return `${STRANGERS.length} of them closed, nothing shown`
  }),

  onHost(
    'T24',
    'one event is one physical line of the log, inert on a terminal',
    { config: 'plugins: [logging({ lines: true }), stats(), mute(), quit(), help(), echo()]' },
    async (host) => {
      const { room } = host
      const [speaker, watcher] = await room.pair()
      const hostile = [
        ...ESCAPES.map((escape) => `a${escape}b`),
        'x\u2028y',
        'x\u0085y',
        '\u202eabc',
      ]
      const forgedLine = '2026/01/01 00:00:00 tcpserver: new connection 10.0.0.7:4242'
      await room.heard(speaker, watcher, bytes(...hostile.map((line) => `${line}\r\n`)))
      await room.heard(speaker, watcher, `x\r${forgedLine}\n/nosuch\x1b[2J\r\n`)
      const { log } = host
      for (const line of log.trimEnd().split('\n')) {
        must(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /.test(line), `not one event: ${shown(line)}`)
        must(!CONTROL.test(line) && !/[\u2028\u202e]/.test(line), `not inert: ${shown(line)}`)
      }
      must(!log.includes(`\n${forgedLine}`), 'a log line was forged')
      const logged = log.split('\n').filter((line) => line.includes(speaker.prefix)).length
      return `${logged} hostile lines logged, one physical line each, no control character`
    },
  ),
]
