/** Reports what runs in a host, as data: plugins with their options, taps in call order, commands, services. */
import type { CommandRegistry } from '../commands/commands.ts'
import type { HookName } from '../hooks/hooks.ts'
import { Stage } from '../hooks/tap-options.ts'
import type { TapRegistries } from '../hooks/tap-registries.ts'
import type { Timings } from '../hooks/timings.ts'
import { API_VERSION, COPY } from '../lifecycle/define-plugin.ts'
import type { Services } from '../lifecycle/services.ts'
import type { ValidatedPlugin, Instance } from '../lifecycle/validate-plugins.ts'
import { safeText } from '../support/safe-text.ts'
import { HIDDEN, isSecret, withoutCredentials } from '../support/secrets.ts'

export interface PluginReport {
  readonly name: string
  readonly version: string | undefined
  /** Whether it is running. */
  readonly on: boolean
  /**
   * If it is not running: `off` when it was switched off, or `failed`. The taps of a failed plugin that have an
   * `onFailure` answer with that.
   */
  readonly state: 'on' | 'off' | 'failed'
  /** The options as its schema returned them, with secrets hidden. */
  readonly options: unknown
  /** Whether it was made by another copy of this package. */
  readonly otherCopy: boolean
}

export interface TapReport {
  readonly plugin: string
  /** The label of the tap, if it has one. */
  readonly name: string | undefined
  readonly stage: string
  /** Whether it only answers with its `onFailure`, since its plugin has failed. */
  readonly closed?: true
}

export interface TimingReport {
  readonly plugin: string
  /** Calls of taps, commands and timers that ended since measuring began, `seconds` ago. */
  readonly calls: number
  /** Since the host started. */
  readonly faults: number
  /** Milliseconds until they answered. */
  readonly time: number
}

export interface HostReport {
  readonly apiVersion: number
  readonly config: string | undefined
  readonly plugins: readonly PluginReport[]
  readonly hooks: Readonly<Record<HookName, readonly TapReport[]>>
  readonly commands: ReadonlyArray<{
    readonly usage: string
    readonly aliases: readonly string[]
    readonly help: string
    readonly plugin: string
  }>
  readonly services: ReadonlyArray<{
    readonly name: string
    readonly plugin: string
    readonly users: readonly string[]
  }>
  /** The plugins that have used their store. */
  readonly stores: ReadonlyArray<{ readonly plugin: string }>
  /** If requested: what was measured, and for how many seconds. */
  readonly timings?: { readonly seconds: number; readonly plugins: readonly TimingReport[] }
}

export interface InspectParts {
  readonly file: string | undefined
  readonly plugins: readonly ValidatedPlugin[]
  readonly owners: readonly Instance[]
  readonly registries: TapRegistries
  readonly commands: CommandRegistry
  readonly services: Services
}

export function inspectHost(parts: InspectParts): HostReport {
  const { owners, registries, services } = parts
  const states = new Map(
    owners.map(({ name, active }) => [name, active ? 'on' : 'failed'] as const),
  )
  const taps = (hook: HookName): TapReport[] =>
    registries[hook].taps().map(({ owner, label, stage }) => ({
      plugin: owner.name,
      name: label === undefined ? undefined : safeText(label),
      stage: STAGES.get(stage) ?? String(stage),
      ...(!owner.active && { closed: true }),
    }))
  const place = (name: string): number => owners.findIndex((owner) => owner.name === name)
  return {
    apiVersion: API_VERSION,
    config: parts.file,
    plugins: parts.plugins.map(({ plugin, options }) => ({
      name: plugin.name,
      version: plugin.version === undefined ? undefined : safeText(plugin.version),
      on: states.get(plugin.name) === 'on',
      state: states.get(plugin.name) ?? 'off',
      options: presentable(options),
      otherCopy: plugin.madeBy !== COPY,
    })),
    hooks: {
      connect: taps('connect'),
      line: taps('line'),
      command: taps('command'),
      settled: taps('settled'),
      message: taps('message'),
      close: taps('close'),
      shutdown: taps('shutdown'),
    },
    commands: [...parts.commands]
      .map(({ usage, aliases, help, plugin }) => ({
        usage: safeText(usage),
        aliases,
        help: safeText(help),
        plugin,
      }))
      .toSorted((a, b) => place(a.plugin) - place(b.plugin)),
    services: Array.from(services.list(), ({ name, owner, users }) => ({
      name: safeText(name),
      plugin: owner.name,
      users: users.map((user) => user.name),
    })),
    stores: owners
      .filter(({ active, stores }) => active && stores)
      .map(({ name }) => ({ plugin: name })),
  }
}

/** The measurements of the plugins in the host. */
export function inspectTimings(
  owners: readonly Instance[],
  timings: Timings,
  now: number,
): { readonly seconds: number; readonly plugins: readonly TimingReport[] } {
  return {
    seconds: (now - (timings.since ?? now)) / 1000,
    plugins: owners.map(({ name }) => ({
      plugin: name,
      calls: timings.of(name).calls,
      faults: timings.faultsOf(name),
      time: timings.of(name).time,
    })),
  }
}

const STAGES = new Map<number, string>(Object.entries(Stage).map(([name, value]) => [value, name]))

const DEEPEST = 8
const LONGEST = 500

/** Options as plain data: safe texts, no secrets. Never throws. */
function presentable(value: unknown, depth = 0): unknown {
  try {
    if (typeof value === 'string') {
      const text = safeText(withoutCredentials(value))
      return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
    }
    if (typeof value === 'function') return '(function)'
    if (typeof value === 'bigint' || typeof value === 'symbol') return safeText(String(value))
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Date || value instanceof RegExp || value instanceof URL)
      return presentable(value instanceof Date ? value.toJSON() : String(value))
    if (depth === DEEPEST) return '…'
    if (Array.isArray(value) || value instanceof Set)
      return Array.from(value, (one: unknown) => presentable(one, depth + 1))
    const plain = value instanceof Map || isPlain(value)
    if (!plain) return `(${safeText(value.constructor.name)})`
    const entries = value instanceof Map ? [...value] : Object.entries(value)
    return Object.fromEntries(
      entries.map(([key, one]) => [
        safeText(String(key)),
        isSecret(key as PropertyKey) && one !== undefined ? HIDDEN : presentable(one, depth + 1),
      ]),
    )
  } catch {
    return '(cannot be shown)'
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
