/** The events that each hook's taps are given. */
import type { Audience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import type { CommandInfo } from '../commands/command-spec.ts'
import type { Tags } from './tags.ts'
import type { CommandVerdict, ConnectVerdict, LineVerdict } from './verdicts.ts'

export interface ConnectEvent {
  /** Not yet one of the clients; what it is sent arrives before the greeting. */
  readonly client: Client
}

export interface LineEvent {
  readonly client: Client
  /** What was typed, safe to show, never empty, without its line end. A tap may set it to another single line. */
  text: string
  /** Who will see the line: at first everyone but the sender. A tap may narrow it, never widen it. */
  audience: Audience
  /** Plain data that taps add, for those that observe the message. Frozen in `settled`. */
  tags: Record<string, unknown>
}

export interface CommandEvent {
  readonly client: Client
  /** What was typed after the slash, in lower case: a name, an alias, or an unknown word. */
  readonly name: string
  /** What was typed after the name, unsplit. */
  readonly input: string
  /** The registered command; undefined when there is none by that name. */
  readonly command: CommandInfo | undefined
}

/** The outcome of a connect, a line or a command. */
export type SettledEvent =
  | {
      readonly hook: 'connect'
      readonly event: ConnectEvent
      readonly verdict: ConnectVerdict
      readonly by: string
    }
  | {
      readonly hook: 'line'
      readonly event: Readonly<Omit<LineEvent, 'tags'>> & { readonly tags: Tags }
      readonly verdict: LineVerdict
      readonly by: string
    }
  | {
      readonly hook: 'command'
      readonly event: CommandEvent
      readonly verdict: CommandVerdict
      readonly by: string
    }

/** Who says a line: a client of this host, or somebody whom a plugin stands for, as a bridge does. */
export interface Author {
  /** What others see. */
  readonly name: string
  /** Undefined for somebody who is not a client here. */
  readonly client: Client | undefined
}

/** A line that was accepted for an audience, by whatever means. */
export interface MessageEvent {
  /** Rises by one with each message, until the host stops. */
  readonly number: number
  /** `line`: somebody says it. `notice`: a plugin tells it several clients. `private`: it is for one client alone. */
  readonly kind: 'line' | 'notice' | 'private'
  /** Who says it; undefined for notices and private messages. */
  readonly author: Author | undefined
  /** What precedes the text. */
  readonly prefix: string
  /** One line. */
  readonly text: string
  /** Milliseconds since the Unix epoch, by the time of day. */
  readonly time: number
  /** Who is sent it. Its members may change later. */
  readonly audience: Audience
  /**
   * The audience that was sent it as a whole, except for its author: `host.everyone`, or a named one. Undefined when it
   * was meant for fewer, so that nobody else may be shown it later.
   */
  readonly whole: Audience | undefined
  readonly tags: Tags
  /** The plugin that delivered or told it; undefined for private messages. */
  readonly plugin: string | undefined
}

/**
 * Why a client left. `quit`, `end of input` and `shutdown` are orderly: what is queued is still sent. A plugin may give
 * any other reason to `client.close`.
 */
export type CloseReason =
  | 'quit'
  | 'end of input'
  | 'shutdown'
  | 'connection error'
  | 'slow reader'
  | 'line without end'
  | 'protocol error'
  | 'not a chat client'
  | 'idle'
  | (string & {})

export interface CloseEvent {
  readonly client: Client
  readonly reason: CloseReason
  /** Whether the client can still be sent a last line. */
  readonly orderly: boolean
}

export interface ShutdownEvent {
  readonly reason: string
  /** Aborted when the shutdown deadline is over. */
  readonly signal: AbortSignal
}
