/** The command line. The only file that joins the host and the built-in plugins. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import * as plugins from '../../plugins/index.ts'
import { checkConfig, CONTROL_PATH, type Config } from '../host/config.ts'
import { createHost, type ChatHost } from '../host/host.ts'
import type { HostReport } from '../host/inspect.ts'
import type { Request } from '../host/operations.ts'
import * as multiecho from '../index.ts'
import { systemClock } from '../support/clock.ts'
import { ChatError, ConfigError, describeFully, errors } from '../support/errors.ts'
import { Log } from '../support/log.ts'
import { parseArguments, type Arguments } from './arguments.ts'
import { askHost } from './ask-host.ts'
import { loadConfigFile } from './config-file.ts'
import { CONFIG_NAMES, findConfigFile } from './find-config.ts'
import { inspectText, pluginsText } from './inspect-text.ts'
import { writeNewPlugin, type HostPackage, type Taken } from './new-plugin.ts'
import { flushed, neverBlock } from './output.ts'
import { runHost, type ConfigSource } from './run.ts'
import { Status } from './signals.ts'

/** Milliseconds to wait until an error message has been read. */
const ERROR_PATIENCE = 500

async function main(): Promise<number> {
  const asked = parseArguments(process.argv, ownPackage().version)
  if (asked === undefined) return printed()
  const { task } = asked
  checkFolder()
  switch (task.command) {
    case 'run':
      return runHost(createSource(asked, task.watch))
    case 'check':
      return check(await createSource(asked).load())
    case 'reload':
      return print(await ask(asked, { command: 'reload' }))
    case 'on':
    case 'off':
      return print(await ask(asked, task))
    case 'plugins': {
      const found = (await ask(asked, { command: 'inspect' })) as HostReport
      return print(task.json ? JSON.stringify(found.plugins, null, 2) : pluginsText(found))
    }
    case 'inspect': {
      const found = await inspect(asked, task.timings)
      return print(task.json ? JSON.stringify(found, null, 2) : inspectText(found))
    }
    default: {
      return print(writeNewPlugin(task.newPlugin, ownPackage(), takenNames()).trimEnd())
    }
  }
}

/** All paths are relative to the working directory, which may have been deleted. */
function checkFolder(): void {
  try {
    process.cwd()
  } catch {
    throw errors.usage('the current folder no longer exists; start in another one')
  }
}

/** Reads the config each time it is asked to, always from the file that was found first. */
function createSource(asked: Arguments, watch = false): ConfigSource {
  /** Files of the last successful load, and all that were found since. */
  let files = new Set<string>()
  /** Files of the load in progress, or of the last one. */
  let met = new Set<string>()
  let path: string | undefined
  return {
    watch,
    files() {
      if (path === undefined) return CONFIG_NAMES.map((name) => join(process.cwd(), name))
      return new Set([...files, ...met])
    },
    async load() {
      path ??= findConfigFile(process.cwd(), asked.config)
      const file = path === undefined ? undefined : relative(process.cwd(), path) || '.'
      files = new Set([...files, ...met])
      met = new Set()
      const loaded =
        path === undefined || file === undefined
          ? {}
          : await loadConfigFile(path, file, virtualModules, met)
      files = met
      const { port, host, control } = asked
      const input = {
        ...(loaded as object),
        ...(port !== undefined && { port }),
        ...(host !== undefined && { host }),
        ...(control !== undefined && { control }),
      }
      return checkConfig(input, file, plugins.defaults())
    },
  }
}

const virtualModules = { multiecho, 'multiecho/plugins': plugins }

/** Sends a request to the host of this folder, or to the one whose socket is named. */
async function ask(asked: Arguments, request: Request): Promise<unknown> {
  if (asked.control !== undefined) return askHost(asked.control, request)
  try {
    return await askHost(CONTROL_PATH, request)
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== 'NO_HOST') throw error
    const config = await createSource(asked)
      .load()
      .catch(() => undefined)
    if (typeof config?.control === 'string' && config.control !== CONTROL_PATH)
      return askHost(config.control, request)
    throw error
  }
}

/** What runs; or, when nothing runs or a config is named, what would run. */
async function inspect(asked: Arguments, timings: boolean): Promise<HostReport> {
  if (asked.config === undefined) {
    try {
      return (await ask(asked, { command: 'inspect', timings })) as HostReport
    } catch (error) {
      const isNone = error instanceof ChatError && error.code === 'NO_HOST'
      if (!isNone || timings || asked.control !== undefined) throw error
    }
  }
  return setUp(await createSource(asked).load()).inspect()
}

function print(text: unknown): Promise<number> {
  process.stdout.write(`${String(text)}\n`)
  return printed()
}

/** A command that only prints waits until its output has been read, for example by a pager. */
async function printed(): Promise<number> {
  await flushed()
  return Status.Ok
}

/** A host that is set up but not started, so that nothing is touched. */
function setUp(config: Config): ChatHost {
  const host = createHost(config, {
    clock: systemClock,
    random: Math.random,
    log: new Log(() => {}),
  })
  host.setUp()
  return host
}

/** Names that a new plugin cannot have, and commands of the default plugins. */
function takenNames(): Taken {
  const { defaults, ...factories } = plugins
  const { commands } = setUp(checkConfig({}, undefined, defaults())).inspect()
  return {
    plugins: Object.keys(factories),
    commands: commands.flatMap(({ usage, aliases }) =>
      [usage.slice(1).split(' ', 1), aliases].flat(),
    ),
  }
}

/** Sets the config up without starting it, and prints a summary. */
function check(config: Config): Promise<number> {
  const host = setUp(config)
  const names = config.plugins.map(({ plugin }) => plugin.name)
  const count = `${names.length} plugin${names.length === 1 ? '' : 's'}`
  const listed = names.length === 0 ? '' : `: ${names.join(', ')}`
  const summary = `${config.file ?? 'the defaults'}: no problems; ${count}${listed}`
  const starters = host.starters()
  const unseen = `not checked: the files, ports and so on that these open at the start: ${starters.join(', ')}`
  const notes = starters.length === 0 ? host.notes() : [unseen, ...host.notes()]
  return print([summary, ...notes].join('\n'))
}

function ownPackage(): HostPackage {
  // Two folders up from core/cli/ in a checkout, three from dist/core/cli/ in the package.
  const path = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json'
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as HostPackage
}

async function report(error: unknown): Promise<number> {
  if (!(error instanceof ChatError)) {
    process.stderr.write(`multiecho: ${describeFully(error)}\n`)
    await flushed(ERROR_PATIENCE)
    return Status.Uncaught
  }
  process.stderr.write(`multiecho: ${error.message}\n`)
  await flushed(ERROR_PATIENCE)
  return error instanceof ConfigError || error.code === 'USAGE' ? Status.Misused : Status.Failed
}

neverBlock(process.stdout)
neverBlock(process.stderr)
process.exit(await main().catch(report))
