/** Plugins' per-client state: typed by its initializer, and freed with the client or the plugin. */
import { errors, show } from '../support/errors.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { connectionOf, type Client } from './client.ts'
import type { Connection } from './connection.ts'

export interface ClientState<T> {
  /** The client's state, created on first use. Once the client is gone, a temporary one that is not kept. */
  get(client: Client): T
  /** The client's state if it has been made. */
  peek(client: Client): T | undefined
}

export interface ClientStateOptions {
  /**
   * A name under which the state survives a reload of the plugin: the new instance finds it by asking for the same
   * name. Without one every client starts fresh.
   */
  readonly keep?: string | undefined
}

/**
 * An index into the states of every connection, since it is read for every line. Negative once it has been given up.
 */
interface Slot {
  index: number
}

export class ClientStates {
  /** The owner of each index; undefined where it is free. */
  readonly #owners: Array<PluginInstance | undefined> = []
  readonly #slots = new Map<PluginInstance, Slot[]>()
  /** The slots with a `keep` name of each plugin. */
  readonly #kept = new Map<PluginInstance, Map<string, Slot>>()

  create<T>(
    owner: PluginInstance,
    init: (client: Client) => T,
    { keep }: ClientStateOptions = {},
  ): ClientState<T> {
    const slot = this.#slotFor(owner, keep)
    return {
      get(client) {
        const connection = connectionOf(client)
        const kept = connection.states?.[slot.index]
        if (kept !== undefined) return kept as T
        const made = init(client)
        if (!connection.gone && owner.active) {
          connection.states ??= []
          connection.states[slot.index] = made
        }
        return made
      },
      peek: (client) => connectionOf(client).states?.[slot.index] as T | undefined,
    }
  }

  /** Makes the plugin the owner of what it inherited. */
  takeOver(owner: PluginInstance): void {
    for (const { index } of this.#kept.get(owner)?.values() ?? []) this.#owners[index] = owner
  }

  remove(owner: PluginInstance, connections: Iterable<Connection>): void {
    const slots = this.#slots.get(owner) ?? []
    this.#slots.delete(owner)
    this.#kept.delete(owner)
    for (const slot of slots) {
      const { index } = slot
      slot.index = -1
      if (this.#owners[index] !== owner) continue
      for (const { states } of connections) {
        if (states !== undefined && index in states) states[index] = undefined
      }
      this.#owners[index] = undefined
    }
  }

  #slotFor(owner: PluginInstance, keep: string | undefined): Slot {
    const own = getOrSet(this.#kept, owner, () => new Map<string, Slot>())
    const known = keep === undefined ? undefined : own.get(keep)
    if (known !== undefined) {
      const problem = `keep: there is a state ${show(keep)} already; use that one, or choose another name`
      throw errors.argumentInvalid('host.clientState', problem, owner.name)
    }
    const before =
      keep === undefined || owner.before === undefined
        ? undefined
        : this.#kept.get(owner.before)?.get(keep)
    const slot: Slot = { index: before?.index ?? this.#freeIndex(owner) }
    getOrSet(this.#slots, owner, () => []).push(slot)
    if (keep !== undefined) own.set(keep, slot)
    return slot
  }

  #freeIndex(owner: PluginInstance): number {
    const free = this.#owners.indexOf(undefined)
    const index = free === -1 ? this.#owners.length : free
    this.#owners[index] = owner
    return index
  }
}

function getOrSet<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
