/** What the pictures show: real programs in real terminals, recorded line by line. */
import { CLI, listeningPort, makeFolder } from '../support/host.ts'
import { isFile, sectionsOf } from '../support/pages.ts'
import { Key, openTerminal, type Terminal } from '../support/terminal.ts'
import type { Pane, Picture } from './svg.ts'

/** Every picture, by the name of its file in docs/pictures/. */
export const pictures: Readonly<Record<string, () => Promise<Picture>>> = {
  'session.svg': recordSession,
  'inspect.svg': recordInspect,
}

/** The ports that are shown, whichever they were, so that a picture only changes when a program shows something else. */
const SHOWN_PORT = '9090'
const SHOWN_CLIENTS = ['53362', '53354']

/** A terminal, and at which step of the recording each of its lines was there. */
interface Screen {
  readonly terminal: Terminal
  readonly prompt: string
  readonly typed: Set<string>
  readonly steps: number[]
}

/** Two people with telnet, and the chat itself, up to Ctrl-C and the table. */
async function recordSession(): Promise<Picture> {
  using folder = makeFolder()
  const open = (command: string): Terminal =>
    openTerminal(command, { cwd: folder.path, env: { HOME: folder.path } })
  await using host = open(`${process.execPath} ${CLI} --host 127.0.0.1 -p 0`)
  const port = await listeningPort(host)
  await host.screen.until(/nc 127\S+ \d+\r\n/)
  const screens = [screenOf(host, `npx multiecho --host 127.0.0.1 -p ${SHOWN_PORT}`)]
  let step = 0
  /** Notes what is new on some screens, or on all. What is on its way to others may be there or not. */
  const look = (some: readonly Screen[] = screens): void => {
    for (const { terminal, steps } of some) {
      while (steps.length < linesOf(terminal).length) steps.push(step)
    }
    step++
  }

  look()
  const ids: string[] = []
  const join = async (): Promise<Screen> => {
    const terminal = open(`telnet 127.0.0.1 ${port}`)
    const screen = screenOf(terminal, `telnet 127.0.0.1 ${SHOWN_PORT}`)
    screens.push(screen)
    const greeted = await terminal.screen.until(/client id: \S+\r\n/)
    ids.push(/client id: (\S+)/.exec(greeted)?.[1] ?? '')
    look()
    return screen
  }
  /** Types a line; resolves when it is on its own screen and, where others see it, on the other one. */
  const type = async (screen: Screen, line: string, other?: Screen): Promise<void> => {
    screen.typed.add(line)
    screen.terminal.type(`${line}${Key.Enter}`)
    await screen.terminal.screen.until(`${line}\r\n`)
    look([screen])
    if (other === undefined) return
    await other.terminal.screen.until(`) ${line}\r\n`)
    look([other])
  }

  const one = await join()
  await using _one = one.terminal
  const two = await join()
  await using _two = two.terminal
  await type(one, 'anybody here?', two)
  await type(two, 'hello!', one)
  await type(one, '/mute')
  await type(one, 'thinking aloud')
  await type(one, '/unmute')
  await type(one, 'see you', two)
  two.typed.add('/quit')
  two.terminal.type(`/quit${Key.Enter}`)
  await two.terminal.ended()
  look()
  screens[0]?.typed.add('^C')
  host.type(Key.CtrlC)
  await one.terminal.ended()
  await host.ended()
  look()

  const [below, left, right] = screens.map((screen) => paneOf(screen, port, ids))
  return {
    title: 'A chat of two people with telnet',
    description:
      'Three terminals. Two people join with telnet and see what the other one types, prefixed with an address. ' +
      'What one of them types while muted, the other one does not see. One leaves with /quit. In the third ' +
      'terminal the host is stopped with Ctrl-C, and prints a table of how many lines each of them has sent.',
    rows: [[left as Pane, right as Pane], [below as Pane]],
  }
}

/** What `multiecho inspect` tells of the config with a plugin that the README shows. */
async function recordInspect(): Promise<Picture> {
  const blocks = sectionsOf('README.md').find(({ title }) => title === 'Write a plugin')?.blocks
  const shown = (blocks ?? []).filter(isFile).map(({ name, text }) => [name, text] as const)
  using folder = makeFolder({ files: Object.fromEntries(shown) })
  await using terminal = openTerminal(`${process.execPath} ${CLI} inspect`, { cwd: folder.path })
  await terminal.ended()
  const lines = linesOf(terminal).map((text) => ({ text, typed: false, step: 1 }))
  return {
    title: 'What multiecho inspect shows of a chat',
    description:
      'A tree in a terminal: the plugins of chat.config.ts with their options, the seven hooks, each with its taps in the ' +
      'order in which they are called, and the commands, each with the plugin that it belongs to.',
    rows: [[{ prompt: 'npx multiecho inspect', lines, firstStep: 0 }]],
  }
}

function screenOf(terminal: Terminal, prompt: string): Screen {
  return { terminal, prompt, typed: new Set(), steps: [] }
}

/** The lines of a screen that are complete. */
function linesOf({ screen }: Terminal): string[] {
  return screen.text.split('\r\n').slice(0, -1)
}

function paneOf({ terminal, prompt, typed, steps }: Screen, port: number, ids: string[]): Pane {
  const shown = (line: string): string => {
    let text = line
    for (const [index, id] of ids.entries()) {
      text = text.replaceAll(id, `127.0.0.1:${SHOWN_CLIENTS[index]}`)
    }
    return text.replaceAll(new RegExp(`(?<=[: ])${port}\\b`, 'g'), SHOWN_PORT)
  }
  const lines = linesOf(terminal).map((line, index) => ({
    text: shown(line),
    typed: typed.has(line),
    step: steps[index] ?? 0,
  }))
  return { prompt, lines, firstStep: steps[0] ?? 0 }
}
