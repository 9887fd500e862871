/** The registered commands, and the parsing of their arguments. */
import { types } from 'node:util'
import type { z } from 'zod'
import { demandOf } from '../support/config-issues.ts'
import { errors } from '../support/errors.ts'
import { Registry } from '../support/name-registry.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import type {
  ArgumentSchemas,
  CommandExample,
  CommandExampleInfo,
  CommandInfo,
  Commands,
  CommandSpec,
} from './command-spec.ts'
import { validateCommand, isOptional } from './validate-command.ts'

export interface Command {
  readonly info: CommandInfo
  readonly owner: PluginInstance
  readonly spec: CommandSpec<ArgumentSchemas>
}

export class CommandRegistry implements Commands {
  readonly #byWord = new Registry<Command>()

  find(word: string): Command | undefined {
    return this.#byWord.get(word)
  }

  get(word: string): CommandInfo | undefined {
    return this.#byWord.get(word.toLowerCase())?.info
  }

  *[Symbol.iterator](): Generator<CommandInfo> {
    for (const [word, { info }] of this.#byWord.entries()) {
      if (word === info.name) yield info
    }
  }

  /** Throws `COMMAND_INVALID` or `COMMAND_CONFLICT`. */
  add(owner: PluginInstance, spec: CommandSpec<ArgumentSchemas>): void {
    validateCommand(owner, spec)
    const aliases = spec.aliases ?? []
    const command: Command = {
      owner,
      spec,
      info: Object.freeze({
        name: spec.name,
        aliases: Object.freeze([...aliases]),
        help: spec.help,
        usage: usageOf(spec),
        examples: Object.freeze((spec.examples ?? []).map(exampleInfo)),
        plugin: owner.name,
      }),
    }
    const words = [spec.name, ...aliases]
    for (const word of words) {
      const taken = this.#byWord.inTheWay(owner, word)
      if (taken !== undefined) throw errors.commandConflict(word, owner.name, taken.owner.name)
    }
    for (const word of words) this.#byWord.set(word, command)
  }

  goLive(): void {
    this.#byWord.goLive()
  }

  remove(owner: PluginInstance): void {
    this.#byWord.remove(owner)
  }
}

/** Parses what was typed after a command's name into its arguments, or says what is wrong with it. */
export function parseArguments(
  command: Command,
  input: string,
): { args: Record<string, unknown> } | { problem: string } {
  const schemas = Object.entries(command.spec.args ?? {})
  const words = split(input, command.spec.rest === true ? schemas.length : Infinity)
  if (words.length > schemas.length) {
    return { problem: `too many arguments for /${command.info.name}. Usage: ${command.info.usage}` }
  }
  const args: Record<string, unknown> = {}
  for (const [index, [name, schema]] of schemas.entries()) {
    const word = words[index]
    const parsed = schema.safeParse(word)
    if (!parsed.success) {
      const demand = demandOf(parsed.error.issues[0] as z.core.$ZodIssue)
      const wrong = demand.startsWith('must ') ? ` ${demand}` : `: ${demand}`
      const what = word === undefined ? ' is missing' : wrong
      return { problem: `${name}${what}. Usage: ${command.info.usage}` }
    }
    args[name] = parsed.data
  }
  return { args }
}

/** Splits at runs of spaces; the last of `most` words takes the rest. */
function split(input: string, most: number): string[] {
  const words: string[] = []
  let left = input.trim()
  while (left !== '') {
    const end = words.length + 1 >= most ? -1 : left.search(/\s/)
    if (end === -1) {
      words.push(left)
      break
    }
    words.push(left.slice(0, end))
    left = left.slice(end).trimStart()
  }
  return words
}

function usageOf(spec: CommandSpec<ArgumentSchemas>): string {
  const names = Object.entries(spec.args ?? {})
  const shown = names.map(([name, schema], index) => {
    const label = spec.rest === true && index === names.length - 1 ? `${name}...` : name
    return isOptional(schema) ? `[${label}]` : `<${label}>`
  })
  return [`/${spec.name}`, ...shown].join(' ')
}

function exampleInfo({ type, sees }: CommandExample): CommandExampleInfo {
  return Object.freeze({
    type: Object.freeze(typeof type === 'string' ? [type] : [...type]),
    // Without the flags that make a RegExp remember its position.
    sees: types.isRegExp(sees)
      ? Object.freeze(new RegExp(sees.source, sees.flags.replaceAll(/[gy]/g, '')))
      : sees,
  })
}
