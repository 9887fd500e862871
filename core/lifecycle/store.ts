/** The store of a plugin: keys and values that outlive the process, by the interface of abstract-level. */
import { ChatError, errors, show } from '../support/errors.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { checkKey, checkOperations, checkRange, jsonOf } from './argument-checks.ts'
import type { Database, Operation, Part } from './database.ts'

/** Something that is done in a batch. */
export type StoreOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: unknown }
  | { readonly type: 'del'; readonly key: string }

/** Which keys, in the order of their UTF-8; all of them when left out. */
export interface StoreRange {
  /** Greater than this key. */
  readonly gt?: string | undefined
  /** This key, or greater. */
  readonly gte?: string | undefined
  /** Less than this key. */
  readonly lt?: string | undefined
  /** This key, or less. */
  readonly lte?: string | undefined
  /** From the last to the first; false when left out. */
  readonly reverse?: boolean | undefined
  /** Entries at most; all when left out. */
  readonly limit?: number | undefined
}

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

  function inTime(): void {
    if (!owner.begun) throw errors.storeTooEarly(name)
  }

  function alive(): void {
    if (owner.gone) throw errors.pluginDisposed(name)
  }

  /** Runs something with the database; what goes wrong there is told in the words of whoever knows where it is. */
  async function reach<T>(run: () => Promise<T>): Promise<T> {
    try {
      alive()
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

  function read<T>(run: (part: Part) => T | Promise<T>): Promise<T> {
    return reach(() => database.read(name, run))
  }

  function write(operations: () => readonly Operation[]): Promise<void> {
    inTime()
    return reach(() => database.write(name, operations()))
  }

  function valueOf(key: string, json: string): unknown {
    try {
      return JSON.parse(json) as unknown
    } catch (cause) {
      throw errors.storeFailed(name, `host.store: the value of ${show(key)} is no JSON`, cause)
    }
  }

  return Object.freeze<Store>({
    get<T>(key: string): Promise<T | undefined> {
      inTime()
      return reach(async () => {
        checkKey(name, 'get', key)
        const json = await database.read(name, (part) => part.get(key))
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
      const checked = checkRange(name, range)
      const begin = () => read((part) => part.iterator(checked))
      return {
        async all() {
          const entries = await read((part) => part.iterator(checked).all())
          return entries.map(([key, json]) => [key, valueOf(key, json) as T])
        },
        async *[Symbol.asyncIterator]() {
          const entries = await begin()
          try {
            for (;;) {
              const entry = await reach(() => entries.next())
              if (entry === undefined) return
              const [key, json] = entry
              yield [key, valueOf(key, json) as T]
            }
          } finally {
            await entries.close()
          }
        },
      }
    },
  })
}
