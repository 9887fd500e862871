/** A4: GNU telnet on a terminal, in both of its modes, with Ctrl-C, backspace, UTF-8 and the byte 255. */
import { Failed } from '../check.ts'
import type { Figure, Stage } from '../figure.ts'
import type { Server } from '../host.ts'
import { needPrograms } from '../machine.ts'
import { characterModeRelay } from '../relay.ts'
import type { Member } from '../room.ts'
import { openTerminal, type Terminal } from '../terminal.ts'

const SAID = 5
const TYPED: Array<[what: string, type: (terminal: Terminal) => void, line: string]> = [
  [
    'backspace',
    (terminal) => {
      terminal.type('hx')
      terminal.keys('BSpace')
      terminal.type('i')
    },
    'hi',
  ],
  ['UTF-8', (terminal) => terminal.type('grüß dich 😀'), 'grüß dich 😀'],
  [
    'byte 255',
    (terminal) => {
      terminal.type('a')
      terminal.bytes(0xff)
      terminal.type('b')
    },
    'a\ufffdb',
  ],
]

interface Mode {
  readonly name: string
  readonly port: number
  /** Resolves when the next telnet is in this mode. */
  ready(): Promise<void>
}

interface Shown {
  /** Lines of another client that the terminal shows. */
  readonly lines: number
  /** Whether the others saw what was typed. */
  readonly typed: boolean
}

async function session(
  stage: Stage,
  [speaker, watcher]: readonly [Member, Member],
  mode: Mode,
  name: string,
  interrupts: number,
  [, type, line]: (typeof TYPED)[number],
): Promise<Shown> {
  // What is typed while telnet changes its mode is lost, in telnet.
  const ready = mode.ready()
  const terminal = openTerminal(`telnet 127.0.0.1 ${mode.port}`, 80)
  stage.later(async () => terminal.end())
  const from = watcher.peer.lines.length
  await terminal.shows((row) => row.includes('Escape character'), 'that telnet is connected')
  await ready
  // A greeted client can hear; without a greeting, a client that is heard has joined.
  terminal.type(`${name} is here`)
  terminal.keys('Enter')
  await kept(
    watcher.peer.line((text) => text.endsWith(`${name} is here`), 'its first line', { from }),
  )
  for (let key = 0; key < interrupts; key++) terminal.keys('C-c')
  type(terminal)
  terminal.keys('Enter')
  const typed = await kept(
    watcher.peer.line((text) => text.endsWith(line), 'the line that was typed', {
      from,
      patience: 2000,
    }),
  )
  for (let said = 1; said <= SAID; said++) await speaker.peer.say(`${name} line ${said}.`)
  const isShown = (row: string): boolean => row.endsWith(`${name} line ${SAID}.`)
  await kept(terminal.shows(isShown, 'the last line', 2000))
  const rows = terminal.rows()
  terminal.end()
  const lines = Array.from({ length: SAID }, (_, index) => `${name} line ${index + 1}.`)
  return { lines: lines.filter((text) => rows.some((row) => row.endsWith(text))).length, typed }
}

/** Whether the awaited event happened. */
async function kept(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise
    return true
  } catch (error) {
    if (error instanceof Failed) return false
    throw error
  }
}

async function allSessions(stage: Stage, server: Server): Promise<Map<string, Shown[]>> {
  const relay = await characterModeRelay(server.address)
  stage.later(() => relay.end())
  const pair = await server.room.pair()
  const results = new Map<string, Shown[]>()
  const modes: Mode[] = [
    { name: 'line mode', port: server.address.port, ready: async () => {} },
    { name: 'character mode', port: relay.port, ready: () => relay.taken() },
  ]
  for (const mode of modes) {
    for (const interrupts of [0, 1, 2]) {
      for (const [index, typed] of TYPED.entries()) {
        const name = `${mode.name[0]}${interrupts}${index}`
        const shown = await session(stage, pair, mode, name, interrupts, typed)
        const key = `${mode.name}, ${interrupts} × Ctrl-C`
        results.set(key, [...(results.get(key) ?? []), shown])
      }
    }
  }
  return results
}

export const telnet: Figure = {
  id: 'A4',
  title: 'telnet in line and character mode × zero, one, two Ctrl-C × backspace, UTF-8, byte 255',
  promised: '90 of 90 lines shown, 18 of 18 typed lines correct',
  ofOthers: true,
  async measure(stage) {
    needPrograms('tmux', 'telnet')
    const results = await allSessions(stage, await stage.server())
    const all = [...results.values()].flat()
    const lines = all.reduce((sum, shown) => sum + shown.lines, 0)
    const typed = all.filter((shown) => shown.typed).length
    const most = all.length * SAID
    const wanting = [...results]
      .filter(([, shown]) => shown.some((one) => one.lines < SAID || !one.typed))
      .map(
        ([key, shown]) =>
          `${key}: ${shown.map((one) => `${one.lines}${one.typed ? '' : ' (typed line wrong)'}`).join(', ')}`,
      )
    return {
      measured: `${lines} of ${most} lines shown, ${typed} of ${all.length} typed lines correct${wanting.length > 0 ? `; ${wanting.join('; ')}` : ''}`,
      met: lines === most && typed === all.length,
    }
  },
}
