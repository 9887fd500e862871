/** Rows C1 and C2: invalid configs. */
import { readdirSync } from 'node:fs'
import { alone, must, mustBe, shown, type Check } from '../check.ts'
import { runToEnd, type HostSetup } from '../host.ts'
import { newFolder } from '../machine.ts'

/** Invalid configs, each with the path that the error must name. */
const WRONG: Array<[config: string, path: string]> = [
  ['prot: 9090', 'prot'],
  ["port: '9090'", 'port'],
  ['port: 70000', 'port'],
  ['port: -1', 'port'],
  ['port: 1.5', 'port'],
  ['host: 5', 'host'],
  ["host: '999.1.1.1'", 'host'],
  ['limits: { clients: 0 }', 'limits.clients'],
  ['limits: { line: -5 }', 'limits.line'],
  ["limits: { backlogHard: '1M' }", 'limits.backlogHard'],
  ['limits: { idle: 5 }', 'limits.idle'],
  ['limits: []', 'limits'],
  ['stopDeadline: 0', 'stopDeadline'],
  ["unknownCommand: 'maybe'", 'unknownCommand'],
  ['plugins: {}', 'plugins'],
  ['plugins: [echo]', 'plugins[0]'],
  ['plugins: [echo(), echo()]', 'plugins[1]'],
  ["plugins: [echo({ prefix: 'x' })]", 'prefix'],
  ['plugins: [flood({ burst: 0 })]', 'burst'],
  ["plugins: [access({ deny: ['10.0.0.0/99'] })]", 'deny'],
]

async function mustRefuse(setup: HostSetup, says: readonly string[]): Promise<string> {
  const ran = await runToEnd(setup)
  mustBe(ran.code, 2, `the status (${shown(ran.stderr)})`)
  mustBe(ran.stdout, '', 'standard output')
  for (const words of ['chat.config.ts', ...says]) {
    must(ran.stderr.includes(words), `it does not mention ${words}: ${shown(ran.stderr, 300)}`)
  }
  return ran.stderr
}

export const config: readonly Check[] = [
  alone('C1', 'each of 20 invalid configs is rejected with file and path, status 2', async () => {
    for (const [wrong, path] of WRONG) {
      // The last of several equal keys wins: the wrong value replaces the right one.
      await mustRefuse({ config: wrong }, [path])
    }
    return `${WRONG.length} of ${WRONG.length}`
  }),

  alone('C1', 'all errors are reported at once, and nothing is opened', async () => {
    const folder = newFolder()
    const all =
      "prot: 1, limits: { line: 'x' }, stopDeadline: 0, plugins: [logging(), echo({ prefix: 'x' })]"
    const said = await mustRefuse({ folder, config: all }, [
      'prot',
      'limits.line',
      'stopDeadline',
      'prefix',
    ])
    mustBe(readdirSync(folder), ['chat.config.ts'], 'files in its folder')
    return `${said.trim().split('\n').length} lines for 4 errors, no log created`
  }),

  alone('C2', 'a config that cannot be loaded is reported in the same way', async () => {
    const broken: Array<[string, string]> = [
      ['export default {', '1:16'],
      ["throw new Error('boom')", 'boom'],
      ["import x from './nowhere.ts'\nexport default x", 'nowhere'],
      ['export default 5', 'no config'],
    ]
    for (const [configFile, words] of broken) await mustRefuse({ configFile }, [words])
    return `${broken.length} of ${broken.length}`
  }),

  alone('C2', 'a config without a default export is rejected, not treated as empty', async () => {
    const without = ['', "export const host = '127.0.0.1'"]
    for (const configFile of without) await mustRefuse({ configFile }, ['no config'])
    return `${without.length} of ${without.length}`
  }),
]
