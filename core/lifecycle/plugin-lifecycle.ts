/**
 * The lifecycle of plugins in a host. Those of a config are set up together, staged, and go live atomically; they are
 * started, and each is disposed of once. A plugin that fails keeps its place, and its taps with an `onFailure` stay.
 */
import type { Connection } from '../clients/connection.ts'
import { ChatError, errors, type Problem } from '../support/errors.ts'
import { createInstance } from '../support/plugin-instance.ts'
import { follow, isThenable } from '../support/promises.ts'
import { isA } from '../support/thrown.ts'
import { createContext, type ContextParts } from './context.ts'
import { setupHint } from './setup-hints.ts'
import type { ValidatedPlugin, Instance } from './validate-plugins.ts'

/** Milliseconds for a plugin to start, and to dispose of itself. */
const START_TIMEOUT = 10_000
const DISPOSE_TIMEOUT = 1000

/** A plugin to be set up, and the instance that it replaces. */
export interface Entry {
  readonly validated: ValidatedPlugin
  readonly before?: Instance | undefined
}

export class PluginLifecycle {
  readonly #parts: ContextParts
  readonly #connections: Iterable<Connection>
  #instances: readonly Instance[] = []
  /** Instances that are being replaced. */
  #standing: readonly Instance[] = []
  /** Instances that have been live and are not yet forgotten. */
  readonly #remembered = new Set<Instance>()

  constructor(parts: ContextParts, connections: Iterable<Connection>) {
    this.#parts = parts
    this.#connections = connections
  }

  /** Instances that have a place, in order: live or failed. */
  get instances(): readonly Instance[] {
    return this.#instances
  }

  /** Live instances, in order. */
  get live(): readonly Instance[] {
    return this.#instances.filter(({ active }) => active)
  }

  /** Failed instances, of which only the guards are left, in order. */
  get failed(): readonly Instance[] {
    return this.#instances.filter(({ active }) => !active)
  }

  /**
   * Sets plugins up, staged. Throws `CONFIG_INVALID` with the problems of all of them; then nothing of them remains.
   */
  stage(entries: readonly Entry[], file: string | undefined): Instance[] {
    const problems: Problem[] = []
    const owners: Instance[] = []
    for (const { validated, before } of entries) {
      const owner = createInstance(validated.plugin.name, validated, before)
      owners.push(owner)
      const { plugin, options, path } = validated
      const host = createContext(owner, this.#parts)
      try {
        const answer: unknown = plugin.setup(host, options)
        if (!isThenable(answer)) continue
        follow(answer, undefined, () => {})
        const { code, message } = errors.pluginSetupAsync(owner.name)
        problems.push({ path, code, message })
      } catch (cause) {
        const { code, message } = errors.pluginSetupFailed(
          owner.name,
          cause,
          setupHint(cause, host),
        )
        problems.push({ path, code: isA(cause, ChatError) ? cause.code : code, message })
      }
    }
    if (problems.length === 0) return owners
    this.abandon(owners)
    throw errors.configInvalid(file, problems)
  }

  /** Undoes what was staged. */
  abandon(staged: readonly Instance[]): void {
    for (const owner of staged) {
      this.#silence(owner)
      owner.gone = true
      owner.abort.abort()
      owner.taps.length = 0
      this.#parts.states.remove(owner, this.#connections)
    }
    for (const registry of Object.values(this.#parts.registries)) registry.refresh()
  }

  /**
   * Gives these instances their places, in order and atomically: others are removed, staged ones go live. Guards of
   * removed instances stay while they are `standing`.
   */
  replace(order: readonly Instance[], standing: readonly Instance[] = []): void {
    const { commands, services, states } = this.#parts
    const fresh = order.filter(({ staged }) => staged)
    for (const owner of this.#instances) if (!order.includes(owner)) this.#silence(owner)
    this.#instances = order
    this.#standing = standing
    for (const [index, owner] of order.entries()) {
      owner.index = index
      // A failed instance gets back the state of the one that was to replace it.
      if (!owner.active) states.takeOver(owner)
    }
    for (const owner of fresh) {
      owner.staged = false
      this.#remembered.add(owner)
      states.takeOver(owner)
      for (const connection of this.#connections) {
        // It may belong to an instance in between that could not start.
        if (owner.before !== undefined && connection.attachedBy?.name === owner.name)
          connection.attachedBy = owner
      }
    }
    commands.goLive()
    services.goLive()
    this.#refresh()
    for (const owner of fresh) for (const run of owner.deferred.splice(0)) run()
  }

  /**
   * Starts instances one at a time, while `wanted`. Rejects with `PLUGIN_START_FAILED` at the first failure. Ends early
   * when they are removed meanwhile.
   */
  async start(owners: readonly Instance[], wanted = (): boolean => true): Promise<void> {
    for (const owner of owners) owner.begun = true
    for (const owner of owners) {
      const wrap = (cause: unknown) => errors.pluginStartFailed(owner.name, cause)
      if (!owner.active || !wanted()) return
      owner.started = true
      for (const run of owner.starts) {
        if (!owner.active) return
        const error = await this.#parts.isolation.settle(owner, 'onStart', START_TIMEOUT, run, wrap)
        if (error?.code === 'HOOK_TIMEOUT') throw wrap(error)
        if (error !== undefined) throw error
      }
      owner.running = owner.active
    }
  }

  /** Makes instances fail, atomically and keeping their places: only their guards are left. */
  fail(owners: readonly Instance[]): void {
    for (const owner of owners) this.#silence(owner)
    this.#refresh()
  }

  /** Lets a failed instance release what it acquired. What it kept stays for its replacement. */
  async release(owner: Instance): Promise<void> {
    await this.dispose(owner)
    this.#letGo(owner)
  }

  /** Deactivates an instance and lets it release what it acquired. What it kept is still there. */
  dispose(owner: Instance): Promise<void> {
    owner.disposed ??= this.#dispose(owner)
    return owner.disposed
  }

  /** Frees what is left of an instance that was disposed of and has no place any more. */
  forget(owner: Instance): void {
    this.#free(owner)
    this.#letGo(owner)
    owner.taps.length = 0
    for (const one of this.#instances) if (one.before === owner) one.before = undefined
  }

  /** Sinks of the log stay: the host may still have something to log. */
  async disposeAll(): Promise<void> {
    for (const owner of [...this.#remembered].toSorted((a, b) => b.index - a.index)) {
      await this.dispose(owner)
      this.#free(owner)
    }
  }

  /** Closes what plugins have stored in, once they have gone. */
  async closeDatabase(): Promise<void> {
    const { database, log } = this.#parts
    try {
      await database.close()
    } catch (cause) {
      log.of('plugins').error(`what they stored in is not closed: ${database.problemOf(cause)}`)
    }
  }

  #free(owner: Instance): void {
    this.#remembered.delete(owner)
    this.#parts.states.remove(owner, this.#connections)
    this.#closeAttached(owner)
  }

  #letGo(owner: Instance): void {
    this.#closeAttached(owner)
    for (const sink of owner.sinks.splice(0)) this.#parts.log.removeSink(sink)
  }

  #closeAttached(owner: Instance): void {
    for (const connection of this.#connections) {
      if (connection.attachedBy === owner) connection.close('closed by the host')
    }
  }

  #refresh(): void {
    const owners = [...this.#standing, ...this.#instances]
    for (const registry of Object.values(this.#parts.registries)) registry.refresh(owners)
  }

  /** Nothing calls it any more, and its names are free. */
  #silence(owner: Instance): void {
    owner.active = owner.running = false
    owner.deferred.length = 0
    for (const cancel of owner.timers) cancel()
    owner.timers.clear()
    this.#parts.commands.remove(owner)
    this.#parts.services.remove(owner)
  }

  async #dispose(owner: Instance): Promise<void> {
    const { isolation } = this.#parts
    if (owner.active) this.fail([owner])
    owner.abort.abort()
    // Nothing calls it any more, so what it releases now is not used again.
    const wrap = (cause: unknown) => errors.pluginDisposeFailed(owner.name, cause)
    for (const run of owner.started ? owner.disposers.toReversed() : []) {
      const error = await isolation.settle(owner, 'onDispose', DISPOSE_TIMEOUT, run, wrap)
      if (error !== undefined) isolation.report(error)
    }
    owner.gone = true
    owner.starts.length = owner.disposers.length = 0
  }
}
