/** Commands as data: what a plugin registers, and what other plugins see of it. */
import type { z } from 'zod'
import type { Client } from '../clients/client.ts'

export type ArgumentSchemas = Readonly<Record<string, z.ZodType>>

export interface CommandCall<Schemas extends ArgumentSchemas> {
  readonly client: Client
  readonly args: { readonly [Name in keyof Schemas]: z.output<Schemas[Name]> }
  /** What was typed after the name, unsplit. */
  readonly input: string
}

/** How a command is used: shown by `/help NAME`, and run by `checkPlugin` of `multiecho/testing`. */
export interface CommandExample {
  /** What is typed: a line, or several in a row. One of them is the command. */
  readonly type: string | readonly string[]
  /**
   * What one of the lines sent to the caller must contain (a text) or match (a RegExp). Left out where the caller sees
   * nothing; the command must then succeed without being refused.
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
   * The arguments after the name, word by word, in the order of the keys. Each schema is given its word, or undefined
   * when it is missing; use `z.coerce.number()` for numbers. Optional arguments come last.
   */
  readonly args?: Schemas | undefined
  /** Whether the last argument takes the rest of the line, spaces included. */
  readonly rest?: boolean | undefined
  readonly examples?: readonly CommandExample[] | undefined
  /**
   * Runs the command. A returned text, or list of texts, is sent to the caller; any other value except nothing is an
   * error. A returned promise has 5 seconds to settle.
   */
  run(call: CommandCall<Schemas>): CommandAnswer | Promise<CommandAnswer>
}

type CommandAnswer = string | readonly string[] | void

/** A registered command as plugins see it. */
export interface CommandInfo {
  readonly name: string
  readonly aliases: readonly string[]
  readonly help: string
  /** How it is typed, as `/kick <who> [minutes] [why...]`. */
  readonly usage: string
  readonly examples: readonly CommandExampleInfo[]
  readonly plugin: string
}

/** An example as plugins see it. */
export interface CommandExampleInfo {
  readonly type: readonly string[]
  readonly sees: string | RegExp | undefined
}

/** The commands of all plugins. */
export interface Commands extends Iterable<CommandInfo> {
  /** The command of that name or alias, in any case. */
  get(word: string): CommandInfo | undefined
}
