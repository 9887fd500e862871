/** `help`: `/help`, generated from the registered commands, and a hint for unknown commands. */
import {
  definePlugin,
  nearest,
  refuse,
  z,
  type CommandExampleInfo,
  type CommandInfo,
  type Commands,
} from '../core/index.ts'

export const help = definePlugin({
  name: 'help',
  apiVersion: 1,
  setup(host) {
    host.command({
      name: 'help',
      help: 'List the commands, or describe one of them.',
      args: { command: z.string().optional() },
      examples: [
        { type: '/help', sees: '/help [command]' },
        { type: '/help help', sees: 'List the commands' },
      ],
      run: ({ client, args }) => {
        client.send(
          args.command === undefined ? list(host.commands) : about(host.commands, args.command),
        )
      },
    })

    host.hooks.command.tap('unknown command', ({ name, command }) =>
      command === undefined ? refuse(unknown(host.commands, name)) : undefined,
    )
  },
})

function list(commands: Commands): string[] {
  const shown = visible(commands)
  const width = Math.max(...shown.map(({ usage }) => usage.length))
  return shown.map(({ usage, help: line }) => `${usage.padEnd(width)}  ${line}`)
}

function about(commands: Commands, word: string): string[] {
  const command = commands.get(word.replace(/^\//, ''))
  if (command === undefined) return [unknown(commands, word.replace(/^\//, ''))]
  const aliases = command.aliases.map((alias) => `/${alias}`)
  return [
    `${command.usage}  ${command.help}`.trimEnd(),
    ...(aliases.length > 0 ? [`also: ${aliases.join(', ')}`] : []),
    // An example that only repeats the usage is omitted.
    ...command.examples
      .map(exampleLine)
      .filter((line) => line !== command.usage)
      .map((line) => `example: ${line}`),
  ]
}

/** What is typed, and what is seen if that is a text: a RegExp is for tests. */
function exampleLine({ type, sees }: CommandExampleInfo): string {
  const typed = type.join(', then ')
  return typeof sees === 'string' ? `${typed} -> ${sees}` : typed
}

function unknown(commands: Commands, word: string): string {
  const meant = nearest(
    word,
    visible(commands).flatMap(({ name, aliases }) => [name, ...aliases]),
  )
  const hint = meant === undefined ? 'type /help for a list' : `did you mean /${meant}?`
  return `there is no command /${word}; ${hint}`
}

function visible(commands: Commands): CommandInfo[] {
  return [...commands]
    .filter((command) => command.help !== '')
    .toSorted((a, b) => a.name.localeCompare(b.name))
}
