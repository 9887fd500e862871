/** What the pages say that clients see, they see. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { definePlugin, safeText, z } from '../../core/index.ts'
import { createTestHost } from '../../core/testing/index.ts'
import { access, echo, flood, help, mute, quit, stats } from '../../plugins/index.ts'

const test = suite('pages')

test('protocol.md: the greeting', async () => {
  await using host = await createTestHost({ plugins: [echo()] })
  const client = await host.connect('127.0.0.1:53362')
  assert.is(client.bytes.toString(), fence('docs/reference/protocol.md').replaceAll('\n', '\r\n'))
})

test('protocol.md: what is a command and what is a line', async () => {
  const rows = table('docs/reference/protocol.md', 'Typed')
  assert.ok(rows.length > 5)
  for (const [typed = '', is = ''] of rows) {
    await using host = await createTestHost({ plugins: [mute(), help(), echo()] })
    const [ann, bob] = [await host.connect('ann'), await host.connect('bob')]
    const answer = await ann.say(code(typed))
    const [, line] = /^the line `(.*)`/.exec(is) ?? []
    const heard = bob.take()
    if (line !== undefined) assert.equal(heard, [`(ann) ${line}`], typed)
    else if (is.startsWith('a line')) assert.equal(heard, [`(ann) ${code(typed)}`], typed)
    else assert.equal(heard, [], typed)
    if (is.startsWith('a command')) assert.match(answer[0] ?? '', /^there is no command/)
    // "a line, and so are ..."
    for (const [, other = ''] of is.matchAll(/`(\/[^`]*)`/g)) {
      if (line !== undefined) continue
      await ann.say(other)
      assert.equal(bob.take(), [`(ann) ${other}`], other)
    }
  }
})

test('protocol.md: what becomes of unsafe characters', async () => {
  const samples: Record<string, [typed: string, seen: string]> = {
    'a tab': ['\t', ' '],
    'another C0 control, such as ESC or BEL': ['\x1b\x07', '␛␇'],
    'DEL, if a plugin sends it': ['\x7f', '␡'],
    'a C1 control (U+0080 to U+009F)': ['\u009b', '\ufffd'],
    'a line or paragraph separator (U+2028, U+2029)': ['\u2028\u2029', '\ufffd\ufffd'],
    'a bidi embedding, override or isolate (U+202A to U+202E, U+2066 to U+2069)': [
      '\u202e\u2067',
      '\ufffd\ufffd',
    ],
    'a tag (U+E0000 to U+E007F), except in flags of regions': [
      '\u{e0041}🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
      '\ufffd🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
    ],
    'a deprecated format character or an interlinear annotation mark': [
      '\u206a\ufff9',
      '\ufffd\ufffd',
    ],
    'an unassigned code point reserved for invisible characters': [
      '\u2065\u{e0fff}',
      '\ufffd\ufffd',
    ],
    'invalid UTF-8': ['\udcff', '\ufffd'],
    'more than eight combining marks on one character': [
      `e${'\u0301'.repeat(12)}`,
      `e${'\u0301'.repeat(8)}`,
    ],
    'any other character, visible or not': [
      'a\u200d\u200c\ufe0f\u200b\u00ad\u200e\u200f\u2060\u3164b',
      'a\u200d\u200c\ufe0f\u200b\u00ad\u200e\u200f\u2060\u3164b',
    ],
  }
  const rows = table('docs/reference/protocol.md', 'Character')
  assert.equal(
    rows.map(([what = '']) => what.trim()),
    Object.keys(samples),
  )
  await using host = await createTestHost({ plugins: [echo()] })
  const [ann, bob] = [await host.connect('ann'), await host.connect('bob')]
  for (const [what, [typed, seen]] of Object.entries(samples)) {
    assert.is(safeText(typed), seen, what)
    if (what.startsWith('DEL')) continue
    await ann.say(`<${typed}>`)
    assert.equal(bob.take(), [`(ann) <${seen}>`], what)
  }
})

test('protocol.md and config.md: what clients see at a limit', async () => {
  await using host = await createTestHost({
    plugins: [echo()],
    limits: { clients: 1, idle: 600_000 },
  })
  const rows = new Map(
    table('docs/reference/config.md', 'Limit').map(([limit = '', , sees = '']) => [
      code(limit),
      code(sees),
    ]),
  )
  const client = await host.connect()
  assert.equal(await client.say('x'.repeat(4097)), [rows.get('line')])
  assert.equal((await host.connect()).lines, [rows.get('clients')])
  const question = Buffer.from([255, 246])
  assert.equal(await client.send(question), [sayingOf('AYT')])
  await host.advance(660_000)
  // Who has asked has spoken telnet, and is asked for binary transmission.
  assert.equal(client.take(), [`${Buffer.from([255, 253, 0]).toString()}${rows.get('idle')}`])
})

test('mute.md: the answers with confirm', async () => {
  await using host = await createTestHost({ plugins: [mute({ confirm: true }), echo()] })
  const ann = await host.connect()
  for (const [typed, answer] of table('docs/plugins/mute.md', 'Typed')) {
    assert.equal(await ann.say(code(typed)), [code(answer)])
  }
})

test('help.md: the answers', async () => {
  await using host = await createTestHost({ plugins: [mute(), quit(), help(), echo()] })
  const ann = await host.connect()
  assert.equal(
    await ann.say('/help'),
    fence('docs/plugins/help.md', 'answer').trimEnd().split('\n'),
  )
  for (const [typed = '', answer = ''] of table('docs/plugins/help.md', 'Typed')) {
    const answers = await ann.say(code(typed))
    if (answer.startsWith('`')) assert.equal(answers, [code(answer)])
  }
})

test('stats.md: the table, and the row of those beyond', async () => {
  let printed = ''
  const output = { write: (text: string) => (printed += text) }
  const host = await createTestHost({
    plugins: [stats({ rows: 3, output }), mute(), quit(), echo()],
  })
  const shown = fence('docs/plugins/stats.md', 'table')
  for (const row of shown.trimEnd().split('\n').slice(2)) {
    const [id = '', echoed, muted, left] = row.split(/ +/)
    const client = await host.connect(id)
    for (let line = 0; line < Number(echoed); line++) await client.say('x')
    if (Number(muted) > 0) await client.say('/mute')
    for (let line = 0; line < Number(muted); line++) await client.say('x')
    if (left === 'true') await client.say('/quit')
  }
  await (await host.connect('one beyond')).say('/quit')
  await host.stop()
  assert.is(printed, `${shown}${'1 more'.padEnd(19)}       0          0   1\n`)
})

test('access.md: what is said to who is kept out', async () => {
  const messages = new Map(
    table('docs/plugins/access.md', 'Who is kept out').map(([who = '', message]) => [
      who.trim(),
      code(message),
    ]),
  )
  const deny = await createTestHost({ plugins: [access({ deny: ['192.0.2.1'] })] })
  const denied = await deny.connect('denied', '192.0.2.1')
  assert.equal(denied.lines, [messages.get('one denied, or not allowed')])
  for (let here = 0; here < 16; here++) await deny.connect(undefined, '192.0.2.2')
  const above = await deny.connect('above', '192.0.2.2')
  assert.equal(above.lines, [messages.get('one above `perAddress`')])
  await deny.stop()

  const often = await createTestHost({ plugins: [access({ perMinute: 1 })] })
  await (await often.connect('first', '192.0.2.3')).end()
  const again = await often.connect('again', '192.0.2.3')
  assert.equal(again.lines, [messages.get('one above `perMinute`')])
  await often.stop()
  assert.ok(messages.has('anybody, should the plugin fail'))
})

test('flood.md: the notice', async () => {
  await using host = await createTestHost({ plugins: [flood({ burst: 1 }), echo()] })
  const ann = await host.connect()
  const [notice] = await ann.send('one\ntwo\n')
  assert.ok(read('docs/plugins/flood.md').replaceAll(/\s+/g, ' ').includes(`'${notice}'`))
})

test('context.md: what a caller is told about arguments', async () => {
  const kick = definePlugin({
    name: 'kick',
    apiVersion: 1,
    setup(host) {
      host.command({
        name: 'kick',
        help: '',
        args: { who: z.string(), minutes: z.coerce.number().optional() },
        run() {
          throw new Error('no')
        },
      })
    },
  })
  const host = await createTestHost({ plugins: [kick(), echo()] })
  const ann = await host.connect()
  const rows = table('docs/reference/context.md', 'What was typed')
  const typed = ['/kick', '/kick bob soon', '/kick bob 1 2', '/kick bob']
  assert.is(rows.length, typed.length)
  for (const [index, line] of typed.entries()) {
    assert.equal(await ann.say(line), [code(rows[index]?.[1])])
  }
  assert.is(host.takeErrors().length, 1)
  await host.stop()
})

test.run()

function read(file: string): string {
  return readFileSync(join(import.meta.dirname, '../..', file), 'utf8')
}

/** The text block of a page that has this name behind its language, or the first one. */
function fence(page: string, name = ''): string {
  const pattern = new RegExp(`^\`\`\`text ?${name}\\n(.*?)^\`\`\`$`, 'ms')
  return pattern.exec(read(page))?.[1] ?? ''
}

function table(page: string, first: string): string[][] {
  const lines = read(page).split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${first} `))
  assert.is.not(start, -1, `${page} has no table with ${first}`)
  const end = lines.indexOf('', start)
  return lines.slice(start + 2, end).map((line) => line.slice(2, -2).split(' | '))
}

function code(cell: string | undefined): string {
  return (cell ?? '').trim().replaceAll('`', '')
}

/** What protocol.md says the answer to a telnet command is. */
function sayingOf(command: string): string {
  const row = table('docs/reference/protocol.md', 'Byte or telnet command').find(
    ([what = '']) => what.trim() === command,
  )
  return /`(.*?)`/.exec(row?.[1] ?? '')?.[1] ?? ''
}
