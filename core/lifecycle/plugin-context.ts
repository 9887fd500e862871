/** The context that a plugin is given: everything it can do with the host. */
import type { Duplex } from 'node:stream'
import { type Audience, type NamedAudience } from '../clients/audience.ts'
import type { ClientState, ClientStateOptions } from '../clients/client-state.ts'
import type { Client, Clients } from '../clients/client.ts'
import type { ArgumentSchemas, Commands, CommandSpec } from '../commands/command-spec.ts'
import type { PluginHooks } from '../hooks/hooks.ts'
import type { Tags } from '../hooks/tags.ts'
import type { Peer } from '../net/transport.ts'
import type { Cancel } from '../support/clock.ts'
import type { Logger, LogSink } from '../support/log.ts'
import type { Service } from './services.ts'
import { type Store } from './store.ts'

export interface BroadcastOptions {
  /** The recipients; everyone when left out. */
  readonly to?: Client | Iterable<Client> | undefined
  readonly except?: Client | Iterable<Client> | undefined
  /**
   * The name of somebody who is not a client here and says it, as a bridge does: it precedes the text as a sender's name
   * does. No client may have it as its id or name.
   */
  readonly author?: string | undefined
  /** Plain data for those that observe the message. */
  readonly tags?: Tags | undefined
}

export interface SayOptions {
  /** Plain data for the taps of `line`, and for those that observe the message. */
  readonly tags?: Tags | undefined
  /** Narrows who sees it; everyone but the client when left out. */
  readonly audience?: Audience | undefined
}

export interface PluginContext {
  /** The plugin's own name. */
  readonly name: string
  /**
   * Whether this is a test host. There a plugin should not use default files, terminals or addresses, only ones that
   * were named.
   */
  readonly testing: boolean
  readonly hooks: PluginHooks
  /** Registers a command. Throws `COMMAND_INVALID`, or `COMMAND_CONFLICT` when a name is taken. */
  command<Schemas extends ArgumentSchemas = Record<never, never>>(spec: CommandSpec<Schemas>): void
  /** The commands of all plugins. */
  readonly commands: Commands
  readonly clients: Clients
  readonly everyone: Audience
  /**
   * The audience of that name, shared by all plugins; created when it is first asked for. Throws `ARGUMENT_INVALID`.
   */
  audience(name: string): NamedAudience
  /**
   * Sends text to everyone, or to some. A line feed in it separates lines. For announcements: what clients say is sent
   * by a verdict.
   */
  broadcast(text: string | readonly string[], options?: BroadcastOptions): void
  /**
   * Says one line for a client as if it had typed it, through the `line` hook: so what filters, mutes, counts or records
   * lines sees it too. Resolves to whether it was delivered; to false if the client has left. Throws `ARGUMENT_INVALID`.
   */
  say(client: Client, text: string, options?: SayOptions): Promise<boolean>
  /** Creates state that each client has one of. With `{ keep: name }` it survives a reload of the plugin. */
  clientState<T>(init: (client: Client) => T, options?: ClientStateOptions): ClientState<T>
  /**
   * Returns the same object that the plugin kept under that name before it was reloaded, or what `init` makes. It is
   * kept for the next instance in turn.
   */
  keep<T extends object>(name: string, init: () => T): T
  /** The plugin's own keys and values, which outlive the process; from `onStart` on, up to the end of `onDispose`. */
  readonly store: Store
  /**
   * Adds a connection from elsewhere; the peer's label, of 1 to 64 characters, becomes the client's id. Any duplex
   * stream of bytes will do; one with `allowHalfOpen` still gets what is queued for it after its input has ended.
   * Throws `ARGUMENT_INVALID`. Later errors of the stream close that client alone.
   */
  attach(stream: Duplex, peer: Peer): void
  /** Provides a service. Throws `SERVICE_CONFLICT` when another plugin provides it. */
  provide<T>(service: Service<T>, implementation: T): void
  /** Returns a service; from `onStart` on, or in `setup` from a plugin in `requires`. Throws `SERVICE_MISSING`. */
  inject<T>(service: Service<T>): T
  /**
   * Returns a service, or undefined while no plugin provides it. Ask each time it is needed, and keep nothing of it: a
   * plugin that injects is set up again when the provider changes, one that finds is not.
   */
  find<T>(service: Service<T>): T | undefined
  /**
   * Calls `run` once after some milliseconds, unless the plugin is removed or the returned function is called first.
   */
  setTimeout(run: () => unknown, milliseconds: number): Cancel
  /** Calls `run` at an interval in milliseconds until the plugin is removed or the returned function is called. */
  setInterval(run: () => unknown, milliseconds: number): Cancel
  /** Milliseconds since the Unix epoch, unaffected by changes of the system's clock: for durations. */
  now(): number
  /** The time of day by the system's clock, or by that of a test host. */
  date(): Date
  /** A number from 0 up to but not including 1. */
  random(): number
  /** Aborted when the plugin is removed. */
  readonly signal: AbortSignal
  /**
   * Called once when every plugin has been set up, in their order, before anyone can join. The host waits for it; it
   * has 10 seconds.
   */
  onStart(run: () => unknown): void
  /** Called once when the plugin is removed, last registered first; it has 1 second. */
  onDispose(run: () => unknown): void
  readonly log: Logger
  /** Adds a destination for log records; its members are copied. Throws `ARGUMENT_INVALID`. */
  addLogSink(sink: LogSink): void
}
