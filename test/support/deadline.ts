/** Waiting for something that has to happen: no test sleeps, and none waits for ever. */

/** Milliseconds that a test waits for anything. Far more than it takes: what is later than this never comes. */
export const PATIENCE = 15_000

/** Resolves with `awaited`, or rejects with what `missing` says when that takes too long. */
export async function within<T>(
  awaited: Promise<T>,
  missing: string | (() => string),
  milliseconds = PATIENCE,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const what = typeof missing === 'string' ? missing : missing()
      reject(new Error(`not within ${milliseconds} ms: ${what}`))
    }, milliseconds)
  })
  try {
    return await Promise.race([awaited, late])
  } finally {
    clearTimeout(timer)
  }
}
