/**
 * Runs the tests, a process a file, two at a time. uvu ends with status 0 on some real failures (a throwing `before`, a
 * forgotten `.run()`, `throw null`; lukeed/uvu#60, #80, #191, #201, #205), so its counts are compared here, and it never
 * ends when a socket is left open, so each file has a deadline.
 *
 * `node --import tsx test/run.ts [--bail] [PART OF A PATH ...]` runs the files whose path contains one of the parts, those
 * of the first part first; with `--bail`, none after the first that fails.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'

/** Milliseconds. */
const DEADLINE = 120_000
const KILL_AFTER = 2000

interface Result {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const root = import.meta.dirname
const bail = process.argv[2] === '--bail'
const parts = process.argv.slice(bail ? 3 : 2)
const everyFile = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .toSorted()
const files =
  parts.length === 0
    ? everyFile
    : [...new Set(parts.flatMap((part) => everyFile.filter((file) => file.includes(part))))]

const total = { passed: 0, failed: 0, skipped: 0 }
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, runNext))
if (files.length + total.passed + total.failed === 0) fail('no test was run')
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0

async function runNext(): Promise<void> {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    const result = await runFile(join(root, file))
    total.passed += result.passed
    total.failed += result.failed
    total.skipped += result.skipped
    if (bail && total.failed > 0) return
  }
}

async function runFile(path: string): Promise<Result> {
  const name = relative(root, path)
  const source = readFileSync(path, 'utf8')
  if (/\b\w+\.only\(/.test(source)) return fail(`${name}: .only leaves out the other tests`)
  const suites = source.match(/= suite\b/g)?.length ?? 0
  const runs = source.match(/\.run\(\)/g)?.length ?? 0
  if (suites !== runs) return fail(`${name}: ${suites} suites, of which ${runs} are run`)

  const { output, status, seconds } = await execute(path)
  const count = (label: string): number =>
    sum(output.matchAll(new RegExp(`^  ${label}:\\s+(\\d+)`, 'gm')))
  const all = count('Total')
  const passed = count('Passed')
  const skipped = count('Skipped')
  const notes = [...output.matchAll(/^skipped: .*$/gm)].map(([line]) => line)
  const good = status === 0 && all + skipped > 0 && passed === all
  process.stdout.write(
    `${good ? 'ok  ' : 'FAIL'} ${name} (${passed} of ${all}, ${seconds.toFixed(1)} s)\n`,
  )
  for (const note of notes) process.stdout.write(`     ${note}\n`)
  if (good) return { passed, failed: 0, skipped }
  process.stdout.write(
    `${output}\n${name}: ${status === 0 ? 'counts do not match' : `ended with ${status}`}\n`,
  )
  return { passed, failed: Math.max(1, all - passed), skipped }
}

function execute(
  path: string,
): Promise<{ output: string; status: number | string; seconds: number }> {
  return new Promise((resolve) => {
    const begun = performance.now()
    const child = spawn(process.execPath, ['--import', 'tsx', path], {
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let late = false
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    const term = setTimeout(() => {
      late = true
      child.kill('SIGTERM')
    }, DEADLINE)
    const kill = setTimeout(() => child.kill('SIGKILL'), DEADLINE + KILL_AFTER)
    child.on('close', (code, signal) => {
      clearTimeout(term)
      clearTimeout(kill)
      const seconds = (performance.now() - begun) / 1000
      resolve({
        output,
        status: late ? `no end within ${DEADLINE / 1000} s` : (code ?? signal ?? 1),
        seconds,
      })
    })
  })
}

function sum(matches: Iterable<RegExpMatchArray>): number {
  let all = 0
  for (const match of matches) all += Number(match[1])
  return all
}

function fail(message: string): Result {
  process.stdout.write(`FAIL ${message}\n`)
  total.failed++
  return { passed: 0, failed: 0, skipped: 0 }
}
