/** The log while sinks change places, as in a reload: each record is written once, and in order. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { definePlugin, z, type LogSink } from '../../../core/index.ts'
import { Log } from '../../../core/support/log.ts'
import { createTestHost } from '../../../core/testing/index.ts'
import { randomFrom } from '../../../core/testing/random.ts'

const test = suite('the log while sinks change places')

/** A sink that appends to what others append to as well, as two that write to one file. */
const appending = (file: string[]): LogSink => ({
  write: ({ message }) => void file.push(message),
})

test('while sinks change places each record is written once and in order, however many there are', () => {
  const seed = Date.now() % 1e6
  const random = randomFrom(seed)
  for (let round = 0; round < 30; round++) {
    const log = new Log(() => {})
    const file: string[] = []
    const stayed: string[] = []
    const expected: string[] = []
    const talk = (): void => {
      for (let more = Math.floor(random() * 1500); more > 0; more--) {
        expected.push(String(expected.length))
        log.of('a').info(expected.at(-1) ?? '')
      }
    }
    let writes = appending(file)
    log.addSink(writes)
    log.addSink(appending(stayed))
    for (let swap = 0; swap < 3; swap++) {
      talk()
      log.pause()
      const next = appending(file)
      // Where the new one cannot start, the old one is opened anew, and both others go.
      const failed = random() < 0.3 ? [appending(file)] : []
      for (const sink of [...failed, next]) {
        talk()
        log.addSink(sink)
      }
      talk()
      for (const sink of [...failed, writes]) log.removeSink(sink)
      log.resume()
      writes = next
    }
    talk()
    assert.equal(file, expected, `round ${round} of seed ${seed}`)
    assert.equal(stayed, expected, `round ${round} of seed ${seed}`)
  }
})

test('what was logged before the first sink is not lost where sinks change places then', () => {
  const log = new Log(() => {})
  log.of('a').info('before')
  log.pause()
  log.of('a').info('meanwhile')
  const file: string[] = []
  log.addSink(appending(file))
  assert.equal(file, [])
  log.resume()
  assert.equal(file, ['before', 'meanwhile'])
})

test('of more records than are kept none is lost where those that were there before have gone', () => {
  const log = new Log(() => {})
  const [old, next]: [string[], string[]] = [[], []]
  const before = appending(old)
  log.addSink(before)
  log.pause()
  log.addSink(appending(next))
  log.removeSink(before)
  const expected = Array.from({ length: 2500 }, (_, index) => String(index))
  for (const message of expected) log.of('a').info(message)
  log.resume()
  assert.equal(next, expected)
  assert.equal(old, [])
})

test('a reload of the log during which thousands of records come writes each once and in order', async () => {
  const file: string[] = []
  const sink = definePlugin({
    name: 'sink',
    apiVersion: 1,
    options: z.strictObject({ number: z.int() }),
    setup(host) {
      host.onStart(() => host.addLogSink(appending(file)))
    },
  })
  let count = 0
  const talker = definePlugin({
    name: 'talker',
    apiVersion: 1,
    options: z.strictObject({ number: z.int() }),
    setup(host) {
      host.onStart(() => {
        for (let more = 0; more < 3000; more++) host.log.info(String(count++))
      })
      host.onDispose(() => host.log.info(String(count++)))
    },
  })
  const config = (number: number) => ({ plugins: [sink({ number }), talker({ number })] })
  await using host = await createTestHost(config(1))
  await host.reload(config(2))
  await host.reload(config(3))
  const numbers = file.filter((message) => /^\d+$/.test(message))
  assert.equal(
    numbers,
    Array.from({ length: count }, (_, index) => String(index)),
  )
})

test.run()
