/** Config files: where they are found, what they may import, and what beats what. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startHost } from '../support/host.ts'
import { join } from '../support/tcp-client.ts'

const test = suite('config files')

for (const name of ['chat.config.ts', 'chat.config.js', 'chat.config.mjs']) {
  test(`${name} is found`, async () => {
    const text = `
      import { defineConfig } from 'multiecho'
      import { echo } from 'multiecho/plugins'
      export default defineConfig({ plugins: [echo({ prefix: '<{name}> ' })] })
    `
    await using host = await startHost({ files: { [name]: text } })
    using speaker = await join(host.port)
    using listener = await join(host.port)
    speaker.say('one')
    await listener.hears(`<${speaker.id}> one`)
  })
}

test('a config file may import plugins from files beside it', async () => {
  const plugin = `
    import { definePlugin } from 'multiecho'
    export const hello = definePlugin({
      name: 'hello',
      apiVersion: 1,
      setup(host) {
        host.command({ name: 'hello', help: 'Say hello.', run: () => 'hello to you' })
      },
    })
  `
  for (const specifier of ['./plugins/hello.ts', './plugins/hello.js', './plugins/hello']) {
    const config = `import { hello } from '${specifier}'\nexport default { plugins: [hello()] }`
    await using host = await startHost({ config, files: { 'plugins/hello.ts': plugin } })
    using client = await join(host.port)
    client.say('/hello')
    await client.hears('hello to you')
  }
})

test('options beat the file, and the file beats the defaults', async () => {
  const config = `export default { port: 9, host: '203.0.113.7', unknownCommand: 'echo' }`
  await using host = await startHost({ config })
  using speaker = await join(host.port)
  using listener = await join(host.port)
  speaker.say('/shrug')
  await listener.hears(`(${speaker.id}) /shrug`)
})

test('without a config file the built-in plugins run', async () => {
  await using host = await startHost()
  using client = await join(host.port)
  client.say('/help')
  for (const command of ['/help', '/mute', '/quit', '/unmute']) {
    assert.match(await client.received.until('\r\n'), command)
  }
  const { stdout, log } = await host.stop()
  assert.match(stdout, 'Used /quit')
  assert.match(log, 'TIME Chat v1.0\n')
})

test.run()
