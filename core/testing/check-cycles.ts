/** Checks that a plugin that is loaded and unloaded a thousand times leaves nothing behind. */
import type { PluginContext } from '../lifecycle/plugin-context.ts'
import { countHandles, countKept, countListeners, grown, grownHandles } from './leftovers.ts'
import type { Subject } from './subject.ts'
import { linesToType, whileTimePasses } from './visitors.ts'

const CYCLES = 1000
/** Cycles after which leftovers show, so that a plugin that leaks is not cycled a thousand times. */
const FIRST_CYCLES = 20
/** Milliseconds of real time for the cycles: a plugin that starts slowly is loaded less often. */
const CYCLE_TIME = 5000
/** Leftovers of these cycles that are not a coincidence: a test runner has some of its own. */
const LEAST_LEFT = FIRST_CYCLES / 2

/** Loads and unloads it repeatedly, with a client that talks. Returns how often. */
export async function checkCycles(subject: Subject): Promise<number> {
  const contexts: Array<WeakRef<PluginContext>> = []
  const typed = linesToType(subject.commands)
  let cycles = 0
  const cycle = async (): Promise<void> => {
    const { host, watch } = await subject.open()
    const client = await whileTimePasses(host, host.connect())
    await whileTimePasses(host, client.send(typed[cycles % typed.length] as string))
    await whileTimePasses(host, host.unload(subject.name))
    if (watch.context !== undefined) contexts.push(watch.context)
    await subject.close(host, 'while it is loaded and unloaded')
    cycles++
  }

  // What is created once in a process exists after this.
  await cycle()
  const [listeners, handles] = [countListeners(), countHandles()]
  const begun = performance.now()
  for (const most of [FIRST_CYCLES, CYCLES]) {
    while (cycles < most && performance.now() - begun < CYCLE_TIME) await cycle()
    await reportLeftovers()
    if (subject.findings.length > 0) break
  }
  return cycles

  async function reportLeftovers(): Promise<void> {
    const least = Math.max(2, Math.min(LEAST_LEFT, cycles / 2))
    const after = `after it was loaded and unloaded ${cycles} times`
    const listening = grown(listeners, countListeners(), least)
    if (listening.length > 0) {
      subject.found(
        'listeners',
        `${after}, it still listens to events of the process: ${listening.join(', ')}; call process.off in host.onDispose`,
      )
    }
    const open = await grownHandles(handles, least)
    if (open.length > 0) {
      subject.found(
        'handles',
        `${after}, these are still open: ${open.join(', ')}; close it in host.onDispose, and use the timers of the host`,
      )
    }
    const kept = await countKept(contexts)
    if (kept > contexts.length / 2) {
      subject.found(
        'memory',
        `${after}, ${kept} of its contexts are still in memory; keep nothing of the host outside of setup`,
      )
    }
  }
}
