/** The session that the guide shows, over real sockets, with a host in a process of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

/** One of those who take part. */
interface Person {
  readonly name: string
  /** The lines of its block in the guide. */
  readonly script: readonly string[]
  readonly id: string
  /** Emits `data`. */
  readonly news: EventEmitter
  readonly left: Promise<unknown>
  received(): string
  type(line: string): void
}

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'multiecho-session-'))

const test = suite('session')

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

test("the guide's session goes as it is shown, byte by byte", async () => {
  const host = launch(
    [join(root, 'dist/core/cli/bin.js'), '--host', '127.0.0.1', '-p', '0'],
    folder,
  )
  const ended = once(host, 'close')
  try {
    let printed = ''
    host.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
    const failed = ended.then(() => Promise.reject(new Error(`the host has ended: ${printed}`)))
    failed.catch(() => {})
    while (printed.split('\n').length < 3) await Promise.race([once(host.stdout, 'data'), failed])
    const port = Number(/:(\d+)\n/.exec(printed)?.[1])

    const people: Person[] = []
    for (const name of ['telnet 1', 'telnet 2', 'nc']) people.push(await joinAs(name, port))
    await replay(people)
    host.kill('SIGINT')
    const [status] = (await ended) as [number]
    await Promise.all(people.map(({ left }) => left))

    assert.is(status, 0)
    assert.is(printed, expectedOutput(people, port))
    for (const { name, received, script } of people) {
      const shown = script.filter(isReceived).map((line) => `${withIds(line, people)}\r\n`)
      assert.is(received(), shown.join(''), name)
    }
    assert.equal(readdirSync(folder), ['chat.log'])
  } finally {
    host.kill('SIGKILL')
    await ended
  }
})

// The runner's deadline: so that the listeners of `exit` stop what was launched.
process.once('SIGTERM', () => process.exit(1))
test.run()

async function joinAs(name: string, port: number): Promise<Person> {
  const socket = connect(port, '127.0.0.1')
  const news = new EventEmitter()
  const left = once(socket, 'close')
  let received = ''
  socket.setEncoding('utf8').on('data', (data: string) => {
    received += data
    news.emit('data')
  })
  while (received.split('\r\n').length < 3) await once(news, 'data')
  const id = `127.0.0.1:${socket.localPort}`
  const script = blockOf(name).trimEnd().split('\n')
  return {
    name,
    script,
    id,
    news,
    left,
    received: () => received,
    type: (line) => void socket.write(`${line}\r\n`),
  }
}

/** Has everybody type the lines that are shown, each when all the lines above it have come. */
async function replay(people: readonly Person[]): Promise<void> {
  const places = new Map(people.map((person) => [person, 0]))
  for (;;) {
    let typed = false
    for (const person of people) {
      const place = places.get(person) ?? 0
      const next = person.script.slice(place).findIndex(isTyped)
      const end = next === -1 ? person.script.length : place + next
      const due = person.script.slice(0, end).filter(isReceived).length
      if (person.received().split('\r\n').length - 1 < due || place === person.script.length)
        continue
      places.set(person, next === -1 ? end : end + 1)
      if (next !== -1) person.type(person.script[end] ?? '')
      typed = true
    }
    if ([...places].every(([{ script }, place]) => place === script.length)) return
    if (!typed) await Promise.race(people.map(({ news }) => once(news, 'data')))
  }
}

function isReceived(line: string): boolean {
  return /^(multiecho server|client id: |\(127\.)/.test(line)
}

/** Neither from the host nor from telnet itself. */
function isTyped(line: string): boolean {
  return (
    !isReceived(line) &&
    !/^(\$ |Trying |Connected to |Escape character |Connection closed by )/.test(line)
  )
}

/** A line of the guide with the ids that the people of this run have. */
function withIds(line: string, people: readonly Person[]): string {
  let result = line
  for (const { script, id } of people) {
    const shown = script.find((one) => one.startsWith('client id: '))?.slice('client id: '.length)
    // A port of four digits takes one space more in the table.
    result = result.replace(new RegExp(`^${shown}  `), id.padEnd(15) + '  ')
    result = result.replace(shown ?? '', id)
  }
  return result
}

function expectedOutput(people: readonly Person[], port: number): string {
  const lines = blockOf('host')
    .split('\n')
    .filter((line) => !line.startsWith('$ ') && line !== '^C')
  return lines
    .map((line) => withIds(line, people))
    .map((line) => line.replace('0.0.0.0:9090', `127.0.0.1:${port}`))
    .map((line) => line.replaceAll('localhost 9090', `127.0.0.1 ${port}`))
    .join('\n')
}

/** The text block of the guide that has this name behind its language. */
function blockOf(name: string): string {
  const guide = readFileSync(join(root, 'docs/guide/session.md'), 'utf8')
  const block = new RegExp(`^\`\`\`text ${name}\\n(.*?)^\`\`\`$`, 'ms').exec(guide)
  return block?.[1] ?? ''
}

/** Runs Node, and no longer than this test. */
function launch(args: readonly string[], cwd: string): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, args, { cwd })
  const stop = (): boolean => child.kill('SIGKILL')
  process.on('exit', stop)
  child.on('close', () => process.off('exit', stop))
  return child
}
