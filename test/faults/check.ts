/** A check: a row of the fault catalogue, something that can fail, and what was observed. */
import type { HostSetup, RunningHost } from './host.ts'
import type { Room } from './room.ts'

/** A broken promise. The message says what was observed instead. */
export class Failed extends Error {}

/** A check that cannot run here. The message says why. */
export class Skipped extends Error {}

interface Row {
  /** The row of the catalogue, such as `T5`. */
  readonly id: string
  /** What is promised, in the present tense. */
  readonly title: string
}

/** A check that needs only TCP and works with any line chat server. Resolves to what was observed. */
export interface TcpCheck extends Row {
  run(room: Room): Promise<string>
}

/** A check of the host as a process: its signals, its log, its limits. Resolves to what was observed. */
export interface HostCheck extends Row {
  /** How the host is started; a check without it starts its own hosts. */
  readonly setup?: HostSetup | undefined
  runHost(host: RunningHost): Promise<string>
}

/** A check that starts its own processes. */
export interface OwnCheck extends Row {
  runAlone(): Promise<string>
}

export type Check = TcpCheck | HostCheck | OwnCheck

export function overTcp(id: string, title: string, run: TcpCheck['run']): TcpCheck {
  return { id, title, run }
}

/** `setup` configures the host that is started for this check. */
export function onHost(
  id: string,
  title: string,
  setup: HostSetup,
  runHost: HostCheck['runHost'],
): HostCheck {
  return { id, title, setup, runHost }
}

export function alone(id: string, title: string, runAlone: OwnCheck['runAlone']): OwnCheck {
  return { id, title, runAlone }
}

/** Fails the check unless the condition holds; `seen` says what was observed instead. */
export function must(condition: unknown, seen: string): asserts condition {
  if (condition !== true) throw new Failed(seen)
}

export function skip(reason: string): never {
  throw new Skipped(reason)
}

/** Text for one row of a report, truncated if it is long. */
export function shown(value: unknown, length = 120): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > length ? `${text.slice(0, length)}… (${text.length} characters)` : text
}

/** Fails the check unless both are equal as JSON. */
export function mustBe(seen: unknown, promised: unknown, what: string): void {
  must(
    JSON.stringify(seen) === JSON.stringify(promised),
    `${what}: expected ${shown(promised)}, saw ${shown(seen)}`,
  )
}
