/** Signals that come while a host is not yet what it is to be: none is lost, and none kills it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runCli, startHost, type Setup } from '../support/host.ts'

const test = suite('signals at any time')

/** The first time that the config is loaded, something happens there; `signalled` sends a signal and lets it arrive. */
function configWith(places: { load?: string; setup?: string; onStart?: string }): string {
  return `
    import { once } from 'node:events'
    import { definePlugin } from 'multiecho'
    import { defaults } from 'multiecho/plugins'
    const isFirst = globalThis.isLoaded !== true
    globalThis.isLoaded = true
    const for60s = () => new Promise((resolve) => setTimeout(resolve, 60_000))
    const signalled = async (signal) => {
      const come = once(process, signal)
      process.kill(process.pid, signal)
      await come
    }
    const own = definePlugin({
      name: 'own',
      apiVersion: 1,
      setup(host) {
        if (isFirst) { ${places.setup ?? ''} }
        host.onStart(async () => { if (isFirst) { ${places.onStart ?? ''} } })
        host.onDispose(() => console.log('disposed of'))
      },
    })
    if (isFirst) { ${places.load ?? ''} }
    export default { plugins: [defaults(), own()] }
  `
}

const LOCAL = ['--port', '0', '--host', '127.0.0.1']

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} while the config loads ends it at once with status 0, since nothing has begun`, async () => {
    const config = configWith({ load: `process.kill(process.pid, '${signal}'); await for60s()` })
    const setup: Setup = { config }
    const { status, stdout, stderr, seconds } = await runCli(LOCAL, setup)
    assert.is(status, 0)
    assert.is(stdout + stderr, '')
    assert.ok(seconds < 10, `it took ${seconds} s`)
  })

  test(`${signal} at the end of the load ends it too, and starts no plugin`, async () => {
    // What is printed is not read, so that there is something to wait for.
    const load = `process.stdout.cork(); await signalled('${signal}')`
    const config = configWith({ load, setup: `console.error('set up')` })
    const { status, stdout, stderr } = await runCli(LOCAL, { config })
    assert.is(status, 0)
    assert.is(stdout + stderr, '')
  })

  test(`${signal} in setup stops it in order`, async () => {
    const config = configWith({ setup: `process.kill(process.pid, '${signal}')` })
    const { status, stdout } = await runCli(LOCAL, { config })
    assert.is(status, 0)
    assert.match(stdout, 'disposed of')
  })

  test(`${signal} in onStart stops it in order, and it never listens`, async () => {
    const config = configWith({ onStart: `process.kill(process.pid, '${signal}'); await for60s()` })
    const { status, stdout, stderr } = await runCli(LOCAL, { config })
    assert.is(status, 0, stderr)
    assert.match(stdout, 'disposed of')
    assert.not.match(stdout, 'listening')
  })

  test(`${signal} while the config loads for a reload stops the host in order, and at once`, async () => {
    const config = configWith({}).replace(
      'export default',
      `if (!isFirst) { console.log('loading'); await for60s() }\nexport default`,
    )
    await using host = await startHost({ config })
    host.child.kill('SIGHUP')
    await host.child.stdout.until('loading')
    const { status, stdout, log } = await host.stop(signal)
    assert.is(status, 0)
    assert.match(stdout, /disposed of[^]*Used \/quit|Used \/quit[^]*disposed of/)
    assert.match(log, 'multiecho server is shutting down')
  })
}

test('a stop that may take as long as it likes is not cut off', async () => {
  const config = configWith({}).replace('plugins:', 'stopDeadline: 2 ** 31 - 1, plugins:')
  await using host = await startHost({ config })
  const { status, stdout, stderr } = await host.stop('SIGTERM')
  assert.is(status, 0)
  assert.match(stdout, 'disposed of')
  assert.is(stderr, '')
})

for (const place of ['load', 'setup', 'onStart'] as const) {
  test(`after SIGHUP during ${place} the config is read again once the host runs`, async () => {
    const hangUp =
      place === 'setup' ? `process.kill(process.pid, 'SIGHUP')` : `await signalled('SIGHUP')`
    await using host = await startHost({ config: configWith({ [place]: hangUp }) })
    await host.logged('reloaded chat.config.ts: changed own; unchanged 6')
  })
}

test('SIGHUP while the config loads does not kill, though nobody in the config listens', async () => {
  const config = configWith({
    load: `process.kill(process.pid, 'SIGHUP'); await new Promise((resolve) => setTimeout(resolve, 50))`,
  })
  await using host = await startHost({ config })
  await host.logged('reloaded chat.config.ts: changed own; unchanged 6')
})

test('an error that nobody catches while the config loads is told, with status 70', async () => {
  const config = configWith({
    load: `setTimeout(() => { throw new Error('lost in the config') }); await for60s()`,
  })
  const { status, stderr } = await runCli(LOCAL, { config })
  assert.is(status, 70)
  assert.match(stderr, /^multiecho: uncaught error, stopping .*\n.*lost in the config/)
})

test.run()
