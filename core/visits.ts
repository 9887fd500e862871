/**
 * Coming and leaving: a connection is let in by the `connect` hook, is a client while it stays, and leaves in one order:
 * out of all audiences, `close` hook, what is queued for it, end of the stream, state freed.
 */
import type { Duplex } from 'node:stream'
import type { ChosenAudience } from './audience.ts'
import type { Client } from './client.ts'
import type { Cancel, Clock } from './clock.ts'
import { Connection, Phase, type ConnectionSetting, type Peer } from './connection.ts'
import type { ConnectionLog } from './connection-log.ts'
import type { Group } from './delivery.ts'
import type { ConnectVerdict } from './verdicts.ts'
import { tellSettled, type Decision, type Hooks } from './hooks.ts'
import { CORE } from './lines.ts'
import type { Owner } from './owner.ts'
import { safeText } from './text.ts'

/** The version of what clients see, in the greeting and in the log. Not that of the package. */
export const PROTOCOL_VERSION = 'v1.0'

/** Leaving for one of these, nothing can be sent any more. */
const AT_ONCE: ReadonlySet<string> = new Set(['connection error', 'slow reader'])

/** The reason of those who were not let in. */
const REFUSED = 'refused'

/** Milliseconds for what is queued to be taken, and again for the peer to end the stream from its side. */
const DRAIN = 10_000
const LINGER = 1000
/** The same when the host stops: `nc` on a terminal never ends the stream from its side. */
const STOP_LINGER = 200
/** Connections at a time that are told that the host is full and given time to read it. */
const SENT_AWAY_AT_A_TIME = 16

const ADMITTED: Decision<ConnectVerdict> = { verdict: { kind: 'admit' }, by: CORE }

export interface VisitsSetting {
  readonly hooks: Hooks
  readonly everyone: ChosenAudience
  readonly connection: ConnectionSetting
  readonly log: ConnectionLog
  /** Read when somebody comes. */
  readonly limits: { readonly clients: number }
  /** A `close` hook has ended. */
  readonly ended: () => void
}

export class Visits {
  /** Every connection that is not gone, those that are coming or leaving included. */
  readonly connections = new Set<Connection>()
  readonly #setting: VisitsSetting
  readonly #clock: Clock
  /** Connections by id, so that two at a time never share one. */
  readonly #byId = new Map<string, Connection>()
  readonly #drains = new Map<Connection, Cancel>()
  #keys = 0
  #sentAway = 0
  #stopping = false
  #onGone: (() => void) | undefined

  constructor(setting: VisitsSetting) {
    this.#setting = setting
    this.#clock = setting.connection.clock
  }

  /** The client of that id, if it has been let in and has not left. */
  get(id: string): Client | undefined {
    const connection = this.#byId.get(id)
    return connection?.phase === Phase.Open ? connection.client : undefined
  }

  /** Takes in a connection, or tells it that the host is full. The label has been made safe. */
  come(stream: Duplex, peer: Peer, attachedBy?: Owner): void {
    const { hooks, log, limits } = this.#setting
    const { clients } = limits
    if (this.connections.size >= clients) {
      log.refused(peer.label, `the server is full with ${clients} clients`)
      this.#sendAway(stream, 'the server is full, try again later')
      return
    }
    // A stream that is over never says so again.
    if (stream.destroyed) return log.lost()
    const connection = this.#connect(stream, peer, attachedBy)
    const event = Object.freeze({ client: connection.client })
    let open = true
    const end = ({ verdict, by }: Decision<ConnectVerdict>): void => {
      if (!open) return
      open = false
      connection.abandon = undefined
      if (verdict.kind === 'admit') this.#admit(connection)
      tellSettled(hooks, { hook: 'connect', event, verdict, by })
      if (verdict.kind === 'refuse') this.#turnAway(connection, verdict.message)
      this.#setting.connection.conductor.pump(connection)
    }
    connection.abandon = () => end({ verdict: { kind: 'refuse', message: '' }, by: CORE })
    hooks.connect.callAsync(event, (_error, decision) => end(decision ?? ADMITTED))
  }

  /** Makes a connection leave. Only the first reason counts. */
  leave(connection: Connection, reason: string): void {
    if (connection.left) return
    const { hooks, connection: setting, log } = this.#setting
    if (setting.gate.closed) return setting.gate.pass(() => this.leave(connection, reason))
    const wasClient = connection.phase === Phase.Open
    const orderly = !AT_ONCE.has(reason)
    connection.phase = Phase.Leaving
    connection.abandon?.()
    for (const group of connection.groups) setting.delivery.leave(group, connection)
    connection.groups.clear()
    if (reason !== REFUSED) log.closing(connection.id, reason)
    if (!wasClient) return this.#drain(connection, orderly)
    connection.closing = true
    hooks.close.callAsync(Object.freeze({ client: connection.client, reason, orderly }), () => {
      connection.closing = false
      this.#drain(connection, orderly)
      this.#setting.ended()
    })
  }

  /** The stream of a connection is closed. */
  closed(connection: Connection): void {
    if (connection.closing) return
    const { gate } = this.#setting.connection
    if (gate.closed) return gate.pass(() => this.closed(connection))
    this.#drains.get(connection)?.()
    this.#drains.delete(connection)
    connection.phase = Phase.Gone
    connection.outbox.drop()
    connection.states = undefined
    this.connections.delete(connection)
    if (this.#byId.get(connection.id) === connection) this.#byId.delete(connection.id)
    if (this.connections.size === 0) this.#onGone?.()
  }

  /** Makes every connection leave, for good. */
  leaveAll(): void {
    this.#stopping = true
    for (const connection of this.connections) this.leave(connection, 'shutdown')
  }

  /** Calls back once all connections are gone. */
  whenGone(done: () => void): void {
    if (this.connections.size === 0) done()
    else this.#onGone = done
  }

  /** Tells one who does not even become a connection. */
  #sendAway(stream: Duplex, message: string): void {
    stream.on('error', () => {})
    if (this.#sentAway === SENT_AWAY_AT_A_TIME) {
      // Each takes a descriptor that is kept back for others; the message is in the kernel's hands already.
      stream.write(`${message}\r\n`)
      stream.destroy()
      return
    }
    // What it sends is read and thrown away: closing on unread bytes could reset it before it has read the message.
    this.#sentAway++
    stream.resume()
    stream.end(`${message}\r\n`)
    const cancel = this.#clock.setTimeout(() => stream.destroy(), LINGER)
    stream.on('close', () => {
      cancel()
      this.#sentAway--
    })
  }

  #connect(stream: Duplex, peer: Peer, attachedBy: Owner | undefined): Connection {
    const key = ++this.#keys
    const { label } = peer
    const id = this.#byId.has(label) ? `${label}#${key}` : label
    const connection = new Connection(key, id, peer, stream, attachedBy, this.#setting.connection)
    this.connections.add(connection)
    this.#byId.set(id, connection)
    return connection
  }

  #admit(connection: Connection): void {
    const { everyone, connection: setting } = this.#setting
    const group = everyone.groups[0] as Group
    connection.phase = Phase.Open
    connection.send(`multiecho server ${PROTOCOL_VERSION}\nclient id: ${connection.id}`)
    setting.delivery.join(group, connection)
    connection.groups.add(group)
  }

  #turnAway(connection: Connection, message: string): void {
    if (connection.left) return
    connection.send(message)
    this.#setting.log.refused(connection.id, safeText(message))
    this.leave(connection, REFUSED)
  }

  /** Sends what is queued and ends the stream; whoever does not take it in time loses it. */
  #drain(connection: Connection, orderly: boolean): void {
    const { stream } = connection
    if (stream.closed) return this.closed(connection)
    if (!orderly) return connection.destroy()
    connection.updateReading()
    const destroyAfter = (milliseconds: number): void => {
      this.#drains.get(connection)?.()
      this.#drains.set(
        connection,
        this.#clock.setTimeout(() => connection.destroy(), milliseconds),
      )
    }
    destroyAfter(DRAIN)
    const end = (): void => {
      stream.end(() => {
        if (this.#drains.has(connection)) destroyAfter(this.#stopping ? STOP_LINGER : LINGER)
      })
    }
    this.#setting.connection.delivery.whenFlushed(() => connection.outbox.whenEmpty(end))
  }
}
