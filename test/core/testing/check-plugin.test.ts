/** `checkPlugin`: what is well-behaved passes, and each fault is found, with what to do about it. */
import { closeSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  definePlugin,
  defineService,
  Stage,
  z,
  type Client,
  type Plugin,
  type PluginContext,
} from '../../../core/index.ts'
import { CheckError, checkPlugin, type Finding } from '../../../core/testing/index.ts'
import { echo, help } from '../../../plugins/index.ts'
import { plugin, rejection } from '../../support/memory-plugins.ts'

const test = suite('conformance')

/** What is left open by plugins of this file, to be released when their test is over. */
const open: Array<() => unknown> = []
test.after.each(() => {
  for (const release of open.splice(0)) release()
})

test('a plugin is loaded and unloaded a thousand times, in a second or so', async () => {
  let set = 0
  const one = plugin('one', () => void set++)
  const begun = performance.now()
  const { cycles } = await checkPlugin(one)
  assert.is(cycles, 1000)
  assert.ok(set > 1000)
  assert.ok(performance.now() - begun < 10_000)
})

const karma = defineService<number>('karma')

test('plugins that it requires go with it', async () => {
  const giver = plugin('giver', (host) => host.provide(karma, 5))
  const taker = plugin(
    'taker',
    (host) => {
      const points = host.inject(karma)
      host.command({
        name: 'points',
        help: '',
        examples: [{ type: '/points', sees: '5' }],
        run: () => String(points),
      })
    },
    ['giver'],
  )
  assert.is((await checkPlugin(taker, { with: [giver] })).examples, 1)
  assert.equal(await parts(taker), ['load'])
})

test('the one who types the examples is ada, and bob is there', async () => {
  const tell = plugin('tell', (host) => {
    host.command({
      name: 'here',
      help: '',
      examples: [{ type: '/here', sees: /^ada: ada, bob$/ }],
      run: ({ client }) =>
        `${client.name}: ${[...host.clients].map(({ name }) => name).join(', ')}`,
    })
  })
  assert.is((await checkPlugin(tell)).examples, 1)
})

test('a command that waits for the clock of the host comes to its end', async () => {
  const slow = plugin('slow', (host) => {
    host.command({
      name: 'slow',
      help: '',
      examples: [{ type: '/slow', sees: 'done' }],
      run: () =>
        new Promise<string>((resolve) => {
          host.setTimeout(() => resolve('done'), 300)
        }),
    })
  })
  assert.is((await checkPlugin(slow)).examples, 1)
})

test('the timers of the host may be set in setup', async () => {
  let ran = 0
  const ticks = plugin('ticks', (host) => {
    host.setInterval(() => ran++, 1000)
    host.setTimeout(() => ran++, 1000)
  })
  await checkPlugin(ticks)
  assert.ok(ran > 0)
})

test('a factory may be given as it is where it takes nothing', async () => {
  assert.is((await checkPlugin(help)).plugin, 'help')
})

test('all that was found is told at once, with the name of the plugin', async () => {
  const roll = {
    name: 'roll',
    help: '',
    examples: [
      { type: '/roll', sees: 'six' },
      { type: '/roll', sees: /^[1-6]$/ },
      { type: '/roll 2' },
    ],
    run: () => 'seven',
  }
  const bad = plugin('bad', (host) => {
    host.command(roll)
    host.onStart(() => {
      throw new Error('no disk')
    })
  })
  const broken = await failure(bad)
  assert.match(
    broken.message,
    /^bad: 1 finding\n {2}load: bad could not start: no disk \(\S+check-plugin\.test\.ts:\d+\)$/,
  )
  const lying = plugin('lying', (host) => {
    host.command(roll)
  })
  const error = await failure(lying)
  assert.is(error.code, 'CHECK_FAILED')
  assert.is(error.plugin, 'lying')
  assert.equal(error.message.split('\n'), [
    'lying: 3 findings',
    '  example: /roll, example 1, "/roll": expected a line with "six" in it; ada was sent "seven"; correct the example, or the command',
    '  example: /roll, example 2, "/roll": expected a line that matches /^[1-6]$/; ada was sent "seven"; correct the example, or the command',
    '  example: /roll, example 3, "/roll 2": expected the command to succeed, but it was refused or failed; ada was sent "too many arguments for /roll. Usage: /roll"; correct the example, or the command',
  ])
})

test('an example that wants a line delivered, and nobody delivers, says what to add', async () => {
  const hear = plugin('hear', (host) => {
    host.command({
      name: 'hear',
      help: '',
      examples: [{ type: ['hello', '/hear'], sees: 'hello' }],
      run: () => 'nothing',
    })
  })
  const { message } = await failure(hear)
  assert.match(
    message,
    /ada was sent "nothing"; no plugin delivers lines here; .*with: \[echo\(\)\]/,
  )
})

const contexts: PluginContext[] = []
const clients: Client[] = []

const bad: ReadonlyArray<
  readonly [what: string, setup: (host: PluginContext) => void, part: Finding['part'], told: RegExp]
> = [
  ['that listens to the process in setup', () => listen(), 'setup', /SIGUSR2.*host\.onStart/],
  ['that opens a port in setup', () => server(), 'setup', /TCPS\w+.*host\.onStart/],
  ['that opens a file in setup', () => file(), 'setup', /open file.*host\.onStart/],
  [
    'that still listens to the process',
    (host) => host.onStart(() => listen()),
    'listeners',
    /20 times.*SIGUSR2 \(\d+ more\).*process\.off/,
  ],
  [
    'that leaves a port open',
    (host) => host.onStart(() => server()),
    'handles',
    /TCPS\w+ \(\d+ more\).*close it in host\.onDispose/,
  ],
  [
    'that leaves a file open',
    (host) => host.onStart(() => file()),
    'handles',
    /open file \(\d+ more\)/,
  ],
  [
    'that has a timer of its own',
    (host) =>
      host.onStart(() => {
        const timer = setInterval(() => {}, 1000)
        open.push(() => clearInterval(timer))
      }),
    'handles',
    /Timeout \(\d+ more\).*timers of the host/,
  ],
  [
    'that goes on when it has gone',
    (host) => {
      host.onStart(() => {
        const timer = setInterval(() => host.broadcast('tick'), 1)
        timer.unref()
        open.push(() => clearInterval(timer))
      })
    },
    'late',
    /host\.broadcast after it was unloaded/,
  ],
  [
    'that has a timer of its own in a command',
    (host) =>
      host.command({
        name: 'later',
        help: '',
        run() {
          const timer = setTimeout(() => host.broadcast('late'), 700)
          open.push(() => clearTimeout(timer))
        },
      }),
    'handles',
    /Timeout \(\d+ more\).*timers of the host/,
  ],
  [
    'that keeps the clients who type a command',
    (host) =>
      host.command({ name: 'keep', help: '', run: ({ client }) => void clients.push(client) }),
    'leaving',
    /\d+ of \d+ clients that have left are still kept.*host\.clientState/,
  ],
  ['that keeps the host', (host) => void contexts.push(host), 'memory', /contexts are still in/],
  [
    'that keeps clients',
    (host) => host.hooks.connect.tap('keep', ({ client }) => void clients.push(client)),
    'leaving',
    /\d+ of \d+ clients that have left are still kept.*host\.clientState/,
  ],
  [
    'that holds clients back',
    (host) => host.hooks.line.tap('hold', ({ client }) => void client.hold()),
    'hold',
    /still held; .*client\.hold\(\)/,
  ],
  [
    'that leaves clients in its audience',
    (host) => {
      host.hooks.line.tap('join', ({ client }) => host.audience('bad:room').add(client))
    },
    'audience',
    /"bad:room".*delete them in host\.onDispose/,
  ],
  [
    'with a tap that throws',
    ({ hooks }) =>
      hooks.line.tap('bad', () => {
        throw new Error('no such line')
      }),
    'fault',
    /connect, talk and leave: line "\w+": no such line/,
  ],
  [
    'with a command that throws',
    (host) => host.command({ name: 'bad', help: '', run: () => nothing.of }),
    'fault',
    /\/bad failed: /,
  ],
  [
    'that cannot bear that a client has left',
    ({ hooks }) =>
      hooks.close.tap('bad', ({ orderly }) => {
        if (!orderly) throw new Error('come back')
      }),
    'fault',
    /close "bad": come back/,
  ],
  [
    'that cannot bear that a client leaves in the middle of a command',
    (host) =>
      host.command({
        name: 'slow',
        help: '',
        run: async ({ client }) => {
          await new Promise<void>((resolve) => void host.setTimeout(resolve, 10))
          if (client.closed) throw new Error('stay until I am done')
        },
      }),
    'fault',
    /connect, talk and leave: \/slow failed: stay until/,
  ],
  [
    'that fails after half a minute',
    (host) =>
      host.onStart(() => {
        host.setTimeout(() => {
          throw new Error('too long')
        }, 30_000)
      }),
    'fault',
    /while time passes: timer: too long/,
  ],
  [
    'that fails when it goes',
    (host) =>
      host.onDispose(() => {
        throw new Error('I stay')
      }),
    'fault',
    /onDispose: I stay/,
  ],
  [
    'that leaves a promise alone',
    (host) =>
      host.hooks.line.tap('bad', () => {
        void turn().then(() => {
          throw new Error('nobody cares')
        })
      }),
    'rejection',
    /rejected: nobody cares.*catch it/,
  ],
  [
    'that throws out of a timer of its own',
    (host) =>
      host.hooks.line.tap('bad', () => {
        setTimeout(() => {
          throw new Error('nobody sees')
        }, 0)
      }),
    'rejection',
    /thrown: nobody sees.*host\.setTimeout/,
  ],
  [
    'that throws in setup',
    () => {
      throw new Error('not today')
    },
    'load',
    /setup: not today/,
  ],
]

for (const [what, setup, part, told] of bad) {
  test(`a plugin ${what} is found out`, async () => {
    const { findings } = await failure(plugin('bad', setup))
    const found = findings.filter((one) => one.part === part).map(({ message }) => message)
    assert.is(found.length, 1, JSON.stringify(findings))
    assert.match(found[0] ?? '', told)
    clients.length = contexts.length = 0
  })
}

const wrong: ReadonlyArray<readonly [what: string, make: () => unknown, told: RegExp]> = [
  ['what throws', () => dice({ sides: fail() }), /it cannot be made: no such die/],
  ['nothing', () => undefined, /expected a plugin, found undefined/],
  ['a factory that is not called', () => dice, /call it: dice\(\)/],
  ['an option that is none', () => dice({ side: 6 } as object), /did you mean "sides"\?/],
]

for (const [what, make, told] of wrong) {
  test(`a function that makes ${what} is told so`, async () => {
    const { findings } = await failure(make as () => Plugin)
    assert.equal(
      findings.map(({ part }) => part),
      ['load'],
    )
    assert.match(findings[0]?.message ?? '', told)
  })
}

test('what delivers is tried with the plugins that it is given', async () => {
  const seen = new Set<string>()
  const shout = plugin('shout', ({ hooks }) => {
    hooks.line.tap({ stage: Stage.Filter }, (event) => {
      event.text = event.text.toUpperCase()
    })
    hooks.settled.tap('see', ({ hook, verdict }) => {
      if (hook === 'line') seen.add(verdict.kind)
    })
  })
  await checkPlugin(shout, { with: [echo()] })
  assert.ok(seen.has('deliver'))
})

test.run()

const nothing = undefined as unknown as { of: string }

const dice = definePlugin({
  name: 'dice',
  apiVersion: 1,
  options: z.strictObject({ sides: z.int().default(6) }).prefault({}),
  setup() {},
})

function fail(): never {
  throw new Error('no such die')
}

async function failure(what: Plugin | (() => Plugin)): Promise<CheckError> {
  const error = await rejection(checkPlugin(what))
  assert.instance(error, CheckError, String(error))
  return error as CheckError
}

async function parts(what: Plugin): Promise<string[]> {
  return (await failure(what)).findings.map(({ part }) => part)
}

function listen(): void {
  const listener = (): void => {}
  process.on('SIGUSR2', listener)
  open.push(() => process.off('SIGUSR2', listener))
}

function server(): void {
  const made = createServer().listen(0, '127.0.0.1')
  open.push(() => made.close())
}

function file(): void {
  const descriptor = openSync('/dev/null', 'r')
  open.push(() => closeSync(descriptor))
}
