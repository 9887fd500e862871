/** What a connection reports: the chat decides what becomes of it. */

/** Called when something happens to a connection. */
export interface ConnectionEvents {
  /** Whether something it sent has not settled yet, so that what follows waits. */
  readonly busy: boolean
  /** There is something to read, the input has ended, or a hold was released. */
  readable(): void
  /** The connection is to be closed, gracefully or at once, by the reason. */
  leave(reason: string): void
  /** The stream has reported an error. */
  failed(cause: unknown): void
  /** The stream has thrown, or delivered something other than bytes. */
  broke(cause: unknown): void
  /** The stream is closed. */
  closed(): void
}
