/**
 * Mutation testing of one file at a time: makes small changes of behaviour to it, one after the other, and shows those that
 * no test notices. `npm run mutants -- core/clients/idle.ts [PART OF A TEST'S PATH ...]` runs the tests of those parts, in that
 * order, until one fails; without parts, first those named after the file, then all but those of the docs and the package.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const [file, ...asked] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write('mutants: expected a file, as in npm run mutants -- core/clients/idle.ts\n')
  process.exit(2)
}

const named = `/${basename(file, '.ts')}`
const usual = [named, 'core/', 'plugins/', 'plugin-faults/', 'sockets/', 'cli/']
const parts = asked.length > 0 ? asked : usual

const config = {
  mutate: [file],
  testRunner: 'command',
  commandRunner: { command: `node --import tsx test/run.ts --bail ${parts.join(' ')}` },
  // For tests that run what was built. The environment says which mutant is on, and their processes inherit it.
  buildCommand: 'npm run build',
  // Stryker would read the real one through an interface that the compiler no longer has.
  tsconfigFile: 'none',
  concurrency: 1,
  reporters: ['clear-text'],
  clearTextReporter: { reportTests: false },
  // Milliseconds, beyond one and a half times what the tests take.
  timeoutMS: 30_000,
}

const folder = mkdtempSync(join(tmpdir(), 'mutants-'))
try {
  const path = join(folder, 'stryker.json')
  writeFileSync(path, JSON.stringify(config))
  const { status } = spawnSync('npx', ['stryker', 'run', path], { stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true })
}
