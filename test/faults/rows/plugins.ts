/** Rows P1 to P10, as far as they are observable from outside: the effect of a faulty plugin on others. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { alone, must, mustBe, onHost, shown, type Check } from '../check.ts'
import { runToEnd, startHost, tableOf, type HostSetup } from '../host.ts'
import { newFolder } from '../machine.ts'

const HOOKS = ['connect', 'line', 'command', 'settled', 'close', 'shutdown']

/** A host whose plugin `bad` taps every hook with the same fault. */
function faulty(body: string, options = '{}'): HostSetup {
  const taps = HOOKS.map((hook) => `host.hooks.${hook}.tap(${options}, () => { ${body} })`)
  return {
    code: `const bad = definePlugin({ name: 'bad', apiVersion: 1, setup(host) { ${taps.join('\n')} } })`,
    config: 'plugins: [logging(), stats(), bad(), mute(), quit(), help(), echo()]',
  }
}

function throwsIn(what: string, body: string): Check {
  return alone(
    'P1',
    `a plugin that ${what} in every hook loses no line, and is named`,
    async () => {
      const host = await startHost(faulty(body))
      try {
        const [speaker, watcher] = await host.room.pair()
        const said = Array.from({ length: 50 }, (_, index) => `line ${index}`)
        const { texts } = await host.room.heard(
          speaker,
          watcher,
          said.map((line) => `${line}\r\n`).join(''),
        )
        mustBe(texts, said, 'lines shown, each once')
        await speaker.peer.say('/quit')
        await speaker.peer.ended('of the client that quits')
        const exit = await host.stop()
        mustBe([exit.code, exit.signal], [0, null], 'the status')
        const named = HOOKS.filter((hook) =>
          new RegExp(`plugin bad: .*\\b${hook}\\b`).test(host.log),
        )
        mustBe(named, HOOKS, 'hooks that the log names')
        mustBe(
          tableOf(host.stdout).map(({ echoed, quit }) => [echoed, quit]),
          [
            [51, 'true'],
            [0, 'false'],
          ],
          'the table',
        )
        return `50 of 50 lines once, /quit works, ${named.length} of 6 hooks named, ended with 0`
      } finally {
        await host.kill()
      }
    },
  )
}

/** Ways for a package to be invalid, each with what the error must say. */
const BAD_PACKAGES: Array<[what: string, source: string, says: RegExp]> = [
  ['a syntax error', 'export const bad = (', /bad-package/],
  ['a throw', "throw new Error('boom')", /boom/],
  [
    'a missing import',
    "import 'no-such-package-at-all'\nexport const bad = () => 1",
    /no-such-package-at-all/,
  ],
  ['no such export', 'export const other = 1', /plugins\[0\]|bad/],
  ['not a plugin', "export const bad = () => ({ name: 'bad' })", /plugins\[0\]/],
  [
    'another API',
    "import { definePlugin } from 'multiecho'\nexport const bad = definePlugin({ name: 'bad', apiVersion: 99, setup() {} })",
    /version/,
  ],
]

export const plugins: readonly Check[] = [
  throwsIn('throws', "throw new Error('boom')"),
  throwsIn('throws null', 'throw null'),
  throwsIn('rejects', "return Promise.reject(new Error('boom'))"),

  onHost(
    'P2',
    'a plugin that hangs delays one client, and then none',
    {
      code: `const bad = definePlugin({ name: 'bad', apiVersion: 1, setup(host) {
        host.hooks.line.tapPromise({ timeout: 100 }, ({ text }) =>
          text.startsWith('hang') ? new Promise(() => {}) : Promise.resolve()) } })`,
      config: 'plugins: [logging(), bad(), echo()]',
    },
    async ({ room }) => {
      const [speaker, watcher, other] = await room.three()
      const said = Array.from({ length: 20 }, (_, index) => `hang ${index}`)
      const begun = performance.now()
      const hung = room.heard(speaker, watcher, said.map((line) => `${line}\r\n`).join(''))
      const waited = performance.now()
      await room.stillTalks(other, watcher)
      const otherWaited = performance.now() - waited
      mustBe((await hung).texts, said, 'lines of the delayed client')
      const seconds = (performance.now() - begun) / 1000
      must(otherWaited < 90, `another client waited ${Math.round(otherWaited)} ms`)
      must(seconds < 1.5, `20 lines took ${seconds.toFixed(1)} s`)
      return `20 of 20 lines after ${seconds.toFixed(1)} s: 3 waited, then the tap is skipped; others waited ${Math.round(otherWaited)} ms`
    },
  ),

  alone(
    'P7',
    'an invalid package keeps the host from starting, with an error that names it',
    async () => {
      for (const [what, source, says] of BAD_PACKAGES) {
        const folder = newFolder()
        writeFileSync(join(folder, 'bad-package.ts'), source)
        const ran = await runToEnd({
          folder,
          configFile: `import { defineConfig } from 'multiecho'
import { bad } from './bad-package.ts'
export default defineConfig({ host: '127.0.0.1', plugins: [bad()] })
`,
        })
        mustBe(ran.code, 2, `the status with ${what} (${shown(ran.stderr)})`)
        must(says.test(ran.stderr), `with ${what} it says ${shown(ran.stderr, 300)}`)
        must(!ran.stdout.includes('listening'), 'it listened')
      }
      return `${BAD_PACKAGES.length} of ${BAD_PACKAGES.length} rejected with status 2`
    },
  ),

  alone('P7', 'a config that never finishes loading is reported, and nothing listens', async () => {
    const ran = await runToEnd({ configFile: 'await new Promise(() => {})\nexport default {}\n' })
    must(ran.code !== 0 && ran.code !== null, `the status is ${ran.code}`)
    must(ran.stderr.includes('chat.config.ts'), `it says ${shown(ran.stderr, 300)}`)
    return `status ${ran.code}: ${shown(ran.stderr.trim(), 140)}`
  }),

  alone('P8', 'an async plugin with random delays keeps the order of each sender', async () => {
    const host = await startHost({
      code: `const late = definePlugin({ name: 'late', apiVersion: 1, setup(host) {
        host.hooks.line.tapPromise('late', () => new Promise((done) => host.setTimeout(done, host.random() * 5))) } })`,
      config: 'plugins: [late(), echo()]',
    })
    try {
      const senders = await host.room.join(10)
      const [watcher] = await host.room.join(1)
      const said = Array.from({ length: 100 }, (_, index) => `line ${index}`)
      const results = senders.map((sender) =>
        host.room.heard(sender, watcher ?? sender, said.map((line) => `${line}\r\n`).join('')),
      )
      for (const { texts } of await Promise.all(results)) mustBe(texts, said, 'lines of a sender')
      return '1,000 lines of 10 senders, 0 out of order'
    } finally {
      await host.kill()
    }
  }),

  ...(['throw new Error("loose")', 'void Promise.reject(new Error("loose"))'] as const).map(
    (fault) =>
      alone(
        'P10',
        `a bare timer with ${fault.slice(0, 12)}… causes a graceful shutdown with status 70`,
        async () => {
          const host = await startHost({
            code: `const bad = definePlugin({ name: 'bad', apiVersion: 1, setup(host) {
          host.command({ name: 'boom', help: '', run() { setTimeout(() => { ${fault} }, 1) } }) } })`,
            config: 'plugins: [logging(), stats(), bad(), echo()]',
          })
          try {
            const [speaker, watcher] = await host.room.pair()
            await host.room.heard(speaker, watcher, 'one\r\n')
            await speaker.peer.say('/boom')
            const exit = await host.end(performance.now())
            mustBe([exit.code, exit.signal], [70, null], 'the status')
            mustBe(
              tableOf(host.stdout).map(({ echoed }) => echoed),
              [2, 0],
              'lines in the table',
            )
            must(
              host.stderr.includes('loose') && host.log.includes('loose'),
              'the error is not reported',
            )
            return `ended with 70 after ${Math.round(exit.milliseconds)} ms, table and stack printed`
          } finally {
            await host.kill()
          }
        },
      ),
  ),

  alone('P10', 'a timer of the context is isolated, and its plugin named', async () => {
    const host = await startHost({
      code: `const bad = definePlugin({ name: 'bad', apiVersion: 1, setup(host) {
        host.onStart(() => host.setInterval(() => { throw new Error('tick') }, 50)) } })`,
      config: 'plugins: [logging(), bad(), echo()]',
    })
    try {
      const [speaker, watcher] = await host.room.pair()
      for (let round = 0; round < 300 && !host.log.includes('keeps failing'); round++) {
        await host.room.stillTalks(speaker, watcher)
      }
      must(/plugin bad: .*tick/.test(host.log), 'the log does not name it')
      must(host.alive, 'the host ended')
      return 'the chat goes on, the log names the plugin and then counts'
    } finally {
      await host.kill()
    }
  }),
]
