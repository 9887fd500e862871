/** What arrives as bytes, in whatever pieces, and leaves as lines. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost, type HostProcess } from '../support/host.ts'
import { greeting, join, type TcpClient } from '../support/tcp-client.ts'

const test = suite('lines over TCP')

/** A host with one who speaks and one who listens. */
async function chat(
  run: (speaker: TcpClient, listener: TcpClient, host: HostProcess) => Promise<void>,
): Promise<void> {
  await using host = await startHost()
  using speaker = await join(host.port)
  using listener = await join(host.port)
  await run(speaker, listener, host)
}

test('a line that comes in pieces is delivered whole, once its end has come', () =>
  chat(async (speaker, listener) => {
    const [first, ...rest] = ['he', 'll', 'o', '\r', '\nnext', '\n']
    speaker.write(first)
    await speaker.isRead()
    for (const piece of rest) speaker.write(piece)
    await listener.hears(`(${speaker.id}) hello`)
    await listener.hears(`(${speaker.id}) next`)
  }))

test('a character that is cut in two by packets arrives whole', () =>
  chat(async (speaker, listener) => {
    const bytes = Buffer.from('a😀b\n')
    speaker.write(bytes.subarray(0, 3))
    await speaker.isRead()
    speaker.write(bytes.subarray(3))
    await listener.hears(`(${speaker.id}) a😀b`)
  }))

test('LF, CR LF, CR NUL and a bare CR each end a line once', () =>
  chat(async (speaker, listener) => {
    speaker.write('lf\ncrlf\r\ncrnul\r\0cr\rlast\n')
    for (const line of ['lf', 'crlf', 'crnul', 'cr', 'last']) {
      await listener.hears(`(${speaker.id}) ${line}`)
    }
  }))

test('each of several lines in one packet has its true author in front', () =>
  chat(async (speaker, listener) => {
    speaker.write(`hi\n(${listener.id}) forged\nhi\r(${listener.id}) forged\n`)
    for (const text of ['hi', `(${listener.id}) forged`, 'hi', `(${listener.id}) forged`]) {
      await listener.hears(`(${speaker.id}) ${text}`)
    }
  }))

test('a burst of ten thousand lines arrives in order', () =>
  chat(async (speaker, listener) => {
    const numbers = Array.from({ length: 10_000 }, (_, index) => String(index))
    speaker.write(`${numbers.join('\n')}\nend\n`)
    await listener.received.until(`) end\r\n`)
    const expected = [...numbers, 'end'].map((text) => `(${speaker.id}) ${text}\r\n`)
    assert.is(listener.received.text, greeting(listener) + expected.join(''))
  }))

test('what one client says in bursts stays in order while another speaks too', () =>
  chat(async (speaker, listener, host) => {
    using third = await join(host.port)
    const said = (prefix: string) =>
      Array.from({ length: 2000 }, (_, index) => `${prefix}${index}\n`).join('')
    speaker.write(said('a'))
    third.write(said('b'))
    speaker.say('end')
    third.say('end')
    await listener.received.until(') end\r\n')
    await listener.received.until(') end\r\n')
    const heard = listener.received.text.split('\r\n')
    for (const { id, prefix } of [
      { id: speaker.id, prefix: 'a' },
      { id: third.id, prefix: 'b' },
    ]) {
      const lines = heard.filter((line) => line.startsWith(`(${id}) ${prefix}`))
      assert.equal(
        lines,
        Array.from({ length: 2000 }, (_, index) => `(${id}) ${prefix}${index}`),
      )
    }
  }))

test('a line of 4096 bytes is let through, and one of 4097 is refused with a notice', () =>
  chat(async (speaker, listener) => {
    const longest = `${'x'.repeat(4092)}😀`
    speaker.say(longest)
    await listener.hears(`(${speaker.id}) ${longest}`)
    speaker.say(`x${longest}`)
    await speaker.received.until('\r\n')
    speaker.say('next')
    await listener.hears(`(${speaker.id}) next`)
    assert.match(
      speaker.received.text.slice(greeting(speaker).length),
      /^[^\r\n]*\b4096 bytes\r\n$/,
    )
  }))

test('64 KiB without the end of a line close the connection, with the reason in the log', () =>
  chat(async (speaker, listener, host) => {
    speaker.write('x'.repeat(64 * 1024))
    await speaker.isRead()
    speaker.write('x')
    await speaker.closed()
    assert.match(
      await host.logged('closing connection: '),
      `closing connection: ${speaker.id} (line without end)\n`,
    )
    await host.stop()
    assert.is(await listener.closed(), greeting(listener))
  }))

test('an HTTP request as the first line is dropped with its connection', () =>
  chat(async (_speaker, listener, host) => {
    using browser = await join(host.port)
    browser.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n')
    assert.is(await browser.closed(), greeting(browser))
    const { log } = await host.stop()
    assert.match(log, `TIME connmgr: closing connection: ${browser.id} (not a chat client)\n`)
    assert.is(await listener.closed(), greeting(listener))
  }))

test('no control character but the end of the line reaches anybody', () =>
  chat(async (speaker, listener, host) => {
    speaker.write('a\x1b]0;pwn\x07b\u009b31m\u202ec\td\x00\n')
    speaker.write(Buffer.from([0x65, 0xff, 0xff, 0xc0, 0x80, 0x0a]))
    speaker.say('end')
    await listener.received.until(') end\r\n')
    const heard = listener.received.text.replaceAll('\r\n', '')
    assert.not.match(heard, /[\p{Cc}\u202e]/u)
    const { log } = await host.stop()
    assert.not.match(log.replaceAll('\n', ''), /[\p{Cc}\u202e]/u)
  }))

test.run()
