/** How a plugin taps a hook: the options of a tap, and the side of each kind of hook that a plugin is given. */

/**
 * When a tap runs relative to the others of its hook. Within a stage the order is that of the plugins in the config.
 */
export const Stage = {
  /** Refuses what must not go any further. */
  Guard: -200,
  /** Drops, rewrites or narrows. */
  Filter: -100,
  /** Anything else; the default. */
  Normal: 0,
  /** Delivers what is left. */
  Deliver: 100,
} as const
export type Stage = (typeof Stage)[keyof typeof Stage]

/** How a plugin taps a hook. */
export interface TapOptions {
  /** A label for this tap, where a plugin taps the same hook more than once. */
  readonly name?: string | undefined
  /** When it runs relative to the others; `Stage.Normal` when left out. */
  readonly stage?: Stage
  /** Milliseconds to wait for a promise: 5000 when left out, 1000 for `close` and `shutdown`. */
  readonly timeout?: number | undefined
}

export interface DecidingTapOptions<Verdict> extends TapOptions {
  /** The verdict when the tap throws, rejects, times out or answers with something invalid. Silence when left out. */
  readonly onFailure?: Verdict | undefined
}

/** The registration side of a hook whose taps answer with a verdict, or with nothing to let others decide. */
export interface DecidingHook<Event, Verdict> {
  tap(
    options: string | DecidingTapOptions<Verdict>,
    run: (event: Event) => Verdict | undefined | void,
  ): void
  /** For taps that answer later. The client's next line waits; other clients do not. */
  tapPromise(
    options: string | DecidingTapOptions<Verdict>,
    run: (event: Event) => Promise<Verdict | undefined | void>,
  ): void
}

/** The registration side of a hook whose taps are notified and return nothing. */
export interface TellingHook<Event> {
  tap(options: string | TapOptions, run: (event: Event) => void): void
  tapPromise(options: string | TapOptions, run: (event: Event) => Promise<void>): void
}

/** The registration side of a hook whose taps watch synchronously. */
export interface WatchingHook<Event> {
  tap(options: string | TapOptions, run: (event: Event) => void): void
}
