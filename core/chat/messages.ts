/**
 * Accepts what is said. Each message gets a number, its observers are notified, and its line goes to the delivery, in
 * this order, one message after the other.
 */
import { ChosenAudience, sayTo } from '../clients/audience.ts'
import type { Connection } from '../clients/connection.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { Group } from '../delivery/recipient-groups.ts'
import type { Author, MessageEvent } from '../hooks/events.ts'
import type { Hooks } from '../hooks/hooks.ts'
import { NO_TAGS, type Tags } from '../hooks/tags.ts'
import { safeText } from '../support/safe-text.ts'

/** A message before it is accepted. */
export interface Draft {
  readonly kind: 'line' | 'notice'
  readonly author: Author | undefined
  readonly prefix: string
  /** One line. */
  readonly text: string
  readonly audience: ChosenAudience
  readonly tags: Tags
  /** The plugin that delivers it. */
  readonly plugin: string
}

export interface MessagesParts {
  readonly hooks: Hooks
  readonly delivery: Delivery
  /** The time of day in milliseconds since the Unix epoch. */
  readonly date: () => number
}

export class Messages {
  readonly #parts: MessagesParts
  #number = 0
  #notifying = false
  /** What is said by those who are being notified: it comes after the message that they are notified of. */
  readonly #waiting: Array<() => void> = []

  constructor(parts: MessagesParts) {
    this.#parts = parts
  }

  /** Accepts a message for an audience: it is sent to its members at this moment. */
  accept(draft: Draft): void {
    if (this.#notifying) return this.whenAccepted(() => this.accept(draft))
    const { kind, author, prefix, text, audience, tags, plugin } = draft
    const number = ++this.#number
    if (this.#isObserved) {
      const whole = audience.whole(author?.client)
      this.#notify({ number, kind, author, prefix, text, audience, whole, tags, plugin })
    }
    sayTo(audience, safeText(prefix + text), this.#parts.delivery)
    this.#goOn()
  }

  /** Accepts a line for one client alone, which has been made safe. */
  acceptPrivate(text: string, connection: Connection): void {
    if (this.#notifying) return this.whenAccepted(() => this.acceptPrivate(text, connection))
    const number = ++this.#number
    if (this.#isObserved) this.#notify({ ...PRIVATE, number, text, audience: only(connection) })
    this.#parts.delivery.toEach(text, [connection])
    this.#goOn()
  }

  /** Runs when everything said so far has been accepted: now, unless observers are being notified. */
  whenAccepted(run: () => void): void {
    if (this.#notifying) this.#waiting.push(run)
    else run()
  }

  #goOn(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next()
  }

  get #isObserved(): boolean {
    return this.#parts.hooks.message.taps.length > 0
  }

  #notify(message: Omit<MessageEvent, 'time'>): void {
    this.#notifying = true
    try {
      const time = Math.floor(this.#parts.date())
      this.#parts.hooks.message.call(Object.freeze({ ...message, time }))
    } finally {
      this.#notifying = false
    }
  }
}

const PRIVATE = {
  kind: 'private',
  author: undefined,
  prefix: '',
  whole: undefined,
  tags: NO_TAGS,
  plugin: undefined,
} as const

function only(connection: Connection): ChosenAudience {
  const group = new Group()
  group.members.add(connection)
  return new ChosenAudience([group])
}
