/** Faults of a config: all of them at once, each with its place and with what was probably meant. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  ConfigError,
  defineConfig,
  definePlugin,
  didYouMean,
  nearest,
  z,
  type ConfigInput,
  type Plugin,
} from '../../../core/index.ts'
import { validatePlugins } from '../../../core/lifecycle/validate-plugins.ts'
import { checkConfig } from '../../../core/host/config.ts'
import { createTestHost, type TestConfig } from '../../../core/testing/index.ts'
import { defaults, echo, logging, mute, quit } from '../../../plugins/index.ts'
import { plugin, rejection } from '../../support/memory-plugins.ts'

const test = suite('config')

function configError(error: unknown): ConfigError {
  if (!(error instanceof ConfigError)) throw error
  assert.is(error.code, 'CONFIG_INVALID')
  return error
}

/** Faults of a config, as `PATH: MESSAGE`. */
function problemsOf(config: unknown): string[] {
  try {
    checkConfig(config, 'chat.config.ts', [])
  } catch (error) {
    return configError(error).problems.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

/** Where the faults of a config are. */
function pathsOf(config: unknown): string[] {
  return problemsOf(config).map((problem) => problem.split(': ')[0] ?? '')
}

// Settings

test('an empty config is the default one', () => {
  const config = checkConfig({}, undefined, [])
  assert.equal(config.plugins, [])
  assert.equal(
    [config.port, config.host, config.unknownCommand, config.stopDeadline],
    [0, '0.0.0.0', 'hint', 2000],
  )
  assert.equal([config.limits.line, config.limits.unterminated], [4096, 65_536])
})

test('the default plugins are those when the config names none', () => {
  const [one] = checkConfig({}, undefined, [echo()]).plugins
  assert.is(one?.plugin.name, 'echo')
  assert.equal(checkConfig({ plugins: [] }, undefined, [echo()]).plugins, [])
})

const settings: ReadonlyArray<readonly [where: string, values: unknown[], faulty: unknown[]]> = [
  ['port', [0, 1, 65_535], [-1, 65_536, 1.5, '9090', null, NaN, Infinity, true, [9090]]],
  [
    'host',
    ['0.0.0.0', '127.0.0.1', '::', '::1', 'localhost', 'chat.example.org', 'a-b.c'],
    ['', ' ', '1.10', '256.1.1.1', '1.2.3.4.5', 'a b', '-a', 'a-', 'a..b', 'a_b', 5, null, ':::'],
  ],
  ['unknownCommand', ['hint', 'echo'], ['', 'Hint', null, true]],
  ['stopDeadline', [1, 60_000], [0, -1, 1.5, '2s', null]],
  ['limits', [{}], [null, [], 5, 'none']],
]

for (const [key, good, faulty] of settings) {
  test(`${key} takes what it says and nothing else`, () => {
    for (const value of good) assert.equal(problemsOf({ [key]: value }), [], String(value))
    for (const value of faulty) assert.equal(pathsOf({ [key]: value }), [key], String(value))
  })
}

test('every limit is a whole number of at least one', () => {
  const limits = ['clients', 'line', 'unterminated', 'backlogSoft', 'backlogHard', 'writeDeadline']
  for (const limit of [...limits, 'backlogTotal']) {
    for (const value of [0, -1, 0.5, '1', null]) {
      assert.ok(pathsOf({ limits: { [limit]: value } }).includes(`limits.${limit}`), limit)
    }
  }
})

test('limits that contradict each other are a fault', () => {
  assert.equal(problemsOf({ limits: { line: 10, unterminated: 10 } }), [])
  assert.equal(pathsOf({ limits: { line: 11, unterminated: 10 } }), ['limits.line'])
  assert.equal(problemsOf({ limits: { backlogSoft: 9, backlogHard: 10 } }), [])
  assert.equal(pathsOf({ limits: { backlogSoft: 10, backlogHard: 10 } }), ['limits.backlogSoft'])
})

test('a misspelt key is named with the one that was meant and those there are', () => {
  const [problem, ...more] = problemsOf({ prot: 9090 })
  assert.equal(more, [])
  assert.match(
    problem ?? '',
    /^prot: there is no such key; did you mean "port"\? \(known: port, host/,
  )
  assert.match(problemsOf({ limits: { lines: 1 } })[0] ?? '', /^limits\.lines: .* "line"\?/)
})

test('a key that is like none has no suggestion', () => {
  assert.not.match(problemsOf({ somethingElse: 1 })[0] ?? '', /did you mean/)
})

test('what is no config at all is one fault', () => {
  for (const value of [null, undefined, 5, 'config', true]) {
    assert.is(problemsOf(value).length, 1, String(value))
  }
})

test('all faults are found at once, those of plugins included', () => {
  const paths = pathsOf({
    port: '9090',
    prot: 1,
    limits: { line: 0 },
    plugins: [echo, mute({ confirm: 'yes' } as never), 5, echo(), echo()],
  })
  assert.equal(paths.toSorted(), [
    'limits.line',
    'plugins[0]',
    'plugins[1] (mute)',
    'plugins[2]',
    'plugins[4] (echo)',
    'port',
    'prot',
  ])
})

test('the text of the error names the file and has a line for each fault', () => {
  let text = ''
  try {
    checkConfig({ port: -1, prot: 1 }, 'chat.config.ts', [])
  } catch (error) {
    assert.is(configError(error).file, 'chat.config.ts')
    text = configError(error).message
  }
  const [first, ...lines] = text.split('\n')
  assert.is(first, 'chat.config.ts: 2 problems')
  assert.equal(
    lines.map((line) => line.split(': ')[0]),
    ['  port', '  prot'],
  )
})

test('a single fault is told on one line', () => {
  assert.throws(
    () => checkConfig({ port: -1 }, 'chat.config.ts', []),
    (error: Error) => /^chat\.config\.ts: port: .+$/.test(error.message),
  )
})

test('nothing in the text of the error can be obeyed by a terminal', () => {
  const config = { 'po\x1b[2Jrt': 1, plugins: ['\x1b]0;x\x07'], host: '\u009b31m' }
  assert.throws(
    () => checkConfig(config, undefined, []),
    (error: Error) => !/\p{Cc}/u.test(error.message.replaceAll('\n', '')),
  )
})

test('a test host is given the same errors', async () => {
  const error = configError(await rejection(createTestHost({ prot: 1 } as TestConfig)))
  assert.is(error.problems[0]?.path, 'prot')
})

test('defineConfig returns the config', () => {
  const config: ConfigInput = { port: 1 }
  assert.is(defineConfig(config), config)
})

// The list of plugins

test('false and null are left out and arrays flattened', () => {
  const plugins = [false, echo(), null, [mute(), false, [quit()]]]
  const names = validatePlugins(plugins).plugins.map(({ plugin: { name }, path }) => [name, path])
  assert.equal(names, [
    ['echo', 'plugins[1] (echo)'],
    ['mute', 'plugins[3][0] (mute)'],
    ['quit', 'plugins[3][2][0] (quit)'],
  ])
})

test('plugins must be an array', () => {
  for (const plugins of [echo(), {}, 'echo', 5, true]) {
    assert.match(problemsOf({ plugins })[0] ?? '', /^plugins: expected an array of plugins, found /)
  }
})

test('an uncalled factory is told to be called', () => {
  assert.equal(problemsOf({ plugins: [echo] }), [
    'plugins[0]: it is the factory of the plugin echo, not a plugin; call it: echo()',
  ])
})

test('how to call a plugin is code where its name can be one, and words where it cannot', () => {
  const options = z.strictObject({ to: z.string() })
  const named = (name: string) => definePlugin({ name, apiVersion: 1, options, setup() {} })
  for (const [name, bare, called] of [
    ['dice', 'dice()', 'dice({ … })'],
    [
      'acme:translate',
      'put () after the name that it is imported as',
      'put ({ … }) after the name that it is imported as',
    ],
    [
      'to-german',
      'put () after the name that it is imported as',
      'put ({ … }) after the name that it is imported as',
    ],
  ] as const) {
    const factory = named(name)
    assert.equal(problemsOf({ plugins: [factory] }), [
      `plugins[0]: it is the factory of the plugin ${name}, not a plugin; call it: ${bare}`,
    ])
    const [problem = ''] = problemsOf({ plugins: [(factory as unknown as () => Plugin)()] })
    assert.match(problem, `; it takes options; call it: ${called}, or, in the plugin itself, `)
  }
})

test('a module in place of its plugin is told', async () => {
  const [problem] = problemsOf({ plugins: [await import('../../../plugins/echo.ts')] })
  assert.match(problem ?? '', /^plugins\[0\]: it is a module, not a plugin/)
})

test('what is no plugin is shown', () => {
  for (const [value, shown] of [
    ['echo', '"echo"'],
    [5, '5'],
    [true, 'true'],
    [{ name: 'echo', setup() {} }, 'an object'],
    [Object.create(null), 'an object'],
    [new Date(NaN), 'Invalid Date'],
  ]) {
    const [problem] = problemsOf({ plugins: [value] })
    assert.is(
      problem,
      `plugins[0]: expected a plugin made with definePlugin, found ${String(shown)}`,
    )
  }
})

test('a plugin given twice is told where it stands first', () => {
  assert.equal(problemsOf({ plugins: [mute(), [mute()], echo()] }), [
    'plugins[1][0] (mute): the plugin is listed twice, first at plugins[0]; remove one of them',
  ])
})

test('a plugin for another version of the API is told what to do', () => {
  for (const apiVersion of [0, 2]) {
    const dice = definePlugin({ name: 'dice', apiVersion: apiVersion as 1, setup() {} })
    const [problem, ...more] = problemsOf({ plugins: [dice()] })
    assert.equal(more, [])
    assert.match(
      problem ?? '',
      /^plugins\[0\]: dice was written for version .* this host has version 1/,
    )
  }
})

test('a name is lower-case letters, digits and dashes, with a scope or without', () => {
  for (const name of ['dice', 'd2', 'a-b', '2', 'acme:dice', 'a-1:b-2']) {
    assert.equal(problemsOf({ plugins: [plugin(name, () => {})] }), [], name)
  }
  for (const name of ['', 'Dice', 'a b', 'a_b', 'a:b:c', ':a', 'a:', 'é', 'a\n', 5, undefined]) {
    const [problem] = problemsOf({ plugins: [plugin(name as string, () => {})] })
    assert.match(problem ?? '', /^plugins\[0\]: name: expected lower-case letters/, String(name))
  }
})

test('a plugin without a setup is told', () => {
  const plugins = [{ ...echo(), setup: undefined }]
  assert.equal(problemsOf({ plugins }), [
    'plugins[0]: echo has no setup function; write setup(host, options) { … } in its definition',
  ])
})

test('a plugin that does not say for which version of the API it is is told what to write', () => {
  for (const [apiVersion, found] of [
    [undefined, 'none'],
    ['1', '"1"'],
  ]) {
    const untold = definePlugin({ name: 'dice', apiVersion: apiVersion as never, setup() {} })
    assert.equal(problemsOf({ plugins: [untold()] }), [
      `plugins[0]: dice does not say for which version of the plugin API it was written: found ${found}; write apiVersion: 1 in its definition`,
    ])
  }
})

test('a definition that is wrong is told before anything runs', () => {
  let ran = false
  const good = { name: 'dice', apiVersion: 1, setup: () => (ran = true) }
  for (const [definition, told] of [
    [{ name: 'dice', apiVersion: 1, setUp() {} }, /dice: setUp: .*; did you mean "setup"\?/],
    [{ name: 'dice', apiVersion: 1 }, /: dice has no setup function; write setup\(host/],
    [{ ...good, setup: 5 }, /: dice has no setup function; /],
    [{ ...good, require: [] }, /dice: require: .*; did you mean "requires"\? \(known: name, /],
    [{ ...good, option: z.any() }, /dice: option: .*; did you mean "options"\?/],
    [{ nmae: 'x', apiVersion: 1 }, /the plugin: nmae: .*; did you mean "name"\?/],
    [{ ...good, requires: 'echo' }, /dice: requires: expected a list .*, found "echo"; write req/],
    [{ ...good, requires: [echo] }, /dice: requires: expected a list .* other values in it; /],
    [{ ...good, options: { a: 20 } }, /dice: options: .* zod schema, found an object; write .*z\./],
    [{ ...good, options: null }, /dice: options: expected a zod schema, found null; /],
  ] as const) {
    const problems = problemsOf({ plugins: [definePlugin(definition as never)()] })
    assert.is(problems.length, 1)
    assert.match(problems[0] ?? '', told)
  }
  assert.is(ran, false)
})

test('what an import of nothing comes to is told, and so is a function', () => {
  assert.match(
    problemsOf({ plugins: [undefined] })[0] ?? '',
    /^plugins\[0\]: it is undefined: check/,
  )
  assert.equal(problemsOf({ plugins: [defaults] }), [
    'plugins[0]: it is a function, not a plugin; call it: defaults()',
  ])
})

test('plugins in place of a config are told what a config is', async () => {
  for (const config of [[], [echo()], echo(), { ...[echo()] }]) {
    assert.match(problemsOf(config)[0] ?? '', /an object with plugins, .*; write { plugins: \[/)
  }
  const error = await rejection(createTestHost([echo()] as never))
  assert.match(configError(error).message, /^config: expected a config, an object with plugins, /)
})

// Options

const dice = definePlugin({
  name: 'dice',
  apiVersion: 1,
  options: z
    .strictObject({
      sides: z.int().min(2).default(6),
      names: z.array(z.string()).default([]),
      nested: z.strictObject({ deep: z.boolean().optional() }).prefault({}),
    })
    .prefault({}),
  setup() {},
})

test('options are checked with their path below the plugin', () => {
  const plugins = [
    echo(),
    dice({ sides: 1, names: ['a', 5 as never], nested: { deep: 1 as never } }),
  ]
  assert.equal(
    problemsOf({ plugins }).map((problem) => problem.split(': ').slice(0, 2).join(': ')),
    ['plugins[1] (dice): sides', 'plugins[1] (dice): names[1]', 'plugins[1] (dice): nested.deep'],
  )
})

test('a misspelt option is named with the one that was meant, however deep', () => {
  const options = { side: 6, nested: { deeep: true } } as never
  const [first, second] = problemsOf({ plugins: [dice(options)] })
  assert.is(
    first,
    'plugins[0] (dice): nested.deeep: there is no such key; did you mean "deep"? (known: deep)',
  )
  assert.is(
    second,
    'plugins[0] (dice): side: there is no such key; did you mean "sides"? (known: sides, names, nested)',
  )
})

test('options of a plugin that takes none are a fault', () => {
  const plain = definePlugin({ name: 'plain', apiVersion: 1, setup() {} })
  assert.equal(problemsOf({ plugins: [plain()] }), [])
  assert.equal(problemsOf({ plugins: [plain({ a: 1 } as never)] }), [
    'plugins[0] (plain): a: there is no such key; it takes no options',
  ])
})

test('options that must be given and were left out are told how to be given', () => {
  const options = z.strictObject({ sides: z.int() })
  const needy = definePlugin({ name: 'needy', apiVersion: 1, options, setup() {} })
  const [problem] = problemsOf({ plugins: [(needy as unknown as () => Plugin)()] })
  assert.match(
    problem ?? '',
    /^plugins\[0\] \(needy\): must be an object, found undefined; .* needy\({ … }\), or, .*\.prefault\({}\)/,
  )
  assert.match(problemsOf({ plugins: [needy({} as never)] })[0] ?? '', /a number, found undefined$/)
})

test('a message of the author of the schema stands as it was written, and with no second end', () => {
  const text = z.string()
  const told = definePlugin({
    name: 'told',
    apiVersion: 1,
    options: z.strictObject({
      refined: text.refine((value) => value === 'ok', 'write ok here.'),
      seen: text.refine(() => false, {
        error: ({ input }) => `ok was wanted, ${String(input)} is`,
      }),
      typed: z.int({ error: 'how many there are' }),
      short: text.min(3, { error: 'three letters at least' }),
      unsaid: text.refine(() => false),
      usual: z.coerce.number(),
    }),
    setup() {},
  })
  const options = { refined: 'a', seen: 'b', typed: 'c', short: 'd', unsaid: 'e', usual: 'f' }
  assert.equal(problemsOf({ plugins: [told(options as never)] }), [
    'plugins[0] (told): refined: write ok here.',
    'plugins[0] (told): seen: ok was wanted, b is',
    'plugins[0] (told): typed: how many there are',
    'plugins[0] (told): short: three letters at least',
    'plugins[0] (told): unsaid: Invalid input, found "e"',
    'plugins[0] (told): usual: must be a number, found "f"',
  ])
})

test('no secret is shown where an option is wrong', () => {
  const number = z.number()
  const keys = ['password', 'dbPwd', 'apiKey', 'apiKeys', 'authToken', 'cookie', 'webhook']
  const secretive = definePlugin({
    name: 'secretive',
    apiVersion: 1,
    options: z.strictObject({
      ...Object.fromEntries(keys.map((key) => [key, number])),
      tokens: z.array(number),
      secrets: z.record(z.string(), z.strictObject({ of: number })),
      login: z.strictObject({ secret: number }),
      url: number,
      author: number,
    }),
    setup() {},
  })
  const value = 'hunter2'
  const problems = problemsOf({
    plugins: [
      secretive({
        ...Object.fromEntries(keys.map((key) => [key, value])),
        tokens: [value],
        secrets: { one: { of: value } },
        login: { secret: value },
        url: `irc://ann:${value}@chat.example/`,
        author: 'Ann',
      } as never),
    ],
  })
  assert.is(problems.length, keys.length + 5)
  assert.not.match(problems.join('\n'), value)
  for (const problem of problems.slice(0, keys.length + 3))
    assert.match(problem, /: must be a number, found \(hidden\)$/)
  assert.match(problems.at(-2) ?? '', /found "irc:\/\/\(hidden\)@chat\.example\/"$/)
  assert.match(problems.at(-1) ?? '', /found "Ann"$/)
})

test('options that are one text are not shown, since they may be a secret', () => {
  const sealed = definePlugin({
    name: 'sealed',
    apiVersion: 1,
    options: z.strictObject({}),
    setup() {},
  })
  assert.equal(problemsOf({ plugins: [sealed('hunter2' as never)] }), [
    'plugins[0] (sealed): must be an object, found a text',
  ])
})

test('a secret that was left out is told as that', () => {
  const sealed = definePlugin({
    name: 'sealed',
    apiVersion: 1,
    options: z.strictObject({ password: z.string() }),
    setup() {},
  })
  assert.equal(problemsOf({ plugins: [sealed({} as never)] }), [
    'plugins[0] (sealed): password: must be a text, found undefined',
  ])
})

test('sizes are told in words for what is counted', () => {
  const sized = definePlugin({
    name: 'sized',
    apiVersion: 1,
    options: z.strictObject({
      one: z.array(z.string()).min(1).default(['x']),
      two: z.array(z.string()).min(2).max(3).default(['x', 'y']),
      text: z.string().min(1).max(2).default('x'),
    }),
    setup() {},
  })
  const of = (options: object) => problemsOf({ plugins: [sized(options)] })
  assert.equal(of({ one: [], two: ['x'], text: '' }), [
    'plugins[0] (sized): one: must have at least 1 entry, found none',
    'plugins[0] (sized): two: must have at least 2 entries, found 1',
    'plugins[0] (sized): text: must be at least 1 character long, found ""',
  ])
  assert.equal(of({ two: ['a', 'b', 'c', 'd'], text: 'long' }), [
    'plugins[0] (sized): two: must have at most 3 entries, found 4',
    'plugins[0] (sized): text: must be at most 2 characters long, found "long"',
  ])
})

test('a misspelt key is found in lists and in records too', () => {
  const one = z.strictObject({ seconds: z.int().optional() })
  const deep = definePlugin({
    name: 'deep',
    apiVersion: 1,
    options: z.strictObject({ list: z.array(one).optional(), by: z.record(z.string(), one) }),
    setup() {},
  })
  const options = { list: [{}, { secnods: 1 }], by: { x: { sec: 1 } } } as never
  assert.equal(problemsOf({ plugins: [deep(options)] }), [
    'plugins[0] (deep): list[1].secnods: there is no such key; did you mean "seconds"? (known: seconds)',
    'plugins[0] (deep): by.x.sec: there is no such key; did you mean "seconds"? (known: seconds)',
  ])
})

test('options that are no object are a fault of the plugin', () => {
  for (const options of [null, 5, 'x', []]) {
    assert.equal(pathsOf({ plugins: [dice(options as never)] }), ['plugins[0] (dice)'])
  }
})

test('defaults and transforms reach setup', async () => {
  let got: unknown
  const adder = definePlugin({
    name: 'adder',
    apiVersion: 1,
    options: z.strictObject({
      a: z.int().default(1),
      b: z.string().transform((text) => text.length),
    }),
    setup(_host, options) {
      got = options
    },
  })
  await using _ = await createTestHost({ plugins: [adder({ b: 'four' })] })
  assert.equal(got, { a: 1, b: 4 })
})

test('a schema that fails or that is async is a fault of its plugin, beside those of others', () => {
  const throwing = definePlugin({
    name: 'throwing',
    apiVersion: 1,
    options: z.unknown().transform(() => {
      throw new Error('oh\x1b')
    }),
    setup() {},
  })
  const later = definePlugin({
    name: 'later',
    apiVersion: 1,
    options: z.unknown().refine(() => Promise.resolve(true)),
    setup() {},
  })
  const [first, second, third] = problemsOf({ plugins: [throwing(), later(), dice({ sides: 0 })] })
  assert.match(first ?? '', /^plugins\[0\] \(throwing\): its options could not be checked: .*oh␛/)
  assert.match(second ?? '', /^plugins\[1\] \(later\): its options could not be checked/)
  assert.match(third ?? '', /^plugins\[2\] \(dice\): sides/)
})

// Requirements

test('a missing requirement is named, with what was probably meant', () => {
  assert.equal(problemsOf({ plugins: [echo(), plugin('a', () => {}, ['eco', 'sqlite'])] }), [
    'plugins[1] (a): requires the plugin "eco", which is not in the config; did you mean "echo"?',
    'plugins[1] (a): requires the plugin "sqlite", which is not in the config; add it',
  ])
})

test('plugins that require each other in a circle are told once, with the circle', () => {
  const circle = [
    plugin('a', () => {}, ['b']),
    plugin('b', () => {}, ['c']),
    plugin('c', () => {}, ['a']),
    plugin('d', () => {}, ['a']),
  ]
  assert.equal(problemsOf({ plugins: circle }), [
    "plugins[0] (a): requires itself: a -> b -> c -> a; remove one of them from another's 'requires'",
  ])
  assert.equal(problemsOf({ plugins: [plugin('a', () => {}, ['a'])] }), [
    "plugins[0] (a): requires itself: a -> a; remove one of them from another's 'requires'",
  ])
})

test('what is required goes first, everything else stays as it is', () => {
  const order = (...plugins: ReturnType<typeof plugin>[]): string[] =>
    validatePlugins(plugins).plugins.map((checked) => checked.plugin.name)
  const none = (): void => {}
  const [a, b, c] = [plugin('a', none, ['c']), plugin('b', none), plugin('c', none)]
  assert.equal(order(a, b, c), ['c', 'a', 'b'])
  assert.equal(order(b, a, c), ['b', 'c', 'a'])
  assert.equal(order(c, b, a), ['c', 'b', 'a'])
  const [d, e] = [plugin('d', none, ['a', 'b']), plugin('e', none, ['b'])]
  assert.equal(order(e, d, a, b, c), ['b', 'e', 'c', 'a', 'd'])
})

// Nothing runs before

test('nothing of any plugin runs unless all are right', async () => {
  let ran = 0
  const plugins = [plugin('a', () => void ran++), dice({ sides: 0 }), plugin('b', () => void ran++)]
  await rejection(createTestHost({ plugins }))
  assert.is(ran, 0)
})

test('a factory may be called without its plugin coming to life', () => {
  let ran = 0
  plugin('a', () => void ran++)
  assert.is(ran, 0)
})

test('faults of set-up are found in all plugins at once', async () => {
  const plugins = [
    plugin('a', () => {
      throw new Error('first')
    }),
    // oxlint-disable-next-line typescript/no-misused-promises
    plugin('b', async () => {}),
    plugin('c', () => {}),
    plugin('d', () => {
      // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error
      throw null
    }),
  ]
  const error = configError(await rejection(createTestHost({ plugins })))
  assert.equal(
    error.problems.map(({ path }) => path),
    ['plugins[0] (a)', 'plugins[1] (b)', 'plugins[3] (d)'],
  )
  assert.match(error.problems[0]?.message ?? '', /first/)
  assert.match(error.problems[1]?.message ?? '', /returned a promise.*host\.onStart/)
  assert.match(error.problems[2]?.message ?? '', /null/)
})

test('an async setup that rejects is refused like any other and not an error that nobody caught', async () => {
  // oxlint-disable-next-line typescript/no-misused-promises
  const plugins = [plugin('b', () => Promise.reject(new Error('later')))]
  configError(await rejection(createTestHost({ plugins })))
  await new Promise((resolve) => setImmediate(resolve))
})

test('the format of the log is one of those there are', () => {
  assert.equal(pathsOf({ plugins: [logging({ format: 'xml' as never })] }), [
    'plugins[0] (logging)',
  ])
})

// What was meant

test('the nearest word is the one with the fewest edits', () => {
  const words = ['mute', 'unmute', 'quit', 'help']
  for (const [typed, meant] of [
    ['mute', 'mute'],
    ['mut', 'mute'],
    ['mtue', 'mute'],
    ['MUTE', 'mute'],
    ['unmut', 'unmute'],
    ['qiut', 'quit'],
    ['hlep', 'help'],
    ['exit', 'quit'],
    ['xyz', undefined],
    ['', undefined],
    ['h', undefined],
    ['m'.repeat(4096), undefined],
  ] as const) {
    assert.is(nearest(typed, words), meant, typed)
  }
})

test('a short candidate is not meant by anything short', () => {
  assert.is(nearest('ab', ['x', 'yz']), undefined)
  assert.is(nearest('x', []), undefined)
})

test('the beginning of a word is enough where nothing is nearer', () => {
  assert.is(nearest('sec', ['minutes', 'secondly', 'seconds']), 'seconds')
  assert.is(nearest('SEC', new Set(['seconds']).values()), 'seconds')
  assert.is(nearest('sec', ['seconds', 'sex']), 'sex')
  assert.is(nearest('se', ['seconds']), undefined)
})

test('a scope may be left out, or be another one', () => {
  const names = ['acme:translate', 'echo', 'mute', 'acme:dice']
  assert.is(nearest('translate', names), 'acme:translate')
  assert.is(nearest('tranlsate', names), 'acme:translate')
  assert.is(nearest('trans', names), 'acme:translate')
  assert.is(nearest('other:dice', names), 'acme:dice')
  assert.is(nearest('acme:echo', names), 'echo')
  assert.is(nearest('acme:translat', names), 'acme:translate')
  assert.is(nearest('acme', names), 'acme:dice')
  assert.is(nearest('acme:weather', names), undefined)
})

test('the first of several that are as near is taken', () => {
  assert.is(nearest('bat', ['cat', 'hat']), 'cat')
})

test('did you mean is a half sentence or nothing', () => {
  assert.is(didYouMean('prot', ['port']), '; did you mean "port"?')
  assert.is(didYouMean('other', ['port']), '')
})

test.run()
