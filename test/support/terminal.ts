/** A program under a pseudo-terminal, as if somebody sat in front of it. `script` is in Debian's bsdutils, always there. */
import { startChild, type Child, type ChildOptions } from './child.ts'
import type { Transcript } from './transcript.ts'

export const Key = {
  Enter: '\r',
  Backspace: '\x7f',
  CtrlC: '\x03',
  CtrlD: '\x04',
  CtrlQ: '\x11',
  CtrlS: '\x13',
  CtrlU: '\x15',
  CtrlRightBracket: '\x1d',
} as const

export interface Terminal extends Child {
  /** All that was written to the screen. */
  readonly screen: Transcript
  /** Presses keys. */
  type(keys: string | Uint8Array): void
}

/** Debian keeps tt++ among the games, which root's PATH leaves out. */
export const PATH = `${process.env['PATH'] ?? ''}:/usr/games`

/** Runs a command line of the shell; its words must have been quoted. */
export function openTerminal(command: string, { cwd, env }: ChildOptions = {}): Terminal {
  // A terminal that has no size makes full-screen clients fold their lines at random.
  const sized = `stty rows 40 cols 200; exec ${command}`
  const child = startChild('script', ['-qefc', sized, '/dev/null'], {
    cwd,
    // With it goes the terminal, which ends whatever runs in there by SIGHUP.
    disposeBy: 'SIGKILL',
    env: { TERM: 'xterm', SHELL: '/bin/sh', LANG: 'C.UTF-8', PATH, ...env },
  })
  return { ...child, screen: child.stdout, type: child.write }
}
