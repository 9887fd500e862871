/** The context that a plugin is given. What it registers through it belongs to the plugin and is removed with it. */
import type { Duplex } from 'node:stream'
import type { SaidLine } from '../chat/lines.ts'
import type { Messages } from '../chat/messages.ts'
import { type Audience, type ChosenAudience, type NamedAudience } from '../clients/audience.ts'
import type { ClientStates } from '../clients/client-state.ts'
import type { Client, Clients } from '../clients/client.ts'
import type { CommandRegistry } from '../commands/commands.ts'
import type { PluginHooks } from '../hooks/hooks.ts'
import type { Isolation } from '../hooks/isolation.ts'
import type { TapRegistries } from '../hooks/tap-registries.ts'
import type { Peer } from '../net/transport.ts'
import type { Cancel, Clock } from '../support/clock.ts'
import { errors } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { whenLive, type PluginInstance } from '../support/plugin-instance.ts'
import { safeLines } from '../support/safe-text.ts'
import {
  checkAttach,
  checkAudienceName,
  checkBroadcast,
  checkFunction,
  checkKeep,
  checkKept,
  checkService,
  checkSay,
  checkSink,
  checkState,
  checkTimer,
} from './argument-checks.ts'
import type { Database } from './database.ts'
import type { PluginContext } from './plugin-context.ts'
import type { Services } from './services.ts'
import { createStore } from './store.ts'

/** The parts of the host that the context uses. */
export interface ContextParts {
  readonly registries: TapRegistries
  readonly commands: CommandRegistry
  readonly clients: Clients
  readonly everyone: ChosenAudience
  readonly audience: (name: string) => NamedAudience
  readonly messages: Messages
  readonly say: (client: Client, line: SaidLine, done: (delivered: boolean) => void) => void
  readonly states: ClientStates
  readonly services: Services
  readonly database: Database
  readonly isolation: Isolation
  readonly clock: Clock
  readonly random: () => number
  readonly testing: boolean
  readonly log: Log
  readonly accept: (stream: Duplex, peer: Peer, attachedBy: PluginInstance) => void
}

export function createContext(owner: PluginInstance, parts: ContextParts): PluginContext {
  const { clock, isolation, registries } = parts
  const alive = (): void => {
    if (!owner.active) throw errors.pluginDisposed(owner.name)
  }
  const timerFailed = (cause: unknown) => errors.timerFailed(owner.name, cause)

  const setTimeout = (run: () => unknown, milliseconds: number): Cancel => {
    alive()
    checkTimer(owner.name, 'setTimeout', run, milliseconds)
    let stop: Cancel | undefined
    let cancelled = false
    whenLive(owner, () => {
      if (cancelled) return
      const timer = clock.setTimeout(() => {
        owner.timers.delete(timer)
        isolation.detached(owner, run, undefined, timerFailed)
      }, milliseconds)
      stop = timer
      owner.timers.add(timer)
    })
    return () => {
      cancelled = true
      if (stop === undefined) return
      stop()
      owner.timers.delete(stop)
    }
  }

  return Object.freeze<PluginContext>({
    name: owner.name,
    testing: parts.testing,
    hooks: Object.freeze<PluginHooks>({
      connect: registries.connect.sideOf(owner),
      line: registries.line.sideOf(owner),
      command: registries.command.sideOf(owner),
      settled: registries.settled.sideOf(owner),
      message: registries.message.sideOf(owner),
      close: registries.close.sideOf(owner),
      shutdown: registries.shutdown.sideOf(owner),
    }),
    command(spec) {
      alive()
      parts.commands.add(owner, spec)
    },
    commands: parts.commands,
    clients: parts.clients,
    everyone: parts.everyone,
    audience(name) {
      checkAudienceName(owner.name, name)
      return parts.audience(name)
    },
    broadcast(text, options) {
      const tags = checkBroadcast(owner.name, text, options, parts.clients)
      const { to, except, author } = options ?? {}
      let audience: Audience = parts.everyone
      if (to !== undefined) audience = audience.and(to)
      if (except !== undefined) audience = audience.without(except)
      const draft = {
        kind: author === undefined ? 'notice' : 'line',
        author:
          author === undefined ? undefined : Object.freeze({ name: author, client: undefined }),
        prefix: author === undefined ? '' : `(${author}) `,
        audience: audience as ChosenAudience,
        tags,
        plugin: owner.name,
      } as const
      whenLive(owner, () => {
        for (const line of linesOf(text)) parts.messages.accept({ ...draft, text: line })
      })
    },
    say(client, text, options) {
      alive()
      const line = checkSay(owner.name, client, text, options)
      return new Promise((resolve) => {
        whenLive(owner, () => parts.say(client, line, resolve))
      })
    },
    clientState(init, options) {
      alive()
      checkState(owner.name, init, options)
      return parts.states.create(owner, init, options)
    },
    keep<T extends object>(name: string, init: () => T): T {
      checkKeep(owner.name, name, init)
      const kept = owner.kept.get(name) ?? owner.inherited?.get(name) ?? init()
      checkKept(owner.name, kept)
      owner.kept.set(name, kept)
      return kept as T
    },
    store: createStore(owner, parts.database),
    attach(stream, peer) {
      alive()
      const checked = checkAttach(owner.name, stream, peer)
      whenLive(owner, () => parts.accept(stream, checked, owner))
    },
    provide(service, implementation) {
      alive()
      checkService(owner.name, 'provide', service)
      parts.services.provide(owner, service, implementation)
    },
    inject(service) {
      checkService(owner.name, 'inject', service)
      return parts.services.inject(owner, service)
    },
    find(service) {
      checkService(owner.name, 'find', service)
      return parts.services.find(owner, service)
    },
    setTimeout,
    setInterval(run, milliseconds) {
      checkTimer(owner.name, 'setInterval', run, milliseconds)
      let cancel = (): void => {}
      const next = (): void => {
        cancel = setTimeout(() => {
          next()
          return run()
        }, milliseconds)
      }
      next()
      return () => cancel()
    },
    now: () => clock.now(),
    date: () => new Date(clock.date()),
    random: parts.random,
    signal: owner.abort.signal,
    onStart(run) {
      alive()
      checkFunction(owner.name, 'onStart', run)
      owner.starts.push(run)
    },
    onDispose(run) {
      alive()
      checkFunction(owner.name, 'onDispose', run)
      owner.disposers.push(run)
    },
    log: parts.log.of(owner.name),
    addLogSink(sink) {
      alive()
      const checked = checkSink(owner.name, sink)
      owner.sinks.push(checked)
      whenLive(owner, () => parts.log.addSink(checked))
    },
  })
}

/** A list has no lines when it is empty, while an empty text is an empty line. */
function linesOf(text: string | readonly string[]): string[] {
  return typeof text === 'string' ? safeLines(text) : text.flatMap(safeLines)
}
