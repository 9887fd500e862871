/**
 * What plugins registered under names. Beside what counts now there is what was registered by plugins that are still being
 * set up: they see what will be, everybody else sees what is.
 */
import type { PluginInstance } from './plugin-instance.ts'

export class Registry<Entry extends { readonly owner: PluginInstance }> {
  readonly #live = new Map<string, Entry>()
  readonly #staged = new Map<string, Entry>()

  get(name: string): Entry | undefined {
    return this.#live.get(name)
  }

  /** What counts now, with its names. */
  entries(): Iterable<[string, Entry]> {
    return this.#live.entries()
  }

  /** What an owner finds under a name. */
  seenBy(owner: PluginInstance, name: string): Entry | undefined {
    const live = this.#live.get(name)
    if (!owner.staged) return live
    return this.#staged.get(name) ?? (live?.owner.leaving === true ? undefined : live)
  }

  /** What keeps an owner from taking a name. */
  inTheWay(owner: PluginInstance, name: string): Entry | undefined {
    const seen = this.seenBy(owner, name)
    return seen === undefined && !owner.leaving ? this.#staged.get(name) : seen
  }

  set(name: string, entry: Entry): void {
    const entries = entry.owner.staged ? this.#staged : this.#live
    entries.set(name, entry)
  }

  /** What owners registered while they were set up counts from now on. */
  goLive(): void {
    for (const [name, entry] of this.#staged) this.#live.set(name, entry)
    this.#staged.clear()
  }

  remove(owner: PluginInstance): void {
    for (const entries of [this.#live, this.#staged]) {
      for (const [name, entry] of entries) if (entry.owner === owner) entries.delete(name)
    }
  }
}
