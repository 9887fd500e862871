/** A line on its way through the taps: its current text and audience, and what a tap may change about them. */
import { checkAudience, type Audience, type ChosenAudience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import { describe, errors } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'
import type { LineEvent } from './events.ts'
import { copyTags, NO_TAGS, type Tags } from './tags.ts'

export class CurrentLine {
  readonly client: Client
  text: string
  audience: ChosenAudience
  tags: Tags
  /** What the current tap was given. */
  #proposed: ProposedLine | undefined
  /** What that made of the tags. */
  #newTags: Tags | undefined

  constructor(client: Client, text: string, audience: ChosenAudience, tags: Tags = NO_TAGS) {
    this.client = client
    this.text = text
    this.audience = audience
    this.tags = tags
  }

  /** What the next tap is given: a copy of the line, so that a tap that keeps it can change nothing later. */
  propose(): LineEvent {
    this.#proposed = new ProposedLine(this)
    return this.#proposed
  }

  /** Throws `EVENT_INVALID` or `AUDIENCE_INVALID` when a tap has set it to something invalid. */
  check(): void {
    const { text, audience } = this.#proposed ?? this
    if (text !== this.text && !isLine(text)) {
      throw errors.eventInvalid(
        'event.text must be a single, non-empty line of text; the line keeps its previous text',
      )
    }
    if (audience !== this.audience) checkAudience(audience)
    const { changedTags } = this.#proposed ?? {}
    if (changedTags === undefined) return
    try {
      this.#newTags = copyTags(changedTags)
    } catch (cause) {
      throw errors.eventInvalid(`event.tags: ${describe(cause)}; the line keeps its old ones`)
    }
  }

  /** Applies what the tap changed. */
  accept(): void {
    const { text, audience } = this.#proposed ?? this
    if (text !== this.text) this.text = safeText(text)
    if (this.#newTags !== undefined) this.tags = this.#newTags
    this.#newTags = undefined
    if (audience !== this.audience) this.narrow(checkAudience(audience))
  }

  narrow(other: ChosenAudience): void {
    this.audience = other.narrows(this.audience)
      ? other
      : (this.audience.and(other) as ChosenAudience)
  }
}

class ProposedLine implements LineEvent {
  readonly #client: Client
  text: string
  audience: Audience
  readonly #oldTags: Tags
  /** The tags once a tap has read them, which it may then have changed. */
  changedTags: Record<string, unknown> | undefined

  constructor({ client, text, audience, tags }: CurrentLine) {
    this.#client = client
    this.text = text
    this.audience = audience
    this.#oldTags = tags
  }

  get tags(): Record<string, unknown> {
    return (this.changedTags ??= { ...this.#oldTags })
  }

  set tags(tags: Record<string, unknown>) {
    this.changedTags = tags
  }

  get client(): Client {
    return this.#client
  }
}

function isLine(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && !/[\r\n]/.test(text)
}
