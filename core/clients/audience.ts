/**
 * Audiences: who gets a line. A value that can be passed on, kept and narrowed; its members are resolved when a line is
 * accepted.
 */
import type { Delivery } from '../delivery/delivery.ts'
import type { Group } from '../delivery/recipient-groups.ts'
import { errors } from '../support/errors.ts'
import { connectionOf, type Client } from './client.ts'
import type { Connection } from './connection.ts'

/** A set of clients. The value never changes, but its members are those at the moment of asking. */
export interface Audience extends Iterable<Client> {
  readonly size: number
  has(client: Client): boolean
  /** Returns this audience without some clients, or without the members of another audience. */
  without(who: Client | Iterable<Client>): Audience
  /** Returns the members of this audience that are also among some clients, or also in another audience. */
  and(who: Client | Iterable<Client>): Audience
}

/** An audience that a plugin fills, for example a room. A client that leaves the chat leaves it too. */
export interface NamedAudience extends Audience {
  readonly name: string
  /** Adds a client; ignored when it is not, or no longer, in the chat. */
  add(client: Client): void
  delete(client: Client): void
}

export class ChosenAudience implements Audience {
  /** Members are in all of these groups; every group is a subset of `everyone`. */
  readonly groups: readonly Group[]
  readonly only: readonly ReadonlySet<Connection>[]
  readonly except: readonly Connection[]
  readonly exceptAudiences: readonly ChosenAudience[]
  /** The audience that this one was narrowed from. */
  readonly #from: ChosenAudience | undefined

  constructor(
    groups: readonly Group[],
    from?: ChosenAudience,
    only: readonly ReadonlySet<Connection>[] = [],
    except: readonly Connection[] = [],
    exceptAudiences: readonly ChosenAudience[] = [],
  ) {
    this.groups = groups
    this.only = only
    this.except = except
    this.exceptAudiences = exceptAudiences
    this.#from = from
  }

  get size(): number {
    return [...this].length
  }

  has(client: Client): boolean {
    return this.hasConnection(connectionOf(client))
  }

  hasConnection(connection: Connection): boolean {
    return (
      this.groups.every((group) => group.members.has(connection)) &&
      this.only.every((some) => some.has(connection)) &&
      !this.except.includes(connection) &&
      !this.exceptAudiences.some((audience) => audience.hasConnection(connection))
    )
  }

  without(who: Client | Iterable<Client>): Audience {
    if (who instanceof ChosenAudience) {
      const others = [...this.exceptAudiences, who]
      return new ChosenAudience(this.groups, this, this.only, this.except, others)
    }
    const except = [...this.except, ...connectionsOf(who)]
    return new ChosenAudience(this.groups, this, this.only, except, this.exceptAudiences)
  }

  and(who: Client | Iterable<Client>): Audience {
    if (who instanceof ChosenAudience) {
      return new ChosenAudience(
        both(this.groups, who.groups),
        this,
        both(this.only, who.only),
        both(this.except, who.except),
        both(this.exceptAudiences, who.exceptAudiences),
      )
    }
    const only = [...this.only, new Set(connectionsOf(who))]
    return new ChosenAudience(this.groups, this, only, this.except, this.exceptAudiences)
  }

  /** Whether this was made from `other` by narrowing alone. */
  narrows(other: ChosenAudience): boolean {
    if (this === other) return true
    return this.#from?.narrows(other) ?? false
  }

  /** The audience that this is all of, except perhaps one client: everyone, or a named one. Undefined if it is less. */
  whole(but?: Client): ChosenAudience | undefined {
    const { groups, only, except, exceptAudiences } = this
    if (groups.length > 2 || only.length + exceptAudiences.length > 0) return undefined
    const missing = but === undefined ? undefined : connectionOf(but)
    if (except.some((connection) => connection !== missing)) return undefined
    return wholes.get(groups.at(-1) as Group)
  }

  *connections(): Generator<Connection> {
    const smallest = this.groups.reduce((a, b) => (b.members.size < a.members.size ? b : a))
    for (const member of smallest.members) {
      if (this.hasConnection(member as Connection)) yield member as Connection
    }
  }

  *[Symbol.iterator](): Generator<Client> {
    for (const connection of this.connections()) yield connection.client
  }
}

/** For each group, the audience that is all of it, which it keeps alive. */
const wholes = new WeakMap<Group, ChosenAudience>()

/** The audience of all members of a group of which all other groups are part. */
export function everyoneIn(group: Group): ChosenAudience {
  const everyone = new ChosenAudience([group])
  wholes.set(group, everyone)
  return everyone
}

/** A named group, filled by plugins. */
export class FilledAudience extends ChosenAudience implements NamedAudience {
  readonly name: string
  readonly #delivery: Delivery

  constructor(name: string, everyone: Group, group: Group, delivery: Delivery) {
    super([everyone, group])
    wholes.set(group, this)
    this.name = name
    this.#delivery = delivery
  }

  get #group(): Group {
    return this.groups[1] as Group
  }

  add(client: Client): void {
    const connection = connectionOf(client)
    if (!(this.groups[0] as Group).members.has(connection)) return
    this.#delivery.join(this.#group, connection)
  }

  delete(client: Client): void {
    this.#delivery.leave(this.#group, connectionOf(client))
  }
}

/** Accepts a line for an audience: its current members will get it. The line is already safe. */
export function sayTo(audience: ChosenAudience, line: string, delivery: Delivery): void {
  // Every group is a subset of everyone, the first one, so a single further group decides alone.
  const group = audience.groups.length <= 2 ? audience.groups.at(-1) : undefined
  if (group === undefined || audience.only.length > 0) {
    delivery.toEach(line, audience.connections())
  } else if (audience.exceptAudiences.length === 0) {
    delivery.toGroup(line, group, audience.except)
  } else {
    const others = audience.exceptAudiences.flatMap((other) => [...other.connections()])
    delivery.toGroup(line, group, [...audience.except, ...others])
  }
}

/** Throws when it is not an audience of the host. */
export function checkAudience(value: unknown): ChosenAudience {
  if (value instanceof ChosenAudience) return value
  throw errors.audienceInvalid(value)
}

function connectionsOf(who: Client | Iterable<Client>): Connection[] {
  if (typeof who !== 'object' || who === null)
    throw errors.clientInvalid(who, 'a client or several')
  return Symbol.iterator in who ? Array.from(who, connectionOf) : [connectionOf(who)]
}

function both<T>(some: readonly T[], others: readonly T[]): readonly T[] {
  return others.length === 0 ? some : [...new Set([...some, ...others])]
}
