/** The seed and the number of cases of a random test, and where they are printed. */

/** Taken from TEST_SEED, to run a failed test again. */
export const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 2 ** 31)

/** Cases of one property: a number, or TEST_CASES where that is set, for a soak run. */
export function cases(usual: number): number {
  return Number(process.env['TEST_CASES'] ?? usual)
}

/** Says how to run this file's random tests again. */
export function printSeed(): void {
  process.stdout.write(`random tests: TEST_SEED=${seed}\n`)
}
