/** A8: the host is killed repeatedly under load. */
import { setTimeout as after } from 'node:timers/promises'
import { count, type Figure, type Stage } from '../figure.ts'
import { startHost, type HostSetup } from '../host.ts'

const KILLS = 20
const RESTARTS = 5
const SPEAKERS = 8
const WATCHERS = 4
const STAMP_LENGTH = '2018/08/15 12:55:37 logging: '.length

const setup: HostSetup = { config: 'plugins: [logging({ lines: true }), stats(), quit(), echo()]' }

/** Kills a host under load; resolves to the lines that its clients saw, and how many of them its log lacks. */
async function kill(stage: Stage, milliseconds: number): Promise<[seen: number, missing: number]> {
  const host = await stage.host(setup)
  const speakers = await host.room.join(SPEAKERS)
  const watchers = await host.room.join(WATCHERS)
  let open = true
  const talking = speakers.map(async ({ peer }, speaker) => {
    for (let number = 0; open; number += 100) {
      const lines = Array.from(
        { length: 100 },
        (_, index) => `${speaker} says ${number + index}\r\n`,
      )
      if (!(await peer.send(lines.join('')))) return
      await new Promise(setImmediate)
    }
  })
  await after(milliseconds)
  host.signal('SIGKILL')
  await Promise.all([...speakers, ...watchers].map(({ peer }) => peer.ended('of a client')))
  open = false
  await Promise.all([...talking, host.exited])
  const logged = new Set(host.log.split('\n').map((line) => line.slice(STAMP_LENGTH)))
  let seen = 0
  let missing = 0
  for (const { peer } of [...speakers, ...watchers]) {
    for (const line of peer.lines) {
      if (!line.includes(' says ')) continue
      seen++
      if (!logged.has(line)) missing++
    }
  }
  await stage.end()
  return [seen, missing]
}

/** Kills a host with clients attached and starts it again; resolves to the milliseconds until it listens. */
async function restart(stage: Stage): Promise<number> {
  const host = await stage.host(setup)
  await host.room.join(50)
  host.signal('SIGKILL')
  await host.exited
  const begun = performance.now()
  const again = await startHost({ ...setup, port: host.port })
  const milliseconds = performance.now() - begun
  await again.kill()
  await stage.end()
  return milliseconds
}

export const crash: Figure = {
  id: 'A8',
  title: `${KILLS} × SIGKILL under load, with lines in the log`,
  promised: `0 lines that were shown missing from chat.log; listens again ≤ 1 s, ${RESTARTS} of ${RESTARTS}`,
  ofOthers: false,
  async measure(stage) {
    let seen = 0
    let missing = 0
    for (let round = 0; round < KILLS; round++) {
      const [more, lacking] = await kill(stage, 150 + Math.random() * 500)
      seen += more
      missing += lacking
    }
    const times: number[] = []
    for (let round = 0; round < RESTARTS; round++) times.push(await restart(stage))
    const inTime = times.filter((milliseconds) => milliseconds <= 1000).length
    return {
      measured: `${missing} of ${count(seen)} lines missing; listening again after ${Math.round(Math.min(...times))} to ${Math.round(Math.max(...times))} ms, ${inTime} of ${RESTARTS} within 1 s`,
      met: missing === 0 && seen > 0 && inTime === RESTARTS,
    }
  },
}
