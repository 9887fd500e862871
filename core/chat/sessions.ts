/**
 * Arriving and leaving: a connection is admitted by the `connect` hook, is a client while it stays, and leaves in a
 * fixed order: out of all audiences, `close` hook, what is queued for it, end of the stream, state freed.
 */
import type { Duplex } from 'node:stream'
import type { Client } from '../clients/client.ts'
import type { ConnectionLog } from '../clients/connection-log.ts'
import { Connection, Phase, type ConnectionSetting } from '../clients/connection.ts'
import type { Group } from '../delivery/recipient-groups.ts'
import { CORE, tellSettled, type Decision, type Hooks } from '../hooks/hooks.ts'
import type { Isolation } from '../hooks/isolation.ts'
import type { ConnectVerdict } from '../hooks/verdicts.ts'
import type { Peer } from '../net/transport.ts'
import { errors } from '../support/errors.ts'
import type { PluginInstance } from '../support/plugin-instance.ts'
import { safeName, safeText } from '../support/safe-text.ts'
import { AT_ONCE, Closing } from './closing.ts'
import { greetingOf } from './greeting.ts'
import type { Messages } from './messages.ts'
import type { PendingLines } from './pending-lines.ts'
import type { Pump } from './pump.ts'
import { discard, Rejections } from './rejections.ts'
import { connectionsOf, Session, type SessionEvents } from './session.ts'

/** A label that looks like an id with a number. */
const NUMBERED = /#\d+$/

/** The reason when a connection was not admitted. */
const REFUSED = 'refused'

const ADMITTED: Decision<ConnectVerdict> = { verdict: { kind: 'admit' }, by: CORE }

export interface SessionsParts {
  readonly hooks: Hooks
  readonly everyone: Group
  readonly connection: ConnectionSetting
  readonly pump: Pump
  readonly messages: Messages
  readonly pending: PendingLines
  readonly isolation: Isolation
  readonly log: ConnectionLog
  /** Read for each new connection. */
  readonly limits: { readonly clients: number; readonly reservedDescriptors: number }
  /** The running plugin that replaced one that attached a stream; undefined if none has. */
  readonly successorOf: (plugin: PluginInstance) => PluginInstance | undefined
}

export class Sessions implements SessionEvents {
  /** The connections of all sessions that are not closed, arriving and leaving ones included. */
  readonly connections: Iterable<Connection>
  readonly readable: Pump
  readonly #parts: SessionsParts
  readonly #all: Set<Session>
  readonly #closing: Closing
  readonly #rejections: Rejections
  /** By id, so that no two at a time share one. */
  readonly #byId = new Map<string, Session>()
  /** Streams that arrived during a pause. They count as connections. */
  readonly #waiting = new Set<Duplex>()
  #accepting = true
  #keys = 0
  #onGone: (() => void) | undefined

  /** `all` is filled with every session that is not closed. */
  constructor(all: Set<Session>, parts: SessionsParts) {
    const { connection, limits, pump } = parts
    this.#all = all
    this.#parts = parts
    this.readable = pump
    this.connections = connectionsOf(all)
    this.#closing = new Closing(connection.clock, connection.delivery, (one) => this.closed(one))
    this.#rejections = new Rejections(connection.clock, limits)
  }

  /** Sessions that are not closed. */
  get size(): number {
    return this.#all.size
  }

  /** The client with that id, if it has been admitted and has not left. */
  get(id: string): Client | undefined {
    const connection = this.#byId.get(id)?.connection
    return connection?.phase === Phase.Open ? connection.client : undefined
  }

  /** The session of a client that has not left. */
  sessionOf(client: Client): Session | undefined {
    const session = this.#byId.get(client.id)
    const { connection } = session ?? {}
    return connection?.client === client && connection.phase === Phase.Open ? session : undefined
  }

  /** Accepts a connection, or rejects it when the host is full. */
  accept(stream: Duplex, { label, address }: Peer, attachedBy?: PluginInstance): void {
    const peer = { label: safeName(label), address }
    this.#guarded(peer, attachedBy, () => this.#accept(stream, peer, attachedBy))
  }

  /** From now on new connections are closed at once. */
  stopAccepting(): void {
    this.#accepting = false
  }

  /** Makes a session end. Only the first reason counts. */
  leave(session: Session, reason: string): void {
    const { connection } = session
    // What can no longer be sent is dropped now, however long leaving takes.
    if (AT_ONCE.has(reason)) connection.outbox.drop()
    if (connection.left) return
    const { pause } = this.#parts.connection
    if (pause.active) return pause.whenOver(() => this.leave(session, reason))
    const wasClient = this.#takeOut(session)
    this.#finishLeaving(session, reason, wasClient)
  }

  failed(session: Session, cause: unknown): void {
    const { id, attachedBy, left } = session.connection
    if (attachedBy !== undefined && !left) this.#parts.log.failed(id, attachedBy.name, cause)
    this.leave(session, 'connection error')
  }

  broke(session: Session, cause: unknown): void {
    const { id, attachedBy } = session.connection
    if (attachedBy !== undefined) this.#reportStream(attachedBy, id, cause)
    this.leave(session, 'connection error')
  }

  closed(session: Session): void {
    const { connection } = session
    if (session.closing || connection.gone) return
    const { pause } = this.#parts.connection
    if (pause.active) return pause.whenOver(() => this.closed(session))
    this.#closing.forget(session)
    connection.phase = Phase.Gone
    connection.outbox.drop()
    connection.states = undefined
    this.#all.delete(session)
    this.#rejections.delete(session)
    if (this.#byId.get(connection.id) === session) this.#byId.delete(connection.id)
    if (this.#all.size === 0) this.#onGone?.()
    this.#parts.pending.check()
  }

  /** Continues with what was sent during a pause. */
  resume(): void {
    for (const session of this.#all) this.readable(session)
  }

  /**
   * Ends every session, for good. All are taken out of the audiences before the first `close` hook runs, so that nobody
   * is sent thousands of farewells.
   */
  leaveAll(): void {
    this.#closing.hurry()
    const out = new Map<Session, boolean>()
    for (const session of this.#all) {
      if (!session.connection.left) out.set(session, this.#takeOut(session))
    }
    for (const [session, wasClient] of out) this.#finishLeaving(session, 'shutdown', wasClient)
  }

  /** Calls back once all sessions are gone. */
  whenGone(done: () => void): void {
    if (this.#all.size === 0) done()
    else this.#onGone = done
  }

  /** Connections that count toward the limit: all but the refused ones. */
  get #taken(): number {
    return this.#all.size - this.#rejections.size + this.#waiting.size
  }

  #accept(stream: Duplex, peer: Peer, attacher: PluginInstance | undefined): void {
    const { hooks, log, limits, connection: setting, successorOf } = this.#parts
    if (!this.#accepting) return discard(stream)
    if (this.#taken >= limits.clients) {
      log.connected(peer.label, attacher?.name)
      log.refused(peer.label, `the server is full with ${limits.clients} clients`)
      const destroy = (): void => this.#guarded(peer, attacher, () => stream.destroy())
      return this.#rejections.turnAway(stream, 'the server is full, try again later', destroy)
    }
    if (setting.pause.active) return this.#acceptLater(stream, peer, attacher)
    const attachedBy = attacher && successorOf(attacher)
    // The plugin was removed while the stream waited.
    if (attacher !== undefined && attachedBy === undefined) return discard(stream)
    log.connected(peer.label, attachedBy?.name)
    // A stream that has ended emits nothing any more.
    if (stream.destroyed || stream.writableEnded) {
      discard(stream)
      return log.lost()
    }
    const session = this.#begin(stream, peer, attachedBy)
    const event = Object.freeze({ client: session.connection.client })
    const end = session.begin<Decision<ConnectVerdict>>(({ verdict, by }) => {
      if (verdict.kind === 'admit') this.#admit(session)
      tellSettled(hooks, { hook: 'connect', event, verdict, by })
      if (verdict.kind === 'refuse') this.#reject(session, verdict.message)
      this.readable(session)
    })
    session.abandon = () => end({ verdict: { kind: 'refuse', message: '' }, by: CORE })
    hooks.connect.callAsync(event, (_error, decision) => end(decision ?? ADMITTED))
  }

  #acceptLater(stream: Duplex, peer: Peer, attachedBy: PluginInstance | undefined): void {
    const go = (): void => void this.#waiting.delete(stream)
    // It may fail while it waits.
    stream.on('error', () => {}).on('close', go)
    this.#waiting.add(stream)
    this.#parts.connection.pause.whenOver(() =>
      this.#guarded(peer, attachedBy, () => {
        go()
        stream.off('close', go)
        this.#accept(stream, peer, attachedBy)
      }),
    )
  }

  /** Does something with a stream that has no session yet: one that a plugin attached may throw anything. */
  #guarded({ label }: Peer, attachedBy: PluginInstance | undefined, run: () => void): void {
    try {
      run()
    } catch (cause) {
      if (attachedBy === undefined) throw cause
      this.#reportStream(attachedBy, label, cause)
    }
  }

  #reportStream({ name }: PluginInstance, label: string, cause: unknown): void {
    this.#parts.isolation.report(errors.streamFailed(name, label, cause))
  }

  #begin(stream: Duplex, peer: Peer, attachedBy: PluginInstance | undefined): Session {
    const key = ++this.#keys
    const { label } = peer
    // A label that looks numbered gets a number too, so that the number at the end of an id is always its key.
    const id = this.#byId.has(label) || NUMBERED.test(label) ? `${label}#${key}` : label
    const setting = this.#parts.connection
    const session = new Session(
      this,
      (events) => new Connection(key, id, peer, stream, attachedBy, setting, events),
    )
    this.#all.add(session)
    this.#byId.set(id, session)
    return session
  }

  #admit({ connection }: Session): void {
    const { everyone, connection: setting } = this.#parts
    connection.phase = Phase.Open
    connection.send(greetingOf(connection.id))
    setting.delivery.join(everyone, connection)
  }

  #reject(session: Session, message: string): void {
    const { connection } = session
    if (connection.left) return
    const { delivery } = this.#parts.connection
    const lingers = this.#rejections.add(session)
    connection.send(message)
    this.#parts.log.refused(connection.id, safeText(message))
    this.leave(session, REFUSED)
    if (lingers) return
    delivery.flush()
    delivery.whenFlushed(() => this.#closing.destroy(session))
  }

  /** Takes a session out of all audiences. Returns whether it was a client's. */
  #takeOut(session: Session): boolean {
    const { connection } = session
    const wasClient = connection.phase === Phase.Open
    connection.phase = Phase.Leaving
    session.abandon?.()
    for (const abandon of session.saying) abandon()
    this.#parts.connection.delivery.leaveAll(connection)
    this.readable(session)
    return wasClient
  }

  #finishLeaving(session: Session, reason: string, wasClient: boolean): void {
    const { hooks, log, pending } = this.#parts
    const { client, id } = session.connection
    const orderly = !AT_ONCE.has(reason)
    if (reason !== REFUSED) log.closing(id, reason)
    if (!wasClient) return this.#end(session, orderly)
    session.closing = true
    hooks.close.callAsync(Object.freeze({ client, reason, orderly }), () => {
      session.closing = false
      this.#end(session, orderly)
      pending.check()
    })
  }

  #end(session: Session, orderly: boolean): void {
    if (session.connection.streamClosed) this.closed(session)
    else if (orderly) this.#parts.messages.whenAccepted(() => this.#closing.end(session))
    else this.#closing.destroy(session)
  }
}
