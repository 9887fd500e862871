/**
 * The database of a host, in which each plugin has a part of its own. It is opened when a plugin first needs it. All takes
 * effect in the order in which it was asked for; writes that wait next to each other are made in one go.
 */
import type { AbstractIterator, AbstractLevel } from 'abstract-level'
import { describe, errors } from '../support/errors.ts'

/** Keys are texts, and so are values: JSON. */
export type Level = AbstractLevel<string | Buffer | Uint8Array>
export type LevelIterator = AbstractIterator<unknown, string, string>

/** Where the data is, as the host is told by whoever runs it. */
export interface Storage {
  /** Opens it, and makes it where there is none. */
  open(): Promise<Level>
  /** What is wrong, and what to do about it, as one sentence without its end. */
  problemOf(cause: unknown): string
}

/** Where there is none, as for a host that is set up and never started. */
const NOWHERE: Storage = {
  open: () => Promise.reject(errors.storeFailed(undefined, 'this host has no place for data')),
  problemOf: describe,
}

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
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

interface Read {
  readonly run: (level: Level) => void
  readonly failed: (cause: unknown) => void
}

interface Write {
  readonly operations: readonly Operation[]
  readonly done: () => void
  readonly failed: (cause: unknown) => void
}

const isRead = (task: Read | Write): task is Read => 'run' in task

export class Database {
  readonly #storage: Storage
  readonly #queue: Array<Read | Write> = []
  /** Settles when the queue is empty; undefined while it is. */
  #working: Promise<void> | undefined
  #level: Promise<Level> | undefined
  /** Settles when what was open before has been closed. */
  #closed: Promise<unknown> = Promise.resolve()

  constructor(storage = NOWHERE) {
    this.#storage = storage
  }

  problemOf(cause: unknown): string {
    return this.#storage.problemOf(cause)
  }

  /** `run` begins its reading in one step, and so reads what was written before it, and nothing later. */
  async read<T>(run: (level: Level) => T | Promise<T>): Promise<T> {
    const begun = await new Promise<{ readonly found: T | Promise<T> }>((done, failed) => {
      this.#add({ run: (level) => done({ found: run(level) }), failed })
    })
    return begun.found
  }

  /** Makes all of some changes, or none; rejects with what the database says. */
  write(operations: readonly Operation[]): Promise<void> {
    return new Promise((done, failed) => this.#add({ operations, done, failed }))
  }

  /** Resolves when all has been done and the database is closed. */
  async close(): Promise<void> {
    await this.#working
    await this.#shut()
  }

  #add(task: Read | Write): void {
    this.#queue.push(task)
    this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    const queue = this.#queue
    while (queue.length > 0) {
      try {
        const level = await this.#open()
        const firstWrite = queue.findIndex((task) => !isRead(task))
        for (const task of queue.splice(0, firstWrite === -1 ? Infinity : firstWrite)) {
          if (isRead(task)) this.#read(task, level)
        }
        await this.#write(level)
      } catch (cause) {
        for (const { failed } of queue.splice(0)) failed(cause)
      }
    }
    // In the step in which it is found empty, so that what comes next begins anew.
    this.#working = undefined
  }

  #read({ run, failed }: Read, level: Level): void {
    try {
      run(level)
    } catch (cause) {
      failed(cause)
    }
  }

  /** Makes the writes at the front of the queue. */
  async #write(level: Level): Promise<void> {
    const firstRead = this.#queue.findIndex(isRead)
    const writes = this.#queue.splice(0, firstRead === -1 ? Infinity : firstRead) as Write[]
    if (writes.length === 0) return
    try {
      await level.batch(writes.flatMap(({ operations }) => operations))
      for (const { done } of writes) done()
    } catch (cause) {
      // LevelDB goes on behind half a record, and would not find what follows when it reads its log again.
      await this.#shut().catch(() => {})
      for (const { failed } of writes) failed(cause)
    }
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
    const closed = level.then((opened) => opened.close())
    this.#closed = closed.catch(() => {})
    await closed
  }
}
