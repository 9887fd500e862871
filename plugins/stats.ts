/** `stats`: the table at shutdown, with a row for each visit in order of arrival. */
import stringWidth from 'string-width'
import { definePlugin, safeText, z, type Client } from '../core/index.ts'
import { MUTE } from './mute.ts'

interface Visit {
  readonly id: string
  echoed: number
  muted: number
  quit: boolean
}

/** The sums of the visits that have no row of their own. */
interface Rest {
  visits: number
  echoed: number
  muted: number
  quits: number
}

export const stats = definePlugin({
  name: 'stats',
  apiVersion: 1,
  options: z
    .strictObject({
      /** Visits with a row each; further ones share one row with their sums. */
      rows: z.int().min(0).default(10_000),
      /** The stream that the table is written to; standard output when left out. */
      output: z
        .custom<{ write(text: string): unknown }>(isWritable, {
          error: 'expected a writable stream',
        })
        .optional(),
    })
    .prefault({}),
  setup(host, { rows, output = host.testing ? undefined : process.stdout }) {
    const visits = host.keep('visits', (): Visit[] => [])
    const rest = host.keep('rest', (): Rest => ({ visits: 0, echoed: 0, muted: 0, quits: 0 }))
    const visitOf = host.clientState<{ visit: Visit | undefined }>(() => ({ visit: undefined }), {
      keep: 'visit',
    })

    function begin(client: Client): void {
      const state = visitOf.get(client)
      if (visits.length >= rows) {
        rest.visits++
        return
      }
      state.visit = { id: client.id, echoed: 0, muted: 0, quit: false }
      visits.push(state.visit)
    }

    host.hooks.settled.tap('count', (settled) => {
      const { client } = settled.event
      if (settled.hook === 'connect' && settled.verdict.kind === 'admit') {
        begin(client)
      } else if (settled.hook === 'line') {
        const count = visitOf.peek(client)?.visit ?? rest
        if (settled.verdict.kind === 'deliver') count.echoed++
        else if (settled.by === MUTE) count.muted++
      }
    })

    host.hooks.close.tap('leave', ({ client, reason }) => {
      if (reason !== 'quit') return
      const visit = visitOf.peek(client)?.visit
      if (visit === undefined) rest.quits++
      else visit.quit = true
    })

    // Clients that are already here when the plugin is started after the host.
    host.onStart(() => {
      for (const client of host.clients) if (visitOf.peek(client) === undefined) begin(client)
    })

    host.hooks.shutdown.tap('table', () => {
      const lines = table(visits, rest)
      for (const line of lines) host.log.info(line)
      output?.write(`${lines.join('\n')}\n`)
    })
  },
})

const GAP = '   '
const HEADINGS: ReadonlyArray<readonly [string, string, string]> = [
  ['', 'Messages', 'Messages'],
  ['Client ID', 'Echoed', 'Muted'],
]
/** Columns of the original table: a label of an IPv4 address and port with four or five digits, and a number. */
const ID_WIDTH = 16
const COUNT_WIDTH = 8

function table(visits: readonly Visit[], rest: Rest): string[] {
  const rows = visits.map(
    ({ id, echoed, muted, quit }) =>
      [safeText(id), String(echoed), String(muted), String(quit)] as const,
  )
  const summed = [
    `${rest.visits} more`,
    String(rest.echoed),
    String(rest.muted),
    String(rest.quits),
  ] as const
  const all = rest.visits > 0 ? [...rows, summed] : rows
  const idWidth = all.reduce((width, [id]) => Math.max(width, stringWidth(id)), ID_WIDTH)
  const line = (id: string, echoed: string, muted: string, quit: string): string =>
    [padEnd(id, idWidth), echoed.padStart(COUNT_WIDTH), muted.padStart(COUNT_WIDTH), quit]
      .join(GAP)
      .trimEnd()
  const [top, headings] = HEADINGS as [(typeof HEADINGS)[0], (typeof HEADINGS)[0]]
  return [line(...top, ''), line(...headings, 'Used /quit'), ...all.map((row) => line(...row))]
}

function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)))
}

function isWritable(value: unknown): boolean {
  return typeof (value as { write?: unknown } | null)?.write === 'function'
}
