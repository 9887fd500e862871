/** Checks that a plugin's setup touches nothing outside the host. */
import { setImmediate as turn } from 'node:timers/promises'
import { checkConfig } from '../host/config.ts'
import { createHost } from '../host/host.ts'
import type { Clock } from '../support/clock.ts'
import { Log } from '../support/log.ts'
import { countHandles, countListeners, grown, grownHandles } from './leftovers.ts'
import type { Subject } from './subject.ts'
import { createWatch, createWatcher } from './watch.ts'

/** How often it is set up, so that leftovers show. */
const TIMES = 20
/** Leftovers that are not a coincidence: a test runner has some of its own. */
const LEAST_LEFT = TIMES / 2

/** The host never starts, so its timers must not run. */
const stopped: Clock = { now: () => 0, date: () => 0, setTimeout: () => () => {} }

/** `multiecho check` sets plugins up and never starts or disposes of them, so nothing may be left open. */
export async function checkSetUp(subject: Subject): Promise<void> {
  const [listeners, handles] = [countListeners(), countHandles()]
  for (let count = 0; count < TIMES; count++) {
    const config = checkConfig(
      { plugins: subject.plugins(createWatch(), createWatcher()) },
      undefined,
      [],
    )
    const log = new Log(() => {})
    createHost(config, { clock: stopped, random: Math.random, log }).setUp()
  }
  await turn()
  const left = [
    ...grown(listeners, countListeners(), LEAST_LEFT),
    ...(await grownHandles(handles, LEAST_LEFT)),
  ]
  if (left.length === 0) return
  subject.found(
    'setup',
    `setup was called ${TIMES} times without a start of the host, and these are left: ${left.join(', ')}; setup only registers, so acquire them in host.onStart`,
  )
}
