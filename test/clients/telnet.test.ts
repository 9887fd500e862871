/** Debian's telnet, as somebody uses it: in line mode and in character mode, with Ctrl-C once and again. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../support/programs.ts'
import { SCRIPTS, TELLING } from '../support/scripts.ts'
import { sitDown, sitThrough, type Sitting } from '../support/sitting.ts'
import { Key } from '../support/terminal.ts'

const test = suite('telnet')
const testTelnet = needs(test, 'telnet', 'script')

const telnet = (run: (sitting: Sitting) => Promise<void>) => () =>
  sitDown((port) => `telnet 127.0.0.1 ${port}`, run)

/** Gives a command to telnet itself. */
async function command({ terminal }: Sitting, text: string): Promise<void> {
  terminal.type(Key.CtrlRightBracket)
  await terminal.screen.until('telnet> ')
  terminal.type(text + Key.Enter)
}

/**
 * Puts telnet into character mode, in which it sends each key as it is typed, and CR NUL for Enter. It asks the host to
 * echo and is refused; asked again it does not wait for an answer.
 */
async function characterMode(sitting: Sitting): Promise<void> {
  await command(sitting, 'mode character')
  await sitting.says('before')
  await sitting.showsAll('before')
  await command(sitting, 'mode character')
  await sitting.says('character mode')
  await sitting.showsAll('character mode')
}

testTelnet(
  'telnet shows the greeting, every line of others, and sends what is typed',
  telnet(async (sitting) => {
    const { terminal, id } = sitting
    await terminal.screen.until('\n')
    assert.is(
      terminal.screen.text,
      "Trying 127.0.0.1...\r\nConnected to 127.0.0.1.\r\nEscape character is '^]'.\r\n" +
        `multiecho server v1.0\r\nclient id: ${id}\r\n`,
    )
    await sitThrough(sitting)
    await terminal.screen.until('Connection closed by foreign host.')
  }),
)

testTelnet(
  'telnet says that the connection is closed when the host stops',
  telnet(async ({ terminal, host }) => {
    await host.stop()
    await terminal.screen.until('Connection closed by foreign host.')
    await terminal.ended()
  }),
)

testTelnet(
  'telnet shows every line of others after one Ctrl-C and after another',
  telnet(async ({ terminal, says, showsAll }) => {
    for (const time of ['first', 'second', 'third']) {
      // telnet throws away what comes until the host has answered; by what is typed next it is known to have.
      terminal.type(Key.CtrlC)
      await says(`after the ${time}`)
      await showsAll(time)
    }
  }),
)

testTelnet(
  'Ctrl-C in telnet takes the half-typed line with it',
  telnet(async ({ terminal, says }) => {
    terminal.type('never mi')
    await terminal.screen.until('never mi')
    terminal.type(Key.CtrlC)
    await says('next')
  }),
)

testTelnet(
  'telnet in character mode shows every line, and Backspace and UTF-8 do what they say',
  telnet(async (sitting) => {
    await characterMode(sitting)
    await sitting.says(`cafés${Key.Backspace.repeat(2)}é`, 'café')
    await sitThrough(sitting)
    // In line mode the terminal would have shown what was typed.
    assert.not.match(sitting.terminal.screen.text, 'twx')
  }),
)

testTelnet(
  'telnet in character mode shows every line after one Ctrl-C and after another',
  telnet(async (sitting) => {
    const { terminal, other, id, showsAll } = sitting
    await characterMode(sitting)
    for (const time of ['first', 'second']) {
      terminal.type(Key.CtrlC)
      await showsAll(time)
      terminal.type(`after the ${time}${Key.Enter}`)
      // Ctrl-C is a character there like any other.
      await other.received.until(new RegExp(`\\(${id}\\) .*after the ${time}\r\n`))
    }
  }),
)

testTelnet(
  'a byte 255 that is typed into telnet reaches nobody as it is',
  telnet(async ({ says }) => {
    await says(Buffer.from([0x61, 0xff, 0x62]), 'a\ufffdb')
  }),
)

/** Types every letter of every script; each must be heard as it is. */
async function saysEveryScript({ says }: Sitting): Promise<void> {
  for (const line of SCRIPTS.values()) await says(line)
}

testTelnet(
  'telnet brings the characters whole of which it makes commands, and its other lines then, in any script',
  telnet(async (sitting) => {
    await sitting.says(TELLING)
    // It has read the question for binary transmission when it shows what came behind it.
    await sitting.showsAll('asked')
    await saysEveryScript(sitting)
    sitting.terminal.type(Key.CtrlC)
    await sitting.says('after Ctrl-C')
    await saysEveryScript(sitting)
    sitting.terminal.type(`twx${Key.Backspace}`)
    await sitting.says('o', 'two')
  }),
)

testTelnet(
  'telnet in character mode brings any script, before Ctrl-C and after it',
  telnet(async (sitting) => {
    const { terminal, other, id, showsAll } = sitting
    await characterMode(sitting)
    await saysEveryScript(sitting)
    terminal.type(`never mi${Key.CtrlC}${Key.CtrlU}`)
    await showsAll('interrupted')
    await saysEveryScript(sitting)
    terminal.type(`“x${Key.Backspace}”${Key.Enter}`)
    await other.hears(`(${id}) “”`)
  }),
)

testTelnet(
  'telnet loses nothing but what it keeps to itself before it has been asked',
  telnet(async ({ says }) => {
    // The bytes 85 and 9D of a character are its own keys for echo and for its prompt.
    for (const [name, line] of SCRIPTS) {
      const clean = Array.from(line).filter((one) => !/\x85|\x9d/.test(bytesOf(one)))
      if (name !== 'Latin') await says(clean.join(''))
    }
  }),
)

/** Its bytes in UTF-8, each as a character. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1')
}

test.run()
