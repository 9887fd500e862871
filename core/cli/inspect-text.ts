/** Formats what runs in a host as a tree for people to read. */
import type { HookName } from '../hooks/hooks.ts'
import type { HostReport, PluginReport, TimingReport } from '../host/inspect.ts'

interface Branch {
  readonly text: string
  readonly branches?: readonly Branch[]
}

/** Without the last line end. */
export function inspectText(report: HostReport): string {
  const { config, plugins, hooks, commands, services, stores, timings } = report
  const on = plugins.filter((plugin) => plugin.on).length
  const root: Branch = {
    text: config ?? 'the defaults',
    branches: [
      {
        text: `plugins (${on === plugins.length ? on : `${on} of ${plugins.length} on`})`,
        branches: plugins.map((plugin) => ({ text: pluginText(plugin, report) })),
      },
      {
        text: 'hooks, each with its taps in call order',
        branches: (Object.keys(hooks) as HookName[]).map((hook) => ({
          text: hook,
          branches: table(
            hooks[hook].map(({ plugin, name, stage, closed }) => [
              stage,
              plugin,
              [name, closed && '(answers with its onFailure)'].filter(Boolean).join(' '),
            ]),
          ),
        })),
      },
      {
        text: `commands (${commands.length})`,
        branches: table(
          commands.map(({ usage, aliases, help, plugin }) => [
            usage,
            plugin,
            [help, ...aliases.map((alias) => `also /${alias}`)].filter(Boolean).join(' '),
          ]),
        ),
      },
      {
        text: `services (${services.length})`,
        branches: services.map(({ name, plugin, users }) => ({
          text: `${name}  by ${plugin}${users.length > 0 ? `, used by ${users.join(', ')}` : ''}`,
        })),
      },
      ...(stores.length === 0
        ? []
        : [
            {
              text: `stores (${stores.length})`,
              branches: stores.map(({ plugin }) => ({ text: plugin })),
            },
          ]),
    ],
  }
  return [...lines(root), ...(timings === undefined ? [] : timingLines(timings))].join('\n')
}

/** One line for each plugin, without the last line end. */
export function pluginsText(report: HostReport): string {
  return table(
    report.plugins.map((plugin) => [
      plugin.state,
      plugin.name,
      [versionText(plugin), closedText(plugin, report)].filter(Boolean).join(' '),
    ]),
  )
    .map(({ text }) => text)
    .join('\n')
}

function pluginText(plugin: PluginReport, report: HostReport): string {
  const { name, options, state, otherCopy } = plugin
  const closed = closedText(plugin, report)
  const shown = JSON.stringify(options)
  return [
    [name, versionText(plugin)].filter(Boolean).join(' '),
    ...(shown === undefined || shown === '{}' ? [] : [shown]),
    ...(state === 'on' ? [] : [`(${[state, closed].filter(Boolean).join('; ')})`]),
    ...(otherCopy ? ['(made by another copy of multiecho)'] : []),
  ].join('  ')
}

/** What is left of a failed plugin. */
function closedText({ name }: PluginReport, { hooks }: HostReport): string {
  const closed = Object.values(hooks).some((taps) =>
    taps.some((tap) => tap.plugin === name && tap.closed === true),
  )
  return closed ? 'its guards answer' : ''
}

function versionText({ version }: PluginReport): string {
  return version ?? ''
}

function timingLines(timings: {
  readonly seconds: number
  readonly plugins: readonly TimingReport[]
}): string[] {
  const measured = timings.plugins.some(({ calls }) => calls > 0)
  const rows = timings.plugins.map(({ plugin, calls, faults, time }) => [
    plugin,
    String(calls),
    String(faults),
    time.toFixed(1),
    calls === 0 ? '' : ((time / calls) * 1000).toFixed(1),
  ])
  const heading = ['plugin', 'calls', 'faults', 'ms', 'µs a call']
  return [
    '',
    `timings of the last ${Math.round(timings.seconds)} s${measured ? '' : '; ask again once somebody has said something'}`,
    ...columns([heading, ...rows], (column) => column > 0).map((line) => `  ${line}`),
  ]
}

function table(rows: readonly string[][]): Branch[] {
  return columns(rows).map((text) => ({ text }))
}

function columns(rows: readonly string[][], right = (_column: number): boolean => false): string[] {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths?.[column] ?? 0
        return right(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}

function* lines({ text, branches = [] }: Branch, before = ''): Generator<string> {
  yield text
  for (const [index, branch] of branches.entries()) {
    const last = index === branches.length - 1
    const [first, ...more] = lines(branch)
    yield `${before}${last ? '└─' : '├─'} ${first}`
    for (const line of more) yield `${before}${last ? '   ' : '│  '}${line}`
  }
}
