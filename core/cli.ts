#!/usr/bin/env node
/** The command line. The one file that joins the host and the plugins that come with it. */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import * as plugins from '../plugins/index.ts'
import { parseArguments, type Arguments } from './arguments.ts'
import { checkConfig, type Config } from './config.ts'
import { findConfigFile, loadConfigFile } from './config-file.ts'
import { systemClock } from './clock.ts'
import { ChatError, ConfigError } from './errors.ts'
import { createHost } from './host.ts'
import * as multiecho from './index.ts'
import { Log } from './log.ts'
import { runHost, Status } from './run.ts'

/** Milliseconds. */
const PRINT_TIMEOUT = 500

async function main(): Promise<number> {
  const asked = parseArguments(process.argv, packageVersion())
  if (asked === undefined) return Status.Ok
  const config = await readConfig(asked)
  return asked.command === 'check' ? check(config) : runHost(config)
}

async function readConfig({ config: askedFile, port, host }: Arguments): Promise<Config> {
  const path = findConfigFile(process.cwd(), askedFile)
  const file = path === undefined ? undefined : relative(process.cwd(), path)
  const virtualModules = { multiecho, 'multiecho/plugins': plugins }
  const loaded =
    path === undefined || file === undefined
      ? {}
      : await loadConfigFile(path, file, virtualModules, new Set())
  const input = {
    ...(loaded as object),
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
  }
  return checkConfig(input, file, plugins.defaults())
}

/** Goes as far as set-up, which touches nothing. */
function check(config: Config): number {
  const host = createHost(config, {
    clock: systemClock,
    random: Math.random,
    log: new Log(() => {}),
  })
  host.setUp()
  const names = config.plugins.map(({ plugin }) => plugin.name)
  const count = `${names.length} plugin${names.length === 1 ? '' : 's'}`
  const listed = names.length === 0 ? '' : `: ${names.join(', ')}`
  const summary = `${config.file ?? 'the defaults'}: no problems; ${count}${listed}`
  process.stdout.write(`${[summary, ...host.notes()].join('\n')}\n`)
  return Status.Ok
}

function packageVersion(): string {
  // From core/ in a checkout, from dist/core/ in the package.
  const path = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  const { version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}

function report(error: unknown): number {
  if (!(error instanceof ChatError)) {
    process.stderr.write(
      `multiecho: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    return Status.Uncaught
  }
  process.stderr.write(`multiecho: ${error.message}\n`)
  return error instanceof ConfigError || error.code === 'USAGE' ? Status.Misused : Status.Failed
}

/** Resolves when the output has taken what was printed, or does not for too long: to exit would throw the rest away. */
function printed(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PRINT_TIMEOUT)
    process.stdout.write('', () => resolve())
  })
}

// A reader of the output that goes away is no reason for the chat to end.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})
const status = await main().catch(report)
await printed()
process.exit(status)
