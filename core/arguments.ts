/** The command line: what was asked for, or one sentence about what is wrong with it. */
import { cac } from 'cac'
import { hostSchema, portSchema } from './config.ts'
import { describe, errors } from './errors.ts'
import { didYouMean } from './nearest.ts'
import type { NewPlugin } from './new-plugin.ts'
import { safeText } from './text.ts'

export interface Arguments {
  readonly command: 'run' | 'check' | 'reload' | 'plugins' | 'inspect' | 'new-plugin'
  readonly port: number | undefined
  readonly host: string | undefined
  readonly config: string | undefined
  /** Path of the control socket. */
  readonly control: string | undefined
  readonly watch: boolean
  readonly json: boolean
  readonly timings: boolean
  /** What `plugins` is to do with a plugin. */
  readonly turn: 'on' | 'off' | undefined
  readonly plugin: string | undefined
  readonly newPlugin?: NewPlugin | undefined
}

const COMMANDS = ['check', 'reload', 'plugins', 'inspect', 'new-plugin']

/** Returns undefined when the help or the version was asked for, and has been printed. Throws `USAGE`. */
export function parseArguments(argv: readonly string[], version: string): Arguments | undefined {
  const cli = cac('multiecho')
  let asked: Arguments['command'] | undefined
  let newPlugin: NewPlugin | undefined
  let turn: Arguments['turn']
  let plugin: string | undefined
  cli
    .option('-p, --port <n>', 'TCP port; a free one when neither this nor the config says')
    .option('--host <address>', 'Address to listen on; 0.0.0.0, all of IPv4, when neither says')
    .option('-c, --config <file>', 'Config file; chat.config.ts, .js or .mjs here when left out')
    .option(
      '--control <path>',
      'Control socket; .multiecho.sock here when neither this nor the config says',
    )
  cli
    .command('[...words]', 'Run the chat host')
    .usage('[options]')
    .option('--watch', 'Reload when the config or a local file that it imports changes')
    .example((name) => `  $ ${name} -p 9090            run the chat on port 9090`)
    .example((name) => `  $ ${name} -c party.ts        run it by another config file`)
    .example((name) => `  $ ${name} check              list what is wrong with the config`)
    .action(([word]: string[]) => {
      if (word !== undefined)
        throw errors.usage(`there is no command "${word}"${didYouMean(word, COMMANDS)}`)
      asked = 'run'
    })
  cli
    .command('check', 'Check the config and list all of its faults; nothing is opened')
    .usage('check [options]')
    .action(() => {
      asked = 'check'
    })
  cli
    .command('new-plugin <name> [folder]', 'Write a package with a new plugin in it')
    .usage('new-plugin <name> [folder] [options]')
    .option('--description <text>', 'What the plugin does, in a sentence')
    .option('--command <name>', 'Its first command; called like the plugin when left out')
    .example((name) => `  $ ${name} new-plugin acme:dice --command roll`)
    .action((name: string, folder: string | undefined) => {
      asked = 'new-plugin'
      newPlugin = { name, folder }
    })
  cli
    .command('reload', 'Make the host that runs here read its config again')
    .usage('reload [options]')
    .action(() => {
      asked = 'reload'
    })
  cli
    .command(
      'plugins [on|off] [name]',
      'List the plugins of the host that runs here, or switch one on or off',
    )
    .usage('plugins [on|off NAME] [options]')
    .option('--json', 'Print the list as JSON')
    .action((word: string | undefined, name: string | undefined) => {
      if (word !== undefined && word !== 'on' && word !== 'off')
        throw errors.usage(`plugins: expected on NAME or off NAME, found ${JSON.stringify(word)}`)
      if (word !== undefined && name === undefined)
        throw errors.usage(`plugins ${word}: the name of a plugin is missing`)
      asked = 'plugins'
      turn = word
      plugin = name
    })
  cli
    .command(
      'inspect',
      'Show what runs here, or what the config would run: plugins, hooks, commands',
    )
    .usage('inspect [options]')
    .option('--json', 'Print it as JSON')
    .option('--timings', 'Add calls, faults and time of each plugin of the running host')
    .action(() => {
      asked = 'inspect'
    })
  cli.help((sections) =>
    sections
      .filter(({ title }) => title?.startsWith('For more info') !== true)
      // The default command has no name to list it by.
      .map((section) => ({
        ...section,
        body: section.body.replace(/^ *\[\.\.\.words\].*\n/m, ''),
      })),
  )
  cli.version(version)
  try {
    cli.parse([...argv.slice(0, 2), ...argv.slice(2).flatMap(asText)], { run: false })
    cli.runMatchedCommand()
  } catch (cause) {
    const problem = describe(cause).replaceAll('`', '')
    throw errors.usage(`${problem}${problem.endsWith('?') ? ' See' : '; see'} multiecho --help`)
  }
  if (asked === undefined) return undefined
  const { port, host, config, control, watch, json, timings, description, command } = cli.options
  if (newPlugin !== undefined) {
    for (const [option, value] of Object.entries({ port, host, config, control, watch })) {
      if (value !== undefined)
        throw errors.usage(
          `--${option} is for running a chat; new-plugin takes --description and --command`,
        )
    }
    newPlugin = {
      ...newPlugin,
      description: description === undefined ? undefined : textOf('description', description),
      command: command === undefined ? undefined : textOf('command', command),
    }
  }
  if (
    asked !== 'new-plugin' &&
    asked !== 'run' &&
    asked !== 'check' &&
    (port ?? host) !== undefined
  )
    throw errors.usage(
      `${asked} takes neither --port nor --host; a running host is found by its control socket, with --control PATH`,
    )
  return {
    newPlugin,
    command: asked,
    port: port === undefined ? undefined : readPort(textOf('port', port)),
    host: host === undefined ? undefined : readHost(textOf('host', host)),
    config: config === undefined ? undefined : textOf('config', config),
    control: control === undefined ? undefined : textOf('control', control),
    watch: watch === true,
    json: json === true,
    timings: timings === true,
    turn,
    plugin,
  }
}

/** Options that take a text, by the ways to write them. */
const LONG: Readonly<Record<string, string>> = { '-p': '--port', '-c': '--config' }
/** Such an option, and the text where it is attached. */
const TEXT_OPTION =
  /^(?:(-p|-c)=?(.+)|(--port|--host|--config|--control|--description|--command)=(.*))$/s
const BARE_TEXT_OPTION = /^(-p|-c|--port|--host|--config|--control|--description|--command)$/
/** Behind it the parser takes a value as it is typed, where it would read `1.10` as the number 1.1 and "" as 0. */
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

/** The option under its long name, so that it is found out when it is given under both. */
function marked(option: string, value: string): string {
  return `${LONG[option] ?? option}=${MARK}${value}`
}

/** A negative number is meant as a value, to be told that it is none; any other dash begins an option. */
function isValueOf(argument: string): boolean {
  return !argument.startsWith('-') || /^-\d/.test(argument)
}

function textOf(option: string, value: unknown): string {
  if (Array.isArray(value))
    throw errors.usage(`--${option} is given ${value.length} times; give it once`)
  return String(value).slice(MARK.length)
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
  throw errors.usage(
    `--host: ${issue?.message ?? 'not valid'}, found ${JSON.stringify(safeText(text))}`,
  )
}
