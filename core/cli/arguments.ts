/** Parses the command line, or says in one sentence what is wrong with it. */
import { cac, type CAC, type Command } from 'cac'
import { hostSchema, portSchema } from '../host/config.ts'
import { describe, errors } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'
import { didYouMean, nearest } from '../support/suggest.ts'
import type { NewPlugin } from './new-plugin.ts'

/** The command to run, with its own options. */
export type Task =
  | { readonly command: 'run'; readonly watch: boolean }
  | { readonly command: 'check' | 'reload' }
  | { readonly command: 'plugins'; readonly json: boolean }
  | { readonly command: 'on' | 'off'; readonly plugin: string }
  | { readonly command: 'inspect'; readonly json: boolean; readonly timings: boolean }
  | { readonly command: 'new-plugin'; readonly newPlugin: NewPlugin }

export interface Arguments {
  readonly task: Task
  readonly port: number | undefined
  readonly host: string | undefined
  readonly config: string | undefined
  /** Path of the control socket. */
  readonly control: string | undefined
}

/** Options as cac parses them. */
type Options = Readonly<Record<string, string | boolean | readonly unknown[] | undefined>>

const COMMANDS = ['check', 'reload', 'plugins', 'inspect', 'new-plugin']
/** Commands that talk to a running host. */
const ASKING: ReadonlySet<string | undefined> = new Set(['reload', 'plugins', 'inspect'])

/** Options of more than one command. Each is declared only for the commands that use it. */
const SHARED = {
  port: ['-p, --port <n>', 'TCP port; any free port by default'],
  host: ['--host <address>', 'Address to listen on; 0.0.0.0, all of IPv4, by default'],
  config: ['-c, --config <file>', 'Config file; chat.config.ts in this folder by default'],
  control: ['--control <path>', 'Control socket; .multiecho.sock in this folder by default'],
  json: ['--json', 'Print it as JSON'],
} as const

/** Returns undefined when the help or the version was requested, and has been printed. Throws `USAGE`. */
export function parseArguments(argv: readonly string[], version: string): Arguments | undefined {
  const cli = cac('multiecho')
  let task: Task | undefined
  const declare = (name: string, does: string, ...shared: (keyof typeof SHARED)[]): Command => {
    const declared = cli.command(name, does)
    for (const option of shared) declared.option(SHARED[option][0], SHARED[option][1])
    return declared
  }
  declare('[...words]', 'Run the chat host', 'port', 'host', 'config', 'control')
    .usage('[options]')
    .option('--watch', 'Reload when the config or a local file that it imports changes')
    .example((name) => `  $ ${name} -p 9090            run the chat on port 9090`)
    .example((name) => `  $ ${name} -c party.ts        run it with another config file`)
    .example((name) => `  $ ${name} check              list what is wrong with the config`)
    .action(([word]: string[], { watch }: Options) => {
      if (word !== undefined)
        throw errors.usage(`there is no command "${word}"${didYouMean(word, COMMANDS)}`)
      task = { command: 'run', watch: watch === true }
    })
  declare(
    'check',
    'Check the config and list all problems; opens nothing',
    'port',
    'host',
    'config',
    'control',
  )
    .usage('check [options]')
    .action(() => {
      task = { command: 'check' }
    })
  declare('new-plugin <name> [folder]', 'Create a package with a new plugin')
    .usage('new-plugin <name> [folder] [options]')
    .option('--description <text>', 'What the plugin does, in a sentence')
    .option('--command <name>', 'Its first command; named like the plugin by default')
    .option('--js', 'Write it in JavaScript, still type-checked')
    .example((name) => `  $ ${name} new-plugin acme:dice --command roll`)
    .action((name: string, folder: string | undefined, options: Options) => {
      const description = textOption(options, 'description')
      const command = textOption(options, 'command')
      const js = options['js'] === true
      task = { command: 'new-plugin', newPlugin: { name, folder, description, command, js } }
    })
  declare('reload', 'Reload the config of the host running here', 'control')
    .usage('reload [options]')
    .action(() => {
      task = { command: 'reload' }
    })
  declare(
    'plugins [on|off] [name]',
    'List the plugins of the host running here, or switch one on or off',
    'json',
    'control',
  )
    .usage('plugins [on|off NAME] [options]')
    .action((word: string | undefined, plugin: string | undefined, { json }: Options) => {
      if (word === undefined) {
        task = { command: 'plugins', json: json === true }
        return
      }
      if (word !== 'on' && word !== 'off')
        throw errors.usage(`plugins: expected on NAME or off NAME, found ${JSON.stringify(word)}`)
      if (plugin === undefined)
        throw errors.usage(`plugins ${word}: the name of a plugin is missing`)
      if (json !== undefined)
        throw errors.usage(`plugins ${word}: --json is for the list of plugins; leave it out`)
      task = { command: word, plugin }
    })
  declare(
    'inspect',
    'Show what runs here, or what the config would run: plugins, hooks, commands',
    'json',
    'config',
    'control',
  )
    .usage('inspect [options]')
    .option('--timings', 'Add calls, faults and time of each plugin of the running host')
    .action(({ json, timings, config, control }: Options) => {
      if (config !== undefined && (timings ?? control) !== undefined)
        throw errors.usage(
          'inspect: --config shows what a file would run, --timings and --control show a running host; use one or the other',
        )
      task = { command: 'inspect', json: json === true, timings: timings === true }
    })
  cli.help((sections) =>
    sections
      .filter(({ title }) => title?.startsWith('For more info') !== true)
      .map((section) => ({
        ...section,
        body: section.body
          .split('\n')
          // The default command has no name to list.
          .filter((line) => !/^ *\[\.\.\.words\]/.test(line))
          .join('\n'),
      })),
  )
  cli.version(version)
  try {
    // pnpm passes on the `--` before a script's own options; no command here takes arguments after one.
    const typed = argv.slice(2).filter((argument) => argument !== '--')
    cli.parse([...argv.slice(0, 2), ...typed.flatMap(asText)], { run: false })
    cli.runMatchedCommand()
  } catch (cause) {
    const problem = unknownOption(cli, cause) ?? describe(cause).replaceAll('`', '')
    throw errors.usage(`${problem}${problem.endsWith('?') ? ' See' : '; see'} multiecho --help`)
  }
  if (task === undefined) return undefined
  const options: Options = cli.options
  const port = textOption(options, 'port')
  const host = textOption(options, 'host')
  return {
    task,
    port: port === undefined ? undefined : readPort(port),
    host: host === undefined ? undefined : readHost(host),
    config: pathOption(options, 'config'),
    control: pathOption(options, 'control'),
  }
}

/** The message for an option that the command does not have: it belongs to others, or is misspelt. */
function unknownOption(cli: CAC, cause: unknown): string | undefined {
  const [, dashes = '', name] = /^Unknown option `(--?)([^`]*)`$/.exec(describe(cause)) ?? []
  if (name === undefined) return undefined
  const namesOf = ({ options }: { options: readonly { name: string }[] }): string[] =>
    options.map((option) => option.name)
  const owners = cli.commands.filter((command) => namesOf(command).includes(name))
  if (owners.length > 0) {
    const uses = owners.map((owner) => (owner.isDefaultCommand ? 'running a chat' : owner.name))
    const wanted = ASKING.has(cli.matchedCommandName) && name in SHARED
    return `--${name} is for ${LIST.format(uses)}${wanted ? FOUND : ''}`
  }
  const known = [...namesOf(cli.globalCommand), ...namesOf(cli.matchedCommand ?? cli.globalCommand)]
  const meant = nearest(name, known)
  const hint = meant === undefined ? '' : `; did you mean --${meant}?`
  return `Unknown option ${dashes}${name}${hint}`
}

const LIST = new Intl.ListFormat('en')
const FOUND = '; a running host is found by its control socket, with --control PATH'

/** The long names of options that take a text. */
const LONG: Readonly<Record<string, string>> = { '-p': '--port', '-c': '--config' }
/** Such an option with an attached text. */
const TEXT_OPTION =
  /^(?:(-p|-c)(?:=|(?=[^=]))(.*)|(--port|--host|--config|--control|--description|--command)=(.*))$/s
const BARE_TEXT_OPTION = /^(-p|-c|--port|--host|--config|--control|--description|--command)$/
/** After this mark the parser takes a value literally, where it would read `1.10` as the number 1.1 and "" as 0. */
const MARK = '='

function asText(argument: string, index: number, all: readonly string[]): string[] {
  const before = all[index - 1]
  if (before !== undefined && BARE_TEXT_OPTION.test(before) && isValueOf(argument)) return []
  if (BARE_TEXT_OPTION.test(argument)) {
    const value = all[index + 1]
    return value !== undefined && isValueOf(value) ? [marked(argument, value)] : [argument]
  }
  const [, short, shortValue, long, longValue] = TEXT_OPTION.exec(argument) ?? []
  if (short !== undefined) return [marked(short, shortValue ?? '')]
  if (long !== undefined) return [marked(long, longValue ?? '')]
  return [argument]
}

/** The option under its long name, so that giving it under both names is detected. */
function marked(option: string, value: string): string {
  return `${LONG[option] ?? option}=${MARK}${value}`
}

/**
 * A negative number is taken for a value, so that the message can say it is invalid; any other dash begins an option.
 */
function isValueOf(argument: string): boolean {
  return !argument.startsWith('-') || /^-\d/.test(argument)
}

function textOption(options: Options, option: string): string | undefined {
  const value = options[option]
  if (value === undefined) return undefined
  if (Array.isArray(value))
    throw errors.usage(`--${option} is given ${value.length} times; give it once`)
  return String(value).slice(MARK.length)
}

function pathOption(options: Options, option: string): string | undefined {
  const path = textOption(options, option)
  if (path === '') throw errors.usage(`--${option}: expected a path, found ""`)
  return path
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (portSchema.safeParse(port).success) return port
  throw errors.usage(
    `--port: expected a whole number from 0 to 65535, found ${JSON.stringify(safeText(text))}`,
  )
}

function readHost(text: string): string {
  const parsed = hostSchema.safeParse(text)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw errors.usage(`--host: ${issue?.message ?? 'not valid'}`)
}
