/** `logging`: writes the log to a file or to standard output, in the original layout or as pino's lines of JSON. */
import { definePlugin, z, type LogSink } from '../core/index.ts'
import { lineOf, openLogFile, type LogFormat } from './log-file.ts'

const DEFAULT_FILE = 'chat.log'

export const logging = definePlugin({
  name: 'logging',
  apiVersion: 1,
  options: z
    .strictObject({
      /** The file that the log is appended to, relative to the working directory; `-` is standard output. */
      file: z.string().min(1).default(DEFAULT_FILE),
      /** `text` is `2018/08/15 12:55:37 tcpserver: new connection 127.0.0.1:56144`; `json` is pino's. */
      format: z.enum(['text', 'json']).default('text'),
      /** Records below this level are not written. */
      level: z.enum(['debug', 'info', 'warn', 'error', 'fatal']).default('info'),
      /** Whether each delivered line is logged, before anyone sees it. */
      lines: z.boolean().default(false),
    })
    .prefault({}),
  setup(host, { file, format, level, lines }) {
    if (lines) {
      host.hooks.settled.tap('lines', (settled) => {
        if (settled.hook !== 'line' || settled.verdict.kind !== 'deliver') return
        const { client, text } = settled.event
        host.log.info(`(${client.name}) ${text}`, { id: client.id })
      })
    }
    // The tests of other plugins must not leave a file where they happen to run.
    if (host.testing && file === DEFAULT_FILE) return
    const losses = host.keep('losses', () => ({ records: 0 }))
    host.onStart(() => {
      if (file === '-') return host.addLogSink({ level, ...standardOutput(format) })
      const warn = (text: string): void => void process.stderr.write(text)
      const logFile = openLogFile(file, format, losses, warn, () => host.now())
      host.addLogSink({ level, ...logFile })
      host.setInterval(logFile.check, CHECK_INTERVAL)
    })
  },
})

/** Milliseconds between checks that the file still exists and can be written to. */
const CHECK_INTERVAL = 500

function standardOutput(format: LogFormat): LogSink {
  return {
    onTerminal: process.stdout.isTTY,
    write: (record) => void process.stdout.write(`${lineOf(record, format)}\n`),
  }
}
