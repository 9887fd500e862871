/** What the compiler must accept and refuse of those who use the public API. Run by `npm run types`, by nothing else. */
import {
  defineConfig,
  definePlugin,
  defineService,
  deliver,
  drop,
  refuse,
  Stage,
  z,
  type Audience,
  type Client,
  type CommandInfo,
  type CommandSpec,
  type ConfigInput,
  type Deliver,
  type Drop,
  type LineVerdict,
  type Plugin,
  type PluginContext,
  type Refuse,
} from 'multiecho'
import { echo, help, logging, mute, quit, stats } from 'multiecho/plugins'
import {
  checkPlugin,
  createTestHost,
  createTestStore,
  type CheckReport,
  type TestHost,
} from 'multiecho/testing'

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles when both types are the same. */
function same<A, B>(_same: Same<A, B>): void {}

declare const host: PluginContext
declare const client: Client

// Options

export const dice = definePlugin({
  name: 'dice',
  apiVersion: 1,
  options: z.strictObject({ sides: z.int().default(6), label: z.string().optional() }).prefault({}),
  setup(context, options) {
    same<typeof context, PluginContext>(true)
    same<typeof options, { sides: number; label?: string | undefined }>(true)
    // @ts-expect-error: there is no such option
    void options.side
  },
})

same<ReturnType<typeof dice>, Plugin>(true)
dice()
dice({})
dice({ sides: 20 })
dice({ label: undefined })
// @ts-expect-error: a number is expected
dice({ sides: '20' })
// @ts-expect-error: there is no such option
dice({ side: 20 })

export const bridge = definePlugin({
  name: 'bridge',
  apiVersion: 1,
  options: z.strictObject({ url: z.string(), port: z.string().transform(Number) }),
  setup(_context, options) {
    same<typeof options, { url: string; port: number }>(true)
  },
})

bridge({ url: 'x', port: '1' })
// @ts-expect-error: an option without a default may not be left out
bridge()
// @ts-expect-error: what is given is what the schema takes, not what it makes of it
bridge({ url: 'x', port: 1 })

export const plain = definePlugin({ name: 'plain', apiVersion: 1, setup() {} })
plain()
// @ts-expect-error: it takes no options
plain({ a: 1 })

// @ts-expect-error: the version of the API is 1
definePlugin({ name: 'new', apiVersion: 2, setup() {} })
// @ts-expect-error: a plugin says which API it was written for
definePlugin({ name: 'none', setup() {} })
// @ts-expect-error: a plugin has a setup
definePlugin({ name: 'none', apiVersion: 1 })

// Commands

host.command({
  name: 'kick',
  help: 'Kick somebody.',
  args: { who: z.string(), minutes: z.coerce.number().optional(), how: z.enum(['soft', 'hard']) },
  run({ client: caller, args, input }) {
    same<typeof caller, Client>(true)
    same<typeof input, string>(true)
    same<typeof args.who, string>(true)
    same<typeof args.minutes, number | undefined>(true)
    same<typeof args.how, 'soft' | 'hard'>(true)
    // @ts-expect-error: there is no such argument
    void args.why
    // @ts-expect-error: arguments are given, not taken
    args.who = 'x'
    return 'kicked'
  },
})
host.command({
  name: 'later',
  help: '',
  run: async () => {
    await Promise.resolve()
    return 'x'
  },
})
host.command({
  name: 'none',
  help: '',
  run({ args }) {
    // @ts-expect-error: it has no arguments
    void args.who
  },
})
host.command({
  name: 'seen',
  help: '',
  args: { what: z.string().default('x') },
  examples: [
    { type: '/seen' },
    { type: ['/seen', '/seen y'], sees: /y/ },
    { type: '/seen', sees: 'x' },
  ],
  run({ args }) {
    same<typeof args, { readonly what: string }>(true)
    return args.what
  },
})
// @ts-expect-error: an example is typed
host.command({ name: 'bad', help: '', run() {}, examples: [{ sees: 'x' }] })
// @ts-expect-error: what is seen is a text or an expression
host.command({ name: 'bad', help: '', run() {}, examples: [{ type: '/bad', sees: 5 }] })
// @ts-expect-error: there is no such key
host.command({ name: 'bad', help: '', run() {}, examples: [{ type: '/bad', see: 'x' }] })
// @ts-expect-error: an argument that is a number is no text
host.command({ name: 'bad', help: '', args: { n: z.coerce.number() }, run: ({ args }) => args.n })
for (const info of host.commands) {
  same<typeof info, CommandInfo>(true)
  same<(typeof info.examples)[number]['type'], readonly string[]>(true)
  // @ts-expect-error: commands are looked at, not changed
  info.help = 'x'
}
same<ReturnType<typeof host.commands.get>, CommandInfo | undefined>(true)
// @ts-expect-error: what is sent is text
host.command({ name: 'five', help: '', run: () => 5 })
// @ts-expect-error: an argument is a schema
host.command({ name: 'bad', help: '', args: { who: String }, run() {} })
// @ts-expect-error: a command says what it is for
host.command({ name: 'bad', run() {} })
// @ts-expect-error: there is no such key
host.command({ name: 'bad', help: '', run() {}, alias: ['b'] })
export const spec: CommandSpec = { name: 'x', help: '', run: () => {} }

// Verdicts

same<ReturnType<typeof deliver>, Deliver>(true)
same<ReturnType<typeof drop>, Drop>(true)
same<ReturnType<typeof refuse>, Refuse>(true)

host.hooks.line.tap('a', () => deliver())
host.hooks.line.tap('a', () => drop('reason'))
host.hooks.line.tap('a', () => {})
host.hooks.line.tap('a', () => undefined)
host.hooks.line.tap('a', ({ text }): LineVerdict | undefined =>
  text === '' ? drop('x') : undefined,
)
host.hooks.line.tap({ stage: Stage.Guard, timeout: 100, onFailure: drop('x') }, () => {})
host.hooks.line.tapPromise('a', async () => {
  await Promise.resolve()
  return deliver({ prefix: 'x' })
})
// @ts-expect-error: a line is delivered or dropped
host.hooks.line.tap('a', () => refuse('x'))
// @ts-expect-error: a verdict is no boolean
host.hooks.line.tap('a', () => false)
// @ts-expect-error: nor null
host.hooks.line.tap('a', () => null)
// @ts-expect-error: an answer that comes later is for tapPromise
host.hooks.line.tap('a', async () => deliver())
// @ts-expect-error: and one that comes at once for tap
host.hooks.line.tapPromise('a', () => deliver())
// @ts-expect-error: the stages are these four
host.hooks.line.tap({ stage: 5 }, () => {})
// @ts-expect-error: there is no such option
host.hooks.line.tap({ before: 'echo' }, () => {})
// @ts-expect-error: the verdict on a failure is one of the hook
host.hooks.line.tap({ onFailure: refuse('x') }, () => {})
// @ts-expect-error: a drop has a reason
drop()
// @ts-expect-error: a refusal has a message
refuse()
// @ts-expect-error: hooks are called by the host
host.hooks.line.callAsync({})

host.hooks.connect.tap('a', () => refuse('x'))
host.hooks.connect.tap({ onFailure: refuse('x') }, () => {})
// @ts-expect-error: who comes is refused or let in by silence
host.hooks.connect.tap('a', () => drop('x'))
// @ts-expect-error: admit is not for plugins
host.hooks.connect.tap('a', () => ({ kind: 'admit' }))

host.hooks.command.tap('a', ({ command }) => (command === undefined ? refuse('x') : undefined))
// @ts-expect-error: a command is refused or runs
host.hooks.command.tap('a', () => deliver())

host.hooks.settled.tap('a', (settled) => {
  if (settled.hook === 'line') {
    same<typeof settled.verdict, LineVerdict>(true)
    same<typeof settled.event.text, string>(true)
    // @ts-expect-error: a watcher changes nothing
    settled.event.text = 'x'
  }
  // @ts-expect-error: which event it is depends on the hook
  void settled.event.text
  // @ts-expect-error: nor the verdict
  settled.verdict = drop('x')
})
// @ts-expect-error: a watcher does not take its time
host.hooks.settled.tapPromise('a', async () => {})
// @ts-expect-error: nothing is decided here
host.hooks.close.tap({ onFailure: drop('x') }, () => {})
host.hooks.close.tapPromise('a', async ({ client: leaver, orderly }) => {
  if (orderly) leaver.send('bye')
  await Promise.resolve()
})
host.hooks.shutdown.tap('a', ({ signal }) => void signal.aborted)

// Events

host.hooks.line.tap('a', (event) => {
  event.text = 'x'
  event.audience = event.audience.without(event.client)
  event.audience = event.audience.and([event.client])
  event.audience = host.audience('room')
  // @ts-expect-error: an audience is made by the host
  event.audience = [event.client]
  // @ts-expect-error: the sender stays
  event.client = client
})

// Clients, audiences, state and services

client.name = 'Ada'
client.send('x')
client.send(['x', 'y'])
// @ts-expect-error: what is sent is text
client.send(5)
// @ts-expect-error: an id stays
client.id = 'x'
same<ReturnType<Client['hold']>, () => void>(true)

host.broadcast('x', { to: [client], except: client })
host.broadcast('x', { to: host.audience('room').without(client) })
host.broadcast(['x', 'y'], { author: 'ann@irc', tags: { from: 'irc' } })
// @ts-expect-error: there is no such option
host.broadcast('x', { exept: client })
same<ReturnType<typeof host.say>, Promise<boolean>>(true)
void host.say(client, 'x', { tags: { emote: true }, audience: host.everyone })
host.hooks.message.tap('a', (message) => {
  same<typeof message.kind, 'line' | 'notice' | 'private'>(true)
  same<typeof message.whole, Audience | undefined>(true)
  // @ts-expect-error: it cannot be changed
  message.text = 'x'
})
// @ts-expect-error: it is synchronous
host.hooks.message.tapPromise('a', async () => {})
// @ts-expect-error: everyone is filled by the host
host.everyone.add(client)
for (const one of host.clients) same<typeof one, Client>(true)
for (const one of host.everyone) same<typeof one, Client>(true)
same<typeof host.everyone, Audience>(true)

const state = host.clientState((one) => ({ count: one.key, seen: new Set<string>() }))
same<ReturnType<typeof state.get>, { count: number; seen: Set<string> }>(true)
same<ReturnType<typeof state.peek>, { count: number; seen: Set<string> } | undefined>(true)
// @ts-expect-error: there is no such state
void state.get(client).cuont
// @ts-expect-error: a state that was not made is none
void state.peek(client).count
// @ts-expect-error: a state is of a client, not of its id
void state.get('127.0.0.1:1')
const union = host.clientState((): { room: string } | undefined => undefined)
same<ReturnType<typeof union.get>, { room: string } | undefined>(true)
// @ts-expect-error: a state is made by a function
host.clientState({ count: 0 })

interface Store {
  save(text: string): void
}
const store = defineService<Store>('store')
host.provide(store, { save() {} })
same<ReturnType<typeof host.inject<Store>>, Store>(true)
host.inject(store).save('x')
same<ReturnType<typeof host.find<Store>>, Store | undefined>(true)
host.find(store)?.save('x')
// @ts-expect-error: it may be missing
host.find(store).save('x')
// @ts-expect-error: that is no store
host.provide(store, { load() {} })
// @ts-expect-error: a store saves
host.inject(store).load()
// @ts-expect-error: a store is not a number
export const wrong: number = host.inject(store)

// @ts-expect-error: the doors stay as they are
host.log = { ...host.log }

const clock = defineService<() => number>('clock')
same<ReturnType<typeof host.inject<() => number>>, () => number>(true)
host.provide(clock, () => 5)
// @ts-expect-error: a clock tells a number
host.provide(clock, () => 'five')
// @ts-expect-error: a service is asked for by its token
host.inject('clock')

// The store

same<Awaited<ReturnType<typeof host.store.get>>, unknown>(true)
same<Promise<number | undefined>, ReturnType<typeof host.store.get<number>>>(true)
void host.store.put('a', { points: [1, null] })
void host.store.batch([
  { type: 'put', key: 'a', value: 1 },
  { type: 'del', key: 'b' },
])
void host.store
  .iterator<number>({ gte: 'a', lt: 'b', limit: undefined })
  .all()
  .then((entries) => {
    same<typeof entries, Array<[key: string, value: number]>>(true)
  })
// @ts-expect-error: a key is a text
void host.store.put(5, 1)
// @ts-expect-error: a put has a value
void host.store.batch([{ type: 'put', key: 'a' }])
// @ts-expect-error: there is no such key
host.store.iterator({ from: 'a' })
// @ts-expect-error: a text is no number
void (host.store.get<string>('a') satisfies Promise<number | undefined>)

// Config

const nothing = Math.random() > 2 ? echo() : null

export default defineConfig({
  port: 9090,
  host: '::1',
  unknownCommand: 'echo',
  limits: { line: 100 },
  plugins: [
    logging({ format: 'json' }),
    stats({ rows: 5 }),
    [mute({ confirm: true }), [quit({ farewell: 'bye' })]],
    process.env['HELP'] !== undefined && help(),
    nothing,
    null,
    echo({ prefix: '<{name}> ' }),
    dice({ sides: 20 }),
  ],
})
export const empty: ConfigInput = defineConfig({})

// @ts-expect-error: there is no such key
defineConfig({ prot: 9090 })
// @ts-expect-error: it may be an import of what is not there
defineConfig({ plugins: [undefined] })
// @ts-expect-error: a port is a number
defineConfig({ port: '9090' })
// @ts-expect-error: these are the two
defineConfig({ unknownCommand: 'ignore' })
// @ts-expect-error: there is no such limit
defineConfig({ limits: { lines: 1 } })
// @ts-expect-error: a factory is called
defineConfig({ plugins: [echo] })
// @ts-expect-error: plugins are not named
defineConfig({ plugins: ['echo'] })
// @ts-expect-error: there is no such option
echo({ prefx: 'x' })
// @ts-expect-error: these are the two
logging({ format: 'xml' })

// The test kit

const testing: Promise<TestHost> = createTestHost({ plugins: [echo()], seed: 5 })
// @ts-expect-error: there is no such key
void createTestHost({ sed: 5 })
void createTestHost({ random: () => 0.5, now: Date.now() })
void createTestHost({ store: createTestStore() })
// @ts-expect-error: random numbers come of a function
void createTestHost({ random: 0.5 })
const checking: Promise<CheckReport> = checkPlugin(() => dice({ sides: 6 }), { with: [echo()] })
void checking.then(({ plugin, examples, cycles }) => {
  same<[typeof plugin, typeof examples, typeof cycles], [string, number, number]>(true)
})
void checkPlugin(dice({ sides: 6 }))
void checkPlugin(dice)
// @ts-expect-error: a factory that takes options is called
void checkPlugin(bridge)
// @ts-expect-error: a factory is called
void checkPlugin(() => dice)
// @ts-expect-error: there is no such key
void checkPlugin(dice, { without: [] })
void testing.then(async (chat) => {
  const one = await chat.connect('me')
  same<Awaited<ReturnType<typeof one.say>>, string[]>(true)
  // @ts-expect-error: lines are looked at, not written
  one.lines.push('x')
})
