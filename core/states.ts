/** Per-client state of plugins: typed by what makes it, and freed with the client or the plugin. */
import { connectionOf, type Client } from './client.ts'
import type { Connection } from './connection.ts'
import type { Owner } from './owner.ts'

export interface ClientState<T> {
  /** The client's state, made on first use. Once the client has gone, one that is not kept. */
  get(client: Client): T
  /** The client's state if it has been made. */
  peek(client: Client): T | undefined
}

export class ClientStates {
  /** Whose each slot is. A slot is a place in every connection, found by number: it is read for every line. */
  readonly #owners: Owner[] = []

  create<T>(owner: Owner, init: (client: Client) => T): ClientState<T> {
    const slot = this.#owners.push(owner) - 1
    return {
      get(client) {
        const connection = connectionOf(client)
        const kept = connection.states?.[slot]
        if (kept !== undefined) return kept as T
        const made = init(client)
        if (!connection.gone && owner.active) {
          connection.states ??= []
          connection.states[slot] = made
        }
        return made
      },
      peek: (client) => connectionOf(client).states?.[slot] as T | undefined,
    }
  }

  remove(owner: Owner, connections: Iterable<Connection>): void {
    for (const { states } of connections) {
      for (const [slot, slotOwner] of this.#owners.entries()) {
        if (slotOwner === owner && states !== undefined) states[slot] = undefined
      }
    }
  }
}
