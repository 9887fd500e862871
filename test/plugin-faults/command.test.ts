/** A faulty tap of `command`, and a faulty command: the caller is answered once, and nobody else notices. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  refuse,
  type Client,
  type CommandEvent,
  type CommandInfo,
  type Plugin,
  type Refuse,
} from '../../core/index.ts'
import { createTestHost, type TestClient, type TestHost } from '../../core/testing/index.ts'
import { echo } from '../../plugins/index.ts'
import {
  ANSWER,
  assertBlamed,
  between,
  crashes,
  fickle,
  nonsense,
} from '../support/memory-faults.ts'
import { join, passing, plugin } from '../support/memory-plugins.ts'

const test = suite('faults in command')

type Run = (event: CommandEvent) => unknown

function bad(run: Run, onFailure?: Refuse): Plugin {
  return plugin('bad', (host) => {
    host.hooks.command.tap({ onFailure }, run as () => undefined)
  })
}

interface Called {
  readonly host: TestHost
  readonly client: TestClient
  readonly answers: readonly string[]
  readonly ran: { readonly before: number; readonly after: number }
  readonly settled: readonly string[]
}

function watching(): { readonly settled: readonly string[]; readonly watcher: Plugin } {
  const settled: string[] = []
  const watcher = plugin('watcher', ({ hooks }) => {
    hooks.settled.tap('note', ({ hook, verdict, by }) => {
      if (hook === 'command') settled.push(`${verdict.kind} ${by}`)
    })
  })
  return { settled, watcher }
}

/** Somebody types /ping while a faulty plugin is between two good ones. */
async function called(run: Run, onFailure?: Refuse, milliseconds = 0): Promise<Called> {
  const { plugins, ran } = between(bad(run, onFailure), ({ hooks }, count) =>
    hooks.command.tap('count', count),
  )
  const { settled, watcher } = watching()
  const owner = plugin('owner', (host) =>
    host.command({ name: 'ping', help: '', run: () => 'pong' }),
  )
  const host = await createTestHost({ plugins: [...plugins, owner, watcher] })
  const client = await join(host)
  const answers = await passing(host, milliseconds, client.say('/ping'))
  return { host, client, answers, ran, settled }
}

for (const { name, run, hangs } of crashes) {
  const code = hangs ? 'HOOK_TIMEOUT' : 'HOOK_FAILED'
  const wait = hangs ? ANSWER : 0

  test(`a tap that ${name} is passed over and the command runs once`, async () => {
    const { host, answers, ran, settled } = await called(run, undefined, wait)
    await using _ = host
    assert.equal(answers, ['pong'])
    assert.equal(ran, { before: 1, after: 1 })
    assert.equal(settled, ['done owner'])
    assertBlamed(host, 'command', code)
  })

  test(`a guard with onFailure that ${name} stays closed`, async () => {
    const { host, answers, ran, settled } = await called(run, refuse('not now'), wait)
    await using _ = host
    assert.equal(answers, ['not now'])
    assert.equal(ran, { before: 1, after: 0 })
    assert.equal(settled, ['refuse bad'])
    assertBlamed(host, 'command', code)
  })
}

const wrong: typeof nonsense = [
  ...nonsense,
  ['a drop', { kind: 'drop', reason: 'x' }],
  ['a deliver', { kind: 'deliver' }],
]

for (const [name, answer] of wrong) {
  test(`a tap that answers ${name} is passed over`, async () => {
    for (const run of [() => answer, () => Promise.resolve(answer)]) {
      const { host, answers, ran } = await called(run)
      await using _ = host
      assert.equal(answers, ['pong'])
      assert.equal(ran, { before: 1, after: 1 })
      assertBlamed(host, 'command', 'HOOK_FAILED')
    }
  })

  test(`a guard with onFailure that answers ${name} stays closed`, async () => {
    const { host, answers } = await called(() => answer, refuse('not now'))
    await using _ = host
    assert.equal(answers, ['not now'])
    assertBlamed(host, 'command', 'HOOK_FAILED')
  })
}

test('a thenable that settles twice refuses once', async () => {
  const { host, answers, settled } = await called(() => fickle(refuse('once'), refuse('twice')))
  await using _ = host
  assert.equal(answers, ['once'])
  assert.equal(settled, ['refuse bad'])
})

test('a thenable that settles twice lets the command run once', async () => {
  const { host, answers, settled } = await called(() => fickle(undefined, undefined))
  await using _ = host
  assert.equal(answers, ['pong'])
  assert.equal(settled, ['done owner'])
})

const changes: ReadonlyArray<readonly [name: string, change: (event: CommandEvent) => void]> = [
  ['another name', (event) => ((event as { name: string }).name = 'other')],
  ['other input', (event) => ((event as { input: string }).input = 'other')],
  ['another client', (event) => ((event as { client: Client }).client = {} as Client)],
  ['another help', ({ command }) => ((command as { help: string }).help = 'x')],
  [
    'another command',
    (event) => ((event as { command: CommandInfo | undefined }).command = undefined),
  ],
]

for (const [name, change] of changes) {
  test(`a tap that sets ${name} changes nothing`, async () => {
    const { host, answers } = await called(change)
    await using _ = host
    assert.equal(answers, ['pong'])
    assertBlamed(host, 'command', 'HOOK_FAILED')
  })
}

// The command itself

interface Commanded {
  readonly host: TestHost
  readonly answers: readonly string[]
  readonly settled: readonly string[]
  /** What came behind it. */
  readonly after: readonly string[]
}

/** Somebody runs a faulty command and says something behind it. */
async function commanded(run: () => unknown, milliseconds = 0): Promise<Commanded> {
  const { settled, watcher } = watching()
  const owner = plugin('bad', (host) =>
    host.command({ name: 'fail', help: '', run: run as () => undefined }),
  )
  const host = await createTestHost({ plugins: [owner, watcher, echo()] })
  const [one, two] = [await join(host), await join(host)]
  const answers = await passing(host, milliseconds, one.send('/fail\r\nafter\r\n'))
  return { host, answers, settled, after: two.take().map((line) => line.replace(/^.*\) /, '')) }
}

for (const { name, run, hangs } of crashes) {
  test(`a command that ${name} is answered as failed, and the next line follows`, async () => {
    const { host, answers, settled, after } = await commanded(run, hangs ? ANSWER : 0)
    await using _ = host
    assert.equal(answers, ['/fail failed'])
    assert.equal(settled, ['failed bad'])
    assert.equal(after, ['after'])
    assertBlamed(host, '/fail', hangs ? 'HOOK_TIMEOUT' : 'COMMAND_FAILED')
  })
}

test('a thenable that settles twice is answered once', async () => {
  const { host, answers, settled } = await commanded(() => fickle('once', 'twice'))
  await using _ = host
  assert.equal(answers, ['once'])
  assert.equal(settled, ['done bad'])
})

/** A list that fails when it is looked at. */
const touchy: unknown = new Proxy([], {
  get(_list, key) {
    if (key === 'then') return undefined
    throw new Error('do not touch')
  },
})

test('what a command answers but text is answered as failed', async () => {
  for (const answer of [5, {}, [5], touchy, () => {}, Promise.resolve(5)]) {
    const { host, answers, settled, after } = await commanded(() => answer)
    await using _ = host
    assert.equal(answers, ['/fail failed'])
    assert.equal(settled, ['failed bad'])
    assert.equal(after, ['after'])
    assertBlamed(host, '/fail', 'COMMAND_FAILED')
  }
})

test('what a command answers cannot be obeyed by a terminal', async () => {
  const { host, answers } = await commanded(() => '\x1b[2J\r\nx')
  await using _ = host
  assert.equal(answers, ['␛[2J', 'x'])
})

test('a late answer is ignored', async () => {
  let answer: (text: string) => void = () => {}
  const { host, answers } = await commanded(
    () => new Promise<string>((resolve) => (answer = resolve)),
    ANSWER,
  )
  await using _ = host
  answer('late')
  await host.quiet()
  assert.equal(answers, ['/fail failed'])
  assertBlamed(host, '/fail', 'HOOK_TIMEOUT')
})

test('a command is given 5 seconds and not a millisecond more', async () => {
  const owner = plugin('bad', (host) =>
    host.command({ name: 'fail', help: '', run: () => new Promise<string>(() => {}) }),
  )
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  const answers = client.say('/fail')
  await passing(host, ANSWER - 1, host.advance(0))
  assert.equal(client.lines.slice(2), [])
  await host.advance(1)
  assert.equal(await answers, ['/fail failed'])
  assertBlamed(host, '/fail', 'HOOK_TIMEOUT')
})

test('commands of others are not held up by one that hangs', async () => {
  const owner = plugin('bad', (host) => {
    host.command({ name: 'hang', help: '', run: () => new Promise<string>(() => {}) })
    host.command({ name: 'ping', help: '', run: () => 'pong' })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const [one, two] = [await join(host), await join(host)]
  const hung = one.say('/hang')
  await host.advance(0)
  void two.say('/ping')
  await host.advance(1)
  assert.equal(two.lines.slice(2), ['pong'])
  assert.equal(await passing(host, ANSWER, hung), ['/hang failed'])
  assertBlamed(host, '/hang', 'HOOK_TIMEOUT')
})

test.run()
