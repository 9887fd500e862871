/**
 * Runs a command that starts a host, in a terminal in this folder; lets two clients talk, and stops it by Ctrl-C.
 *
 * `node --import tsx test/package/visit.ts COMMAND LINE HEARD [TYPED ANSWER]`: HEARD is what becomes of LINE for the
 * other client. ANSWER is what the one who has typed TYPED is told, with {id} for its id.
 */
import { listeningPort } from '../support/host.ts'
import { join } from '../support/tcp-client.ts'
import { Key, openTerminal } from '../support/terminal.ts'

/** Milliseconds: the command may have to install the host first. */
const START = 180_000

const [command = '', line = '', heard = '', typed, answer = ''] = process.argv.slice(2)
await using terminal = openTerminal(`bash -c '${command.replaceAll("'", `'\\''`)}'`, {
  env: { npm_config_update_notifier: 'false' },
})
const port = await listeningPort(terminal, START)
{
  using speaker = await join(port)
  using listener = await join(port)
  speaker.say(line)
  await listener.hears(`(${speaker.id}) ${heard}`)
  if (typed !== undefined) {
    speaker.say(typed)
    await speaker.hears(answer.replaceAll('{id}', speaker.id))
  }
  terminal.type(Key.CtrlC)
  await listener.closed()
}
const { status, stdout } = await terminal.ended()
process.stdout.write(stdout)
if (status !== 0) throw new Error(`${command} ended with ${status}`)
if (stdout.split('Used /quit').length !== 2) throw new Error(`${command} printed no table`)
