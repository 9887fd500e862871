/** The tap registry of each hook, with the rules for its taps' answers. */
import type { CurrentLine } from './current-line.ts'
import type {
  ConnectEvent,
  CloseEvent,
  CommandEvent,
  MessageEvent,
  SettledEvent,
  ShutdownEvent,
} from './events.ts'
import type { PluginHooks, Hooks } from './hooks.ts'
import type { Isolation } from './isolation.ts'
import { TapRegistry } from './tap-registry.ts'
import { checkLineKind, checkLineVerdict, checkRefusal, drop, refuse } from './verdicts.ts'

/** Milliseconds for a tap to answer: while a client waits, and while the host or a client is leaving. */
const ANSWER = 5000
const FAREWELL = 1000

export interface TapRegistries {
  readonly connect: TapRegistry<ConnectEvent, PluginHooks['connect']>
  readonly line: TapRegistry<CurrentLine, PluginHooks['line']>
  readonly command: TapRegistry<CommandEvent, PluginHooks['command']>
  readonly settled: TapRegistry<SettledEvent, PluginHooks['settled']>
  readonly message: TapRegistry<MessageEvent, PluginHooks['message']>
  readonly close: TapRegistry<CloseEvent, PluginHooks['close']>
  readonly shutdown: TapRegistry<ShutdownEvent, PluginHooks['shutdown']>
}

export function createTapRegistries(hooks: Hooks, isolation: Isolation): TapRegistries {
  const refusing = { timeout: ANSWER, verdict: checkRefusal, failure: checkRefusal }
  return {
    connect: new TapRegistry(
      'connect',
      hooks.connect,
      { ...refusing, closed: refuse('you cannot join right now') },
      isolation,
    ),
    line: new TapRegistry(
      'line',
      hooks.line,
      {
        timeout: ANSWER,
        verdict: (answer, event) => checkLineVerdict(answer, event.client),
        failure: checkLineKind,
        closed: drop('its guard failed'),
        propose: (event) => event.propose(),
        check: (event) => event.check(),
        accept: (event) => event.accept(),
      },
      isolation,
    ),
    command: new TapRegistry(
      'command',
      hooks.command,
      { ...refusing, closed: refuse('this cannot be done right now') },
      isolation,
    ),
    settled: new TapRegistry('settled', hooks.settled, { timeout: ANSWER }, isolation),
    message: new TapRegistry('message', hooks.message, { timeout: ANSWER }, isolation),
    close: new TapRegistry('close', hooks.close, { timeout: FAREWELL }, isolation),
    shutdown: new TapRegistry(
      'shutdown',
      hooks.shutdown,
      { timeout: FAREWELL, reverse: true },
      isolation,
    ),
  }
}
