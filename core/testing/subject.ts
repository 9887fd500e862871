/** The plugin under check: the hosts that it runs in, and the findings about it. */
import type { CommandInfo } from '../commands/command-spec.ts'
import type { Plugin } from '../lifecycle/define-plugin.ts'
import { ConfigError, describe, show, type ChatError, type Finding } from '../support/errors.ts'
import { createTestHost, type TestHost } from './test-host.ts'
import { createWatch, createWatcher, watched, type Watch, type Watcher } from './watch.ts'

export class Subject {
  readonly findings: Finding[] = []
  name = 'plugin'
  commands: readonly CommandInfo[] = []
  readonly #make: () => unknown
  readonly #others: readonly Plugin[]
  readonly #faults = new Set<string>()

  constructor(plugin: Plugin | (() => Plugin), others: readonly Plugin[]) {
    this.#make = typeof plugin === 'function' ? plugin : () => plugin
    this.#others = others
  }

  /** Adds a finding, once. */
  found(part: Finding['part'], message: string): void {
    if (this.findings.some((one) => one.message === message)) return
    this.findings.push({ part, message })
  }

  /** Adds failures of plugins as findings, each once. */
  faults(during: string, faults: readonly ChatError[]): void {
    for (const { plugin, message } of faults) {
      const fault = plugin === this.name ? message : `plugin ${plugin ?? '?'}: ${message}`
      if (!this.#faults.has(fault)) this.found('fault', `${during}: ${fault}`)
      this.#faults.add(fault)
    }
  }

  /** Whether it can be loaded at all; also learns its name and commands. */
  async loads(): Promise<boolean> {
    try {
      const made = this.#make()
      // A config skips some falsy values.
      if (!made) {
        this.found(
          'load',
          `expected a plugin, found ${show(made)}; return what the factory returns`,
        )
        return false
      }
      const { name } = made as Partial<Plugin>
      if (typeof name === 'string') this.name = name
    } catch (cause) {
      this.found('load', `it cannot be made: ${describe(cause)}`)
      return false
    }
    try {
      const { host, watcher } = await this.open()
      this.commands = [...watcher.host.commands].filter(({ plugin }) => plugin === this.name)
      await this.close(host, 'while nobody is connected')
      return true
    } catch (cause) {
      const problems =
        cause instanceof ConfigError
          ? cause.problems.map(({ path, message }) => `${path}: ${message}`)
          : [describe(cause)]
      for (const problem of problems) this.found('load', problem)
      return false
    }
  }

  /** The plugins of a host: those that it needs, the plugin itself, and a watcher. */
  plugins(watch: Watch, watcher: Watcher): readonly Plugin[] {
    return [...this.#others, watched(this.#make(), watch), watcher.plugin]
  }

  async open(): Promise<Opened> {
    const watch = createWatch()
    const watcher = createWatcher()
    const host = await createTestHost({ plugins: this.plugins(watch, watcher) })
    return { host, watch, watcher }
  }

  async close(host: TestHost, during: string): Promise<void> {
    const stopping = host.stop().catch((cause: unknown) => {
      if (!(cause instanceof AggregateError)) throw cause
      this.faults(during, cause.errors as ChatError[])
    })
    await stopping
  }
}

export interface Opened {
  readonly host: TestHost
  readonly watch: Watch
  readonly watcher: Watcher
}
