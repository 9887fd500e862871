/** A ledger of taps for each hook, with what the hook makes of its taps' answers. */
import type {
  ConnectEvent,
  CloseEvent,
  CommandEvent,
  SettledEvent,
  ShutdownEvent,
} from './events.ts'
import type { PluginHooks, Hooks } from './hooks.ts'
import type { Isolation } from './isolation.ts'
import type { CurrentLine } from './line-event.ts'
import { TapLedger } from './tap-registry.ts'
import { checkLineKind, checkLineVerdict, checkRefusal, drop, refuse } from './verdicts.ts'

/** Milliseconds that a tap has to answer: while a client waits for it, and while the host or a client leaves. */
const ANSWER = 5000
const FAREWELL = 1000

export interface Ledgers {
  readonly connect: TapLedger<ConnectEvent, PluginHooks['connect']>
  readonly line: TapLedger<CurrentLine, PluginHooks['line']>
  readonly command: TapLedger<CommandEvent, PluginHooks['command']>
  readonly settled: TapLedger<SettledEvent, PluginHooks['settled']>
  readonly close: TapLedger<CloseEvent, PluginHooks['close']>
  readonly shutdown: TapLedger<ShutdownEvent, PluginHooks['shutdown']>
}

export function createLedgers(hooks: Hooks, isolation: Isolation): Ledgers {
  const refusing = { timeout: ANSWER, verdict: checkRefusal, failure: checkRefusal }
  return {
    connect: new TapLedger(
      'connect',
      hooks.connect,
      { ...refusing, closed: refuse('you cannot be let in now') },
      isolation,
    ),
    line: new TapLedger(
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
    command: new TapLedger(
      'command',
      hooks.command,
      { ...refusing, closed: refuse('it cannot be done now') },
      isolation,
    ),
    settled: new TapLedger('settled', hooks.settled, { timeout: ANSWER }, isolation),
    close: new TapLedger('close', hooks.close, { timeout: FAREWELL }, isolation),
    shutdown: new TapLedger(
      'shutdown',
      hooks.shutdown,
      { timeout: FAREWELL, reverse: true },
      isolation,
    ),
  }
}
