/** Whether what is no longer needed is let go. */
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Whether each of some objects has been collected, after everything that can be has been. */
export async function collected(references: ReadonlyArray<WeakRef<object>>): Promise<boolean[]> {
  // A WeakRef keeps its target to the end of the turn in which it was looked at; finalizers run in a later one.
  for (let round = 0; round < 5; round++) {
    await turn()
    collect()
  }
  return references.map((reference) => reference.deref() === undefined)
}
