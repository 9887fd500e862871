/** The results of the rounds, with their medians, and ratios within rounds. */
import type { Sample, Scenario } from './scenarios.ts'
import { median } from './statistics.ts'

/** The turns of one contestant, one for each round; a turn that failed is undefined. */
export type Turns = Array<Sample | undefined>

export class Results {
  readonly scenarios = new Map<Scenario, Map<string, Turns>>()

  add(scenario: Scenario, contestant: string, round: number, sample: Sample | undefined): void {
    let contestants = this.scenarios.get(scenario)
    if (contestants === undefined) this.scenarios.set(scenario, (contestants = new Map()))
    const turns = contestants.get(contestant) ?? []
    turns[round] = sample
    contestants.set(contestant, turns)
  }

  has(scenario: string): boolean {
    return this.#named(scenario) !== undefined
  }

  turns(scenario: string, contestant: string): Turns {
    return this.#named(scenario)?.get(contestant) ?? []
  }

  /** The median over the rounds; undefined if there is none. */
  readonly figure = (scenario: string, key: string, contestant: string): number | undefined => {
    const numbers = this.turns(scenario, contestant).flatMap((turn) => turn?.figures[key] ?? [])
    return numbers.length === 0 ? undefined : median(numbers)
  }

  /** The median, over the rounds, of the ratio of two contestants in the same round. */
  readonly ratio = (
    scenario: string,
    key: string,
    contestant: string,
    base: string,
  ): number | undefined => {
    const bases = this.turns(scenario, base)
    const ratios = this.turns(scenario, contestant).flatMap((turn, round) => {
      const [one, other] = [turn?.figures[key], bases[round]?.figures[key]]
      return one === undefined || other === undefined ? [] : one / other
    })
    return ratios.length === 0 ? undefined : median(ratios)
  }

  #named(name: string): Map<string, Turns> | undefined {
    for (const [scenario, contestants] of this.scenarios) {
      if (scenario.name === name) return contestants
    }
    return undefined
  }
}
