/** A6: ten thousand clients of five kinds join and leave while 50 readers receive lines. */
import { count, type Figure } from '../figure.ts'
import { tableOf, visitsOf } from '../host.ts'
import { gather, Load, type CrowdReport } from '../load.ts'
import { when } from '../machine.ts'

const READERS = 50
const JOINS = 10_000
/** Joins before the measured ones: a program that has just started is slow. */
const WARM_UP = 20_000
const JOINS_A_SECOND = 5000
const SECONDS = 12
const TRIES = 3

interface Churn {
  readonly dialled: number
  readonly spoken: number
  readonly failed: number
  readonly seconds: number
}

/** How often the log has a message: on its own lines, and in summary lines with a count. */
function logged(log: string, line: RegExp, counted: string): number {
  const summed = [...log.matchAll(/connections not logged one by one: (.*)$/gm)]
    .flatMap(([, list]) => (list ?? '').split(', '))
    .map((part) => new RegExp(`^(\\d+) ${counted}$`).exec(part)?.[1])
    .reduce((sum, number) => sum + Number(number ?? 0), 0)
  return (log.match(line)?.length ?? 0) + summed
}

export const churn: Figure = {
  id: 'A6',
  title: `${count(JOINS)} joins of five kinds during 100 lines/s to ${READERS} readers`,
  promised: `≥ ${count(JOINS_A_SECOND)} joins/s; 0 lost of 58,800; every line of joining clients shown; rows + resets + refused = connections; no undefined id; descriptors ± 2`,
  ofOthers: false,
  async measure(stage) {
    let measured = ''
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const host = await stage.host({
        config: 'plugins: [logging(), stats(), mute(), quit(), help(), echo()]',
      })
      const crowd = await gather(host.address, {
        clients: READERS,
        rate: 100,
        bytes: 100,
        seconds: SECONDS,
      })
      stage.later(() => crowd.end())
      const before = host.descriptors()
      const warm = new Load('churn', host.address, WARM_UP)
      stage.later(() => warm.end())
      const warmed = await warm.result<Churn>()
      crowd.go()
      const churning = new Load('churn', host.address, JOINS)
      stage.later(() => churning.end())
      const churned = await churning.result<Churn>()
      await crowd.line()
      const accounted = (): number =>
        logged(host.log, /new connection /g, 'new') +
        logged(host.log, /was reset before/g, 'reset at once')
      const dials = warmed.dialled + churned.dialled + READERS
      await when(
        () => accounted() >= dials,
        () => `${accounted()} of ${dials} connections are in the log`,
      )
      const close = (): boolean => Math.abs(host.descriptors() - before) <= 2
      await when(close, () => `${before} descriptors before, ${host.descriptors()} after`)
      const after = host.descriptors()
      const report = await crowd.result<CrowdReport>()
      await host.stop()
      const rows = visitsOf(tableOf(host.stdout))
      const resets = logged(host.log, /was reset before/g, 'reset at once')
      const refused = logged(host.log, /connmgr: refused /g, 'refused')
      const odd = `${host.stdout}${host.log}`.includes('undefined')
      await stage.end()

      const said = warmed.spoken + churned.spoken
      const rate = churned.dialled / churned.seconds
      measured = `${count(Math.round(rate))} joins/s; ${report.lost} lost of ${count(report.expected)}; ${report.churnLeast} of ${said} lines of joining clients shown to each; ${rows} + ${resets} + ${refused} = ${rows + resets + refused} of ${dials}; ${odd ? 'an' : 'no'} undefined id; descriptors ${before} → ${after}`
      const exact =
        report.lost === 0 &&
        report.repeated === 0 &&
        warmed.failed + churned.failed === 0 &&
        report.churnLeast === said &&
        report.churnMost === said &&
        rows + resets + refused === dials &&
        !odd
      if (!exact)
        return {
          measured: `${measured}; ${warmed.failed + churned.failed} sessions failed`,
          met: false,
        }
      if (rate >= JOINS_A_SECOND) return { measured, met: true }
    }
    return { measured: `${measured} (the last of ${TRIES} attempts)`, met: false }
  },
}
