/**
 * The error catalogue: every error of the host is made here, by code. A message says what was expected, what was found,
 * where, and what to do. docs/reference/errors.md has an entry for each code.
 */
import { locationOf } from './error-location.ts'
import { missingFolderOf } from './missing-folder.ts'
import { safeName, safeText } from './safe-text.ts'
import { isError, stackOf, textOf } from './thrown.ts'

export type ErrorCode =
  | 'API_VERSION_WRONG'
  | 'ARGUMENT_INVALID'
  | 'AUDIENCE_INVALID'
  | 'CHECK_FAILED'
  | 'CLIENT_INVALID'
  | 'COMMAND_CONFLICT'
  | 'COMMAND_FAILED'
  | 'COMMAND_INVALID'
  | 'CONFIG_INVALID'
  | 'CONFIG_NOT_FOUND'
  | 'CONFIG_NOT_LOADED'
  | 'CONTROL_FAILED'
  | 'EVENT_INVALID'
  | 'FACTORY_NOT_CALLED'
  | 'FAULTS_UNREAD'
  | 'HOOK_FAILED'
  | 'HOOK_TIMEOUT'
  | 'LISTEN_FAILED'
  | 'NAME_INVALID'
  | 'NOT_SETTLED'
  | 'NOT_WRITTEN'
  | 'NO_ANSWER'
  | 'NO_DESCRIPTORS'
  | 'NO_HOST'
  | 'OPTION_UNKNOWN'
  | 'PLUGIN_DISPOSED'
  | 'PLUGIN_DISPOSE_FAILED'
  | 'PLUGIN_INVALID'
  | 'PLUGIN_REQUIRED'
  | 'PLUGIN_SETUP_FAILED'
  | 'PLUGIN_START_FAILED'
  | 'PLUGIN_UNKNOWN'
  | 'PREFIX_INVALID'
  | 'RELOAD_FAILED'
  | 'REQUEST_INVALID'
  | 'REQUIRES_CYCLE'
  | 'REQUIRES_MISSING'
  | 'SERVICE_CONFLICT'
  | 'SERVICE_MISSING'
  | 'STORE_FAILED'
  | 'STREAM_FAILED'
  | 'TAP_INVALID'
  | 'TIMER_FAILED'
  | 'USAGE'
  | 'VERDICT_INVALID'

/** An error of the host. Distinguish errors by `code`, not by class: a plugin may bring another copy of the host. */
export class ChatError extends Error {
  readonly code: ErrorCode
  /** The plugin that caused it, if one did. */
  readonly plugin: string | undefined
  /** The hook, or the part of the plugin, in which it happened. */
  readonly hook: string | undefined

  constructor(
    code: ErrorCode,
    message: string,
    where: { plugin?: string | undefined; hook?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, 'cause' in where ? { cause: where.cause } : undefined)
    this.name = 'ChatError'
    this.code = code
    this.plugin = where.plugin
    this.hook = where.hook
  }
}

/** A problem of the config: where, such as `plugins[3] (dice): sides`, and what is wrong. */
export interface Problem {
  readonly path: string
  readonly message: string
  /** The kind of problem, when it is more specific than an invalid config. */
  readonly code?: ErrorCode | undefined
}

/** All problems of a config, found in one pass. */
export class ConfigError extends ChatError {
  readonly file: string | undefined
  readonly problems: readonly Problem[]

  constructor(code: ErrorCode, file: string | undefined, problems: readonly Problem[]) {
    super(code, configMessage(file, problems))
    this.file = file
    this.problems = problems
  }
}

/** A finding of `checkPlugin`: the part of the check, and what is wrong, with what to do. */
export interface Finding {
  readonly part:
    | 'load'
    | 'setup'
    | 'example'
    | 'fault'
    | 'leaving'
    | 'audience'
    | 'hold'
    | 'late'
    | 'listeners'
    | 'handles'
    | 'rejection'
    | 'memory'
  readonly message: string
}

/** All findings of `checkPlugin`. */
export class CheckError extends ChatError {
  readonly findings: readonly Finding[]

  constructor(plugin: string, findings: readonly Finding[]) {
    const count = `${findings.length} finding${findings.length === 1 ? '' : 's'}`
    const lines = findings.map(({ part, message }) => `  ${part}: ${message}`)
    super('CHECK_FAILED', [`${plugin}: ${count}`, ...lines].join('\n'), { plugin })
    this.findings = findings
  }
}

const NOT_RELOADED = 'not reloaded: '

export const errors = {
  /** `method` is the method that was called, such as `host.broadcast`. */
  argumentInvalid: (method: string, problem: string, plugin?: string) =>
    new ChatError(
      'ARGUMENT_INVALID',
      `${method}: ${problem}`,
      plugin === undefined ? {} : { plugin },
    ),

  /** An error that a running host answered; it may be of another version. */
  answered: (code: string, message: string) => new ChatError(code as ErrorCode, message),

  audienceInvalid: (found: unknown) =>
    new ChatError(
      'AUDIENCE_INVALID',
      `expected an audience made by the host, found ${show(found)}; narrow event.audience with without() or and()`,
    ),

  checkFailed: (plugin: string, findings: readonly Finding[]) => new CheckError(plugin, findings),

  clientInvalid: (found: unknown, expected = 'a client of this host') =>
    new ChatError(
      'CLIENT_INVALID',
      `expected ${expected}, found ${show(found)}; host.clients.get(id) finds one by its id`,
    ),

  commandAnswer: (plugin: string, name: string, found: unknown) =>
    new ChatError(
      'COMMAND_FAILED',
      `/${name}: expected run to return a text, a list of texts or nothing, found ${show(found)}; convert it to a text, or return nothing`,
      { plugin, hook: `/${name}` },
    ),

  commandConflict: (word: string, plugin: string, owner: string) =>
    new ChatError(
      'COMMAND_CONFLICT',
      `the command /${word} is taken by the plugin ${owner}; rename one of the two`,
      { plugin },
    ),

  commandFailed: (plugin: string, name: string, cause: unknown) =>
    new ChatError('COMMAND_FAILED', `/${name} failed: ${describeWithLocation(cause)}`, {
      plugin,
      hook: `/${name}`,
      cause,
    }),

  commandInvalid: (plugin: string, name: unknown, problem: string) =>
    new ChatError('COMMAND_INVALID', `command ${show(name)}: ${problem}`, { plugin }),

  configInvalid: (file: string | undefined, problems: readonly Problem[]) =>
    new ConfigError('CONFIG_INVALID', file, problems),

  configNotFound: (file: string) =>
    new ConfigError('CONFIG_NOT_FOUND', file, [
      {
        path: '',
        message:
          'there is no such file; name another one with --config FILE, or leave the option out to run the default plugins',
      },
    ]),

  /** `names` are files of one folder that each look like its config. */
  configUnclear: (names: readonly string[]) =>
    new ConfigError('CONFIG_NOT_FOUND', undefined, [
      {
        path: '',
        message: `${names.map(safeText).join(' and ')} are both here, but the chat has one config; remove the others, or name one with --config FILE`,
      },
    ]),

  /** `right` is the correct name, if the name is all that is wrong. */
  configMisnamed: (name: string, right: string | undefined) =>
    new ConfigError('CONFIG_NOT_FOUND', name, [
      {
        path: '',
        message:
          right === undefined
            ? 'a config is TypeScript, JavaScript or JSON; write it as chat.config.ts, and remove this file'
            : `a config is only found when it is called ${right}; rename it, or name it with --config FILE`,
      },
    ]),

  configUnknown: (problem: string) =>
    new ConfigError('CONFIG_NOT_FOUND', undefined, [
      {
        path: '',
        message: `cannot tell whether this folder has one: ${problem}; start in another folder, or name the file with --config FILE`,
      },
    ]),

  configGone: (file: string) =>
    new ConfigError('CONFIG_NOT_FOUND', file, [
      { path: '', message: 'the config file is gone; put it back, and reload again' },
    ]),

  /** `file` is the config file, or the location in what it imports. */
  configNotLoaded: (file: string, message: string) =>
    new ConfigError('CONFIG_NOT_LOADED', file, [{ path: '', message }]),

  controlFailed: (path: string, problem: string, cause?: unknown) =>
    new ChatError('CONTROL_FAILED', `control socket ${safeText(path)}: ${problem}`, { cause }),

  eventInvalid: (problem: string) => new ChatError('EVENT_INVALID', problem),

  faultsUnread: (fault: ChatError) =>
    new ChatError(
      'FAULTS_UNREAD',
      `failures of plugins were not taken: ${fault.plugin ?? '?'}: ${fault.message}; fix the plugin, or take them with takeErrors() where they are expected`,
    ),

  hookFailed: (plugin: string, hook: string, cause: unknown, tap?: Labelled) =>
    new ChatError('HOOK_FAILED', `${labelled(hook, tap)}: ${describeWithLocation(cause)}`, {
      plugin,
      hook,
      cause,
    }),

  /** `tap` is left out when it was not a tap that timed out. */
  hookTimeout: (plugin: string, hook: string, milliseconds: number, tap?: Labelled) =>
    new ChatError(
      'HOOK_TIMEOUT',
      `${labelled(hook, tap)}: no answer within ${milliseconds} ms, so it was abandoned; answer sooner${tap === undefined ? '' : ', or give the tap a longer timeout'}`,
      { plugin, hook },
    ),

  stopTimeout: (plugin: string, hook: string, tap?: Labelled) =>
    new ChatError(
      'HOOK_TIMEOUT',
      `${labelled(hook, tap)}: no answer before the host had to stop, so it was abandoned`,
      { plugin, hook },
    ),

  /** For the last of several timeouts in a row. */
  tapSkipped: (
    { message, plugin, hook }: ChatError,
    times: number,
    milliseconds: number,
    answers: boolean,
  ) =>
    new ChatError(
      'HOOK_TIMEOUT',
      `${message}; that is ${times} times in a row: it is skipped for ${milliseconds / 1000} s${answers ? ', and its onFailure answers meanwhile' : ''}`,
      { plugin, hook },
    ),

  listenFailed: (message: string, cause: unknown) =>
    new ChatError('LISTEN_FAILED', message, { cause }),

  nameInvalid: (found: unknown) =>
    new ChatError(
      'NAME_INVALID',
      `expected a name of 1 to 64 characters, without controls, invisible characters and spaces other than U+0020 and U+3000, found ${show(found)}`,
    ),

  notSettled: (whose: string, milliseconds: number, unanswered: readonly string[]) => {
    const waits =
      unanswered.length === 0
        ? 'no plugin is working on it'
        : `these have not answered: ${unanswered.join(', ')}`
    return new ChatError(
      'NOT_SETTLED',
      `${whose} has not settled within ${milliseconds / 1000} s; ${waits}. If one waits for the clock, which only a test advances, advance it meanwhile: const said = client.say('…'); await host.advance(1000); await said`,
    )
  },

  notWritten: (message: string, cause?: unknown) =>
    new ChatError('NOT_WRITTEN', message, { cause }),

  noAnswer: (path: string, problem: string) =>
    new ChatError('NO_ANSWER', `no answer at ${safeText(path)}: ${problem}`),

  noDescriptors: (reserved: number) =>
    new ChatError(
      'NO_DESCRIPTORS',
      `this process may open too few files for a single client besides the ${reserved} reserved; raise the limit with ulimit -n, or lower limits.reservedDescriptors`,
    ),

  noHost: (path: string, problem: string) =>
    new ChatError('NO_HOST', `no host answers at ${safeText(path)}: ${problem}`),

  pluginRequired: (plugin: string, by: readonly string[]) =>
    new ChatError(
      'PLUGIN_REQUIRED',
      `${plugin} cannot be switched off: ${by.join(', ')} ${by.length === 1 ? 'requires' : 'require'} it; switch ${by.length === 1 ? 'that' : 'those'} off first`,
    ),

  pluginNeeds: (plugin: string, lacking: readonly string[]) =>
    new ChatError(
      'PLUGIN_REQUIRED',
      `${plugin} cannot be switched on: it requires ${lacking.join(', ')}, which ${lacking.length === 1 ? 'is' : 'are'} not running; switch ${lacking.length === 1 ? 'that' : 'those'} on first`,
    ),

  pluginUnknown: (name: string, meant: string) =>
    new ChatError(
      'PLUGIN_UNKNOWN',
      `there is no plugin ${show(name)} in the config${meant === '' ? '; multiecho plugins lists them' : meant}`,
    ),

  pluginDisposed: (plugin: string) =>
    new ChatError(
      'PLUGIN_DISPOSED',
      'the plugin has been disposed of and can register nothing more',
      { plugin },
    ),

  pluginDisposeFailed: (plugin: string, cause: unknown) =>
    new ChatError('PLUGIN_DISPOSE_FAILED', `onDispose: ${describeWithLocation(cause)}`, {
      plugin,
      hook: 'onDispose',
      cause,
    }),

  pluginSetupFailed: (plugin: string, cause: unknown, hint = '') =>
    new ChatError('PLUGIN_SETUP_FAILED', `setup: ${describe(cause)}${hint}`, {
      plugin,
      hook: 'setup',
      cause,
    }),

  pluginSetupAsync: (plugin: string) =>
    new ChatError(
      'PLUGIN_SETUP_FAILED',
      'setup: it returned a promise, but setup only registers; acquire files, ports or databases in host.onStart(async () => …)',
      { plugin, hook: 'setup' },
    ),

  pluginStartFailed: (plugin: string, cause: unknown) =>
    new ChatError(
      'PLUGIN_START_FAILED',
      `${plugin} could not start: ${describeWithLocation(cause)}${missingFolderOf(cause)}`,
      { plugin, hook: 'onStart', cause },
    ),

  prefixInvalid: (found: unknown, name?: string) =>
    new ChatError(
      'PREFIX_INVALID',
      `a prefix must be a text that contains the sender's name${name === undefined ? '' : ` ${show(name)}`}, not as part of a longer word, found ${show(found)}`,
    ),

  reloadFailed: (problem: string, cause?: unknown) =>
    new ChatError('RELOAD_FAILED', `${NOT_RELOADED}${problem}`, { cause }),

  /** The same error, which kept a reload or a switch from changing anything. */
  notDone: ({ code, message, plugin, hook, cause }: ChatError, what: string) =>
    new ChatError(code, `${what}: ${message.replace(NOT_RELOADED, '')}`, {
      plugin,
      hook,
      ...(cause !== undefined && { cause }),
    }),

  requestInvalid: (problem: string) => new ChatError('REQUEST_INVALID', problem),

  serviceConflict: (service: string, plugin: string, owner: string) =>
    new ChatError(
      'SERVICE_CONFLICT',
      `the service ${service} is already provided by the plugin ${owner}`,
      { plugin },
    ),

  /** `early`: it was requested in `setup`, when later plugins have not provided anything yet. */
  serviceMissing: (service: string, plugin: string, early: boolean, meant: string) => {
    const remedy = early
      ? "name the plugin that does in 'requires', so that it is set up first, or inject in host.onStart"
      : "add the one that does to the config, and its name to 'requires', or use host.find if it may be missing"
    return new ChatError(
      'SERVICE_MISSING',
      `no plugin${early ? ' set up so far' : ''} provides the service ${service}${meant || `; ${remedy}`}`,
      { plugin },
    )
  },

  /** `problem` says where and what to do. */
  storeFailed: (plugin: string | undefined, problem: string, cause?: unknown) =>
    new ChatError('STORE_FAILED', problem, { plugin, hook: 'store', cause }),

  storeTooEarly: (plugin: string) =>
    new ChatError(
      'STORE_FAILED',
      'host.store: it cannot be used in setup, which only registers; use it from host.onStart(async () => …) on',
      { plugin, hook: 'store' },
    ),

  /** For a stream that a plugin attached; `id` is its client's. */
  streamFailed: (plugin: string, id: string, cause: unknown) =>
    new ChatError(
      'STREAM_FAILED',
      `the stream of ${safeText(id)}: ${describeWithLocation(cause)}`,
      {
        plugin,
        hook: 'attach',
        cause,
      },
    ),

  streamNotBytes: (found: unknown) =>
    new ChatError(
      'STREAM_FAILED',
      `expected bytes from the stream, found ${show(found)}; attach it without setEncoding`,
    ),

  tapInvalid: (hook: string, plugin: string, problem: string) =>
    new ChatError('TAP_INVALID', `hooks.${hook}.tap: ${problem}`, { plugin, hook }),

  timerFailed: (plugin: string, cause: unknown) =>
    new ChatError('TIMER_FAILED', `timer: ${describeWithLocation(cause)}`, {
      plugin,
      hook: 'timer',
      cause,
    }),

  usage: (message: string) => new ChatError('USAGE', message),

  verdictInvalid: (found: string, expected: string) =>
    new ChatError('VERDICT_INVALID', `expected ${expected} or nothing, found ${found}`),
}

/** A text for anything that was thrown: an error's message, or the value itself. Never throws. */
export function describe(thrown: unknown): string {
  if (!isError(thrown)) return `threw ${show(thrown)}`
  const words = textOf(thrown, 'message') || textOf(thrown, 'name')
  return words ? safeText(words) : `threw ${UNSHOWABLE}`
}

/** The same with the stack, if there is one, on several lines. Never throws. */
export function describeFully(thrown: unknown): string {
  const stack = stackOf(thrown)
  return stack.length > 0 ? stack.join('\n') : describe(thrown)
}

/** What a plugin threw, and where. */
function describeWithLocation(thrown: unknown): string {
  const place = locationOf(thrown)
  return place === undefined ? describe(thrown) : `${describe(thrown)} (${place})`
}

/** A tap, as a message calls it. */
interface Labelled {
  readonly label: string | undefined
}

function labelled(hook: string, tap: Labelled | undefined): string {
  return tap?.label === undefined ? hook : `${hook} ${show(tap.label)}`
}

const UNSHOWABLE = 'something that cannot be shown'

/** A short, safe text for an unexpected value. Never throws. */
export function show(value: unknown): string {
  try {
    if (typeof value === 'function') {
      return value.name === '' ? 'a function' : `the function ${safeText(value.name)}`
    }
    if (Array.isArray(value)) return 'an array'
    if (Object.prototype.toString.call(value) === '[object Object]') return 'an object'
    const text = typeof value === 'string' ? JSON.stringify(value.slice(0, 81)) : String(value)
    // An invisible character may be what is wrong.
    return safeName(text.length > 80 ? `${text.slice(0, 80)}…` : text)
  } catch {
    return UNSHOWABLE
  }
}

function configMessage(file: string | undefined, problems: readonly Problem[]): string {
  const where = file === undefined ? 'config' : safeText(file)
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  if (lines.length === 1) return `${where}: ${lines[0]}`
  return [`${where}: ${lines.length} problems`, ...lines.map((line) => `  ${line}`)].join('\n')
}
