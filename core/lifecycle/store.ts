/** The store of a plugin: keys and values that outlive the process, by the interface of abstract-level. */
import { ChatError, errors, show } from '../support/errors.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { checkKey, checkOperations, checkRange, jsonOf } from './argument-checks.ts'
import type { Database, LevelIterator, Operation, StoreRange } from './database.ts'

/** Something that is done in a batch. */
export type StoreOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: unknown }
  | { readonly type: 'del'; readonly key: string }

/** Entries of a store, as they are when the first one is asked for, whatever is written meanwhile. */
export interface StoreIterator<T> extends AsyncIterable<[key: string, value: T]> {
  /** All of them in one list. */
  all(): Promise<Array<[key: string, value: T]>>
}

/**
 * What a plugin keeps over reloads and restarts. Keys are texts, values whatever JSON can say. What is called takes effect in
 * the order of the calls. Every method rejects with `ARGUMENT_INVALID`, with `STORE_FAILED` where the data cannot be reached,
 * and with `PLUGIN_DISPOSED` once the plugin has gone; each throws `STORE_FAILED` in `setup`.
 */
export interface Store {
  /** Resolves to the value of a key, or to undefined where there is none. What type it has is not looked at. */
  get<T = unknown>(key: string): Promise<T | undefined>
  /** Resolves once the value is there after the end of the process, however it ends. It is taken as it is now. */
  put(key: string, value: unknown): Promise<void>
  /** Resolves once the key has gone, or at once where there is none. */
  del(key: string): Promise<void>
  /** Does all of it, or, where it rejects, nothing. */
  batch(operations: readonly StoreOperation[]): Promise<void>
  /** The entries of a range, to be looped over with `for await`. */
  iterator<T = unknown>(range?: StoreRange): StoreIterator<T>
}

/** What stores have rejected with: the plugin that does not await it is told so, and nothing else comes of it. */
const rejections = new WeakSet<object>()

export function isOfStore(rejection: unknown): rejection is ChatError {
  return typeof rejection === 'object' && rejection !== null && rejections.has(rejection)
}

export function createStore(owner: PluginInstance, database: Database): Store {
  const { name } = owner
  /** In front of the keys of its part, which are laid out as those of a sublevel of abstract-level. */
  const prefix = `!${name}!`

  function inTime(): void {
    if (!owner.begun) throw errors.storeTooEarly(name)
  }

  /** Runs something with the database; what goes wrong there is told in the words of whoever knows where it is. */
  async function reach<T>(run: () => Promise<T>): Promise<T> {
    try {
      if (owner.gone) throw errors.pluginDisposed(name)
      const found = await run()
      owner.stores = true
      return found
    } catch (cause) {
      const error =
        cause instanceof ChatError && cause.plugin !== undefined
          ? cause
          : errors.storeFailed(name, database.problemOf(cause), cause)
      rejections.add(error)
      throw error
    }
  }

  /** What is to be written is looked at now, and by then may have changed. */
  function write(operations: () => readonly Operation[]): Promise<void> {
    inTime()
    return reach(() =>
      database.write(operations().map((one) => ({ ...one, key: `${prefix}${one.key}` }))),
    )
  }

  function valueOf(key: string, json: string): unknown {
    try {
      return JSON.parse(json) as unknown
    } catch (cause) {
      throw errors.storeFailed(name, `host.store: the value of ${show(key)} is no JSON`, cause)
    }
  }

  function entryOf<T>([prefixed, json]: [string, string]): [key: string, value: T] {
    const key = prefixed.slice(prefix.length)
    return [key, valueOf(key, json) as T]
  }

  return Object.freeze<Store>({
    get<T>(key: string): Promise<T | undefined> {
      inTime()
      return reach(async () => {
        checkKey(name, 'get', key)
        const json = await database.read((level) => level.get(`${prefix}${key}`))
        return json === undefined ? undefined : (valueOf(key, json) as T)
      })
    },
    put: (key, value) =>
      write(() => {
        checkKey(name, 'put', key)
        return [{ type: 'put', key, value: jsonOf(name, 'put', value) }]
      }),
    del: (key) =>
      write(() => {
        checkKey(name, 'del', key)
        return [{ type: 'del', key }]
      }),
    batch: (operations) => write(() => checkOperations(name, operations)),
    iterator<T>(range: StoreRange = {}): StoreIterator<T> {
      inTime()
      const checked = rangeIn(name, checkRange(name, range))
      return {
        async all() {
          const entries = await reach(() => database.read((level) => level.iterator(checked).all()))
          return entries.map((entry) => entryOf<T>(entry))
        },
        async *[Symbol.asyncIterator]() {
          const entries: LevelIterator = await reach(() =>
            database.read((level) => level.iterator(checked)),
          )
          try {
            for (;;) {
              const entry = await reach(() => entries.next())
              if (entry === undefined) return
              yield entryOf<T>(entry)
            }
          } finally {
            await entries.close()
          }
        },
      }
    },
  })
}

/** A range of the keys of a plugin, among those of all. */
function rangeIn(plugin: string, { gt, gte, lt, lte, ...others }: StoreRange) {
  const prefix = `!${plugin}!`
  const lower = gte === undefined ? { gt: `${prefix}${gt}` } : { gte: `${prefix}${gte}` }
  const upper = lte === undefined ? { lt: `${prefix}${lt}` } : { lte: `${prefix}${lte}` }
  return {
    ...others,
    ...(gt === undefined && gte === undefined ? { gte: prefix } : lower),
    // The character behind the exclamation mark.
    ...(lt === undefined && lte === undefined ? { lt: `!${plugin}"` } : upper),
  }
}
