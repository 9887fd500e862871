/** `/help` and the hint for a command that is none. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from '../../core/index.ts'
import { createTestHost, type TestHost } from '../../core/testing/index.ts'
import { echo, help, mute, quit } from '../../plugins/index.ts'
import { join, plugin } from '../support/memory-plugins.ts'

const test = suite('help')

const games = plugin('games', (host) => {
  host.command({
    name: 'roll',
    aliases: ['r', 'dice'],
    help: 'Roll some dice.',
    args: { count: z.coerce.number().optional(), why: z.string().optional() },
    rest: true,
    run: () => 'rolled',
  })
  host.command({ name: 'cheat', aliases: ['ch'], help: '', run: () => 'cheated' })
})

async function asked(typed: string, config: object = {}): Promise<string[]> {
  const plugins = [mute(), quit(), help(), games, echo()]
  await using host: TestHost = await createTestHost({ plugins, ...config })
  return (await join(host)).say(typed)
}

test('the commands are listed by name, aligned, the hidden ones left out', async () => {
  assert.equal(await asked('/help'), [
    '/help [command]         List the commands, or describe one of them.',
    '/mute                   Send your lines to nobody until /unmute.',
    '/quit                   Leave the chat.',
    '/roll [count] [why...]  Roll some dice.',
    '/unmute                 Send your lines to everybody again.',
  ])
})

test('one command is told about, with its usage and its other names', async () => {
  const lines = ['/roll [count] [why...]  Roll some dice.', 'also: /r, /dice']
  for (const typed of ['/help roll', '/help r', '/help DICE', '/HELP /roll']) {
    assert.equal(await asked(typed), lines, typed)
  }
  assert.equal(await asked('/help quit'), ['/quit  Leave the chat.'])
})

test('a command is told about with its examples, but for one that says no more than the usage', async () => {
  const votes = plugin('votes', (host) => {
    host.command({
      name: 'vote',
      help: 'Vote.',
      args: { what: z.string().optional() },
      examples: [
        { type: '/vote', sees: /\d+ votes/ },
        { type: '/vote yes', sees: 'you have voted yes' },
        { type: ['/vote yes', '/vote no'], sees: /no/ },
      ],
      run: () => {},
    })
    host.command({ name: 'count', help: 'Count.', examples: [{ type: '/count' }], run: () => {} })
  })
  const plugins = [help(), votes]
  assert.equal(await asked('/help vote', { plugins }), [
    '/vote [what]  Vote.',
    'example: /vote',
    'example: /vote yes -> you have voted yes',
    'example: /vote yes, then /vote no',
  ])
  assert.equal(await asked('/help count', { plugins }), ['/count  Count.'])
})

test('asking about a command that is none is answered with the nearest one', async () => {
  assert.equal(await asked('/help quitt'), ['there is no command /quitt; did you mean /quit?'])
  assert.equal(await asked('/help xyzzy'), ['there is no command /xyzzy; type /help for a list'])
})

test('a misspelt command is answered with the nearest one, aliases included', async () => {
  assert.equal(await asked('/mtue'), ['there is no command /mtue; did you mean /mute?'])
  assert.equal(await asked('/UNMUTEE'), ['there is no command /unmutee; did you mean /unmute?'])
  assert.equal(await asked('/dicee 5'), ['there is no command /dicee; did you mean /dice?'])
  assert.equal(await asked('/xyzzy'), ['there is no command /xyzzy; type /help for a list'])
})

test('a hidden command is never what was meant', async () => {
  assert.equal(await asked('/cheatt'), ['there is no command /cheatt; type /help for a list'])
  assert.equal(await asked('/help cheatt'), ['there is no command /cheatt; type /help for a list'])
})

test('a hidden command still runs', async () => {
  assert.equal(await asked('/cheat'), ['cheated'])
})

test('where unknown commands are lines, help leaves them alone', async () => {
  assert.equal(await asked('/mtue', { unknownCommand: 'echo' }), [])
})

test('more than one command at a time is too much', async () => {
  assert.equal(await asked('/help mute quit'), [
    'too many arguments for /help. Usage: /help [command]',
  ])
})

test('the list is that of the moment', async () => {
  await using host = await createTestHost({ plugins: [mute(), quit(), help()] })
  const client = await join(host)
  await host.unload('mute')
  assert.equal(
    (await client.say('/help')).map((line) => line.split(' ')[0]),
    ['/help', '/quit'],
  )
})

test('it takes no options', async () => {
  await using host = await createTestHost({ plugins: [help({})] })
  assert.equal(await (await join(host)).say('/help'), [
    '/help [command]  List the commands, or describe one of them.',
  ])
})

test('a very long word is answered at once', async () => {
  const word = 'a'.repeat(4000)
  assert.equal(await asked(`/${word}`), [`there is no command /${word}; type /help for a list`])
})

test.run()
