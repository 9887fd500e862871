/** Validates every plugin of a config before any plugin code runs, and puts them in order. */
import { types } from 'node:util'
import { problemsOf, unknownKey } from '../support/config-issues.ts'
import { describe, show, type Problem } from '../support/errors.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { isThenable } from '../support/promises.ts'
import { isTexts, safeText } from '../support/safe-text.ts'
import { didYouMean } from '../support/suggest.ts'
import { API_VERSION, PLUGIN, PLUGIN_FACTORY, type Plugin } from './define-plugin.ts'

/** A plugin with its options as its schema returned them. */
export interface ValidatedPlugin {
  readonly plugin: Plugin
  readonly options: unknown
  /** Its place in the config, such as `plugins[3] (dice)`. */
  readonly path: string
}

/** An instance of a config's plugin in the host. */
export type Instance = PluginInstance<ValidatedPlugin>

const NAME = /^([a-z0-9-]+:)?[a-z0-9-]+$/

/** The keys of a definition. */
const DEFINITION = ['name', 'apiVersion', 'version', 'requires', 'options', 'setup']

export function validatePlugins(listed: unknown): {
  plugins: ValidatedPlugin[]
  problems: Problem[]
} {
  const problems: Problem[] = []
  if (!Array.isArray(listed)) {
    return {
      plugins: [],
      problems: [
        { path: 'plugins', message: `expected an array of plugins, found ${show(listed)}` },
      ],
    }
  }
  const plugins: ValidatedPlugin[] = []
  const places = new Map<string, string>()
  for (const [place, value] of flatten(listed, 'plugins')) {
    const fault = faultOf(value)
    if (fault !== undefined) {
      problems.push({ path: place, ...fault })
      continue
    }
    const plugin = value as Plugin
    const path = `${place} (${plugin.name})`
    const first = places.get(plugin.name)
    if (first !== undefined) {
      problems.push({
        path,
        message: `the plugin is listed twice, first at ${first}; remove one of them`,
      })
      continue
    }
    places.set(plugin.name, place)
    const options = checkOptions(plugin, path, problems)
    plugins.push({ plugin, options, path })
  }
  return { plugins: inOrder(plugins, problems), problems }
}

/** Entries with their paths; `false` and `null` are skipped and arrays flattened. */
function* flatten(
  list: readonly unknown[],
  path: string,
): Generator<[place: string, value: unknown]> {
  for (const [index, value] of list.entries()) {
    const place = `${path}[${index}]`
    if (Array.isArray(value)) yield* flatten(value, place)
    else if (value !== false && value !== null) yield [place, value]
  }
}

/** Why a value is not a plugin that this host can run. */
function faultOf(value: unknown): Omit<Problem, 'path'> | undefined {
  if (isFactory(value)) {
    return {
      code: 'FACTORY_NOT_CALLED',
      message: `it is the factory of the plugin ${safeText(value[PLUGIN_FACTORY])}, not a plugin; call it: ${calledAs(value[PLUGIN_FACTORY], '()')}`,
    }
  }
  if (typeof value !== 'object' || value === null || !(PLUGIN in value)) {
    return { code: 'PLUGIN_INVALID', message: notPlugin(value) }
  }
  const plugin = value as unknown as Plugin
  const who = typeof plugin.name === 'string' ? safeText(plugin.name) : 'the plugin'
  const apiVersion: unknown = plugin.apiVersion
  if (typeof apiVersion === 'number' && apiVersion !== API_VERSION) {
    return {
      code: 'API_VERSION_WRONG',
      message: `${who} was written for version ${show(apiVersion)} of the plugin API, and this host has version ${API_VERSION}; use a version of the plugin that was made for it`,
    }
  }
  const message = definitionFault(plugin, who)
  if (message !== undefined) return { code: 'PLUGIN_INVALID', message }
  if (apiVersion === API_VERSION) return undefined
  const found = apiVersion === undefined ? 'found none' : `found ${show(apiVersion)}`
  return {
    code: 'API_VERSION_WRONG',
    message: `${who} does not say for which version of the plugin API it was written: ${found}; write apiVersion: ${API_VERSION} in its definition`,
  }
}

/** What is wrong with a plugin's definition. It may come from another copy of the host, so its class is not checked. */
function definitionFault(plugin: Plugin, who: string): string | undefined {
  const { definition, name } = plugin
  const { requires, options, setup } = Object(definition) as Record<string, unknown>
  const unknown = unknownKey(Object(definition) as object, DEFINITION)
  if (unknown !== undefined) return `definition of ${who}: ${unknown}`
  if (typeof name !== 'string' || !NAME.test(name)) {
    return `name: expected lower-case letters, digits and dashes, as in "dice" or "acme:dice", found ${show(name)}`
  }
  if (requires !== undefined && !isTexts(requires)) {
    return `${who}: requires: expected a list of the names of plugins, found ${Array.isArray(requires) ? 'other values in it' : show(requires)}; write requires: ['echo']`
  }
  if (options !== undefined && typeof Object(options).safeParse !== 'function') {
    return `${who}: options: expected a zod schema, found ${show(options)}; write options: z.strictObject({ … })`
  }
  if (typeof setup !== 'function' || typeof plugin.setup !== 'function') {
    return `${who} has no setup function; write setup(host, options) { … } in its definition`
  }
  return undefined
}

/** How to call a factory, by the plugin's name if that can be an identifier: what it was imported as is unknown. */
function calledAs(plugin: string, parentheses: string): string {
  return /^[a-z]\w*$/.test(plugin)
    ? `${plugin}${parentheses}`
    : `put ${parentheses} after the name that it is imported as`
}

function isFactory(
  value: unknown,
): value is ((...args: unknown[]) => unknown) & { readonly [PLUGIN_FACTORY]: string } {
  return typeof value === 'function' && PLUGIN_FACTORY in value
}

/** The message for a value that is not a plugin. */
function notPlugin(value: unknown): string {
  if (value === undefined) {
    return 'it is undefined: check that the module exports it; to leave a plugin out, write false'
  }
  if (types.isModuleNamespaceObject(value) || Object(value)?.__esModule === true) {
    const factories = Object.entries(value as object)
      .filter(([, exported]) => isFactory(exported))
      .map(([name]) => safeText(name))
    const [first = 'dice'] = factories
    const has = factories.length === 0 ? '' : `, which has ${factories.join(', ')}`
    const [imported, called] = first === 'default' ? ['dice', 'dice'] : [`{ ${first} }`, first]
    return `it is a module, not a plugin${has}; import the plugin by its name and call it: import ${imported} from …, and ${called}()`
  }
  if (isThenable(value)) return 'it is a promise, not a plugin; add await before it'
  if (typeof value === 'function') {
    return `it is a function, not a plugin; call it: ${value.name === '' ? 'add () after it' : `${safeText(value.name)}()`}`
  }
  return `expected a plugin made with definePlugin, found ${show(value)}`
}

function checkOptions(plugin: Plugin, path: string, problems: Problem[]): unknown {
  try {
    const parsed = plugin.schema.safeParse(plugin.input)
    if (parsed.success) return parsed.data
    const found = problemsOf(parsed.error, plugin.schema, plugin.input, path)
    problems.push(
      ...found.map((one) => (plugin.input === undefined ? leftOut(one, plugin, path) : one)),
    )
  } catch (cause) {
    problems.push({ path, message: `its options could not be checked: ${describe(cause)}` })
  }
  return undefined
}

/** A problem with options that were left out, with a remedy when their absence is the problem. */
function leftOut(problem: Problem, plugin: Plugin, path: string): Problem {
  if (problem.path !== path) return problem
  const message = `${problem.message}; it takes options; call it: ${calledAs(plugin.name, '({ … })')}, or, in the plugin itself, add .prefault({}) to its schema`
  return { ...problem, message }
}

/** The order of the config, except that plugins come after those that they require. */
function inOrder(plugins: readonly ValidatedPlugin[], problems: Problem[]): ValidatedPlugin[] {
  const byName = new Map(plugins.map((checked) => [checked.plugin.name, checked]))
  const ordered = new Set<ValidatedPlugin>()
  const under: ValidatedPlugin[] = []
  const place = (checked: ValidatedPlugin): void => {
    if (ordered.has(checked)) return
    const { plugin, path } = checked
    if (under.includes(checked)) {
      const names = [...under.slice(under.indexOf(checked)), checked].map((one) => one.plugin.name)
      problems.push({
        path,
        code: 'REQUIRES_CYCLE',
        message: `requires itself: ${names.join(' -> ')}; remove one of them from another's 'requires'`,
      })
      return
    }
    under.push(checked)
    for (const name of plugin.requires) {
      const required = byName.get(name)
      if (required !== undefined) place(required)
      else {
        const message = `requires the plugin "${name}", which is not in the config${didYouMean(name, byName.keys()) || '; add it'}`
        problems.push({ path, code: 'REQUIRES_MISSING', message })
      }
    }
    under.pop()
    ordered.add(checked)
  }
  for (const checked of plugins) place(checked)
  return [...ordered]
}
