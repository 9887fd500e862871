/**
 * What plugins have registered under names. What plugins in setup register is kept apart until they go live: they see
 * the future state, everyone else sees the current one.
 */
import type { PluginInstance } from './plugin-instance.ts'

export class Registry<Entry extends { readonly owner: PluginInstance }> {
  readonly #live = new Map<string, Entry>()
  readonly #staged = new Map<string, Entry>()

  get(name: string): Entry | undefined {
    return this.#live.get(name)
  }

  /** The live entries, with their names. */
  entries(): Iterable<[string, Entry]> {
    return this.#live.entries()
  }

  /** What a plugin finds under a name. */
  seenBy(owner: PluginInstance, name: string): Entry | undefined {
    const live = this.#live.get(name)
    if (!owner.staged) return live
    return this.#staged.get(name) ?? (live?.owner.leaving === true ? undefined : live)
  }

  /** The entry that keeps a plugin from taking a name. */
  inTheWay(owner: PluginInstance, name: string): Entry | undefined {
    const seen = this.seenBy(owner, name)
    return seen === undefined && !owner.leaving ? this.#staged.get(name) : seen
  }

  set(name: string, entry: Entry): void {
    const entries = entry.owner.staged ? this.#staged : this.#live
    entries.set(name, entry)
  }

  /** Makes what was registered in setup live. */
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
