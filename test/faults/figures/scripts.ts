/** A15: GNU telnet on a terminal, with the letters of many scripts, in both of its modes, before Ctrl-C and after. */
import { Failed } from '../check.ts'
import type { Figure, Stage } from '../figure.ts'
import { needPrograms } from '../machine.ts'
import type { Member } from '../room.ts'
import { openTerminal, type Terminal } from '../terminal.ts'
import { SCRIPTS, TELLING } from '../../support/scripts.ts'

/** Types lines and returns those that did not arrive unchanged. */
async function lostOf(
  terminal: Terminal,
  { peer }: Member,
  lines: Iterable<string>,
): Promise<string[]> {
  const lost: string[] = []
  for (const line of lines) {
    const from = peer.lines.length
    terminal.type(line)
    terminal.keys('Enter')
    try {
      await peer.line((text) => text.endsWith(`) ${line}`), 'the line', { from, patience: 2000 })
    } catch (error) {
      if (!(error instanceof Failed)) throw error
      lost.push(line)
    }
  }
  return lost
}

/** Waits until telnet has read everything so far. */
async function caughtUp(terminal: Terminal, speaker: Member, words: string): Promise<void> {
  await speaker.peer.say(words)
  await terminal.shows((row) => row.endsWith(words), words)
}

async function characterMode(terminal: Terminal, pair: readonly [Member, Member]): Promise<void> {
  // It requests echo from the server, and is refused; the second time, it does not wait for an answer.
  for (const time of ['first', 'second']) {
    terminal.keys('C-]')
    await terminal.shows((row) => row.startsWith('telnet>'), 'its prompt')
    terminal.type('mode character')
    terminal.keys('Enter')
    await lostOf(terminal, pair[1], [`${time} time`])
    await caughtUp(terminal, pair[0], `${time} answer`)
  }
}

async function session(stage: Stage, inCharacterMode: boolean): Promise<[string[], string[]]> {
  const server = await stage.server()
  const [speaker, watcher] = await server.room.pair()
  const terminal = openTerminal(`telnet 127.0.0.1 ${server.address.port}`, 200)
  stage.later(async () => terminal.end())
  await terminal.shows((row) => row.includes('Escape character'), 'that telnet is connected')
  if (inCharacterMode) await characterMode(terminal, [speaker, watcher])
  const first = await lostOf(terminal, watcher, [TELLING])
  await caughtUp(terminal, speaker, 'go on.')
  const before = await lostOf(terminal, watcher, SCRIPTS.values())
  terminal.keys('C-c')
  // In character mode it is a character like any other.
  if (inCharacterMode) terminal.keys('C-u')
  await caughtUp(terminal, speaker, 'and on.')
  const after = await lostOf(terminal, watcher, SCRIPTS.values())
  await stage.end()
  return [[...first, ...before], after]
}

export const scripts: Figure = {
  id: 'A15',
  title: `every letter of ${SCRIPTS.size} scripts and symbol sets, by telnet in line and character mode, before and after Ctrl-C`,
  promised: 'every line arrives as typed, including the first ones that telnet turns into commands',
  ofOthers: true,
  async measure(stage) {
    needPrograms('tmux', 'telnet')
    const lost: string[] = []
    let all = 0
    for (const mode of ['line', 'character']) {
      const [before, after] = await session(stage, mode === 'character')
      all += 2 * SCRIPTS.size + 1
      lost.push(...before.map((line) => `${line.slice(0, 12)} (${mode} mode)`))
      lost.push(...after.map((line) => `${line.slice(0, 12)} (${mode} mode, after Ctrl-C)`))
    }
    const list = lost.length === 0 ? '' : `; not ${lost.slice(0, 6).join(', ')}`
    return { measured: `${all - lost.length} of ${all} lines whole${list}`, met: lost.length === 0 }
  },
}
