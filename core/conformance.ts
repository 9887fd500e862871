/**
 * `checkPlugin`: what every plugin has to stand, tried in hosts in memory. Each part adds what it finds, and all of it is
 * told at the end.
 */
import { Duplex } from 'node:stream'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { NamedAudience } from './audience.ts'
import type { Client } from './client.ts'
import { systemClock } from './clock.ts'
import type { CommandInfo } from './commands.ts'
import { checkConfig } from './config.ts'
import type { PluginContext } from './context.ts'
import { ConfigError, describe, errors, show, type ChatError, type Finding } from './errors.ts'
import type { SettledEvent } from './hooks.ts'
import { createHost } from './host.ts'
import {
  countHandles,
  countKept,
  countListeners,
  grown,
  grownHandles,
  watchUncaught,
} from './leftovers.ts'
import { Log } from './log.ts'
import { definePlugin, type Plugin } from './plugin.ts'
import { createTestHost, type TestClient, type TestHost } from './test-host.ts'

export interface CheckOptions {
  /** Plugins to run beside it: those that it requires, and any other that it needs to be of use. */
  readonly with?: readonly Plugin[] | undefined
}

/** What was tried, where nothing was found. */
export interface CheckReport {
  /** The plugin's name. */
  readonly plugin: string
  /** Examples of its commands that were run. */
  readonly examples: number
  /** How often it was loaded and unloaded: 1000 times, or as often as there was time for. */
  readonly cycles: number
}

const CYCLES = 1000
/** Cycles after which leftovers show, so that what leaks is not done a thousand times. */
const FIRST_CYCLES = 20
/** Milliseconds for the cycles, by the wall clock: a plugin that starts slowly is loaded less often. */
const CYCLE_TIME = 5000
/** Leftovers of these cycles that are no chance: a test runner comes and goes too. */
const LEAST_LEFT = FIRST_CYCLES / 2
/** Clients that come and go in one host. */
const VISITORS = 30
/** Milliseconds of the test clock that a plugin is left alone, for its timers. */
const WHILE = 60_000

/**
 * Checks what every plugin has to stand: it loads and unloads a thousand times and leaves nothing behind, clients come,
 * leave and break off in the middle, and the examples of its commands come true. `plugin` is a plugin, or a function that
 * makes one. Rejects with a `CheckError` (`CHECK_FAILED`) that names everything found and what to do.
 */
export async function checkPlugin(
  plugin: Plugin | (() => Plugin),
  { with: others = [] }: CheckOptions = {},
): Promise<CheckReport> {
  const uncaught = watchUncaught()
  const subject = new Subject(plugin, others)
  let examples = 0
  let cycles = 0
  try {
    if (await subject.loads()) {
      await checkSetUp(subject)
      examples = await checkExamples(subject)
      await checkVisits(subject)
      cycles = await checkCycles(subject)
    }
    await wait(1)
  } finally {
    uncaught.stop()
  }
  for (const seen of uncaught.seen) {
    subject.found(
      'rejection',
      `nobody caught what was ${seen}; that ends a chat, so await the promise or catch it, and use host.setTimeout in place of setTimeout`,
    )
  }
  if (subject.findings.length > 0) throw errors.checkFailed(subject.name, subject.findings)
  return { plugin: subject.name, examples, cycles }
}

/** The plugin that is checked, and what was found of it. */
class Subject {
  readonly findings: Finding[] = []
  name = 'plugin'
  commands: readonly CommandInfo[] = []
  readonly #make: () => unknown
  readonly #others: readonly Plugin[]
  readonly #faults = new Set<string>()

  constructor(plugin: Plugin | (() => Plugin), others: readonly Plugin[]) {
    this.#make = typeof plugin === 'function' ? plugin : () => plugin
    this.#others = others
  }

  /** Adds a finding, once. */
  found(part: Finding['part'], message: string): void {
    if (this.findings.some((one) => one.message === message)) return
    this.findings.push({ part, message })
  }

  /** Adds faults of plugins as findings, each once. */
  faults(during: string, faults: readonly ChatError[]): void {
    for (const { plugin, message } of faults) {
      const fault = plugin === this.name ? message : `plugin ${plugin ?? '?'}: ${message}`
      if (!this.#faults.has(fault)) this.found('fault', `${during}: ${fault}`)
      this.#faults.add(fault)
    }
  }

  /** Whether it can be loaded at all; what it is called and which commands it has is known then. */
  async loads(): Promise<boolean> {
    try {
      const made = this.#make()
      // A config passes over what is falsy.
      if (!made) {
        this.found(
          'load',
          `expected a plugin, found ${show(made)}; return what the factory returns`,
        )
        return false
      }
      const { name } = made as Partial<Plugin>
      if (typeof name === 'string') this.name = name
    } catch (cause) {
      this.found('load', `it cannot be made: ${describe(cause)}`)
      return false
    }
    try {
      const { host, watcher } = await this.open()
      this.commands = [...watcher.host.commands].filter(({ plugin }) => plugin === this.name)
      await this.close(host, 'while nobody is there')
      return true
    } catch (cause) {
      const problems =
        cause instanceof ConfigError
          ? cause.problems.map(({ path, message }) => `${path}: ${message}`)
          : [describe(cause)]
      for (const problem of problems) this.found('load', problem)
      return false
    }
  }

  /** The plugins of a host: those that it needs, itself, and one that watches. */
  plugins(watch: Watch, watcher: Watcher): readonly Plugin[] {
    return [...this.#others, watched(this.#make(), watch), watcher.plugin]
  }

  async open(): Promise<Opened> {
    const watch: Watch = { audiences: new Set(), late: new Set(), gone: false, context: undefined }
    const watcher = createWatcher()
    const host = await createTestHost({ plugins: this.plugins(watch, watcher) })
    return { host, watch, watcher }
  }

  async close(host: TestHost, during: string): Promise<void> {
    const stopping = host.stop().catch((cause: unknown) => {
      if (!(cause instanceof AggregateError)) throw cause
      this.faults(during, cause.errors as ChatError[])
    })
    await stopping
  }
}

interface Opened {
  readonly host: TestHost
  readonly watch: Watch
  readonly watcher: Watcher
}

/** What is noted of a plugin's dealings with its host. */
interface Watch {
  readonly audiences: Set<NamedAudience>
  /** Doors that it used after it had gone. */
  readonly late: Set<string>
  gone: boolean
  context: WeakRef<PluginContext> | undefined
}

/** The plugin, with a context that notes what it does. What is no plugin is left to the host to refuse. */
function watched(made: unknown, watch: Watch): Plugin {
  const plugin = made as Plugin
  if (typeof plugin?.setup !== 'function') return plugin
  return {
    ...plugin,
    setup(host, options) {
      const context = noting(host, watch)
      watch.context = new WeakRef(context)
      return plugin.setup(context, options)
    },
  }
}

const DOORS = [
  'command',
  'broadcast',
  'clientState',
  'attach',
  'provide',
  'setTimeout',
  'setInterval',
  'onStart',
  'onDispose',
  'addLogSink',
] as const

function noting(host: PluginContext, watch: Watch): PluginContext {
  const noted = DOORS.map((door) => {
    const open = host[door] as (...args: unknown[]) => unknown
    const run = (...args: unknown[]): unknown => {
      if (watch.gone) watch.late.add(door)
      return open(...args)
    }
    return [door, run] as const
  })
  return Object.freeze({
    ...host,
    ...Object.fromEntries(noted),
    audience(name: string): NamedAudience {
      const audience = host.audience(name)
      watch.audiences.add(audience)
      return audience
    },
  })
}

/** Of an event, without its client. */
interface Settled {
  readonly hook: SettledEvent['hook']
  readonly kind: string
}

interface Watcher {
  readonly plugin: Plugin
  /** Throws before the plugin has been set up. */
  readonly host: PluginContext
  /** What became of each line and command. */
  readonly settled: Settled[]
  /** Every client that has come. */
  readonly clients: Array<WeakRef<Client>>
}

function createWatcher(): Watcher {
  const settled: Settled[] = []
  const clients: Array<WeakRef<Client>> = []
  let host: PluginContext | undefined
  const watcher = definePlugin({
    name: 'multiecho:check',
    apiVersion: 1,
    setup(given) {
      host = given
      given.hooks.settled.tap('watch', ({ hook, event, verdict }) => {
        if (hook === 'connect') clients.push(new WeakRef(event.client))
        else settled.push({ hook, kind: verdict.kind })
      })
    },
  })
  return {
    plugin: watcher(),
    get host() {
      return host as PluginContext
    },
    settled,
    clients,
  }
}

/** `multiecho check` sets plugins up and never starts or disposes of them, so that nothing may be open then. */
async function checkSetUp(subject: Subject): Promise<void> {
  const [listeners, handles] = [countListeners(), countHandles()]
  for (let count = 0; count < FIRST_CYCLES; count++) {
    const watch: Watch = { audiences: new Set(), late: new Set(), gone: false, context: undefined }
    const config = checkConfig({ plugins: subject.plugins(watch, createWatcher()) }, undefined, [])
    const log = new Log(() => {})
    createHost(config, { clock: systemClock, random: Math.random, log }).setUp()
  }
  await turn()
  const left = [
    ...grown(listeners, countListeners(), LEAST_LEFT),
    ...(await grownHandles(handles, LEAST_LEFT)),
  ]
  if (left.length === 0) return
  subject.found(
    'setup',
    `setup was called ${FIRST_CYCLES} times and the host never started, and there is left: ${left.join(', ')}; setup only registers, so acquire it in host.onStart`,
  )
}

/** Runs each example by itself. Returns how many there were. */
async function checkExamples(subject: Subject): Promise<number> {
  let count = 0
  for (const command of subject.commands) {
    for (const [index, { type, sees }] of command.examples.entries()) {
      count++
      const { host, watcher } = await subject.open()
      const [ada] = [
        await patiently(host, host.connect('ada')),
        await patiently(host, host.connect('bob')),
      ]
      const said = await patiently(host, ada.send(type.map((line) => `${line}\r\n`).join('')))
      const what = `/${command.name}, example ${index + 1}, ${JSON.stringify(type.join(', '))}`
      const problem = exampleProblem(sees, said, watcher.settled)
      if (problem !== undefined) {
        const saw =
          said.length === 0 ? 'nothing' : said.map((line) => JSON.stringify(line)).join(', ')
        subject.found(
          'example',
          `${what}: ${problem}; ada was sent ${saw}; correct the example, or the command`,
        )
      }
      await subject.close(host, what)
    }
  }
  return count
}

function exampleProblem(
  sees: string | RegExp | undefined,
  said: readonly string[],
  settled: readonly Settled[],
): string | undefined {
  if (typeof sees === 'string') {
    return said.some((line) => line.includes(sees))
      ? undefined
      : `expected a line with ${JSON.stringify(sees)} in it`
  }
  if (sees !== undefined) {
    return said.some((line) => sees.test(line))
      ? undefined
      : `expected a line that matches ${String(sees)}`
  }
  const done = settled.filter(({ hook }) => hook === 'command')
  return done.length > 0 && done.every(({ kind }) => kind === 'done')
    ? undefined
    : 'expected the command to be done, and it was refused or failed'
}

/** Clients come, talk, and leave in every way; then it is unloaded under those who stay. */
async function checkVisits(subject: Subject): Promise<void> {
  const { host, watch, watcher } = await subject.open()
  const typed = linesToType(subject.commands)
  for (let visit = 0; visit < VISITORS; visit++) {
    if (visit % 3 === 0) passBy(watcher.host, `passer-by ${visit}`)
    const client = await patiently(host, host.connect(`visitor ${visit}`))
    const unfinished = visit % 2 === 0 ? 'half a li' : ''
    const talking = client.send(typed[visit % typed.length] + unfinished)
    // What was sent is read in the next turn: every other one leaves before that, or in the middle of it.
    if (visit % 4 < 2) await turn()
    const leaving = visit % 3 === 0 ? client.end() : client.reset()
    await patiently(host, Promise.all([talking, leaving]))
    const faults = host.takeErrors()
    subject.faults('while clients come, talk and leave', faults)
    if (faults.length > 0) break
  }
  await patiently(host, host.advance(WHILE))
  subject.faults('while time passes', host.takeErrors())
  const gone = watcher.clients.length - watcher.host.clients.size
  const kept = (await countKept(watcher.clients)) - watcher.host.clients.size
  if (kept > gone / 2) {
    subject.found(
      'leaving',
      `${kept} of ${gone} clients that have left are still kept; use host.clientState, or forget them in a tap of the close hook`,
    )
  }
  await checkUnload(subject, { host, watch, watcher })
  await subject.close(host, 'while it is unloaded')
}

/** What each visitor types, by turns: a line, and every command, by its examples where it has some. */
function linesToType(commands: readonly CommandInfo[]): string[] {
  const lines = commands.flatMap(({ name, examples }) =>
    examples.length === 0
      ? [`/${name}\r\n`]
      : examples.map(({ type }) => `${type.join('\r\n')}\r\n`),
  )
  return ['hello\r\n', ...lines]
}

/** Somebody who has gone before anybody could ask who it was. */
function passBy(host: PluginContext, label: string): void {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  host.attach(stream, { label, address: '127.0.0.1' })
  stream.destroy()
}

async function checkUnload(subject: Subject, { host, watch, watcher }: Opened): Promise<void> {
  const stay: TestClient[] = []
  for (const [index, typed] of linesToType(subject.commands).entries()) {
    const client = await patiently(host, host.connect(`client ${index}`))
    await patiently(host, client.send(typed))
    stay.push(client)
  }
  await patiently(host, host.unload(subject.name))
  watch.gone = true
  for (const client of stay.filter(({ closed }) => !closed)) {
    watcher.settled.length = 0
    await patiently(host, client.say('still here'))
    if (client.closed || watcher.settled.length > 0) continue
    subject.found(
      'hold',
      'it has gone, and the lines of a client are still held back; call what client.hold() returned, in host.onDispose',
    )
  }
  for (const audience of watch.audiences) {
    if (audience.size === 0) continue
    subject.found(
      'audience',
      `it has gone, and clients are still in the audience ${JSON.stringify(audience.name)}; delete them in host.onDispose`,
    )
  }
  await patiently(host, host.advance(WHILE))
  await wait(20)
  for (const door of watch.late) {
    subject.found(
      'late',
      `it called host.${door} after it had gone; end what still runs in host.onDispose, or when host.signal is aborted`,
    )
  }
}

/** Loads and unloads it again and again, with a client who talks. Returns how often. */
async function checkCycles(subject: Subject): Promise<number> {
  const contexts: Array<WeakRef<PluginContext>> = []
  const typed = linesToType(subject.commands)
  let cycles = 0
  const cycle = async (): Promise<void> => {
    const { host, watch } = await subject.open()
    const client = await patiently(host, host.connect())
    await patiently(host, client.send(typed[cycles % typed.length] as string))
    await patiently(host, host.unload(subject.name))
    if (watch.context !== undefined) contexts.push(watch.context)
    await subject.close(host, 'while it is loaded and unloaded')
    cycles++
  }

  // What is made once in a process is there after this.
  await cycle()
  const [listeners, handles] = [countListeners(), countHandles()]
  const begun = performance.now()
  for (const most of [FIRST_CYCLES, CYCLES]) {
    while (cycles < most && performance.now() - begun < CYCLE_TIME) await cycle()
    await tellLeftovers()
    if (subject.findings.length > 0) break
  }
  return cycles

  async function tellLeftovers(): Promise<void> {
    const after = `after it was loaded and unloaded ${cycles} times`
    const listening = grown(listeners, countListeners(), LEAST_LEFT)
    if (listening.length > 0) {
      subject.found(
        'listeners',
        `${after}, it still listens to events of the process: ${listening.join(', ')}; call process.off in host.onDispose`,
      )
    }
    const open = await grownHandles(handles, LEAST_LEFT)
    if (open.length > 0) {
      subject.found(
        'handles',
        `${after}, there is still open: ${open.join(', ')}; close it in host.onDispose, and use the timers of the host`,
      )
    }
    const kept = await countKept(contexts)
    if (kept > contexts.length / 2) {
      subject.found(
        'memory',
        `${after}, ${kept} of its contexts are still in memory; keep nothing of the host outside of setup`,
      )
    }
  }
}

/** Waits for something while the clock runs, ten times as fast as others, for what waits for it. */
async function patiently<T>(host: TestHost, underWay: Promise<T>): Promise<T> {
  let open = true
  const done = underWay.finally(() => {
    open = false
  })
  for (let count = 0; open && count < 8; count++) await turn()
  while (open) {
    await Promise.race([done.catch(() => {}), wait(10)])
    if (open) await host.advance(100)
  }
  return done
}
