#!/usr/bin/env node
/**
 * The program's entry. It checks the version of Node before it loads the command line, which an older Node could not
 * even parse: so nothing is imported at the top, and the syntax here is that of Node 14.
 */
const NEEDED = '20.19'

const [major = 0, minor = 0] = numbersOf(process.versions.node)
const [least = 0, leastMinor = 0] = numbersOf(NEEDED)
if (major > least || (major === least && minor >= leastMinor)) await import('./cli.ts')
else {
  process.stderr.write(
    `multiecho: Node ${NEEDED} or later is needed, and this is ${process.versions.node}; install a newer one from nodejs.org\n`,
  )
  process.exitCode = 1
}

function numbersOf(version: string): number[] {
  return version.split('.').map(Number)
}
