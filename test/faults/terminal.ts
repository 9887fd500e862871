/** A terminal as a person sees it: a program in tmux, and the rows of its screen. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needPrograms, newFolder, when } from './machine.ts'

export interface Terminal {
  /** Types keys by their tmux names, such as `Enter`, `C-c` or `BSpace`. */
  keys(...names: string[]): void
  /** Types literal text. */
  type(text: string): void
  /** Types bytes. */
  bytes(...bytes: number[]): void
  /** All rows so far, including those that have scrolled away. */
  rows(): string[]
  /** Waits until a row matches. */
  shows(is: (row: string) => boolean, what: string, patience?: number): Promise<void>
  end(): void
}

const SCROLLED_ROWS = 100_000
let terminals = 0

/** Runs a command in a terminal with that many columns. Skips the check if there is no tmux. */
export function openTerminal(command: string, columns: number, rows = 24): Terminal {
  needPrograms('tmux')
  const folder = newFolder()
  const configFile = join(folder, 'tmux.conf')
  writeFileSync(
    configFile,
    `set -g history-limit ${SCROLLED_ROWS}\nset -g remain-on-exit on\nset -g status off\n`,
  )
  const socket = `multiecho-faults-${process.pid}-${++terminals}`
  const tmux = (...words: string[]): string =>
    execFileSync('tmux', ['-u', '-L', socket, '-f', configFile, ...words], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color', TMUX_TMPDIR: folder },
      maxBuffer: 256 * 1024 * 1024,
    })
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), command)
  const shown = (): string[] => tmux('capture-pane', '-p', '-S', '-').split('\n')
  let open = true
  const end = (): void => {
    process.off('exit', end)
    if (open) tmux('kill-server')
    open = false
  }
  process.on('exit', end)
  return {
    keys: (...names) => void tmux('send-keys', ...names),
    type: (text) => void tmux('send-keys', '-l', text),
    bytes: (...bytes) =>
      void tmux('send-keys', '-H', ...bytes.map((byte) => byte.toString(16).padStart(2, '0'))),
    rows: shown,
    async shows(is, what, patience = 5000) {
      await when(
        () => shown().some(is),
        () =>
          `the terminal does not show ${what}; its last rows are ${JSON.stringify(shown().filter(Boolean).slice(-4))}`,
        patience,
      )
    },
    end,
  }
}
