/** The verdicts that taps return, as plain data, and the checks that an answer must pass before the core acts on it. */
import type { Client } from '../clients/client.ts'
import { errors, show } from '../support/errors.ts'

/** The line is sent to the event's audience, prefixed with `prefix`. */
export interface Deliver {
  readonly kind: 'deliver'
  /** Must contain the sender's name, and not as part of a longer word or number. `(NAME) ` when left out. */
  readonly prefix?: string | undefined
}
/** The line is not sent. The reason is for watchers, never for clients. */
export interface Drop {
  readonly kind: 'drop'
  readonly reason: string
}
/** The client is sent the message instead of being admitted, or instead of its command being run. */
export interface Refuse {
  readonly kind: 'refuse'
  readonly message: string
}

export type LineVerdict = Deliver | Drop
export type ConnectVerdict = { readonly kind: 'admit' } | Refuse
export type CommandVerdict =
  { readonly kind: 'done' } | { readonly kind: 'failed'; readonly message: string } | Refuse

/** Verdict of a `line` tap: the line is sent to the event's audience. `prefix` must contain the sender's name. */
export function deliver(options: { readonly prefix?: string | undefined } = {}): Deliver {
  return { kind: 'deliver', prefix: options.prefix }
}

/** Verdict of a `line` tap: the line is not sent, for a reason that watchers see. */
export function drop(reason: string): Drop {
  return { kind: 'drop', reason }
}

/** Verdict of a `connect` or `command` tap: the client is sent `message`, in which a line feed separates lines. */
export function refuse(message: string): Refuse {
  return { kind: 'refuse', message }
}

/** Returns a line verdict as the core uses it. Throws when it is invalid, or would hide who sent the line. */
export function checkLineVerdict(answer: unknown, sender: Client): LineVerdict {
  const verdict = answer as Partial<Deliver> & Partial<Drop>
  if (verdict?.kind === 'drop' && typeof verdict.reason === 'string') {
    return { kind: 'drop', reason: verdict.reason }
  }
  if (verdict?.kind !== 'deliver') throw errors.verdictInvalid(found(answer), LINE_VERDICTS)
  const { prefix } = verdict
  if (prefix === undefined) return { kind: 'deliver', prefix: `(${sender.name}) ` }
  if (typeof prefix !== 'string' || !names(prefix, sender.name)) {
    throw errors.prefixInvalid(prefix, sender.name)
  }
  return { kind: 'deliver', prefix }
}

const ENDS_IN_WORD = /[\p{L}\p{M}\p{N}_]$/u
const BEGINS_WITH_WORD = /^[\p{L}\p{M}\p{N}_]/u

/** Whether a text contains a name as a word of its own: `(admin)` does not contain the name `m`. */
function names(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const isPart =
      ENDS_IN_WORD.test(text.slice(0, at)) || BEGINS_WITH_WORD.test(text.slice(at + name.length))
    if (!isPart) return true
  }
  return false
}

/** Throws when an answer could not be a verdict for any sender's line. */
export function checkLineKind(answer: unknown): void {
  const verdict = answer as Partial<Deliver> & Partial<Drop>
  if (verdict?.kind === 'deliver') {
    const { prefix } = verdict
    if (prefix === undefined || typeof prefix === 'string') return
    throw errors.prefixInvalid(prefix)
  }
  if (verdict?.kind === 'drop' && typeof verdict.reason === 'string') return
  throw errors.verdictInvalid(found(answer), LINE_VERDICTS)
}

/** Returns a refusal as the core uses it. Throws when it is invalid. */
export function checkRefusal(answer: unknown): Refuse {
  const verdict = answer as Partial<Refuse>
  if (verdict?.kind === 'refuse' && typeof verdict.message === 'string') {
    return { kind: 'refuse', message: verdict.message }
  }
  throw errors.verdictInvalid(found(answer), 'refuse(message)')
}

const LINE_VERDICTS = 'deliver() or drop(reason)'

/** The text that each verdict needs. */
const WORDS: ReadonlyMap<unknown, 'reason' | 'message'> = new Map([
  ['drop', 'reason'],
  ['refuse', 'message'],
])

/** Describes an invalid answer, by the function that made it. */
function found(answer: unknown): string {
  const verdict = Object(answer) as Partial<Record<string, unknown>>
  if (verdict['kind'] === 'deliver') return 'deliver()'
  const word = WORDS.get(verdict['kind'])
  if (word === undefined) return show(answer)
  const name = word === 'reason' ? 'drop' : 'refuse'
  const text = verdict[word]
  if (typeof text === 'string') return `${name}()`
  return `${name}() with ${text === undefined ? `no ${word}` : `the ${word} ${show(text)}`}; write ${name}('…'), with a text`
}
