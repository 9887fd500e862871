/**
 * Checks that a plugin withstands clients that connect, talk and leave in every way, and being unloaded while clients
 * stay.
 */
import { Duplex } from 'node:stream'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { PluginContext } from '../lifecycle/plugin-context.ts'
import { countKept } from './leftovers.ts'
import type { Opened, Subject } from './subject.ts'
import type { TestClient } from './test-host.ts'
import { linesToType, whileTimePasses } from './visitors.ts'

/** Clients in one host: at least `VISITORS`, and this many for each thing that they type. */
const VISITORS = 30
const VISITORS_A_LINE = 8
/** Clients that may not have been garbage-collected yet by chance. */
const KEPT_BY_CHANCE = 3
/** Milliseconds of the test clock to let the plugin's timers run. */
const WHILE = 60_000

/** Lets clients connect, talk, and leave in every way; then unloads the plugin while others stay. */
export async function checkVisits(subject: Subject): Promise<void> {
  const { host, watch, watcher } = await subject.open()
  const typed = linesToType(subject.commands)
  const visits = Math.max(VISITORS, VISITORS_A_LINE * typed.length)
  for (let visit = 0; visit < visits; visit++) {
    if (visit % 3 === 0) passBy(watcher.host, `passer-by ${visit}`)
    const client = await whileTimePasses(host, host.connect(`visitor ${visit}`))
    const unfinished = visit % 2 === 0 ? 'half a li' : ''
    const talking = client.send(typed[visit % typed.length] + unfinished)
    // What was sent is read in the next turn: half of the clients leave before that, the others in the middle of it.
    if (visit % 4 < 2) await turn()
    const leaving = visit % 3 === 0 ? client.end() : client.reset()
    await whileTimePasses(host, Promise.all([talking, leaving]))
    const faults = host.takeErrors()
    subject.faults('while clients connect, talk and leave', faults)
    if (faults.length > 0) break
  }
  await whileTimePasses(host, host.advance(WHILE))
  subject.faults('while time passes', host.takeErrors())
  const gone = watcher.clients.length - watcher.host.clients.size
  const kept = (await countKept(watcher.clients)) - watcher.host.clients.size
  // A single command, which only some of them typed, may be what keeps them.
  if (kept > Math.max(KEPT_BY_CHANCE, visits / typed.length / 2)) {
    subject.found(
      'leaving',
      `${kept} of ${gone} clients that have left are still kept; use host.clientState, or forget them in a tap of the close hook`,
    )
  }
  await checkUnload(subject, { host, watch, watcher })
  await subject.close(host, 'while it is unloaded')
}

/** A client that disconnects before it can be greeted. */
function passBy(host: PluginContext, label: string): void {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  host.attach(stream, { label, address: '127.0.0.1' })
  stream.destroy()
}

async function checkUnload(subject: Subject, { host, watch, watcher }: Opened): Promise<void> {
  const stay: TestClient[] = []
  for (const [index, typed] of linesToType(subject.commands).entries()) {
    const client = await whileTimePasses(host, host.connect(`client ${index}`))
    await whileTimePasses(host, client.send(typed))
    stay.push(client)
  }
  await whileTimePasses(host, host.unload(subject.name))
  watch.gone = true
  for (const client of stay.filter(({ closed }) => !closed)) {
    watcher.settled.length = 0
    await whileTimePasses(host, client.say('still here'))
    if (client.closed || watcher.settled.length > 0) continue
    subject.found(
      'hold',
      'it was unloaded, and the lines of a client are still held; call what client.hold() returned, in host.onDispose',
    )
  }
  for (const audience of watch.audiences) {
    if (audience.size === 0) continue
    subject.found(
      'audience',
      `it was unloaded, and clients are still in the audience ${JSON.stringify(audience.name)}; delete them in host.onDispose`,
    )
  }
  await whileTimePasses(host, host.advance(WHILE))
  await wait(20)
  for (const method of watch.late) {
    subject.found(
      'late',
      `it called host.${method} after it was unloaded; end what still runs in host.onDispose, or when host.signal is aborted, and use the timers of the host`,
    )
  }
}
