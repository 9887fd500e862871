/** Operations on a running host, requested by a signal, a changed file or the control socket. */
import type { Change } from '../lifecycle/reload-plan.ts'
import { ChatError, describe, errors } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import type { Config } from './config.ts'
import type { ChatHost } from './host.ts'
import type { HostReport } from './inspect.ts'

/** A request to a running host. */
export interface Request {
  readonly command: 'reload' | 'inspect' | 'on' | 'off'
  /** The plugin, for `on` and `off`. */
  readonly plugin?: string | undefined
  /** For `inspect`. */
  readonly timings?: boolean | undefined
}

export interface Operations {
  /** Reads the config and applies it; resolves to a text that says what has changed. Rejects with nothing changed. */
  reload(): Promise<string>
  /** Performs a request; resolves to a text, or to a report. */
  answer(request: Request): Promise<string | HostReport>
}

export interface OperationsParts {
  readonly host: ChatHost
  readonly log: Log
  readonly load: () => Promise<Config>
  /** Resolves once the host has started: nothing is done earlier. */
  readonly ready: Promise<void>
  /** The port that it listens on. */
  readonly port: () => number
}

export function createOperations({ host, log, load, ready, port }: OperationsParts): Operations {
  const logger = log.of('multiecho')
  let last: Promise<unknown> = ready
  /** A reload that has not begun and is last in the queue: further requests to reload share it. */
  let waiting: Promise<string> | undefined

  /** One change at a time, including the loading of the config: each begins with the result of the previous one. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    waiting = undefined
    const done = last.then(run)
    last = done.catch(() => {})
    return done
  }

  async function read(): Promise<string> {
    try {
      const next = await load()
      const file = next.file ?? 'the defaults'
      const change = inWords(await host.reload(next))
      const text = [`reloaded ${file}: ${change}`, ...fixed(host.config, next, port())].join('\n')
      for (const line of text.split('\n')) logger.info(line)
      return text
    } catch (error) {
      const refused = notDone(error, 'not reloaded')
      for (const line of refused.message.split('\n')) logger.error(line)
      throw refused
    }
  }

  function reload(): Promise<string> {
    if (waiting !== undefined) return waiting
    const asked = inTurn(() => {
      if (waiting === asked) waiting = undefined
      return read()
    })
    waiting = asked
    return asked
  }

  async function turn(plugin: unknown, on: boolean): Promise<string> {
    if (typeof plugin !== 'string') throw errors.requestInvalid('expected the name of a plugin')
    const state = on ? 'on' : 'off'
    const { added, removed } = await host.switchPlugin(plugin, on).catch((error: unknown) => {
      throw notDone(error, `${plugin} was not switched ${state}`)
    })
    if (added.length + removed.length === 0) return `${plugin} is ${state} already`
    const text = `${plugin} is ${state}`
    logger.info(`plugin ${text}`)
    return text
  }

  return {
    reload,
    async answer(request) {
      await ready
      switch (request?.command) {
        case 'reload':
          return reload()
        case 'on':
        case 'off':
          return inTurn(() => turn(request.plugin, request.command === 'on'))
        case 'inspect':
          return host.inspect({ timings: request.timings === true })
        default:
          throw errors.requestInvalid('expected the command reload, inspect, on or off')
      }
    },
  }
}

/** Prefixes an error with the statement that nothing was changed, unless it says so itself. */
function notDone(error: unknown, what: string): ChatError {
  if (!(error instanceof ChatError)) return errors.reloadFailed(describe(error), error)
  const saysSo = error.code === 'PLUGIN_UNKNOWN' || error.code === 'PLUGIN_REQUIRED'
  return saysSo ? error : errors.notDone(error, what)
}

function inWords({ changed, added, removed, renewed, unchanged }: Change): string {
  const parts = Object.entries({ changed, added, removed })
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.join(', ')}`)
  if (renewed.length > 0) parts.push(`set up again with them ${renewed.join(', ')}`)
  return [...parts, `unchanged ${unchanged.length}`].join('; ')
}

/** Settings of the new config that cannot change while running. */
function fixed(now: Config, next: Config, port: number): string[] {
  const stays = (key: string, value: unknown): string =>
    `${key} cannot change while running; it stays ${String(value)}`
  return [
    ...(next.port === now.port || next.port === port ? [] : [stays('port', port)]),
    ...(next.host === now.host ? [] : [stays('host', now.host)]),
    ...(next.control === now.control ? [] : [stays('control', now.control)]),
    ...(next.data === now.data ? [] : [stays('data', now.data)]),
  ]
}
