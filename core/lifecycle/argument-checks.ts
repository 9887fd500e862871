/** Validates the arguments of the context's methods. The checks throw `ARGUMENT_INVALID`. */
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SaidLine } from '../chat/lines.ts'
import { checkAudience } from '../clients/audience.ts'
import { connectionOf, isName, type Client, type Clients } from '../clients/client.ts'
import { copyTags, NO_TAGS, type Tags } from '../hooks/tags.ts'
import { unmapped, type Peer } from '../net/transport.ts'
import { unknownKey } from '../support/config-issues.ts'
import { describe, errors, show } from '../support/errors.ts'
import { LOG_LEVELS, type LogSink } from '../support/log.ts'
import { isTexts, safeText } from '../support/safe-text.ts'
import type { Operation, StoreRange } from './database.ts'

/** Returns the tags. */
export function checkBroadcast(
  plugin: string,
  text: unknown,
  options: unknown,
  clients: Clients,
): Tags {
  const invalid = (problem: string) => errors.argumentInvalid('host.broadcast', problem, plugin)
  if (typeof text !== 'string' && !isTexts(text))
    throw invalid(`expected a text or a list of texts, found ${show(text)}`)
  if (options === undefined) return NO_TAGS
  checkOptions(plugin, 'broadcast', options, BROADCAST)
  const { author, tags } = options as { readonly author?: unknown; readonly tags?: unknown }
  if (author !== undefined) checkAuthor(author, clients, invalid)
  return checkTags(tags, invalid)
}

const BROADCAST = ['to', 'except', 'author', 'tags']

function checkAuthor(
  author: unknown,
  clients: Clients,
  invalid: (problem: string) => Error,
): asserts author is string {
  if (!isName(author)) throw invalid(`author: expected a name, found ${show(author)}`)
  const taken = clients.get(author) ?? [...clients].find(({ name }) => name === author)
  if (taken === undefined) return
  throw invalid(
    `author: ${show(author)} is the name of a client here; mark those of elsewhere, as ${show(`${author}@irc`)}`,
  )
}

function checkTags(tags: unknown, invalid: (problem: string) => Error): Tags {
  if (tags === undefined) return NO_TAGS
  try {
    return copyTags(tags)
  } catch (cause) {
    throw invalid(`tags: ${describe(cause)}`)
  }
}

/** Returns the line, made safe. */
export function checkSay(
  plugin: string,
  client: unknown,
  text: unknown,
  options: unknown,
): SaidLine {
  const invalid = (problem: string) => errors.argumentInvalid('host.say', problem, plugin)
  connectionOf(client as Client)
  if (typeof text !== 'string' || text === '' || /[\r\n]/.test(text))
    throw invalid(`expected one line of text that is not empty, found ${show(text)}`)
  const line = { text: safeText(text), tags: NO_TAGS, audience: undefined }
  if (options === undefined) return line
  checkOptions(plugin, 'say', options, SAY)
  const { tags, audience } = options as { readonly tags?: unknown; readonly audience?: unknown }
  return {
    ...line,
    tags: checkTags(tags, invalid),
    audience: audience === undefined ? undefined : checkAudience(audience),
  }
}

const SAY = ['tags', 'audience']

export function checkState(plugin: string, init: unknown, options: unknown): void {
  if (typeof init !== 'function') {
    const problem = `expected a function that makes the first value, found ${show(init)}; write clientState(() => …)`
    throw errors.argumentInvalid('host.clientState', problem, plugin)
  }
  if (options === undefined) return
  checkOptions(plugin, 'clientState', options, STATE)
  const { keep } = options as { readonly keep?: unknown }
  if (keep === undefined) return
  if (typeof keep !== 'string') {
    throw errors.argumentInvalid('host.clientState', `keep: ${NAME}, found ${show(keep)}`, plugin)
  }
}

const STATE = ['keep']
const NAME = 'expected a text as the name'

export function checkKeep(plugin: string, name: unknown, init: unknown): void {
  if (typeof name !== 'string') {
    throw errors.argumentInvalid('host.keep', `${NAME}, found ${show(name)}`, plugin)
  }
  if (typeof init !== 'function') {
    const problem = `expected a function after the name, found ${show(init)}`
    throw errors.argumentInvalid('host.keep', problem, plugin)
  }
}

/** What is kept is the same object for each instance in turn; a primitive could not change under its name. */
export function checkKept(plugin: string, made: unknown): void {
  if (typeof made === 'object' && made !== null) return
  const problem = `expected the function to return an object, found ${show(made)}`
  throw errors.argumentInvalid('host.keep', problem, plugin)
}

export function checkService(plugin: string, method: string, service: unknown): void {
  if (typeof (service as { name?: unknown } | null | undefined)?.name === 'string') return
  const problem = `expected a service made with defineService, found ${show(service)}`
  throw errors.argumentInvalid(`host.${method}`, problem, plugin)
}

export function checkFunction(plugin: string, method: string, run: unknown): void {
  if (typeof run === 'function') return
  throw errors.argumentInvalid(`host.${method}`, `expected a function, found ${show(run)}`, plugin)
}

/** A time in the past fires at once; what is not a number would too, so it is rejected. */
export function checkTimer(
  plugin: string,
  method: string,
  run: unknown,
  milliseconds: unknown,
): void {
  checkFunction(plugin, method, run)
  if (Number.isFinite(milliseconds)) return
  const problem = `expected milliseconds after the function, found ${show(milliseconds)}`
  throw errors.argumentInvalid(`host.${method}`, problem, plugin)
}

function checkOptions(
  plugin: string,
  method: string,
  options: unknown,
  known: readonly string[],
): void {
  if (typeof options !== 'object' || options === null) {
    const problem = `expected options, such as { ${known.join(', ')} }, found ${show(options)}`
    throw errors.argumentInvalid(`host.${method}`, problem, plugin)
  }
  const unknown = unknownKey(options, known)
  if (unknown !== undefined) throw errors.argumentInvalid(`host.${method}`, unknown, plugin)
}

/** Characters of the longest label; the same as for a name. */
const LABEL_LENGTH = 64
const PEER = ['label', 'address']
/** The methods of a stream that the host calls. */
const DUPLEX = ['on', 'pause', 'resume', 'write', 'end', 'destroy'] as const

/** Returns a copy of the peer. A stream that has ended is accepted: that may happen at any time. */
export function checkAttach(plugin: string, stream: unknown, peer: unknown): Peer {
  const invalid = (problem: string) => errors.argumentInvalid('host.attach', problem, plugin)
  checkStream(stream, invalid)
  checkOptions(plugin, 'attach', peer, PEER)
  const { label, address } = peer as { readonly [Key in keyof Peer]?: unknown }
  const length = typeof label === 'string' ? [...label].length : 0
  if (length < 1 || length > LABEL_LENGTH) {
    const found = length === 0 ? show(label) : `one of ${length}`
    throw invalid(`label: expected a text of 1 to ${LABEL_LENGTH} characters, found ${found}`)
  }
  if (address !== undefined && (typeof address !== 'string' || isIP(address) === 0)) {
    const problem = `address: expected an IP address, found ${show(address)}; leave it out if there is none`
    throw invalid(problem)
  }
  return { label: label as string, address: address === undefined ? undefined : unmapped(address) }
}

function checkStream(stream: unknown, invalid: (problem: string) => Error): void {
  const members = Object(stream) as Partial<Duplex>
  const missing = DUPLEX.find((member) => typeof members[member] !== 'function')
  if (missing !== undefined) {
    throw invalid(
      `expected a readable and writable stream, such as a Duplex, found ${show(stream)} without ${missing}()`,
    )
  }
  if (members.readableObjectMode === true || members.writableObjectMode === true)
    throw invalid('expected a stream of bytes, found one in object mode')
  const encoding = members.readableEncoding ?? undefined
  if (encoding !== undefined) {
    throw invalid(
      `expected a stream of bytes, found one with an encoding; leave out setEncoding(${show(encoding)})`,
    )
  }
}

export function checkAudienceName(plugin: string, name: unknown): void {
  if (typeof name === 'string') return
  throw errors.argumentInvalid('host.audience', `${NAME}, found ${show(name)}`, plugin)
}

/** Returns a copy of the sink, so that its members are not read again. */
export function checkSink(plugin: string, sink: unknown): LogSink {
  const invalid = (problem: string) => errors.argumentInvalid('host.addLogSink', problem, plugin)
  const members = Object(sink) as Partial<Record<keyof LogSink, unknown>>
  const { level, onTerminal, write, reopen, close } = members
  if (typeof write !== 'function') {
    throw invalid(
      `expected a sink, such as { write(record) {} }, found ${show(sink)} without write()`,
    )
  }
  if (level !== undefined && (typeof level !== 'string' || !Object.hasOwn(LOG_LEVELS, level))) {
    const levels = Object.keys(LOG_LEVELS).join(', ')
    throw invalid(`level: expected one of ${levels}, found ${show(level)}`)
  }
  if (onTerminal !== undefined && typeof onTerminal !== 'boolean') {
    throw invalid(`onTerminal: expected true or false, found ${show(onTerminal)}`)
  }
  for (const [name, member] of Object.entries({ reopen, close })) {
    if (member !== undefined && typeof member !== 'function')
      throw invalid(`${name}: expected a function, found ${show(member)}`)
  }
  return {
    level: level as LogSink['level'],
    onTerminal,
    write: (record) => write.call(sink, record) as void,
    ...(reopen !== undefined && { reopen: () => (reopen as () => void).call(sink) }),
    ...(close !== undefined && { close: () => (close as () => void).call(sink) }),
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u

/** A text that could not be stored as it is would be another one when it is read. */
export function checkKey(plugin: string, method: string, key: unknown): asserts key is string {
  if (typeof key === 'string' && !LONE_SURROGATE.test(key)) return
  const found = typeof key === 'string' ? `half a character in ${show(key)}` : show(key)
  const problem = `expected a key, a text, found ${found}`
  throw errors.argumentInvalid(`host.store.${method}`, problem, plugin)
}

/** The value as it is now. */
export function jsonOf(plugin: string, method: string, value: unknown): string {
  const invalid = (found: string) =>
    errors.argumentInvalid(
      `host.store.${method}`,
      `expected a value that JSON can say, found ${found}`,
      plugin,
    )
  let json: string | undefined
  try {
    json = JSON.stringify(value) as string | undefined
  } catch (cause) {
    throw invalid(`${show(value)}: ${describe(cause)}`)
  }
  if (json === undefined) throw invalid(show(value))
  return json
}

/** Returns the operations of a batch as they are now. */
export function checkOperations(plugin: string, operations: unknown): Operation[] {
  const invalid = (problem: string) => errors.argumentInvalid('host.store.batch', problem, plugin)
  if (!Array.isArray(operations)) {
    throw invalid(`expected a list of operations, found ${show(operations)}`)
  }
  return operations.map((operation: unknown) => {
    const { type, key, value } = Object(operation) as Readonly<Record<string, unknown>>
    if (type !== 'put' && type !== 'del') {
      const found = operation === Object(operation) ? `type ${show(type)}` : show(operation)
      throw invalid(`expected { type: 'put', key, value } or { type: 'del', key }, found ${found}`)
    }
    checkKey(plugin, 'batch', key)
    return type === 'del' ? { type, key } : { type, key, value: jsonOf(plugin, 'batch', value) }
  })
}

const RANGE = ['gt', 'gte', 'lt', 'lte', 'reverse', 'limit']

/** Returns what is set of a range, as it is now. */
export function checkRange(plugin: string, range: unknown): StoreRange {
  const invalid = (problem: string) =>
    errors.argumentInvalid('host.store.iterator', problem, plugin)
  checkOptions(plugin, 'store.iterator', range, RANGE)
  const given = Object.entries(range as object).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (name === 'reverse') {
      if (typeof value !== 'boolean') {
        throw invalid(`reverse: expected true or false, found ${show(value)}`)
      }
    } else if (name === 'limit') {
      if (!Number.isInteger(value) || value < 0) {
        throw invalid(`limit: expected a number of entries, from 0, found ${show(value)}`)
      }
    } else if (typeof value !== 'string') {
      throw invalid(`${name}: expected a key, a text, found ${show(value)}`)
    }
  }
  return Object.fromEntries(given)
}
