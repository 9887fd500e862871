/**
 * Prints how many nanoseconds a line takes through a host with that many plugins.
 *
 *   node --import tsx test/bench/hooks.ts PLUGINS
 */
import { measure } from 'mitata'
import { hooksWay, LINES } from '../support/hooks-way.ts'

const way = await hooksWay(Number(process.argv[2]))
const { p50 } = await measure(() => way.say())
process.stdout.write(`${p50 / LINES}\n`)
await way.end()
