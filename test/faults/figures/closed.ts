/** A13: a guard that fails closed stays closed, whatever the operator and the machine do. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { must } from '../check.ts'
import { count, type Figure, type Stage } from '../figure.ts'
import type { HostSetup, RunningHost } from '../host.ts'
import { newFolder, when } from '../machine.ts'
import type { Member } from '../room.ts'

const ROUNDS = 6
const STOPS = 12
/** Lines of a batch, every other one of them with a word that the guard knows. */
const LINES = 100
const SIGNALS = 200
const WORDS = 'bad\n'

/** It reads its words from a file, at startup and for each line. Another plugin hangs if a file says so. */
const code = `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
const hang = (where) => {
  if (!existsSync(where)) return
  writeFileSync('hangs', '')
  return new Promise(() => {})
}
const list = definePlugin({ name: 'list', apiVersion: 1, setup() {} })
const hanging = definePlugin({ name: 'hanging', apiVersion: 1, setup(host) {
  host.onStart(() => hang('hang-start'))
  host.onDispose(() => hang('hang-dispose')) } })
const guard = definePlugin({ name: 'guard', apiVersion: 1, requires: ['list'], setup(host) {
  let words = []
  const read = () => readFileSync('words.txt', 'utf8').trim().split('\\n')
  host.onStart(() => { words = read() })
  host.hooks.line.tap({ stage: Stage.Filter, onFailure: drop('closed') }, ({ text }) => {
    read()
    return words.some((word) => text.startsWith(word)) ? drop('known') : undefined }) } })
if (existsSync('wrong')) throw new Error('this config is wrong')
`
const config = 'plugins: [logging(), mute(), help(), list(), hanging(), guard(), echo()]'
const setup: HostSetup = { code, config }
const unloading: HostSetup = { code, config: `unloadAfterFaults: 3, ${config}` }

/** Counts of lines sent to the guard, and of lines shown that must not be. */
interface Tally {
  said: number
  passed: number
  /** Lines that should pass, and did. */
  shown: number
}

class Guarded {
  readonly host: RunningHost
  readonly #tally: Tally
  readonly #speaker: Member
  readonly #watcher: Member
  #batches = 0

  private constructor(host: RunningHost, tally: Tally, speaker: Member, watcher: Member) {
    this.host = host
    this.#tally = tally
    this.#speaker = speaker
    this.#watcher = watcher
  }

  static async start(stage: Stage, how: HostSetup, tally: Tally): Promise<Guarded> {
    const folder = newFolder()
    writeFileSync(join(folder, 'words.txt'), WORDS)
    const host = await stage.host({ ...how, folder })
    const [speaker, watcher] = await host.room.pair()
    return new Guarded(host, tally, speaker, watcher)
  }

  has(name: string, there: boolean): void {
    const file = join(this.host.folder, name)
    if (there) writeFileSync(file, WORDS)
    else rmSync(file, { force: true })
  }

  /** Sends the host a request, as the command line does. */
  ask(command: string, plugin?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = ''
      const socket = connect(join(this.host.folder, '.multiecho.sock'), () =>
        socket.write(`${JSON.stringify({ command, plugin })}\n`),
      )
      socket.on('data', (text) => {
        answer += String(text)
        if (answer.endsWith('\n')) socket.destroy()
      })
      socket.on('error', reject)
      socket.on('close', () => resolve(answer))
    })
  }

  /** Sends a batch without waiting for its outcome. */
  talk(): Promise<boolean> {
    const batch = ++this.#batches
    this.#tally.said += LINES
    const lines = Array.from(
      { length: LINES },
      (_, index) => `${index % 2 === 0 ? 'bad' : 'good'} ${batch}.${index}\r\n`,
    )
    return this.#speaker.peer.send(lines.join(''))
  }

  /** Sends a batch; all of it must be dropped, or, while the guard runs, the lines with its words. */
  async check(runs: boolean): Promise<void> {
    const from = this.#watcher.peer.lines.length
    await this.talk()
    await this.#settled(this.#speaker)
    await this.#settled(this.#watcher)
    const good = this.#shown(' good ', from)
    if (runs) this.#tally.shown += good
    else this.#tally.passed += good
  }

  /** Counts what was shown in the whole session. */
  end(): void {
    this.#tally.passed += this.#shown(' bad ', 0)
  }

  #shown(word: string, from: number): number {
    return this.#watcher.peer.lines.slice(from).filter((line) => line.includes(`)${word}`)).length
  }

  /** Waits for the answer to a command, which arrives after everything else. */
  async #settled({ peer }: Member): Promise<void> {
    const from = peer.lines.length
    const word = `/after${++this.#batches}`
    await peer.say(word)
    await peer.line((line) => line.includes(word), 'answer', { from })
  }
}

/** Everything that an operator may try while the list is missing. */
async function operate(chat: Guarded): Promise<void> {
  chat.has('words.txt', false)
  await chat.check(false)
  for (const _ of ['once', 'twice']) {
    const talking = chat.talk()
    must((await chat.ask('reload')).includes('not reloaded'), 'it was reloaded')
    await talking
    await chat.check(false)
  }
  for (const [command, plugin] of [
    ['off', 'mute'],
    ['on', 'mute'],
    ['on', 'guard'],
    ['off', 'list'],
    ['on', 'list'],
  ]) {
    await Promise.all([chat.talk(), chat.ask(command as string, plugin)])
    await chat.check(false)
  }
  chat.has('wrong', true)
  await chat.ask('reload')
  chat.has('wrong', false)
  await chat.check(false)
  for (let sent = 0; sent < SIGNALS; sent++) {
    chat.host.signal('SIGHUP')
    if (sent % 20 === 0) await chat.talk()
  }
  await chat.ask('reload')
  await chat.check(false)
  chat.has('words.txt', true)
  await chat.check(false)
  const answer = await chat.ask('reload')
  must(answer.includes('"ok":true'), `it was not reloaded: ${answer}`)
  await chat.check(true)
}

/** Stops it during a reload that hangs, or after one that failed. */
async function stop(stage: Stage, way: number, tally: Tally): Promise<void> {
  const chat = await Guarded.start(stage, setup, tally)
  const files = ['hang-start', 'hang-dispose', 'words.txt']
  const file = files[way % files.length] as string
  chat.has(file, file !== 'words.txt')
  const reloaded = chat.ask('reload').catch(() => {})
  if (file === 'words.txt') await reloaded
  else
    await when(
      () => existsSync(join(chat.host.folder, 'hangs')),
      () => 'the reload does not hang',
    )
  await chat.talk()
  const ended = chat.host.stop('SIGTERM')
  await chat.talk()
  await ended
  chat.end()
  await stage.end()
}

export const closed: Figure = {
  id: 'A13',
  title: `a guard with onFailure, during failing reloads, faults, switching, ${SIGNALS} SIGHUPs and shutdowns`,
  promised: '0 lines passed that the guard would have dropped',
  ofOthers: false,
  async measure(stage) {
    const tally: Tally = { said: 0, passed: 0, shown: 0 }
    for (const how of [setup, unloading]) {
      const chat = await Guarded.start(stage, how, tally)
      await chat.check(true)
      for (let round = 0; round < ROUNDS; round++) await operate(chat)
      chat.end()
      await stage.end()
    }
    const expected = (2 * (ROUNDS + 1) * LINES) / 2
    for (let way = 0; way < STOPS; way++) await stop(stage, way, tally)
    return {
      measured: `${tally.passed} of ${count(tally.said)} lines passed; ${count(tally.shown)} of ${count(expected)} were shown while it ran`,
      met: tally.passed === 0 && tally.shown === expected,
    }
  },
}
