/**
 * The database of a host, in which each plugin has a part of its own. It is opened when a plugin first needs it. Writes take
 * effect in the order in which they were asked for, and those that wait are made in one go; a read sees all before it.
 */
import type {
  AbstractBatchOperation,
  AbstractIterator,
  AbstractLevel,
  AbstractSublevel,
} from 'abstract-level'
import { describe, errors } from '../support/errors.ts'

/** Keys and values are texts; the values JSON. */
export type Level = AbstractLevel<string | Buffer | Uint8Array>

/** Where the data is, as the host is told by whoever runs it. */
export interface Storage {
  /** Opens it, and makes it where there is none. */
  open(): Promise<Level>
  /** What is wrong, and what to do about it, as one sentence without its end. */
  problemOf(cause: unknown): string
}

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string }

/** What a plugin reads of. */
export interface Part {
  get(key: string): Promise<string | undefined>
  iterator(range: object): AbstractIterator<unknown, string, string>
}

type Sublevel = AbstractSublevel<Level, string | Buffer | Uint8Array, string, string>

/** Where there is none, as for a host that is set up and never started. */
const NOWHERE: Storage = {
  open: () => Promise.reject(errors.storeFailed(undefined, 'this host has no place for data')),
  problemOf: describe,
}

interface Write {
  readonly plugin: string
  readonly operations: readonly Operation[]
  readonly done: () => void
  readonly failed: (cause: unknown) => void
}

export class Database {
  readonly #storage: Storage
  #level: Promise<Level> | undefined
  /** Settles when what was open before has been closed. */
  #closed: Promise<unknown> = Promise.resolve()
  readonly #parts = new Map<string, Sublevel>()
  readonly #queue: Write[] = []
  #writing = false
  /** Settles with the last write that was asked for. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(storage = NOWHERE) {
    this.#storage = storage
  }

  problemOf(cause: unknown): string {
    return this.#storage.problemOf(cause)
  }

  /** Reads of the part of a plugin. */
  async read<T>(plugin: string, run: (part: Part) => T | Promise<T>): Promise<T> {
    await this.#last
    return run(this.#partOf(plugin, await this.#open()))
  }

  /** Makes all of some changes in the part of a plugin, or none; rejects with what the database says. */
  write(plugin: string, operations: readonly Operation[]): Promise<void> {
    const written = new Promise<void>((done, failed) => {
      this.#queue.push({ plugin, operations, done, failed })
    })
    this.#last = written.catch(() => {})
    if (!this.#writing) void this.#writeAll()
    return written
  }

  /** Resolves when all has been written and the database is closed. */
  async close(): Promise<void> {
    await this.#last
    await this.#shut()
  }

  async #writeAll(): Promise<void> {
    this.#writing = true
    while (this.#queue.length > 0) {
      let writes: Write[] = []
      try {
        const level = await this.#open()
        writes = this.#queue.splice(0)
        await level.batch(writes.flatMap((write) => this.#batchOf(write, level)))
        for (const { done } of writes) done()
      } catch (cause) {
        // LevelDB goes on behind half a record, and would not find what follows when it reads its log again.
        if (writes.length > 0) await this.#shut().catch(() => {})
        else writes = this.#queue.splice(0)
        for (const { failed } of writes) failed(cause)
      }
    }
    this.#writing = false
  }

  #batchOf(
    { plugin, operations }: Write,
    level: Level,
  ): Array<AbstractBatchOperation<Level, string, string>> {
    const sublevel = this.#partOf(plugin, level)
    return operations.map((operation) => ({ ...operation, sublevel }))
  }

  #partOf(plugin: string, level: Level): Sublevel {
    const part = this.#parts.get(plugin) ?? level.sublevel<string>(plugin, {})
    this.#parts.set(plugin, part)
    return part
  }

  /** One that could not be opened is tried again by whoever needs it next. */
  #open(): Promise<Level> {
    this.#level ??= this.#closed
      .then(() => this.#storage.open())
      .catch((cause: unknown) => {
        this.#level = undefined
        throw cause
      })
    return this.#level
  }

  async #shut(): Promise<void> {
    const level = this.#level
    if (level === undefined) return
    this.#level = undefined
    this.#parts.clear()
    const closed = level.then((opened) => opened.close())
    this.#closed = closed.catch(() => {})
    await closed
  }
}
