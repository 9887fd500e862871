/**
 * The chat: its sessions and the path of their lines, put together. Bytes from a connection wake the pump, which takes
 * lines and runs them through the hooks; accepted lines go to the delivery.
 */
import { everyoneIn, type ChosenAudience } from '../clients/audience.ts'
import type { Client } from '../clients/client.ts'
import { ConnectionLog } from '../clients/connection-log.ts'
import type { CommandRegistry } from '../commands/commands.ts'
import { Backlogs, type BacklogLimits } from '../delivery/backlogs.ts'
import { Delivery } from '../delivery/delivery.ts'
import { Group } from '../delivery/recipient-groups.ts'
import type { Hooks } from '../hooks/hooks.ts'
import type { Isolation } from '../hooks/isolation.ts'
import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { Pause } from '../support/pause.ts'
import type { LineLimits } from '../telnet/line-buffer.ts'
import { createLines, type SaidLine } from './lines.ts'
import { Messages } from './messages.ts'
import { PendingLines } from './pending-lines.ts'
import { createPump } from './pump.ts'
import type { Session } from './session.ts'
import { Sessions, type SessionsParts } from './sessions.ts'

export interface ChatParts extends Pick<SessionsParts, 'successorOf'> {
  readonly hooks: Hooks
  readonly commands: CommandRegistry
  readonly isolation: Isolation
  readonly pause: Pause
  readonly clock: Clock
  readonly log: Log
  /** Read whenever they are needed, so that a reload can change them. */
  readonly limits: LineLimits & BacklogLimits & SessionsParts['limits']
  readonly setting: () => { readonly unknownCommand: 'hint' | 'echo' }
}

export interface Chat {
  /** Says a line for a client; `done` is given whether it was delivered. */
  say(client: Client, line: SaidLine, done: (delivered: boolean) => void): void
  readonly sessions: Sessions
  readonly pending: PendingLines
  readonly messages: Messages
  readonly delivery: Delivery
  readonly backlogs: Backlogs
  readonly log: ConnectionLog
  /** The clients, as a group that is sent lines. */
  readonly group: Group
  readonly everyone: ChosenAudience
}

export function createChat(parts: ChatParts): Chat {
  const { hooks, commands, isolation, pause, clock, limits, setting } = parts
  const all = new Set<Session>()
  const log = new ConnectionLog(parts.log, clock)
  const delivery = new Delivery()
  const backlogs = new Backlogs(limits, clock)
  const group = new Group()
  const everyone = everyoneIn(group)
  const messages = new Messages({ hooks, delivery, date: () => clock.date() })
  const pending = new PendingLines(all)
  const lines = createLines({ hooks, commands, messages, everyone, isolation, setting })
  const pump = createPump({ runLine: lines.run, limits, log, pending })
  const sessions = new Sessions(all, {
    hooks,
    everyone: group,
    connection: {
      limits,
      delivery,
      sendLine: (line, to) => messages.acceptPrivate(line, to),
      backlogs,
      clock,
      pause,
    },
    pump,
    messages,
    pending,
    isolation,
    log,
    limits,
    successorOf: parts.successorOf,
  })
  function say(client: Client, line: SaidLine, done: (delivered: boolean) => void): void {
    pause.whenOver(() => {
      const session = sessions.sessionOf(client)
      if (session === undefined) return done(false)
      lines.say(session, line, (delivered) => {
        done(delivered)
        pending.check()
      })
    })
  }

  return { say, sessions, pending, messages, delivery, backlogs, log, group, everyone }
}
