/**
 * Coming and leaving: a connection is let in by the `connect` hook, is a client while it stays, and leaves in one order:
 * out of all audiences, `close` hook, what is queued for it, end of the stream, state freed.
 */
import type { Duplex } from 'node:stream'
import type { ChosenAudience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import type { Cancel, Clock } from '../support/clock.ts'
import { Connection, Phase, type ConnectionSetting } from '../clients/connection.ts'
import type { Peer } from '../net/transport.ts'
import type { ConnectionLog } from '../clients/connection-log.ts'
import type { Group } from '../delivery/recipient-groups.ts'
import type { ConnectVerdict } from '../hooks/verdicts.ts'
import { tellSettled, type Decision, type Hooks } from '../hooks/hooks.ts'
import { CORE } from './lines.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { safeText } from '../support/safe-text.ts'

/** The version of what clients see, in the greeting and in the log. Not that of the package. */
export const PROTOCOL_VERSION = 'v1.0'

/** Leaving for one of these, nothing can be sent any more. */
const AT_ONCE: ReadonlySet<string> = new Set(['connection error', 'slow reader'])

/** A label that looks like an id that was numbered. */
const NUMBERED = /#\d+$/

/** The reason of those who were not let in. */
const REFUSED = 'refused'

/** Milliseconds for what is queued to be taken, and again for the peer to end the stream from its side. */
const DRAIN = 10_000
const LINGER = 1000
/** The same when the host stops: `nc` on a terminal never ends the stream from its side. */
const STOP_LINGER = 200
/** Connections at a time that are told why they may not stay and given time to read it. */
const SENT_AWAY_AT_A_TIME = 16

const ADMITTED: Decision<ConnectVerdict> = { verdict: { kind: 'admit' }, by: CORE }

export interface VisitsSetting {
  readonly hooks: Hooks
  readonly everyone: ChosenAudience
  readonly connection: ConnectionSetting
  readonly log: ConnectionLog
  /** Read when somebody comes. */
  readonly limits: { readonly clients: number; readonly reservedDescriptors: number }
  /** Whether anybody may still come. */
  readonly accepts: () => boolean
  /** A `close` hook has ended. */
  readonly ended: () => void
  /** The plugin that has the place now of one that brought a stream; undefined where none has. */
  readonly heirOf: (owner: PluginInstance) => PluginInstance | undefined
  /** A stream that a plugin has brought has thrown something at us before it became a connection. */
  readonly broke: (owner: PluginInstance, label: string, cause: unknown) => void
}

export class Visits {
  /** Every connection that is not gone, those that are coming or leaving included. */
  readonly connections = new Set<Connection>()
  readonly #setting: VisitsSetting
  readonly #clock: Clock
  /** Connections by id, so that two at a time never share one. */
  readonly #byId = new Map<string, Connection>()
  /** What becomes of those who leave, should their streams not come to an end by themselves. */
  readonly #timers = new Map<Connection, Cancel>()
  /** Streams that came while nobody may come. They count as connections. */
  readonly #waiting = new Set<Duplex>()
  /** Connections that were refused. They do not count, and nor do streams that were sent away. */
  readonly #refused = new Set<Connection>()
  #sentAway = 0
  #keys = 0
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
  come(stream: Duplex, peer: Peer, attachedBy?: PluginInstance): void {
    this.#guarded(peer, attachedBy, () => this.#come(stream, peer, attachedBy))
  }

  /** Makes a connection leave. Only the first reason counts. */
  leave(connection: Connection, reason: string): void {
    // What can no longer be sent waits for nobody, whatever the leaving itself waits for.
    if (AT_ONCE.has(reason)) connection.outbox.drop()
    if (connection.left) return
    const { gate } = this.#setting.connection
    if (gate.closed) return gate.pass(() => this.leave(connection, reason))
    const wasClient = this.#takeOut(connection)
    this.#seeOff(connection, reason, wasClient)
  }

  /** The stream of a connection is closed. */
  closed(connection: Connection): void {
    if (connection.closing || connection.gone) return
    const { gate } = this.#setting.connection
    if (gate.closed) return gate.pass(() => this.closed(connection))
    this.#cancelTimer(connection)
    connection.phase = Phase.Gone
    connection.outbox.drop()
    connection.states = undefined
    this.connections.delete(connection)
    this.#refused.delete(connection)
    if (this.#byId.get(connection.id) === connection) this.#byId.delete(connection.id)
    if (this.connections.size === 0) this.#onGone?.()
  }

  /** Makes every connection leave, for good. All are out before the first is seen off: nobody is told of thousands who leave. */
  leaveAll(): void {
    this.#stopping = true
    const out = new Map<Connection, boolean>()
    for (const connection of this.connections) {
      if (!connection.left) out.set(connection, this.#takeOut(connection))
    }
    for (const [connection, wasClient] of out) this.#seeOff(connection, 'shutdown', wasClient)
  }

  /** Calls back once all connections are gone. */
  whenGone(done: () => void): void {
    if (this.connections.size === 0) done()
    else this.#onGone = done
  }

  /** Connections that count: all but those that have been refused. */
  get #taken(): number {
    return this.connections.size - this.#refused.size + this.#waiting.size
  }

  /**
   * Whether one more may be given time to read why it may not stay. Each takes a descriptor that is kept back for other
   * things; beyond these a connection is closed as soon as the message is in the kernel's hands.
   */
  get #mayLinger(): boolean {
    const most = Math.min(SENT_AWAY_AT_A_TIME, this.#setting.limits.reservedDescriptors / 2)
    return this.#refused.size + this.#sentAway < most
  }

  #come(stream: Duplex, peer: Peer, bringer: PluginInstance | undefined): void {
    const { accepts, hooks, log, limits, connection: setting } = this.#setting
    if (!accepts()) return discard(stream)
    if (this.#taken >= limits.clients) {
      log.came(peer.label, bringer?.name)
      log.refused(peer.label, `the server is full with ${limits.clients} clients`)
      this.#sendAway(stream, peer, bringer)
      return
    }
    if (setting.gate.closed) return this.#comeLater(stream, peer, bringer)
    const attachedBy = bringer && this.#setting.heirOf(bringer)
    // It went while the stream waited.
    if (bringer !== undefined && attachedBy === undefined) return discard(stream)
    log.came(peer.label, attachedBy?.name)
    // A stream that is over never says so again.
    if (stream.destroyed || stream.writableEnded) {
      discard(stream)
      return log.lost()
    }
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

  #comeLater(stream: Duplex, peer: Peer, attachedBy: PluginInstance | undefined): void {
    const go = (): void => void this.#waiting.delete(stream)
    // It may break while it waits.
    stream.on('error', () => {}).on('close', go)
    this.#waiting.add(stream)
    this.#setting.connection.gate.pass(() =>
      this.#guarded(peer, attachedBy, () => {
        go()
        stream.off('close', go)
        this.#come(stream, peer, attachedBy)
      }),
    )
  }

  /** Does something with a stream that is no connection yet: one that a plugin has brought may be anything. */
  #guarded({ label }: Peer, attachedBy: PluginInstance | undefined, run: () => void): void {
    try {
      run()
    } catch (cause) {
      if (attachedBy === undefined) throw cause
      this.#setting.broke(attachedBy, label, cause)
    }
  }

  /** Tells one who does not even become a connection. */
  #sendAway(stream: Duplex, peer: Peer, attachedBy: PluginInstance | undefined): void {
    const message = 'the server is full, try again later'
    stream.on('error', () => {})
    if (!this.#mayLinger) {
      stream.write(`${message}\r\n`)
      stream.destroy()
      return
    }
    // What it sends is read and thrown away: closing on unread bytes could reset it before it has read the message.
    stream.resume()
    stream.end(`${message}\r\n`)
    const cancel = this.#clock.setTimeout(() => {
      gone()
      this.#guarded(peer, attachedBy, () => stream.off('close', gone).destroy())
    }, LINGER)
    const gone = (): void => {
      cancel()
      this.#sentAway--
    }
    stream.once('close', gone)
    this.#sentAway++
  }

  #connect(stream: Duplex, peer: Peer, attachedBy: PluginInstance | undefined): Connection {
    const key = ++this.#keys
    const { label } = peer
    // A label that looks like one with a number gets a number too, so that what ends in one has that key.
    const id = this.#byId.has(label) || NUMBERED.test(label) ? `${label}#${key}` : label
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
    const { delivery } = this.#setting.connection
    const lingers = this.#mayLinger
    this.#refused.add(connection)
    connection.send(message)
    this.#setting.log.refused(connection.id, safeText(message))
    this.leave(connection, REFUSED)
    if (lingers) return
    delivery.flush()
    delivery.whenFlushed(() => this.#destroy(connection))
  }

  /** Takes a connection out of all audiences. Returns whether it was a client. */
  #takeOut(connection: Connection): boolean {
    const { conductor, delivery } = this.#setting.connection
    const wasClient = connection.phase === Phase.Open
    connection.phase = Phase.Leaving
    connection.abandon?.()
    for (const group of connection.groups) delivery.leave(group, connection)
    connection.groups.clear()
    conductor.pump(connection)
    return wasClient
  }

  #seeOff(connection: Connection, reason: string, wasClient: boolean): void {
    const { hooks, log, ended } = this.#setting
    const orderly = !AT_ONCE.has(reason)
    if (reason !== REFUSED) log.closing(connection.id, reason)
    if (!wasClient) return this.#drain(connection, orderly)
    connection.closing = true
    hooks.close.callAsync(Object.freeze({ client: connection.client, reason, orderly }), () => {
      connection.closing = false
      this.#drain(connection, orderly)
      ended()
    })
  }

  /** Sends what is queued and ends the stream; whoever does not take it in time loses it. */
  #drain(connection: Connection, orderly: boolean): void {
    if (connection.streamClosed) return this.closed(connection)
    if (!orderly) return this.#destroy(connection)
    connection.updateReading()
    this.#after(DRAIN, connection, () => this.#destroy(connection))
    const linger = (): void => {
      if (!this.#timers.has(connection)) return
      const time = this.#stopping ? STOP_LINGER : LINGER
      this.#after(time, connection, () => this.#destroy(connection))
    }
    this.#setting.connection.delivery.whenFlushed(() =>
      connection.outbox.whenEmpty(() => connection.end(linger)),
    )
  }

  /** Closes the stream. One that never says that it is closed counts as closed after a while. */
  #destroy(connection: Connection): void {
    if (connection.gone) return
    connection.destroy()
    this.#after(LINGER, connection, () => this.closed(connection))
  }

  #after(milliseconds: number, connection: Connection, run: () => void): void {
    this.#cancelTimer(connection)
    this.#timers.set(connection, this.#clock.setTimeout(run, milliseconds))
  }

  #cancelTimer(connection: Connection): void {
    this.#timers.get(connection)?.()
    this.#timers.delete(connection)
  }
}

/** Closes a stream that becomes no connection. What is wrong with it is nobody's fault any more. */
function discard(stream: Duplex): void {
  stream.on('error', () => {})
  stream.destroy()
}
