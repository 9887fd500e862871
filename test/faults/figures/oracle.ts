/** A3: how a terminal shows hostile lines, observed with tmux. */
import { shown } from '../check.ts'
import { type Figure, type Stage } from '../figure.ts'
import { needPrograms } from '../machine.ts'
import { randomFrom } from '../../../core/testing/random.ts'
import { below, pick, type Random } from '../random.ts'
import type { Member } from '../room.ts'
import { openTerminal } from '../terminal.ts'

const LINES = 500
const WIDTHS = [80, 40]
/** Invisible on terminals, and kept in lines because scripts and emoji need them. */
const INVISIBLE = /\p{DI}/gu
const ID_AT_START = /^\((?:\d+\.\d+\.\d+\.\d+:\d+|\[[0-9a-f:.]+\]:\d+)\)/i

/** Fillers that take no, one or two columns each, or a number that depends on the terminal. */
const FILLERS: Array<[text: string, columns: number]> = [
  [' ', 1],
  ['x', 1],
  ['中', 2],
  ['😀', 2],
  ['e\u0301', 1],
  ['\t', 1],
  ['☺\ufe0f', 2],
  ['👨\u200d👩', 2],
  ['x\u200b', 1],
  ['\u00ad', 1],
  ['ｱ', 1],
]

const MOVES = [
  '\r',
  '\b'.repeat(60),
  '\x1b[1G',
  '\x1b[2K\r',
  '\x1b[1A\r',
  '\u009b1G',
  '\u0085',
  '\x0b',
  '\x0c',
  '\u2028',
]

/** The id that is forged only by moving the cursor. */
const MOVED = '(10.0.0.9:9999)'

/** A line that tries to put `forged` at the beginning of a row of `columns`. */
function hostileLine(random: Random, prefix: string, forged: string, columns: number): string {
  if (random() < 0.3) return `hi${pick(random, MOVES)}${MOVED} ok`
  const [filler, width] = pick(random, FILLERS)
  const row = columns * (1 + below(random, 3))
  const filled = Math.floor((row - prefix.length) / width) + pick(random, [-2, -1, 0, 0, 0, 1, 2])
  const head = random() < 0.3 ? 'x' : ''
  return head + filler.repeat(Math.max(0, filled - head.length)) + forged
}

/** Rows that begin with the id of a client that did not send them. */
async function forgedRows(stage: Stage, columns: number, guard: boolean): Promise<string[]> {
  const server = await stage.server({
    config: `plugins: [echo({ guardLookalikes: ${guard} })]`,
  })
  const { room } = server
  const [attacker, victim, clock] = (await room.join(3)) as [Member, Member, Member]
  const terminal = openTerminal(`telnet 127.0.0.1 ${server.address.port}`, columns)
  stage.later(async () => terminal.end())
  await terminal.shows((row) => row.startsWith('client id: '), 'the greeting')
  const random = randomFrom(columns)
  const forged = [
    `${victim.prefix}ok`,
    '(10.0.0.7:4242) transfer approved',
    '([::1]:4242) ok',
    '(127.0.0.1:4242) ok',
    '(\u200d10.0.0.7:4242) ok',
    '(1\u200c0.0.0.7:4242) ok',
    '(\ufe0f10.0.0.7:4242) ok',
    '(10\ufe0f.0.0.7:4242) ok',
    '([\u200d::1]:4242) ok',
    '(\u200b10.0.0.7:4242) ok',
    '(1\u20600.0.0.7\ufeff:4242) ok',
    '(10\u200e.0\u200f.0\u061c.7:4242) ok',
    '(1\u00ad0.0.\u034f0.7:4242) ok',
    '(10.\u{e0100}0.0.7:4242) ok',
    '([:\u200b:1]:4242) ok',
  ]
  for (let line = 0; line < LINES; line++) {
    await attacker.peer.say(hostileLine(random, attacker.prefix, pick(random, forged), columns))
  }
  await room.heard(attacker, victim, '')
  await clock.peer.say('that was all')
  await terminal.shows((row) => row.includes('that was all'), 'the last line', 20_000)
  const rows = terminal.rows()
  await stage.end()
  const own = [attacker.prefix.trim(), clock.prefix.trim()]
  return rows.filter((row) => {
    const [id] = ID_AT_START.exec(row.replace(INVISIBLE, '')) ?? []
    return id !== undefined && !own.includes(id)
  })
}

export const oracle: Figure = {
  id: 'A3',
  title: `${LINES} hostile lines on a terminal of 80 and of 40 columns`,
  promised:
    '0 rows that begin with an id that did not send them with the look-alike guard on; without it, by wrapping alone',
  ofOthers: false,
  async measure(stage) {
    needPrograms('tmux', 'telnet')
    const seen: string[] = []
    let met = true
    for (const columns of WIDTHS) {
      const guarded = await forgedRows(stage, columns, true)
      const open = await forgedRows(stage, columns, false)
      const moved = open.filter((row) => row.includes(MOVED)).length
      met &&= guarded.length === 0 && moved === 0
      const example = guarded.length === 0 ? '' : ` (as ${shown(guarded[0])})`
      seen.push(
        `${columns} columns: ${guarded.length}${example} with the guard on, ${open.length - moved} by wrapping and ${moved} otherwise with it off`,
      )
    }
    return { measured: seen.join('; '), met }
  },
}
