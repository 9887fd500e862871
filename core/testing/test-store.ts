/** What plugins of test hosts store, in memory; given to one host after the other, it is what a restart finds. */
import type { MemoryLevel } from 'memory-level'
import { Database } from '../lifecycle/database.ts'
import { createStore, type Store } from '../lifecycle/store.ts'
import { describe, errors, show } from '../support/errors.ts'
import { createInstance } from '../support/plugin-instance.ts'

/** What the plugins of a chat have stored. */
export interface TestStore {
  /** The store of a plugin, by its name: what it has stored, or is to find. */
  of(plugin: string): Store
}

const databases = new WeakMap<TestStore, Database>()

/** Makes an empty one, to be given to `createTestHost`. */
export function createTestStore(): TestStore {
  let made: Promise<MemoryLevel> | undefined
  const database = new Database({
    async open() {
      made ??= import('memory-level').then(({ MemoryLevel }) => new MemoryLevel())
      const level = await made
      await level.open()
      return level
    },
    problemOf: describe,
  })
  const store: TestStore = {
    of: (plugin) => createStore({ ...createInstance(plugin, undefined), begun: true }, database),
  }
  databases.set(store, database)
  return store
}

/** Throws `ARGUMENT_INVALID` where it is not one that was made here. */
export function databaseOf(store: TestStore): Database {
  const database = databases.get(store)
  if (database !== undefined) return database
  throw errors.argumentInvalid(
    'createTestHost',
    `store: expected what createTestStore has returned, found ${show(store)}`,
  )
}
