/** A line on its way through the taps: what stands, and what the tap that has it now may do to it. */
import { checkAudience, type Audience, type ChosenAudience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import { errors } from '../support/errors.ts'
import type { LineEvent } from './events.ts'
import { safeText } from '../support/safe-text.ts'

export class LineInHand {
  readonly client: Client
  text: string
  audience: ChosenAudience
  /** What the tap has that was called last. */
  #offer: Offer | undefined

  constructor(client: Client, text: string, audience: ChosenAudience) {
    this.client = client
    this.text = text
    this.audience = audience
  }

  /** What the next tap is given: the line as it stands. One of its own, so that whoever keeps an older one changes nothing. */
  offer(): LineEvent {
    this.#offer = new Offer(this)
    return this.#offer
  }

  /** Throws `EVENT_INVALID` or `AUDIENCE_INVALID` when a tap has made something else of its offer than a line. */
  check(): void {
    const { text, audience } = this.#offer ?? this
    if (text !== this.text && !isLine(text)) {
      throw errors.eventInvalid(
        'event.text was set to something other than one line of text that is not empty; the line keeps its old one',
      )
    }
    if (audience !== this.audience) checkAudience(audience)
  }

  /** Takes over what a tap changed about its offer. */
  accept(): void {
    const { text, audience } = this.#offer ?? this
    if (text !== this.text) this.text = safeText(text)
    if (audience === this.audience) return
    const other = checkAudience(audience)
    this.audience = other.narrows(this.audience)
      ? other
      : (this.audience.and(other) as ChosenAudience)
  }
}

class Offer implements LineEvent {
  readonly #client: Client
  text: string
  audience: Audience

  constructor({ client, text, audience }: LineInHand) {
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
