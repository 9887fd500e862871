/** Commands: how they are told from lines, what is made of their arguments, and how they are registered. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  refuse,
  z,
  type ArgumentSchemas,
  type CommandSpec,
  type PluginContext,
} from '../../../core/index.ts'
import { parseInput } from '../../../core/commands/parse-input.ts'
import { createTestHost, type TestClient } from '../../../core/testing/index.ts'
import { echo } from '../../../plugins/index.ts'
import {
  codeOf,
  faults,
  join,
  plugin,
  probe,
  rejection,
  thrownBy,
} from '../../support/memory-plugins.ts'

const test = suite('commands')

// Telling commands from lines

const parsed: ReadonlyArray<readonly [typed: string, word: string | undefined, rest: string]> = [
  ['/mute', 'mute', ''],
  ['/Mute', 'mute', ''],
  ['/MUTE', 'mute', ''],
  ['/mute now', 'mute', 'now'],
  ['/mute ', 'mute', ''],
  ['/mute  two  spaces ', 'mute', ' two  spaces '],
  ['/a', 'a', ''],
  ['/a1_-b', 'a1_-b', ''],
  ['/me (waves) /x', 'me', '(waves) /x'],
  ['/', undefined, '/'],
  ['/ ', undefined, '/ '],
  ['/ x', undefined, '/ x'],
  ['/home/x', undefined, '/home/x'],
  ['/mute.', undefined, '/mute.'],
  ['/1st', undefined, '/1st'],
  ['/-x', undefined, '/-x'],
  ['/_x', undefined, '/_x'],
  ['/éa', undefined, '/éa'],
  ['/aé', undefined, '/aé'],
  // The Kelvin sign is a `k` in lower case.
  ['/\u212aick', undefined, '/\u212aick'],
  ['//x', undefined, '/x'],
  ['//', undefined, '/'],
  ['///', undefined, '//'],
  ['//mute', undefined, '/mute'],
  [' /mute', undefined, ' /mute'],
  ['mute', undefined, 'mute'],
  ['\\mute', undefined, '\\mute'],
  // Spaces that are not the space key's.
  ['/mute\u00a0', 'mute', ''],
  ['/mute\u00a0now', 'mute', 'now'],
  ['/mute\u3000now', 'mute', 'now'],
  ['/mute\u2800now', 'mute', 'now'],
  ['\u2800/mute\u2800', 'mute', ''],
  ['\u00a0/mute', 'mute', ''],
  ['\u3000\u202f/mute', 'mute', ''],
  ['\u00a0//mute', undefined, '/mute'],
  ['\u00a0/ x', undefined, '\u00a0/ x'],
  ['\u00a0mute', undefined, '\u00a0mute'],
  // A command that cannot be told from its parts.
  ['/mu\u00e9te', undefined, '/mu\u00e9te'],
]

for (const [typed, word, rest] of parsed) {
  const what = word === undefined ? `the line "${rest}"` : `the command ${word} with "${rest}"`
  test(`"${typed}" is ${what}`, () => {
    assert.equal(
      parseInput(typed),
      word === undefined ? { kind: 'line', text: rest } : { kind: 'command', word, input: rest },
    )
  })
}

const unseen = [
  '\ufeff',
  '\u00ad',
  '\u200b',
  '\u200e',
  '\u2060',
  '\u202e',
  '\ufe0f',
  '\u0085',
  '\ufffd',
]

for (const character of unseen) {
  const code = character.charCodeAt(0).toString(16).padStart(4, '0')
  test(`U+${code} beside a command or within it leaves it a command`, () => {
    const command = { kind: 'command', word: 'mute', input: '' }
    for (const typed of [
      'X/mute',
      '/mute',
      '/muteX',
      '/muX\u200bte',
      '/Xmute',
      '/muteX ',
      'XX/XmuteXX',
    ]) {
      assert.equal(parseInput(typed.replaceAll('X', character)), command, typed)
    }
    assert.equal(parseInput(`/nick${character} ann${character}`).kind, 'command')
    const path = `/home${character}/x`
    assert.equal(parseInput(path), { kind: 'line', text: path })
    assert.equal(parseInput(`hi${character}`), { kind: 'line', text: `hi${character}` })
  })
}

test('what looks like a command to who types it is never shown to others', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  const beside = ['\0', '\ufeff', '\u00a0', '\u200b', '\u3000', '\u202e', '\u00ad']
  for (const character of beside) {
    for (const typed of [`/x${character}`, `${character}/x`, `${character}/x${character}`]) {
      assert.equal(await one.say(typed), ['there is no command /x'], JSON.stringify(typed))
    }
  }
  assert.equal(two.take(), [])
})

test('a very long word is parsed in no time', () => {
  const before = performance.now()
  for (let count = 0; count < 100; count++) parseInput(`${'\u00a0'.repeat(4000)}x`)
  for (let count = 0; count < 100; count++) parseInput(`/${'a'.repeat(4000)}\u212a`)
  assert.ok(performance.now() - before < 500)
})

test('lines that begin with a slash are delivered, commands are not', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const [one, two] = [await join(host), await join(host)]
  await one.send('/\r\n/ x\r\n/home/x\r\n//x\r\n/x\r\n')
  assert.equal(
    two.take().map((line) => line.replace(`(${one.id}) `, '')),
    ['/', '/ x', '/home/x', '/x'],
  )
})

// Arguments

/** A client of a host with one command, and what was made of what it typed. */
async function withCommand<Schemas extends ArgumentSchemas>(
  spec: Omit<CommandSpec<Schemas>, 'name' | 'help' | 'run'>,
  use: (say: (typed: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  let got: unknown
  const owner = plugin('owner', (host) => {
    host.command({
      ...spec,
      name: 'do',
      help: 'Do it.',
      run: ({ args }) => {
        got = args
      },
    })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  await use(async (typed) => {
    got = undefined
    const [answer] = await client.say(typed)
    return got ?? answer
  })
}

test('arguments are words, checked by their schemas and named', () =>
  withCommand({ args: { who: z.string(), count: z.coerce.number() } }, async (say) => {
    assert.equal(await say('/do bob 5'), { who: 'bob', count: 5 })
    assert.equal(await say('/DO  bob   5  '), { who: 'bob', count: 5 })
  }))

test('a missing argument is answered with what is missing and the usage', () =>
  withCommand({ args: { who: z.string(), count: z.coerce.number() } }, async (say) => {
    assert.is(await say('/do'), 'who is missing. Usage: /do <who> <count>')
    assert.match(
      String(await say('/do bob')),
      /^count (is missing|must be a number)\. Usage: \/do /,
    )
  }))

test('too many words are answered with the usage', () =>
  withCommand({ args: { who: z.string() } }, async (say) => {
    assert.is(await say('/do bob 5'), 'too many arguments for /do. Usage: /do <who>')
  }))

test('a command without arguments takes none', () =>
  withCommand({}, async (say) => {
    assert.equal(await say('/do'), {})
    assert.equal(await say('/do '), {})
    assert.is(await say('/do now'), 'too many arguments for /do. Usage: /do')
  }))

test('an optional argument may be left out and stands in brackets', () =>
  withCommand(
    { args: { who: z.string(), count: z.coerce.number().int().optional() } },
    async (say) => {
      assert.equal(await say('/do bob'), { who: 'bob', count: undefined })
      assert.equal(await say('/do bob 2'), { who: 'bob', count: 2 })
      assert.is(await say('/do'), 'who is missing. Usage: /do <who> [count]')
    },
  ))

test('an argument with a default may be left out', () =>
  withCommand({ args: { side: z.enum(['left', 'right']).default('left') } }, async (say) => {
    assert.equal(await say('/do'), { side: 'left' })
    assert.equal(await say('/do right'), { side: 'right' })
    assert.match(
      String(await say('/do up')),
      /^side must be "?left"? or "?right"?\. Usage: \/do \[side\]$/,
    )
  }))

test('the last argument takes the rest of the line, spaces included', () =>
  withCommand({ args: { who: z.string(), why: z.string() }, rest: true }, async (say) => {
    assert.equal(await say('/do bob for  no reason '), { who: 'bob', why: 'for  no reason' })
    assert.equal(await say('/do bob x'), { who: 'bob', why: 'x' })
    assert.is(await say('/do bob'), 'why is missing. Usage: /do <who> <why...>')
  }))

test('an optional rest may be left out', () =>
  withCommand({ args: { why: z.string().optional() }, rest: true }, async (say) => {
    assert.equal(await say('/do'), { why: undefined })
    assert.equal(await say('/do a b'), { why: 'a b' })
  }))

test('what is wrong with an argument is said in words for who typed it', () =>
  withCommand(
    {
      args: {
        count: z.coerce.number().int().min(2).max(9),
        name: z.string().min(3).max(4),
      },
    },
    async (say) => {
      const usage = '. Usage: /do <count> <name>'
      assert.is(await say('/do many bob'), `count must be a number${usage}`)
      assert.is(await say('/do 2.5 bob'), `count must be a whole number${usage}`)
      assert.is(await say('/do 1 bob'), `count must be at least 2${usage}`)
      assert.is(await say('/do 10 bob'), `count must be at most 9${usage}`)
      assert.is(await say('/do 2 al'), `name must be at least 3 characters long${usage}`)
      assert.is(await say('/do 2 alice'), `name must be at most 4 characters long${usage}`)
    },
  ))

test('a message of a schema of its own is passed on', () =>
  withCommand(
    { args: { who: z.string().refine((who) => who !== 'me', { error: 'must be somebody else' }) } },
    async (say) =>
      assert.match(
        String(await say('/do me')),
        /^who:? must be somebody else\. Usage: \/do <who>$/,
      ),
  ))

test('what was typed behind the name can be had as it is', async () => {
  let typed: string | undefined
  const owner = plugin('owner', (host) => {
    host.command({
      name: 'raw',
      help: '',
      args: { text: z.string() },
      rest: true,
      run: ({ input }) => {
        typed = input
      },
    })
  })
  await using host = await createTestHost({ plugins: [owner] })
  await (await join(host)).say('/raw  a  b ')
  assert.is(typed, ' a  b ')
})

test('an argument named like a part of every object is an argument', () =>
  withCommand({ args: { constructor: z.string(), toString: z.string() } }, async (say) => {
    const { constructor, toString } = (await say('/do a b')) as Record<string, unknown>
    assert.equal([constructor, toString], ['a', 'b'])
  }))

// Running

test('a returned text is sent to the caller alone, a line feed separates lines', async () => {
  const owner = plugin('owner', (host) => {
    host.command({ name: 'one', help: '', run: () => 'a\nb' })
    host.command({ name: 'later', help: '', run: () => Promise.resolve('c') })
    host.command({ name: 'none', help: '', run: () => {} })
    host.command({ name: 'empty', help: '', run: () => '' })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const [one, two] = [await join(host), await join(host)]
  assert.equal(await one.say('/one'), ['a', 'b'])
  assert.equal(await one.say('/later'), ['c'])
  assert.equal(await one.say('/none'), [])
  assert.equal(await one.say('/empty'), [''])
  assert.equal(two.take(), [])
})

test('an alias runs the command', async () => {
  const owner = plugin('owner', (host) => {
    host.command({ name: 'quit', aliases: ['q', 'bye'], help: 'Go.', run: () => 'gone' })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  assert.equal(await client.say('/q'), ['gone'])
  assert.equal(await client.say('/BYE'), ['gone'])
})

test('the next line of a client waits for its command, those of others do not', async () => {
  let finish: (text: string) => void = () => {}
  const owner = plugin('owner', (host) => {
    host.command({
      name: 'slow',
      help: '',
      run: () => new Promise<string>((resolve) => (finish = resolve)),
    })
  })
  await using host = await createTestHost({ plugins: [owner, echo()] })
  const [slow, quick] = [await join(host), await join(host)]
  const saying = slow.send('/slow\r\nafter\r\n')
  const [answered] = await Promise.all([
    saying,
    (async () => {
      await host.advance(1)
      void quick.say('meanwhile')
      await host.advance(1)
      assert.equal(slow.lines.slice(2), [`(${quick.id}) meanwhile`])
      assert.equal(quick.lines.slice(2), [])
      finish('done')
    })(),
  ])
  assert.equal(answered, [`(${quick.id}) meanwhile`, 'done'])
  assert.equal(quick.lines.slice(2), [`(${slow.id}) after`])
})

test('a client that leaves while its command runs is not waited for', async () => {
  const settled: string[] = []
  const owner = plugin('owner', (host) => {
    host.command({ name: 'slow', help: '', run: () => new Promise<string>(() => {}) })
    host.hooks.settled.tap('watch', ({ hook, verdict }) => {
      if (hook === 'command') settled.push(verdict.kind)
    })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  void client.say('/slow')
  await host.advance(1)
  await client.reset()
  assert.equal(settled, ['done'])
})

// Unknown ones

async function answersTo(
  config: Parameters<typeof createTestHost>[0],
  typed: string,
): Promise<[own: string[], others: string[]]> {
  await using host = await createTestHost(config)
  const [one, two] = [await join(host), await join(host)]
  const own = await one.say(typed)
  return [own, two.take()]
}

test('an unknown command is answered with a hint and seen by nobody', async () => {
  assert.equal(await answersTo({ plugins: [echo()] }, '/nope at all'), [
    ['there is no command /nope'],
    [],
  ])
})

test("with unknownCommand 'hint' it is the same", async () => {
  assert.equal(await answersTo({ plugins: [echo()], unknownCommand: 'hint' }, '/Nope'), [
    ['there is no command /nope'],
    [],
  ])
})

test("with unknownCommand 'echo' an unknown command is a line as it was typed", async () => {
  const config = { plugins: [echo()], unknownCommand: 'echo' } as const
  assert.equal(await answersTo(config, '/Nope at  all '), [
    [],
    ['(127.0.0.1:50001) /Nope at  all '],
  ])
})

test("with unknownCommand 'echo' a known command still runs", async () => {
  const owner = plugin('owner', (host) => {
    host.command({ name: 'known', help: '', run: () => 'ran' })
  })
  const config = { plugins: [owner, echo()], unknownCommand: 'echo' } as const
  assert.equal(await answersTo(config, '/KNOWN'), [['ran'], []])
})

test('a tap may answer a word that is no command', async () => {
  const seen: unknown[] = []
  const owner = plugin('owner', (host) => {
    host.hooks.command.tap('unknown', ({ name, input, command, client }) => {
      seen.push([name, input, command, client.id])
      return refuse(`no ${name}`)
    })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  assert.equal(await client.say('/NOPE a b'), ['no nope'])
  assert.equal(seen, [['nope', 'a b', undefined, client.id]])
})

test('a tap may refuse a command, which then does not run', async () => {
  let ran = false
  const owner = plugin('owner', (host) => {
    host.command({
      name: 'do',
      help: '',
      run: () => {
        ran = true
      },
    })
    host.hooks.command.tap('no', ({ command }) =>
      command?.name === 'do' ? refuse('you may not\nreally') : undefined,
    )
  })
  await using host = await createTestHost({ plugins: [owner] })
  assert.equal(await (await join(host)).say('/do'), ['you may not', 'really'])
  assert.is(ran, false)
})

test('every command settles once, with its verdict and whose it was', async () => {
  const settled: string[] = []
  const owner = plugin('owner', (host) => {
    host.command({ name: 'do', help: '', run: () => 'x' })
    host.command({ name: 'no', help: '', run: () => {} })
    host.command({
      name: 'fail',
      help: '',
      run: () => {
        throw new Error('oh')
      },
    })
  })
  const guard = plugin('guard', (host) => {
    host.hooks.command.tap('no', ({ name }) => (name === 'no' ? refuse('no') : undefined))
    host.hooks.settled.tap('watch', ({ hook, event, verdict, by }) => {
      if (hook === 'command') settled.push(`${event.name} ${verdict.kind} ${by}`)
    })
  })
  await using host = await createTestHost({ plugins: [owner, guard] })
  const client = await join(host)
  await client.send('/do\r\n/no\r\n/fail\r\n/do too much\r\n/nope\r\n')
  assert.equal(settled, [
    'do done owner',
    'no refuse guard',
    'fail failed owner',
    'do refuse core',
    'nope refuse core',
  ])
  assert.equal(faults(host), ['owner /fail COMMAND_FAILED'])
})

test('a list of texts is sent as lines, and an empty one is nothing', async () => {
  const answers: ReadonlyArray<readonly string[]> = [['a', 'b'], [], ['']]
  let turn = 0
  const owner = plugin('owner', (host) => {
    host.command({ name: 'list', help: '', run: () => answers[turn++] ?? [] })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  for (const answer of answers) assert.equal(await client.say('/list'), answer)
})

test('nothing, and what client.send has returned, are no answer', async () => {
  let answer: unknown
  const owner = plugin('owner', (host) => {
    host.command({ name: 'quiet', help: '', run: () => answer as undefined })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  for (const nothing of [undefined, null, true, false]) {
    answer = nothing
    assert.equal(await client.say('/quiet'), [])
  }
})

test('an answer that cannot be sent is told, and the command has failed', async () => {
  let answer: unknown
  const owner = plugin('owner', (host) => {
    host.command({ name: 'odd', help: '', run: () => answer as string })
    host.command({ name: 'later', help: '', run: () => Promise.resolve(answer as string) })
  })
  await using host = await createTestHost({ plugins: [owner] })
  const client = await join(host)
  for (const [value, found] of [
    [5, '5'],
    [['a', 5], 'an array'],
    [new Set(), '[object Set]'],
  ] as const) {
    answer = value
    for (const name of ['odd', 'later']) {
      assert.equal(await client.say(`/${name}`), [`/${name} failed`])
      const [error, ...more] = host.takeErrors()
      assert.equal(more, [])
      assert.is(error?.code, 'COMMAND_FAILED')
      assert.is(
        error?.message,
        `/${name}: expected run to return a text, a list of texts or nothing, found ${found}; convert it to a text, or return nothing`,
      )
    }
  }
})

// Registering

test('a command is refused with what is wrong with it, and what was meant', async () => {
  const owner = probe()
  await using _ = await createTestHost({ plugins: [owner.plugin] })
  const good = { name: 'do', help: '', run() {} }
  for (const [spec, told] of [
    [
      { ...good, exmples: [] },
      /"do": exmples: .*; did you mean "examples"\? \(known: name, help, /,
    ],
    [{ ...good, alias: ['d'] }, /alias: .*; did you mean "aliases"\?/],
    [{ ...good, aliases: 'd' }, /aliases: expected a list of names, found "d"$/],
    [{ ...good, examples: [{ type: '/do', see: 'x' }] }, /examples\[0\]\.see: .* mean "sees"\?/],
    [{ ...good, args: z.object({}) }, /args: expected a plain object of .*; write args: { who: z/],
    [{ ...good, args: [z.string()] }, /args: expected an object of zod schemas by name, found an/],
    ['do', /expected { name, help, run }, found "do"$/],
    [undefined, /expected { name, help, run }, found undefined$/],
  ] as const) {
    const thrown = thrownBy(() => owner.host.command(spec as never))
    assert.match(thrown, /^COMMAND_INVALID: command /)
    assert.match(thrown, told)
  }
})

async function rejected(setup: (host: PluginContext) => void): Promise<string> {
  const other = plugin('other', (host) => {
    host.command({ name: 'taken', aliases: ['also'], help: '', run: () => {} })
  })
  return String(await rejection(createTestHost({ plugins: [other, plugin('dice', setup)] })))
}

const run = () => {}

test('a name or an alias that is taken is refused with the names of both plugins', async () => {
  for (const spec of [
    { name: 'taken', help: '', run },
    { name: 'also', help: '', run },
    { name: 'new', aliases: ['taken'], help: '', run },
    { name: 'new', aliases: ['x', 'also'], help: '', run },
  ]) {
    const message = await rejected((host) => host.command(spec))
    assert.match(message, /plugins\[1\] \(dice\)/)
    assert.match(message, /the command \/(taken|also) is taken by the plugin other/)
  }
})

test('a command that was refused takes none of its names', async () => {
  const owner = probe('owner', (host) => {
    host.command({ name: 'a', help: '', run })
    assert.is(
      codeOf(() => host.command({ name: 'b', aliases: ['a'], help: '', run })),
      'COMMAND_CONFLICT',
    )
    host.command({ name: 'b', help: '', run: () => 'b' })
  })
  await using host = await createTestHost({ plugins: [owner.plugin] })
  assert.equal(await (await join(host)).say('/b'), ['b'])
})

const spec = { name: 'do', help: '', run }

const invalid: ReadonlyArray<readonly [what: string, spec: unknown, problem: RegExp]> = [
  ['a name in upper case', { name: 'Do', help: '', run }, /"Do"/],
  ['an empty name', { name: '', help: '', run }, /""/],
  ['a name with a slash', { name: '/do', help: '', run }, /"\/do"/],
  ['a name that begins with a digit', { name: '1st', help: '', run }, /"1st"/],
  ['a name with a space', { name: 'do it', help: '', run }, /"do it"/],
  ['an alias that is no name', { name: 'do', aliases: ['D O'], help: '', run }, /"D O"/],
  ['no help', { name: 'do', run }, /help/],
  ['no run', { name: 'do', help: '' }, /run: expected a function/],
  ['an argument without a schema', { name: 'do', help: '', run, args: { a: 1 } }, /args\.a/],
  ['rest without an argument', { name: 'do', help: '', run, rest: true }, /rest/],
  ['examples that are no array', { ...spec, examples: { type: '/do' } }, /examples: .*an array/],
  ['an example that is nothing', { ...spec, examples: [null] }, /examples\[0\]\.type: .*a line/],
  ['an example of nothing typed', { ...spec, examples: [{ type: '' }] }, /\[0\]\.type: .*a line/],
  [
    'an example of two lines in one',
    { ...spec, examples: [{ type: '/do\n/do' }] },
    /type: .*a line/,
  ],
  [
    'an example of another command',
    { ...spec, examples: [{ type: '/do' }, { type: ['/done', 'do'] }] },
    /examples\[1\]\.type: expected \/do in it, found "\/done, do"/,
  ],
  [
    'an example that sees a number',
    { ...spec, examples: [{ type: '/do', sees: 6 }] },
    /examples\[0\]\.sees: expected a RegExp or a part of a line, found 6/,
  ],
  [
    'an argument behind an optional one',
    { name: 'do', help: '', run, args: { a: z.string().optional(), b: z.string() } },
    /args\.b .* after a/,
  ],
]

for (const [what, wrong, problem] of invalid) {
  test(`${what} is refused at set-up`, async () => {
    const message = await rejected((host) => host.command(wrong as CommandSpec))
    assert.match(message, /plugins\[1\] \(dice\): setup: command /)
    assert.match(message, problem)
  })
}

// What others see

test('the commands of all plugins can be listed, with usage and owner', async () => {
  const owner = plugin('owner', (host) => {
    host.command({
      name: 'kick',
      aliases: ['k'],
      help: 'Kick somebody.',
      args: {
        who: z.string(),
        minutes: z.coerce.number().optional(),
        why: z.string().optional(),
      },
      rest: true,
      run,
    })
  })
  const lister = probe()
  await using _ = await createTestHost({ plugins: [owner, lister.plugin] })
  assert.equal(
    [...lister.host.commands],
    [
      {
        name: 'kick',
        aliases: ['k'],
        help: 'Kick somebody.',
        usage: '/kick <who> [minutes] [why...]',
        examples: [],
        plugin: 'owner',
      },
    ],
  )
  assert.is(lister.host.commands.get('K'), lister.host.commands.get('kick'))
  assert.is(lister.host.commands.get('nope'), undefined)
})

test('examples are listed as lines, and remember nothing', async () => {
  const sees = /[a-z]o/gi
  const owner = probe('owner', (host) => {
    host.command({
      name: 'do',
      aliases: ['make'],
      help: '',
      examples: [
        { type: '/MAKE it so', sees },
        { type: ['/do', 'one'], sees: 'one' },
        { type: '/do' },
      ],
      run: (): void => {},
    })
  })
  await using _ = await createTestHost({ plugins: [owner.plugin] })
  const [first, ...others] = owner.host.commands.get('do')?.examples ?? []
  assert.equal(first?.type, ['/MAKE it so'])
  assert.instance(first?.sees, RegExp)
  assert.is(String(first?.sees), '/[a-z]o/i')
  assert.ok(Object.isFrozen(first?.type) && Object.isFrozen(first?.sees))
  assert.equal(others, [
    { type: ['/do', 'one'], sees: 'one' },
    { type: ['/do'], sees: undefined },
  ])
})

test('nobody can change a command through what is listed', async () => {
  const owner = probe('owner', (host) => host.command({ name: 'do', help: 'x', run }))
  await using _ = await createTestHost({ plugins: [owner.plugin] })
  const info = owner.host.commands.get('do') as unknown as { help: string; aliases: string[] }
  assert.throws(() => {
    info.help = 'y'
  }, TypeError)
  assert.throws(() => info.aliases.push('z'), TypeError)
})

test('the spec may be changed afterwards without effect on the names', async () => {
  const aliases = ['b']
  const owner = probe('owner', (host) => host.command({ name: 'a', aliases, help: '', run }))
  await using _ = await createTestHost({ plugins: [owner.plugin] })
  aliases.push('c')
  assert.equal(owner.host.commands.get('a')?.aliases, ['b'])
})

test('an empty help hides a command from nobody but /help', async () => {
  const owner = probe('owner', (host) => {
    host.command({ name: 'secret', help: '', run: () => 'found' })
  })
  await using host = await createTestHost({ plugins: [owner.plugin] })
  const client: TestClient = await join(host)
  assert.equal(await client.say('/secret'), ['found'])
  assert.is(owner.host.commands.get('secret')?.help, '')
})

test.run()
