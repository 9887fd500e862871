/** Tests that need a program which is not everywhere. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'uvu'
import { PATH } from './terminal.ts'

/** Returns `test`, or where a program is missing, its `skip`, and prints which. */
export function needs(test: Test, ...programs: readonly string[]): Test | Test['skip'] {
  const missing = programs.find((program) => !isThere(program))
  return unless(test, missing && `the program ${missing} is not installed`)
}

/** Returns `test`, or its `skip` where there is a reason for that, and prints it. */
export function unless(test: Test, reason: string | undefined): Test | Test['skip'] {
  if (reason === undefined) return test
  process.stdout.write(`skipped: ${reason}\n`)
  return test.skip
}

/** Whether a program can be run by its name. */
export function isThere(program: string): boolean {
  return PATH.split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
