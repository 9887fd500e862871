/** Services: what one plugin offers others, by name, so that neither imports the other. */
import { errors } from './errors.ts'
import type { Owner } from './owner.ts'

declare const implementation: unique symbol

/** Names a service and carries the type of what provides it. */
export interface Service<T> {
  readonly name: string
  readonly [implementation]?: T
}

/** Makes the token of a service. Tokens of the same name are the same service. */
export function defineService<T>(name: string): Service<T> {
  return { name }
}

export class Services {
  readonly #provided = new Map<string, { owner: Owner; implementation: unknown }>()

  /** Throws `SERVICE_CONFLICT` when another plugin provides it. */
  provide<T>(owner: Owner, service: Service<T>, offered: T): void {
    const taken = this.#provided.get(service.name)
    if (taken !== undefined)
      throw errors.serviceConflict(service.name, owner.name, taken.owner.name)
    this.#provided.set(service.name, { owner, implementation: offered })
  }

  /** Throws `SERVICE_MISSING` when no plugin provides it. */
  inject<T>(owner: Owner, service: Service<T>): T {
    const provided = this.#provided.get(service.name)
    if (provided === undefined) throw errors.serviceMissing(service.name, owner.name)
    return provided.implementation as T
  }

  remove(owner: Owner): void {
    for (const [name, provided] of this.#provided) {
      if (provided.owner === owner) this.#provided.delete(name)
    }
  }
}
