/** Commands as data: what is registered, how it is typed, and what its arguments are made of. */
import { types } from 'node:util'
import type { z } from 'zod'
import type { Client } from '../clients/client.ts'
import { checkCommand, isOptional } from './validate-command.ts'
import { errors } from '../support/errors.ts'
import type { Owner } from '../support/plugin-instance.ts'
import { demandOf } from '../support/config-issues.ts'
import { Registry } from '../support/name-registry.ts'

export type ArgumentSchemas = Readonly<Record<string, z.ZodType>>

export interface CommandCall<Schemas extends ArgumentSchemas> {
  readonly client: Client
  readonly args: { readonly [Name in keyof Schemas]: z.output<Schemas[Name]> }
  /** What was typed behind the name, not split. */
  readonly input: string
}

/** How a command is used: shown by `/help NAME`, and run by `checkPlugin` of `multiecho/testing`. */
export interface CommandExample {
  /** What is typed: a line, or several in a row. One of them is the command. */
  readonly type: string | readonly string[]
  /**
   * What one of the lines that the caller is sent matches or, when it is a text, has in it. Left out where the caller
   * sees nothing; the command must then be done without being refused.
   */
  readonly sees?: string | RegExp | undefined
}

export interface CommandSpec<Schemas extends ArgumentSchemas = Record<never, never>> {
  /** A lower-case letter, then lower-case letters, digits, `_` or `-`. Typed in any case. */
  readonly name: string
  readonly aliases?: readonly string[] | undefined
  /** One line for `/help`. An empty one hides the command there. */
  readonly help: string
  /**
   * What is typed behind the name, word by word, in the order of the keys. Each schema is given the word, or undefined
   * when it is missing; use `z.coerce.number()` for numbers. Optional arguments come last.
   */
  readonly args?: Schemas | undefined
  /** Whether the last argument is all that is left of the line, spaces included. */
  readonly rest?: boolean | undefined
  readonly examples?: readonly CommandExample[] | undefined
  /**
   * Runs the command. A text that it returns, or a list of texts, is sent to the caller; anything else but nothing fails
   * it. It has 5 seconds when it returns a promise.
   */
  run(call: CommandCall<Schemas>): CommandAnswer | Promise<CommandAnswer>
}

type CommandAnswer = string | readonly string[] | void

/** A registered command as others may see it. */
export interface CommandInfo {
  readonly name: string
  readonly aliases: readonly string[]
  readonly help: string
  /** How it is typed, as `/kick <who> [minutes] [why...]`. */
  readonly usage: string
  readonly examples: readonly CommandExampleInfo[]
  readonly plugin: string
}

/** An example as others may see it. */
export interface CommandExampleInfo {
  readonly type: readonly string[]
  readonly sees: string | RegExp | undefined
}

/** The commands of all plugins. */
export interface Commands extends Iterable<CommandInfo> {
  /** The command of that name or alias, in any case. */
  get(word: string): CommandInfo | undefined
}

export interface Command {
  readonly info: CommandInfo
  readonly owner: Owner
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
  add(owner: Owner, spec: CommandSpec<ArgumentSchemas>): void {
    checkCommand(owner, spec)
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

  remove(owner: Owner): void {
    this.#byWord.remove(owner)
  }
}

/** Makes a command's arguments of what was typed behind its name, or says what is wrong with it. */
export function parseArguments(
  command: Command,
  input: string,
): { args: Record<string, unknown> } | { problem: string } {
  const schemas = Object.entries(command.spec.args ?? {})
  const words = split(input, command.spec.rest === true ? schemas.length : Infinity)
  if (words.length > schemas.length) {
    return { problem: `too much behind /${command.info.name}. Usage: ${command.info.usage}` }
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

/** Splits at runs of spaces; the last of `most` words takes what is left. */
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
    // Without the flags that make an expression remember where it was.
    sees: types.isRegExp(sees)
      ? Object.freeze(new RegExp(sees.source, sees.flags.replaceAll(/[gy]/g, '')))
      : sees,
  })
}
