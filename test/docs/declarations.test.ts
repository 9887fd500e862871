/** The reference of hooks and of the context says what the types say: nothing can be added to them alone. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHooks } from '../../core/hooks/hooks.ts'
import { Stage } from '../../core/index.ts'
import {
  aliasOf,
  exportedTypes,
  isInterface,
  membersOf,
  splitAtTop,
  unionMembers,
  type Member,
} from '../support/declarations.ts'

const HOOKS = 'docs/reference/hooks.md'
const CONTEXT = 'docs/reference/context.md'
const ERRORS = 'docs/reference/errors.md'

/** Where the members of each exported interface are told. */
const TOLD: Readonly<Record<string, [page: string, heading: string]>> = {
  Audience: [CONTEXT, 'Audiences'],
  Author: [HOOKS, 'message'],
  BroadcastOptions: [CONTEXT, 'broadcast'],
  Client: [CONTEXT, 'A client'],
  Clients: [CONTEXT, 'clients'],
  ClientState: [CONTEXT, 'clientState'],
  ClientStateOptions: [CONTEXT, 'clientState'],
  CloseEvent: [HOOKS, 'close'],
  CommandCall: [CONTEXT, 'command'],
  CommandEvent: [HOOKS, 'command'],
  CommandExample: [CONTEXT, 'Examples'],
  CommandExampleInfo: [CONTEXT, 'commands'],
  CommandInfo: [CONTEXT, 'commands'],
  Commands: [CONTEXT, 'commands'],
  CommandSpec: [CONTEXT, 'command'],
  ConnectEvent: [HOOKS, 'connect'],
  DecidingHook: [HOOKS, 'Tapping a hook'],
  DecidingTapOptions: [HOOKS, 'Tapping a hook'],
  Deliver: [HOOKS, 'settled'],
  Drop: [HOOKS, 'settled'],
  LineEvent: [HOOKS, 'line'],
  LogRecord: [CONTEXT, 'addLogSink'],
  LogSink: [CONTEXT, 'addLogSink'],
  MessageEvent: [HOOKS, 'message'],
  NamedAudience: [CONTEXT, 'Audiences'],
  Peer: [CONTEXT, 'attach'],
  Rate: [CONTEXT, 'Rate limits'],
  PluginDefinition: [CONTEXT, 'The context'],
  PluginHooks: [HOOKS, 'Hooks'],
  Problem: [ERRORS, 'Error codes'],
  Refuse: [HOOKS, 'settled'],
  SayOptions: [CONTEXT, 'say'],
  Service: [CONTEXT, 'provide'],
  ShutdownEvent: [HOOKS, 'shutdown'],
  Store: [CONTEXT, 'store'],
  StoreIterator: [CONTEXT, 'store'],
  StoreRange: [CONTEXT, 'store'],
  TapOptions: [HOOKS, 'Tapping a hook'],
  TokenBucket: [CONTEXT, 'Rate limits'],
  TellingHook: [HOOKS, 'Tapping a hook'],
  WatchingHook: [HOOKS, 'Tapping a hook'],
}
/** Each of its members has a section of its own; and what a factory returns is for the host alone. */
const TOLD_OTHERWISE = new Set(['PluginContext', 'Plugin'])

const types = exportedTypes()
const hooks = interfaceMembers('PluginHooks')

const test = suite('declarations')

test('every exported interface is told somewhere, with each of its members', () => {
  const interfaces = [...types].filter(([name, file]) => isInterface(file, name))
  assert.ok(interfaces.length > 30)
  assert.equal(
    interfaces
      .map(([name]) => name)
      .filter((name) => !TOLD_OTHERWISE.has(name))
      .toSorted(),
    Object.keys(TOLD).toSorted(),
  )
  for (const [name, [page, heading]] of Object.entries(TOLD)) {
    const words = codeIn(section(page, heading))
    for (const member of interfaceMembers(name).filter(isNamed)) {
      assert.ok(words.has(member.name), `${page}, ${heading}: ${name}.${member.name}`)
    }
  }
})

test('hooks.md has every hook, in order, with its class', () => {
  const rows = table(HOOKS, 'Hooks', 'Hook').map(([hook, kind]) => [bare(hook), bare(kind)])
  const made = Object.entries(createHooks()).map(([name, hook]) => [name, hook.constructor.name])
  assert.equal(rows, made)
  assert.equal(
    made.map(([name]) => name),
    hooks.map(({ name }) => name),
  )
})

test('hooks.md has the verdicts of every hook, and what stands in them', () => {
  const answers = new Map(
    table(HOOKS, 'Hooks', 'Hook').map(([hook, , , answer]) => [bare(hook), answer?.trim()]),
  )
  for (const { name, type } of hooks) {
    const shown = verdictsOf(type).map(callOf).toSorted().join(', ')
    assert.is(answers.get(name), shown === '' ? 'nothing' : shown, name)
  }
})

for (const { name, type } of hooks) {
  const [event = ''] = argumentsOf(type)

  test(`hooks.md has every member of the event of ${name}, with its type`, () => {
    const rows = table(HOOKS, name, 'Member').map(([member, shown]) => [
      bare(member),
      shown?.trim(),
    ])
    const members = isInterface(fileOf(event), event)
      ? interfaceMembers(event).map((member) => [member.name, typeOf(member)])
      : unionMembers(aliasOf(fileOf(event), event)).map((kind) => kind.map(kindless))
    // Each kind of a settled event has the same members.
    if (name === 'settled') for (const kind of members) assert.equal(rows, kind)
    else assert.equal(rows, members)
  })

  test(`hooks.md has the deadline of ${name}`, () => {
    const source = readFileSync(join(root(), 'core/hooks/tap-registries.ts'), 'utf8')
    const [, shared, own] =
      new RegExp(`hooks\\.${name},\\s+(?:(?:\\{ \\.\\.\\.)?(\\w+)|\\{\\s*timeout: (\\w+))`).exec(
        source,
      ) ?? []
    const constant =
      own ?? new RegExp(`const ${shared} = \\{ timeout: (\\w+)`).exec(source)?.[1] ?? ''
    const milliseconds = Number(new RegExp(`const ${constant} = (\\d+)`).exec(source)?.[1])
    assert.ok(milliseconds > 0)
    const deadline = /^\| Deadline +\| (.*?) +\|$/m.exec(section(HOOKS, name))?.[1] ?? ''
    if (type.startsWith('WatchingHook')) assert.match(deadline, /^none/)
    else assert.ok(deadline.startsWith(`${milliseconds / 1000} s for each tap`), deadline)
  })
}

test('hooks.md has every outcome that settled can tell of', () => {
  const shown = table(HOOKS, 'settled', '`hook`').map(
    ([hook, verdict]) =>
      `${bare(hook)} ${/'(\w+)'|`(\w+)`/
        .exec(verdict ?? '')
        ?.slice(1)
        .find(Boolean)}`,
  )
  const kinds = unionMembers(aliasOf('core/hooks/events.ts', 'SettledEvent')).flatMap((members) => {
    const typeNamed = (name: string) => members.find((member) => member.name === name)?.type ?? ''
    return kindsOf(typeNamed('verdict')).map((kind) => `${bareQuotes(typeNamed('hook'))} ${kind}`)
  })
  assert.ok(kinds.length > 6)
  assert.equal([...new Set(shown)].toSorted(), kinds.toSorted())
})

test('hooks.md says with what a hook is tapped, and with which options', () => {
  const [first = ''] = section(HOOKS, 'Tapping a hook').split('\n\n').filter(Boolean)
  const ways = (side: string) => interfaceMembers(side).map(({ name }) => name)
  assert.equal(ways('DecidingHook'), ['tap', 'tapPromise'])
  assert.equal(ways('TellingHook'), ways('DecidingHook'))
  assert.equal(ways('WatchingHook'), ['tap'])
  const watching = hooks.filter(({ type }) => type.startsWith('WatchingHook'))
  const names = watching.map(({ name }) => `\`${name}\``).join(' and ')
  assert.ok(oneLine(first).includes(`${names} have \`tap\` alone`))
  const rows = table(HOOKS, 'Tapping a hook', 'Option').map(([option]) => bare(option))
  const options = [...interfaceMembers('TapOptions'), ...interfaceMembers('DecidingTapOptions')]
  assert.equal(
    rows,
    options.map(({ name }) => name),
  )
})

test('hooks.md has every stage, in order', () => {
  const stages = Object.entries(Stage)
  const numbered = stages.map(([name, value]) => `\`Stage.${name}\` (${value})`).join(', ')
  assert.ok(oneLine(section(HOOKS, 'Order')).includes(numbered))
  const rows = table(HOOKS, 'Order', 'Stage').map(([stage]) => bare(stage))
  assert.equal(
    rows,
    stages.map(([name]) => name),
  )
})

test('context.md has every door, in order, by a heading of its own', () => {
  const doors = [...read(CONTEXT).matchAll(/^### (.*)$/gm)].map(([, heading]) => heading)
  assert.equal(
    doors,
    interfaceMembers('PluginContext').map(({ name }) => name),
  )
})

for (const door of interfaceMembers('PluginContext')) {
  if (door.parameters === undefined) continue

  test(`context.md has every parameter of ${door.name}`, () => {
    const text = section(CONTEXT, door.name)
    const call = new RegExp(`\`${door.name}\\(([^\`]*)\\)\``).exec(text)?.[1]
    assert.ok(call !== undefined, `there is no ${door.name}(…)`)
    const shown = splitAtTop(call ?? '', ',')
    assert.is(shown.length, door.parameters?.length)
    for (const [index, { name, type }] of (door.parameters ?? []).entries()) {
      const [, taken] = /^\{(.*)\}$/.exec(shown[index] ?? '') ?? []
      if (taken === undefined) assert.is(shown[index], name)
      else {
        const names = interfaceMembers(type.replace(/<.*/, '')).map((member) => member.name)
        assert.equal(splitAtTop(taken, ',').toSorted(), names.toSorted())
      }
    }
  })
}

test('context.md has the type of every member of a client, and whether it can be set', () => {
  const rows = table(CONTEXT, 'A client', 'Member').map(([member, type]) => [
    bare(member),
    type?.trim(),
  ])
  assert.equal(
    rows,
    interfaceMembers('Client').map((member) => [member.name, typeOf(member)]),
  )
})

test('context.md has the tables of a definition, a command and a sink without a row too many', () => {
  const rows = (heading: string, first: string) =>
    table(CONTEXT, heading, first)
      .map(([member]) => bare(member))
      .toSorted()
  const names = (name: string) =>
    interfaceMembers(name)
      .map((member) => member.name)
      .toSorted()
  assert.equal(rows('The context', 'Member'), names('PluginDefinition'))
  assert.equal(rows('command', 'Member'), names('CommandSpec'))
  assert.equal(rows('Examples', 'Member'), names('CommandExample'))
  assert.equal(rows('addLogSink', 'Member'), names('LogSink'))
})

test('context.md has every log level', () => {
  const words = codeIn(section(CONTEXT, 'log'))
  for (const level of splitAtTop(aliasOf('core/support/log.ts', 'LogLevel'), '|')) {
    assert.ok(
      [...words].some((word) => word === bareQuotes(level)),
      level,
    )
  }
})

test.run()

function root(): string {
  return join(import.meta.dirname, '../..')
}

function read(page: string): string {
  return readFileSync(join(root(), page), 'utf8')
}

/** The text between a heading and the next one of any level. */
function section(page: string, heading: string): string {
  const [, text] = new RegExp(`^#+ ${heading}\n([^]*?)(?=^#+ |$(?![^]))`, 'm').exec(
    read(page).replaceAll(/^```\w[^]*?^```$/gm, ''),
  ) ?? [undefined, undefined]
  if (text === undefined) throw new Error(`${page} has no heading ${heading}`)
  return text
}

/** The rows of the table in a section whose first column has this heading. */
function table(page: string, heading: string, first: string): string[][] {
  const lines = section(page, heading).split('\n')
  const start = lines.findIndex(
    (line, at) => line.startsWith(`| ${first} `) && lines[at + 1]?.startsWith('| ---') === true,
  )
  if (start === -1) throw new Error(`${page}, ${heading} has no table with ${first}`)
  const end = lines.indexOf('', start)
  return lines.slice(start + 2, end).map((line) => line.slice(2, -2).split(' | '))
}

/** Every word that stands in code. */
function codeIn(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) => code.match(/\w+/g) ?? []),
  )
}

function fileOf(type: string): string {
  const file = types.get(type)
  if (file === undefined) throw new Error(`${type} is not exported`)
  return file
}

function interfaceMembers(name: string): Member[] {
  return membersOf(fileOf(name), name)
}

/** Not one whose name is a symbol, which is no concern of anybody. */
function isNamed({ name }: Member): boolean {
  return !name.startsWith('[')
}

/** What stands between the angle brackets of a type. */
function argumentsOf(type: string): string[] {
  return splitAtTop(type.slice(type.indexOf('<') + 1, -1), ',')
}

/** The verdicts of a hook, by the names of their types. */
function verdictsOf(hook: string): string[] {
  const [, verdict] = argumentsOf(hook)
  if (verdict === undefined) return []
  const file = fileOf(verdict)
  return isInterface(file, verdict) ? [verdict] : splitAtTop(aliasOf(file, verdict), '|')
}

/** How a verdict is made, as the docs write it. */
function callOf(verdict: string): string {
  const [kind, ...rest] = interfaceMembers(verdict)
  const names = rest.map(({ name }) => name)
  const optional = rest.every(({ type }) => type.endsWith('| undefined'))
  return `\`${bareQuotes(kind?.type)}(${optional ? `{ ${names.join(', ')} }` : names.join(', ')})\``
}

/** The kinds of a type of verdicts. */
function kindsOf(verdict: string): string[] {
  return splitAtTop(aliasOf(fileOf(verdict), verdict), '|').map((one) => {
    const members = one.startsWith('{') ? unionMembers(one)[0] : interfaceMembers(one)
    return bareQuotes(members?.find(({ name }) => name === 'kind')?.type)
  })
}

/** A type as the docs write it. */
function typeOf({ type, readonly, parameters }: Member): string {
  if (parameters !== undefined) return 'function'
  const parts = splitAtTop(type, '|').map((part) => {
    if (part === 'string' || part === 'CloseReason') return 'text'
    return ['number', 'boolean', 'undefined'].includes(part) ? part : `\`${part}\``
  })
  return [...parts, ...(readonly ? [] : ['can be set'])].join(', ')
}

/** A member of a settled event, whatever kind of event it is. */
function kindless({ name, type }: Member): string[] {
  return [name, type === 'string' || type.startsWith("'") ? 'text' : 'object']
}

/** A cell of a table without what marks code or links; of a call, the name. */
function bare(cell: string | undefined): string {
  return /[\w.]+/.exec(cell ?? '')?.[0] ?? ''
}

function bareQuotes(type: string | undefined): string {
  return (type ?? '').replaceAll("'", '')
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
