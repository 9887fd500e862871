/** The schema of the config file, with every default; docs/reference/config.md has the same list. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { PLUGIN, type Plugin } from '../lifecycle/define-plugin.ts'
import { validatePlugins, type ValidatedPlugin } from '../lifecycle/validate-plugins.ts'
import { problemsOf } from '../support/config-issues.ts'
import { errors, show, type Problem } from '../support/errors.ts'

const bytes = z.int().min(1)
/** At most what a timer can wait. */
const milliseconds = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i

export const portSchema = z.int().min(0).max(65535)
export const hostSchema = z
  .string()
  .refine((host) => isIP(host) > 0 || (HOST_NAME.test(host) && !/^[\d.]+$/.test(host)), {
    error: ({ input }) =>
      `expected an address of this machine, such as 0.0.0.0, 127.0.0.1 or ::, or a host name, found ${show(input)}`,
  })

/** The default path of the control socket, relative to the folder in which the host was started. */
export const CONTROL_PATH = '.multiecho.sock'

/** The folder in which plugins store what outlives the process, from that of the config file. */
const DATA_PATH = 'chat.data'

const schema = z.strictObject({
  /** TCP port to listen on; 0 is any free one. */
  port: portSchema.default(0),
  /** Address to listen on. */
  host: hostSchema.default('0.0.0.0'),
  plugins: z.unknown().optional(),
  /** Path of the control socket; false for none. */
  control: z.union([z.string().min(1), z.literal(false)]).default(CONTROL_PATH),
  /** Path of the folder in which plugins store things, from that of the config file. */
  data: z.string().min(1).default(DATA_PATH),
  /** What happens to `/word` when there is no such command: a hint to the sender, or it is sent as a line. */
  unknownCommand: z.enum(['hint', 'echo']).default('hint'),
  limits: z
    .strictObject({
      /** Concurrent clients. */
      clients: z.int().min(1).default(10_000),
      /** File descriptors reserved for other uses than clients; where descriptors are scarce, fewer clients fit. */
      reservedDescriptors: z.int().min(0).default(32),
      /** Milliseconds without input after which a client is closed; never when left out. */
      idle: milliseconds.min(1000).optional(),
      /** Bytes of a line; longer ones are refused. */
      line: bytes.default(4096),
      /** Bytes without a line end after which a client is closed. */
      unterminated: bytes.default(64 * 1024),
      /** Bytes waiting for a client above which its own input is paused. */
      backlogSoft: bytes.default(256 * 1024),
      /** Bytes waiting for a client above which it is closed. */
      backlogHard: bytes.default(1024 * 1024),
      /** Bytes waiting for all clients together above which the largest backlogs are closed. */
      backlogTotal: bytes.default(256 * 1024 * 1024),
      /** Milliseconds above `backlogSoft` without a completed write after which a client is closed. */
      writeDeadline: milliseconds.default(30_000),
    })
    .refine(({ line, unterminated }) => line <= unterminated, {
      path: ['line'],
      error: 'must not be larger than limits.unterminated',
    })
    .refine(({ backlogSoft, backlogHard }) => backlogSoft < backlogHard, {
      path: ['backlogSoft'],
      error: 'must be smaller than limits.backlogHard',
    })
    .prefault({}),
  /**
   * Failures of a plugin within a minute after which it is unloaded; never when left out, since a stranger who can make
   * a plugin fail could then unload it.
   */
  unloadAfterFaults: z.int().min(1).optional(),
  /** Milliseconds within which the host stops, whatever clients and plugins do. */
  stopDeadline: milliseconds.default(2000),
})

type MaybePlugin = Plugin | false | null | readonly MaybePlugin[]

/** What `chat.config.ts` exports. */
export type ConfigInput = Omit<z.input<typeof schema>, 'plugins'> & {
  /** In order; `false` and `null` are skipped and arrays flattened. The built-in ones when left out. */
  readonly plugins?: readonly MaybePlugin[] | undefined
}

export type Settings = Omit<z.output<typeof schema>, 'plugins'>

/** A config that has been validated as a whole. */
export interface Config extends Settings {
  /** The file that it was read from. */
  readonly file: string | undefined
  readonly plugins: readonly ValidatedPlugin[]
}

/** Returns the config unchanged; gives editors its type. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config
}

/** Validates a whole config. Throws `CONFIG_INVALID` with every problem found. */
export function checkConfig(
  input: unknown,
  file: string | undefined,
  defaultPlugins: readonly Plugin[],
): Config {
  if (isPlugins(input)) {
    const message =
      'expected a config, an object with plugins, found only plugins; write { plugins: [ … ] }'
    throw errors.configInvalid(file, [{ path: '', message }])
  }
  const parsed = schema.safeParse(input)
  const problems: Problem[] = parsed.success ? [] : problemsOf(parsed.error, schema, input, '')
  const listed = isRecord(input) ? input['plugins'] : undefined
  const checked = validatePlugins(listed === undefined ? defaultPlugins : listed)
  problems.push(...checked.problems)
  if (!parsed.success || problems.length > 0) throw errors.configInvalid(file, problems)
  return { ...parsed.data, file, plugins: checked.plugins }
}

/** Whether it is a plugin or a list of them, even one that was spread into an object, as the test kit does. */
function isPlugins(input: unknown): boolean {
  return isRecord(input) && (Array.isArray(input) || PLUGIN in input || '0' in input)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
