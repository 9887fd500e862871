/**
 * Defines plugins: a factory, called in the config file, that returns a description. No plugin code has run by then.
 */
import { z } from 'zod'
import type { PluginContext } from './plugin-context.ts'

/** The version of the plugin API. It grows when a plugin written for the previous version could break. */
export const API_VERSION = 1

/** Marks a plugin for every copy of the host, since a plugin may bring its own. */
export const PLUGIN = Symbol.for('multiecho.plugin')
/** Marks the factory, so that one that was not called can be recognized. */
export const PLUGIN_FACTORY = Symbol.for('multiecho.plugin.factory')

export interface PluginDefinition<Schema extends z.ZodType> {
  /** Lower-case letters, digits and dashes; `scope:name` for a plugin that is not built in. */
  readonly name: string
  /** The version of the plugin API that it was written for: 1, as a literal. */
  readonly apiVersion: typeof API_VERSION
  readonly version?: string | undefined
  /**
   * Names of plugins that must be in the config too. They are set up and started before this one and removed after it.
   */
  readonly requires?: readonly string[] | undefined
  /**
   * The schema of the factory's argument. Checked before any plugin is set up; use `z.strictObject`, so that a misspelt
   * key is reported, and `.prefault({})`, so that the argument may be left out.
   */
  readonly options?: Schema | undefined
  /**
   * Registers what the plugin does, and touches nothing outside the host: files, ports and databases are acquired in
   * `host.onStart`. Called once, when all plugins have been checked. Must not be async.
   */
  setup(host: PluginContext, options: z.output<Schema>): void
}

/** A plugin in a config. */
export interface Plugin {
  readonly [PLUGIN]: true
  readonly name: string
  readonly version: string | undefined
  readonly apiVersion: number
  readonly requires: readonly string[]
  readonly schema: z.ZodType
  /** The factory's argument, not yet checked. */
  readonly input: unknown
  /**
   * The definition that it was made from. The same object means the same code: a reload compares it to see what has
   * changed.
   */
  readonly definition: object
  /** The copy of `definePlugin` that made it. */
  readonly madeBy: object
  setup(host: PluginContext, options: unknown): void
}

/** Identifies this copy of the host, since a plugin may bring another one. */
export const COPY: object = Object.freeze({})

export type PluginFactory<Input> = (undefined extends Input
  ? (options?: Input) => Plugin
  : (options: Input) => Plugin) & { readonly [PLUGIN_FACTORY]: string }

const noOptions = z.strictObject({}).prefault({})

/** Makes the factory of a plugin from its definition. */
export function definePlugin<Schema extends z.ZodType = typeof noOptions>(
  definition: PluginDefinition<Schema>,
): PluginFactory<z.input<Schema>> {
  const factory = (input?: z.input<Schema>): Plugin => ({
    [PLUGIN]: true,
    name: definition.name,
    version: definition.version,
    apiVersion: definition.apiVersion,
    requires: definition.requires ?? [],
    schema: definition.options ?? noOptions,
    input,
    definition,
    madeBy: COPY,
    setup: (host, options) => definition.setup(host, options as z.output<Schema>),
  })
  return Object.assign(factory, { [PLUGIN_FACTORY]: definition.name })
}
