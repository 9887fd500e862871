/** Services: what one plugin provides to others, by name, so that neither imports the other. */
import { errors } from '../support/errors.ts'
import { Registry } from '../support/name-registry.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { didYouMean } from '../support/suggest.ts'

declare const implementation: unique symbol

/** Names a service and carries the type of its implementation. */
export interface Service<T> {
  readonly name: string
  readonly [implementation]?: T
}

/** Creates the token of a service. Tokens of the same name are the same service. */
export function defineService<T>(name: string): Service<T> {
  return { name }
}

interface Provided {
  readonly owner: PluginInstance
  readonly implementation: unknown
  /** Plugins that injected it: what they hold of it is stale once it is removed. */
  readonly users: Set<PluginInstance>
}

export class Services {
  readonly #provided = new Registry<Provided>()

  /** Throws `SERVICE_CONFLICT` when another plugin provides it. */
  provide<T>(owner: PluginInstance, service: Service<T>, offered: T): void {
    const taken = this.#provided.inTheWay(owner, service.name)
    if (taken !== undefined)
      throw errors.serviceConflict(service.name, owner.name, taken.owner.name)
    this.#provided.set(service.name, { owner, implementation: offered, users: new Set() })
  }

  /** Throws `SERVICE_MISSING` when no plugin provides it. */
  inject<T>(owner: PluginInstance, service: Service<T>): T {
    const { name } = service
    const provided = this.#provided.seenBy(owner, name)
    if (provided === undefined) {
      const names = Array.from(this.#provided.entries(), ([other]) => other)
      throw errors.serviceMissing(name, owner.name, owner.staged, didYouMean(name, names))
    }
    provided.users.add(owner)
    return provided.implementation as T
  }

  /** Undefined when no plugin provides it now. Finding does not make a plugin a user: it asks again each time. */
  find<T>(owner: PluginInstance, service: Service<T>): T | undefined {
    return this.#provided.seenBy(owner, service.name)?.implementation as T | undefined
  }

  /** Each service with its provider and its running users. */
  *list(): Generator<{ name: string; owner: PluginInstance; users: PluginInstance[] }> {
    for (const [name, { owner, users }] of this.#provided.entries()) {
      yield { name, owner, users: [...users].filter((user) => user.active && !user.staged) }
    }
  }

  goLive(): void {
    this.#provided.goLive()
  }

  remove(owner: PluginInstance): void {
    this.#provided.remove(owner)
    for (const [, { users }] of this.#provided.entries()) users.delete(owner)
  }
}
