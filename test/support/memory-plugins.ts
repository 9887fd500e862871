/** Small plugins and shorthands for tests of a host in memory. */
import { setImmediate as turn } from 'node:timers/promises'
import {
  definePlugin,
  ChatError,
  type Client,
  type Plugin,
  type PluginContext,
} from '../../core/index.ts'
import type { TestClient, TestHost } from '../../core/testing/index.ts'

/** A plugin without options. */
export function plugin(
  name: string,
  setup: (host: PluginContext) => void,
  requires: readonly string[] = [],
): Plugin {
  return definePlugin({ name, apiVersion: 1, requires, setup })()
}

export interface Probe {
  readonly plugin: Plugin
  /** Throws before the plugin has been set up. */
  readonly host: PluginContext
  /** The host's side of a test's client. */
  clientOf(client: TestClient): Client
}

/** A plugin whose doors a test opens from outside. */
export function probe(name = 'probe', setup?: (host: PluginContext) => void): Probe {
  let context: PluginContext | undefined
  const host = (): PluginContext => {
    if (context === undefined) throw new Error(`${name} has not been set up`)
    return context
  }
  return {
    plugin: plugin(name, (given) => {
      context = given
      setup?.(given)
    }),
    get host() {
      return host()
    },
    clientOf({ id }) {
      const client = host().clients.get(id)
      if (client === undefined) throw new Error(`${id} is not in the chat`)
      return client
    },
  }
}

/** Lets time pass while something is under way, and waits for that. */
export async function passing<T>(
  host: TestHost,
  milliseconds: number,
  underWay: Promise<T>,
): Promise<T> {
  // What was typed is read in the next turn; the timers that wait for it are set then.
  await turn()
  await host.advance(milliseconds)
  return soon(underWay)
}

/** Waits for what needs no more time, so that a test fails where it would wait for ever. */
export async function soon<T>(underWay: Promise<T>): Promise<T> {
  const late = Symbol('late')
  const turns = async (): Promise<typeof late> => {
    for (let count = 0; count < 200; count++) await turn()
    return late
  }
  const first = await Promise.race([underWay, turns()])
  if (first === late) throw new Error('it takes more time than has passed')
  return first
}

/** Lets a client join and ends the test when it was turned away. */
export async function join(host: TestHost, id?: string): Promise<TestClient> {
  const client = await host.connect(id)
  if (client.closed) throw new Error(`${client.id} was turned away: ${client.lines.join(' | ')}`)
  return client
}

/** Faults since the last call, as `plugin hook CODE` or `plugin hook CODE < CAUSE`. */
export function faults(host: TestHost): string[] {
  return host.takeErrors().map(({ plugin: name, hook, code, cause }) => {
    const because = cause instanceof ChatError ? ` < ${cause.code}` : ''
    return `${name} ${hook} ${code}${because}`
  })
}

/** Messages of what a part of the host has logged at a level or above. */
export function logged(host: TestHost, origin: string, level = 20): string[] {
  return host.records
    .filter((record) => record.origin === origin && record.level >= level)
    .map(({ message }) => message)
}

/** The code of what a function throws. Fails the test when it throws nothing. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof ChatError ? error.code : String(error)
  }
  throw new Error('nothing was thrown')
}

/** What a function throws at a plugin, as `CODE: MESSAGE`. Fails the test when it throws nothing. */
export function thrownBy(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof ChatError ? `${error.code}: ${error.message}` : String(error)
  }
  throw new Error('nothing was thrown')
}

/** What a promise is rejected with. Fails the test when it is not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('nothing was rejected')
}
