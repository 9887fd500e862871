/** Rows S7 to S9 and S13: graceful shutdown, and what must not block it. */
import { alone, must, mustBe, onHost, skip, type Check } from '../check.ts'
import { startHost, tableOf, type RunningHost } from '../host.ts'
import { needPrograms, needRoot } from '../machine.ts'
import { greeted } from '../room.ts'
import { stuckPeers } from './backlog.ts'
import { talkAtLength } from './connections.ts'

/** Milliseconds after the first signal before a second one counts. */
const NOT_THE_SAME_KEY = 300
const STOP_DEADLINE = 2500
/** Sessions whose rows exceed the buffer of a pipe. */
const MANY = 8000
/** Milliseconds before the reader reads the table. */
const LATE_READER = 200

/** Clients that never read and have a backlog, so that the shutdown has to wait. */
async function stuckWithBacklog(host: RunningHost): Promise<void> {
  const [speaker, watcher] = await host.room.pair()
  await stuckPeers(host, 5)
  await talkAtLength(host.room, speaker, watcher, 6000)
}

const patient = 'limits: { backlogHard: 268435456 }'

function stopsOn(signal: NodeJS.Signals): Check {
  return onHost(
    'S7',
    `${signal} causes a graceful shutdown, and the table is printed once, even with clients that never read`,
    { config: patient },
    async (host) => {
      await stuckWithBacklog(host)
      const exit = await host.stop(signal)
      mustBe([exit.code, exit.signal], [0, null], 'the status')
      must(exit.milliseconds <= STOP_DEADLINE, `it took ${Math.round(exit.milliseconds)} ms`)
      mustBe(host.stdout.split('Client ID').length - 1, 1, 'tables')
      const rows = tableOf(host.stdout)
      // talkAtLength marks the end of each 200 lines with an extra line.
      mustBe(
        rows.reduce((sum, { echoed }) => sum + echoed, 0),
        6030,
        'lines in the table',
      )
      for (const words of [
        'interrupt signal received',
        'tcp server is shutting down',
        'multiecho server is shutting down',
      ]) {
        mustBe(host.log.split(words).length - 1, 1, `times that the log says "${words}"`)
      }
      return `ended after ${Math.round(exit.milliseconds)} ms with 0, ${rows.length} rows, sums exact`
    },
  )
}

/** Each line is printed on the terminal. */
const ECHOING = "plugins: [logging({ file: '-', lines: true }), stats(), echo()]"
const CTRL_S = '\x13'

async function heldUpByNothing(host: RunningHost): Promise<string> {
  const [speaker, watcher] = await host.room.pair()
  host.child.stdin?.write(CTRL_S)
  const lines = Array.from({ length: 3000 }, (_, index) => `line ${index}`)
  const { texts } = await host.room.heard(
    speaker,
    watcher,
    lines.map((line) => `${line}\r\n`).join(''),
  )
  mustBe(texts, lines, 'lines shown')
  must(!host.stdout.includes('line 2999'), 'the terminal is not paused')
  const exit = await host.stop('SIGTERM')
  mustBe([exit.code, exit.signal], [0, null], 'the status')
  must(exit.milliseconds <= STOP_DEADLINE, `it took ${Math.round(exit.milliseconds)} ms`)
  return `3,000 of 3,000 lines shown, ended after ${Math.round(exit.milliseconds)} ms`
}

export const process_: readonly Check[] = [
  stopsOn('SIGINT'),
  stopsOn('SIGTERM'),

  onHost('S7', 'clients are sent nothing but what was said', {}, async (host) => {
    const [speaker, watcher] = await host.room.pair()
    const from = watcher.peer.lines.length
    await speaker.peer.send('last words\r\n')
    await watcher.peer.line((line) => line.endsWith('last words'), 'last words')
    const exit = await host.stop()
    must(exit.milliseconds <= 1000, `it took ${Math.round(exit.milliseconds)} ms`)
    await watcher.peer.ended('of the watcher')
    mustBe(watcher.peer.lines.slice(from), [`${speaker.prefix}last words`], 'what it was sent')
    mustBe(watcher.peer.end, 'end', 'how it was closed')
    return `ended after ${Math.round(exit.milliseconds)} ms`
  }),

  onHost(
    'S7',
    'a long table is printed completely, however slowly it is read',
    {},
    async (host) => {
      for (let visits = 0; visits < MANY; visits += 500) {
        const dials = Array.from({ length: 500 }, async () => {
          const { peer } = await greeted(await host.room.connect())
          await peer.say('/quit')
          await peer.ended('of a session')
        })
        await Promise.all(dials)
        await host.room.leave()
      }
      host.child.stdout?.pause()
      host.signal('SIGINT')
      await host.logs(/ stats: \S+ +0 +0 +true\n$/)
      await new Promise((resolve) => setTimeout(resolve, LATE_READER))
      host.child.stdout?.resume()
      const exit = await host.end(performance.now())
      const rows = tableOf(host.stdout)
      mustBe([exit.code, exit.signal], [0, null], 'the status')
      mustBe(rows.length, MANY, 'rows printed')
      return `${rows.length} of ${MANY} rows, ${host.stdout.length} bytes`
    },
  ),

  onHost('S7', 'SIGHUP without a terminal stops nothing', {}, async (host) => {
    const [speaker, watcher] = await host.room.pair()
    host.signal('SIGHUP')
    await host.room.stillTalks(speaker, watcher)
    await host.room.stillTalks(watcher, speaker)
    must(host.alive, 'it ended')
    return 'the chat goes on'
  }),

  onHost(
    'S8',
    'a second SIGINT ends it at once, with the table and 130',
    { config: patient },
    async (host) => {
      await stuckWithBacklog(host)
      host.signal('SIGINT')
      await new Promise((resolve) => setTimeout(resolve, NOT_THE_SAME_KEY))
      if (!host.alive) skip('it had stopped before the second signal')
      const exit = await host.stop('SIGINT')
      mustBe([exit.code, exit.signal], [130, null], 'the status')
      must(exit.milliseconds <= 200, `it took ${Math.round(exit.milliseconds)} ms`)
      mustBe(host.stdout.split('Client ID').length - 1, 1, 'tables')
      return `ended ${Math.round(exit.milliseconds)} ms after it with 130 and one table`
    },
  ),

  onHost('S8', 'two SIGINT within 200 ms are one', {}, async (host) => {
    await host.room.pair()
    host.signal('SIGINT')
    const exit = await host.stop('SIGINT')
    mustBe([exit.code, exit.signal], [0, null], 'the status')
    return `status ${exit.code}`
  }),

  onHost(
    'S9',
    'it shuts down gracefully without a standard output, with the table in the log',
    {},
    async (host) => {
      const [speaker, watcher] = await host.room.pair()
      host.child.stdout?.destroy()
      host.child.stderr?.destroy()
      await host.room.stillTalks(speaker, watcher)
      const exit = await host.stop()
      mustBe([exit.code, exit.signal], [0, null], 'the status')
      const logged = host.log.split('\n').filter((line) => line.includes('stats: '))
      const rows = tableOf(logged.map((line) => line.replace(/^.*?stats: /, '')).join('\n'))
      mustBe(
        rows.map(({ echoed }) => echoed),
        [2, 0],
        'lines in the table',
      )
      return 'ended with 0, the table is in chat.log'
    },
  ),

  onHost(
    'S13',
    'a paused terminal blocks neither the chat nor the shutdown',
    { terminal: true, config: ECHOING },
    heldUpByNothing,
  ),

  alone('S13', 'nor does the terminal of another user, as after su', async () => {
    needRoot('running the host as another user')
    needPrograms('setpriv')
    const before = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const host = await startHost({ terminal: true, before, config: `control: false, ${ECHOING}` })
    try {
      return await heldUpByNothing(host)
    } finally {
      await host.kill()
    }
  }),
]
