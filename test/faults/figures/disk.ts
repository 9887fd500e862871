/** A9: the log's disk is full for a while. */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { count, type Figure, type Stage } from '../figure.ts'
import { needPrograms, needRoot, newFolder, when } from '../machine.ts'
import type { Member, Room } from '../room.ts'

const DISK = 256 * 1024
const ROOM_LEFT = 32 * 1024
const FULL_SECONDS = 11
const STAMP = /\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /g

/** Mounts a small disk of memory. */
function mountSmall(stage: Stage): string {
  needRoot('mounting a small tmpfs')
  needPrograms('mount', 'umount')
  const folder = newFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder])
  const unmount = (): void => {
    process.off('exit', unmount)
    execFileSync('umount', [folder])
  }
  process.on('exit', unmount)
  stage.later(async () => unmount())
  return folder
}

/** Sends lines for a while; resolves to how many were sent and how many shown. */
async function talk(
  room: Room,
  [speaker, watcher]: readonly [Member, Member],
  seconds: number,
): Promise<{ said: number; shown: number }> {
  let said = 0
  let shown = 0
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const lines = Array.from(
      { length: 20 },
      (_, index) => `line ${said + index} ${'x'.repeat(80)}\r\n`,
    )
    const { texts } = await room.heard(speaker, watcher, lines.join(''))
    said += lines.length + 1
    shown += texts.length + 1
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { said, shown }
}

/** How many lines of a log have these words, and the sum of their numbers. */
function notLogged(log: string): number {
  return [...log.matchAll(/(\d+) log lines could not be written/g)].reduce(
    (sum, [, number]) => sum + Number(number),
    0,
  )
}

export const disk: Figure = {
  id: 'A9',
  title: `the log's disk is full for ${FULL_SECONDS} s, and again on shutdown`,
  promised:
    '0 chat lines lost; ≤ 1 warning in 10 s; continues ≤ 1 s after space is available, with the exact number of lost lines; no torn line merged; stops ≤ 3 s, on /dev/full too',
  ofOthers: false,
  async measure(stage) {
    const folder = mountSmall(stage)
    const file = join(folder, 'chat.log')
    const filler = join(folder, 'filler')
    const fill = (left: number): void => writeFileSync(filler, Buffer.alloc(DISK - left))
    fill(ROOM_LEFT)
    const host = await stage.host({
      config: `plugins: [logging({ file: ${JSON.stringify(file)}, lines: true }), stats(), echo()]`,
    })
    const pair = await host.room.pair()
    const full = await talk(host.room, pair, FULL_SECONDS)
    const warnings = host.stderr.match(/cannot write to the log/g)?.length ?? 0
    const size = statSync(file).size
    rmSync(filler)
    const resumed = await when(
      () => statSync(file).size > size,
      () => 'the log does not continue',
      3000,
    )
    const later = await talk(host.room, pair, 0.5)
    const log = readFileSync(file, 'utf8')
    const said = full.said + later.said
    const logged = log.match(/logging: \(.*\) (?:line \d+ x{80}|fence-\d+)$/gm)?.length ?? 0
    const missing = notLogged(log)
    const merged = log.split('\n').filter((line) => (line.match(STAMP)?.length ?? 0) > 1).length
    // Full to the last byte on shutdown.
    fill(statSync(file).size + 4096)
    await talk(host.room, pair, 1)
    const exit = await host.stop()
    await stage.end()

    const dead = await stage.host({
      config: "plugins: [logging({ file: '/dev/full', lines: true }), echo()]",
    })
    await talk(dead.room, await dead.room.pair(), 0.5)
    const deadExit = await dead.stop()
    const lost = full.said - full.shown + later.said - later.shown
    return {
      measured: `${lost} of ${count(said)} lines lost; ${warnings} warnings in ${FULL_SECONDS} s; went on after ${Math.round(resumed)} ms; ${count(logged)} logged + ${count(missing)} told as not logged = ${count(logged + missing)} of ${count(said)}; ${merged} torn lines merged; stopped after ${Math.round(exit.milliseconds)} ms, on /dev/full ${Math.round(deadExit.milliseconds)} ms`,
      met:
        lost === 0 &&
        missing > 0 &&
        warnings >= 1 &&
        warnings <= Math.ceil(FULL_SECONDS / 10) &&
        resumed <= 1000 &&
        logged + missing === said &&
        merged === 0 &&
        exit.milliseconds <= 3000 &&
        deadExit.milliseconds <= 3000 &&
        exit.code === 0 &&
        deadExit.code === 0,
    }
  },
}
