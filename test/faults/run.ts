/** Runs checks, one at a time: those that need only TCP on a shared server, the others on their own hosts. */
import { Failed, Skipped, type Check } from './check.ts'
import { startHost, startOther } from './host.ts'
import type { Address } from './peer.ts'
import type { Outcome, Result } from './report.ts'
import { Room } from './room.ts'

/** Where checks over TCP run: on the host, on another server that is started, or on a running one. */
export type Target = { readonly command: string } | { readonly address: Address } | undefined

interface Shared {
  readonly room: Room
  isAlive(): Promise<boolean>
  kill(): Promise<void>
}

async function serve(target: Target): Promise<Shared> {
  if (target !== undefined && 'address' in target) {
    const isAlive = (): Promise<boolean> => answers(target.address)
    if (!(await isAlive())) throw new Skipped('nothing accepts connections at that address')
    return { room: await Room.at(target.address), isAlive, kill: async () => {} }
  }
  const server = target === undefined ? await startHost() : await startOther(target.command)
  return { room: server.room, isAlive: async () => server.alive, kill: () => server.kill() }
}

async function answers(address: Address): Promise<boolean> {
  try {
    const room = Room.known(address)
    await room.connect()
    await room.leave()
    return true
  } catch {
    return false
  }
}

/** Runs the checks of a group. */
export async function runGroup(
  checks: readonly Check[],
  target: Target,
  report: (result: Result) => void,
): Promise<void> {
  let shared: Shared | undefined

  async function run(check: Check): Promise<string> {
    if ('run' in check) {
      shared ??= await serve(target)
      const { room } = shared
      try {
        return await check.run(room)
      } finally {
        await room.leave()
        // Whatever the check has seen, it has failed; the next one gets a new server.
        if (!(await shared.isAlive())) await gone()
      }
    }
    if (target !== undefined) throw new Skipped('needs the process of the host, not an address')
    if ('runAlone' in check) return check.runAlone()
    const host = await startHost(check.setup)
    try {
      return await check.runHost(host)
    } finally {
      await host.kill()
    }
  }

  async function gone(): Promise<never> {
    await shared?.kill()
    shared = undefined
    throw new Failed('the server has ended')
  }

  for (const check of checks) {
    const begun = performance.now()
    const [outcome, seen] = await run(check).then((text) => ['pass', text] as const, judge)
    const { id, title } = check
    report({ id, title, outcome, seen, milliseconds: performance.now() - begun })
  }
  await shared?.kill()
}

function judge(error: unknown): [Outcome, string] {
  if (error instanceof Skipped) return ['skip', error.message]
  if (error instanceof Failed) return ['fail', error.message]
  return ['fail', error instanceof Error ? (error.stack ?? error.message) : String(error)]
}
