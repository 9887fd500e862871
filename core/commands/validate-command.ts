/** Validates the commands that plugins register. */
import { types } from 'node:util'
import type { z } from 'zod'
import { unknownKey } from '../support/config-issues.ts'
import { errors, show } from '../support/errors.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { safeText } from '../support/safe-text.ts'
import type { ArgumentSchemas, CommandExample, CommandSpec } from './command-spec.ts'
import { parseInput } from './parse-input.ts'

const NAME = /^[a-z][a-z0-9_-]*$/
const SPEC_KEYS = ['name', 'help', 'aliases', 'args', 'rest', 'examples', 'run']
const EXAMPLE_KEYS = ['type', 'sees']

/** Throws `COMMAND_INVALID`. */
export function validateCommand(owner: PluginInstance, spec: CommandSpec<ArgumentSchemas>): void {
  const invalid = (problem: string) => errors.commandInvalid(owner.name, spec?.name, problem)
  if (typeof spec !== 'object' || spec === null)
    throw invalid(`expected { name, help, run }, found ${show(spec)}`)
  const unknown = unknownKey(spec, SPEC_KEYS)
  if (unknown !== undefined) throw invalid(unknown)
  if (spec.aliases !== undefined && !Array.isArray(spec.aliases))
    throw invalid(`aliases: expected a list of names, found ${show(spec.aliases)}`)
  for (const word of [spec.name, ...(spec.aliases ?? [])]) {
    if (typeof word !== 'string' || !NAME.test(word)) {
      throw invalid(
        `a name is a lower-case letter, then lower-case letters, digits, _ or -; found ${JSON.stringify(word)}`,
      )
    }
  }
  if (typeof spec.help !== 'string')
    throw invalid('help: expected a line for /help, or an empty one to hide the command')
  if (typeof spec.run !== 'function') throw invalid('run: expected a function')
  checkArguments(spec, invalid)
  checkExamples(spec, invalid)
}

function checkArguments(
  { args = {}, rest }: CommandSpec<ArgumentSchemas>,
  invalid: (problem: string) => Error,
): void {
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    throw invalid(`args: expected an object of zod schemas by name, found ${show(args)}`)
  if (typeof (args as { safeParse?: unknown }).safeParse === 'function') {
    throw invalid(
      'args: expected a plain object of zod schemas by name, found a schema; write args: { who: z.string() }, without z.object around it',
    )
  }
  const schemas = Object.entries(args)
  let optional: string | undefined
  for (const [name, schema] of schemas) {
    if (typeof schema?.safeParse !== 'function')
      throw invalid(`args.${name}: expected a zod schema`)
    if (isOptional(schema)) optional ??= name
    else if (optional !== undefined) {
      throw invalid(
        `args.${name} is required but comes after ${optional}, which is optional; change their order`,
      )
    }
  }
  if (rest === true && schemas.length === 0)
    throw invalid('rest: there is no argument to take the rest of the line')
}

function checkExamples(
  { name, aliases = [], examples = [] }: CommandSpec<ArgumentSchemas>,
  invalid: (problem: string) => Error,
): void {
  if (!Array.isArray(examples))
    throw invalid(`examples: expected an array, found ${show(examples)}`)
  for (const [index, example] of (examples as readonly unknown[]).entries()) {
    const { type, sees } = (example ?? {}) as Partial<CommandExample>
    const unknown = unknownKey(Object(example) as object, EXAMPLE_KEYS)
    if (unknown !== undefined) throw invalid(`examples[${index}].${unknown}`)
    const lines = typeof type === 'string' ? [type] : type
    if (!Array.isArray(lines) || !lines.every(isLine)) {
      throw invalid(
        `examples[${index}].type: expected a line, or an array of lines, found ${show(type)}`,
      )
    }
    if (
      !lines
        .map(parseInput)
        .some((typed) => typed.kind === 'command' && [name, ...aliases].includes(typed.word))
    ) {
      throw invalid(
        `examples[${index}].type: expected /${name} in it, found ${show(lines.join(', '))}`,
      )
    }
    if (sees !== undefined && !isLine(sees) && !types.isRegExp(sees)) {
      throw invalid(
        `examples[${index}].sees: expected a RegExp or a part of a line, found ${show(sees)}`,
      )
    }
  }
}

function isLine(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && safeText(value) === value
}

/** Whether an argument may be left out. */
export function isOptional(schema: z.ZodType): boolean {
  return schema.safeParse(undefined).success
}
