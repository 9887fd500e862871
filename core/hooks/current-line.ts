/** A line on its way through the taps: its current text and audience, and what a tap may change about them. */
import { checkAudience, type Audience, type ChosenAudience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import { errors } from '../support/errors.ts'
import { safeText } from '../support/safe-text.ts'
import type { LineEvent } from './events.ts'

export class CurrentLine {
  readonly client: Client
  text: string
  audience: ChosenAudience
  /** What the current tap was given. */
  #proposed: ProposedLine | undefined

  constructor(client: Client, text: string, audience: ChosenAudience) {
    this.client = client
    this.text = text
    this.audience = audience
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
  }

  /** Applies what the tap changed. */
  accept(): void {
    const { text, audience } = this.#proposed ?? this
    if (text !== this.text) this.text = safeText(text)
    if (audience === this.audience) return
    const other = checkAudience(audience)
    this.audience = other.narrows(this.audience)
      ? other
      : (this.audience.and(other) as ChosenAudience)
  }
}

class ProposedLine implements LineEvent {
  readonly #client: Client
  text: string
  audience: Audience

  constructor({ client, text, audience }: CurrentLine) {
    this.#client = client
    this.text = text
    this.audience = audience
  }

  get client(): Client {
    return this.#client
  }
}

function isLine(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && !/[\r\n]/.test(text)
}
