/** Rows S1 to S6, S10, S12 and S13: the log, with failures of its disk, its file, the process and the clock. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { alone, must, mustBe, onHost, shown, type Check } from '../check.ts'
import { startHost, tableOf, type RunningHost } from '../host.ts'
import { compile, needPrograms, newFolder, when } from '../machine.ts'

const withLines = 'plugins: [logging({ lines: true }), stats(), mute(), quit(), help(), echo()]'
const STAMP = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /

/** Waits until the file exists; resolves to the milliseconds that this took. */
async function newFile(file: string, patience: number): Promise<number> {
  return when(
    () => existsSync(file),
    () => `there is no new ${file}`,
    patience,
  )
}

async function talk(host: RunningHost, lines: readonly string[]): Promise<void> {
  const [speaker, watcher] = await host.room.pair()
  const { texts } = await host.room.heard(
    speaker,
    watcher,
    lines.map((line) => `${line}\r\n`).join(''),
  )
  mustBe(texts, lines, 'lines shown')
}

function numbered(count: number, name = 'line'): string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index}`)
}

/** Reads what is in a pipe now. */
function readAll(descriptor: number): string {
  const bytes = Buffer.alloc(1024 * 1024)
  try {
    return bytes.toString('utf8', 0, readSync(descriptor, bytes))
  } catch {
    return ''
  }
}

export const log: readonly Check[] = [
  alone('S1', 'a full disk of the log does not affect the chat', async () => {
    const file = "logging({ file: '/dev/full', lines: true })"
    const host = await startHost({ config: `plugins: [${file}, stats(), echo()]` })
    try {
      await talk(host, numbered(1000))
      const exit = await host.stop()
      mustBe([exit.code, exit.signal], [0, null], 'the status')
      must(exit.milliseconds <= 3000, `it ended after ${Math.round(exit.milliseconds)} ms`)
      const warnings = host.stderr
        .split('\n')
        .filter((line) => line.includes('cannot write')).length
      mustBe(warnings, 1, 'warnings on standard error')
      const sum = tableOf(host.stdout).reduce((total, { echoed }) => total + echoed, 0)
      mustBe(sum, 1001, 'lines in the table')
      return `1,000 of 1,000 lines shown, 1 warning, ended after ${Math.round(exit.milliseconds)} ms`
    } finally {
      await host.kill()
    }
  }),

  onHost(
    'S2',
    'a log that was moved or removed is recreated',
    { config: withLines },
    async (host) => {
      const file = join(host.folder, 'chat.log')
      const [speaker, watcher] = await host.room.pair()
      await host.room.heard(speaker, watcher, 'before\r\n')
      renameSync(file, `${file}.1`)
      await newFile(file, 3000)
      await host.room.heard(speaker, watcher, 'after the move\r\n')
      const moved = readFileSync(file, 'utf8')
      rmSync(file)
      await newFile(file, 3000)
      await host.room.heard(speaker, watcher, 'after the removal\r\n')
      must(readFileSync(`${file}.1`, 'utf8').includes('before'), 'the old file lost its lines')
      must(moved.includes('after the move'), `the new file says ${shown(moved)}`)
      must(host.log.includes('after the removal'), `the newest file says ${shown(host.log)}`)
      return 'found within 3 s, without a signal'
    },
  ),

  onHost('S2', 'SIGHUP reopens it at once', { config: withLines }, async (host) => {
    const file = join(host.folder, 'chat.log')
    const [speaker, watcher] = await host.room.pair()
    renameSync(file, `${file}.1`)
    host.signal('SIGHUP')
    const milliseconds = Math.round(await newFile(file, 900))
    await host.room.heard(speaker, watcher, 'after\r\n')
    must(host.log.includes('after'), 'the new file has no lines')
    return `after ${milliseconds} ms`
  }),

  alone('S3', 'two hosts that log to one file tear no line', async () => {
    const file = join(newFolder(), 'shared.log')
    const config = `plugins: [logging({ file: ${JSON.stringify(file)}, lines: true }), echo()]`
    const hosts = await Promise.all([startHost({ config }), startHost({ config })])
    try {
      const words = ['one', 'two']
      await Promise.all(
        hosts.map((host, index) => talk(host, numbered(5000, `${words[index]} ${'x'.repeat(60)}`))),
      )
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
      const torn = lines.filter((line) => !STAMP.test(line) || line.lastIndexOf('20', 5) > 0)
      mustBe(torn, [], 'torn lines')
      for (const word of words) {
        const found = lines.filter((line) =>
          new RegExp(`\\) ${word} x{60} \\d+$`).test(line),
        ).length
        mustBe(found, 5000, `lines of host ${word}`)
      }
      return '10,000 of 10,000 lines whole'
    } finally {
      await Promise.all(hosts.map((host) => host.kill()))
    }
  }),

  alone('S5', 'no line that was shown is missing from the log after a kill', async () => {
    const host = await startHost({ config: withLines })
    try {
      const [speaker, watcher] = await host.room.pair()
      void speaker.peer.send(
        numbered(50_000)
          .map((line) => `${line}\r\n`)
          .join(''),
      )
      await watcher.peer.line((line) => line.endsWith('line 5000'), 'line 5000')
      host.signal('SIGKILL')
      await watcher.peer.ended('of the watcher')
      await host.exited
      const seen = watcher.peer.lines.filter((line) => /line \d+$/.test(line))
      const logged = new Set(host.log.split('\n').map((line) => line.replace(STAMP, '')))
      const missing = seen.filter((line) => !logged.has(`logging: ${line}`))
      mustBe(missing, [], 'lines seen and not logged')
      return `0 of ${seen.length} lines missing`
    } finally {
      await host.kill()
    }
  }),

  alone('S6', 'the log survives a kill, and the next host appends to it', async () => {
    const folder = newFolder()
    const first = await startHost({ config: withLines, folder })
    await talk(first, ['first life'])
    first.signal('SIGKILL')
    await first.exited
    await first.kill()
    const second = await startHost({ config: withLines, folder })
    try {
      await talk(second, ['second life'])
      const lines = second.log.split('\n')
      must(
        lines.some((line) => line.endsWith('first life')),
        'the first life is gone',
      )
      must(
        lines.some((line) => line.endsWith('second life')),
        'the second life is not logged',
      )
      const torn = lines.slice(0, -1).filter((line) => !STAMP.test(line))
      mustBe(torn, [], 'torn lines')
      return 'both runs in one file'
    } finally {
      await second.kill()
    }
  }),

  alone('S10', 'a stop right after a flood loses no log line', async () => {
    const host = await startHost({ config: withLines })
    try {
      const [speaker, watcher] = await host.room.pair()
      const { texts } = await host.room.heard(
        speaker,
        watcher,
        numbered(5000)
          .map((line) => `${line}\r\n`)
          .join(''),
      )
      const exit = await host.stop('SIGTERM')
      mustBe(exit.code, 0, 'the status')
      const logged = host.log.split('\n').filter((line) => /line \d+$/.test(line)).length
      mustBe([texts.length, logged], [5000, 5000], 'lines shown and logged')
      must(/stats: Client ID/.test(host.log), 'the table is not in the log')
      return '5,000 of 5,000 lines, and the table'
    } finally {
      await host.kill()
    }
  }),

  alone('S12', 'a jump of the clock by an hour neither loses nor delays anything', async () => {
    const shim = compile('clock', '-shared', '-fPIC')
    const folder = newFolder()
    const offset = join(folder, 'offset')
    const jump = (seconds: number): void => writeFileSync(offset, String(seconds))
    jump(0)
    const host = await startHost({
      folder,
      env: { LD_PRELOAD: shim, CLOCK_OFFSET: offset },
      config:
        'plugins: [logging({ lines: true }), flood({ burst: 50, perSecond: 500 }), echo()], limits: { idle: 20000 }',
    })
    try {
      const [speaker, watcher] = await host.room.pair()
      const hours = new Set<string>()
      const begun = performance.now()
      for (const seconds of [0, 3600, -3600, 0]) {
        jump(seconds)
        const { texts } = await host.room.heard(
          speaker,
          watcher,
          numbered(300, `at ${seconds}`)
            .map((line) => `${line}\r\n`)
            .join(''),
        )
        mustBe(texts, numbered(300, `at ${seconds}`), `lines after a jump to ${seconds} s`)
        hours.add(host.log.trimEnd().split('\n').at(-1)?.slice(11, 13) ?? '')
      }
      const taken = (performance.now() - begun) / 1000
      must(hours.size === 3, `the log's hours are ${shown([...hours])}: the clock did not jump`)
      must(taken < 8, `1,200 lines at 500 a second took ${taken.toFixed(1)} s`)
      return `1,200 of 1,200 lines in ${taken.toFixed(1)} s, the log shows the time of day`
    } finally {
      await host.kill()
    }
  }),

  alone(
    'S13',
    'a log that is a pipe blocks nothing, and its reader is notified of lost lines',
    async () => {
      needPrograms('mkfifo')
      const folder = newFolder()
      const file = join(folder, 'chat.log')
      execFileSync('mkfifo', [file])
      const host = await startHost({ folder, config: withLines })
      try {
        await talk(host, numbered(1000))
        const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
        let text = ''
        await when(
          () => {
            text += readAll(reader)
            return text.includes('could not be written')
          },
          () => `the log says ${shown(text)}`,
        )
        await talk(host, ['read'])
        text += readAll(reader)
        closeSync(reader)
        const lost = Number(/(\d+) log lines could not be written/.exec(text)?.[1])
        // Two records that are not lines of the chat, two new connections, the lines and the one that marks their end.
        mustBe(lost, 1005, 'lines reported as lost')
        must(/\) read\n/.test(text), `the log says ${shown(text)}`)
        await talk(host, ['not read any more'])
        const exit = await host.stop('SIGTERM')
        mustBe([exit.code, exit.signal], [0, null], 'the status')
        return `started without a reader, ${lost} lines reported as lost, ended after ${Math.round(exit.milliseconds)} ms`
      } finally {
        await host.kill()
      }
    },
  ),
]
