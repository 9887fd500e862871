/** Looks at what a plugin gives a door before anything is made of it. The checks throw `ARGUMENT_INVALID`. */
import { errors, show } from './errors.ts'
import { unknownKey } from './problems.ts'

export function checkBroadcast(plugin: string, text: unknown, options: unknown): void {
  if (typeof text !== 'string') {
    throw errors.argumentInvalid('host.broadcast', `expected a text, found ${show(text)}`, plugin)
  }
  if (options !== undefined) checkOptions(plugin, 'broadcast', options, BROADCAST)
}

const BROADCAST = ['to', 'except']

export function checkState(plugin: string, init: unknown, options: unknown): void {
  if (typeof init !== 'function') {
    const problem = `expected a function that makes the first value, found ${show(init)}; write clientState(() => …)`
    throw errors.argumentInvalid('host.clientState', problem, plugin)
  }
  if (options === undefined) return
  checkOptions(plugin, 'clientState', options, STATE)
  const { keep } = options as { readonly keep?: unknown }
  if (keep === undefined) return
  if (typeof keep !== 'string') {
    throw errors.argumentInvalid('host.clientState', `keep: ${NAME}, found ${show(keep)}`, plugin)
  }
}

const STATE = ['keep']
const NAME = 'expected a name, a text'

export function checkKeep(plugin: string, name: unknown, init: unknown): void {
  if (typeof name !== 'string') {
    throw errors.argumentInvalid('host.keep', `${NAME}, found ${show(name)}`, plugin)
  }
  if (typeof init !== 'function') {
    const problem = `expected a function behind the name, found ${show(init)}`
    throw errors.argumentInvalid('host.keep', problem, plugin)
  }
}

/** What is kept is the very same object for each plugin in turn; nothing else could change under its name. */
export function checkKept(plugin: string, made: unknown): void {
  if (typeof made === 'object' && made !== null) return
  const problem = `expected the function to return an object, found ${show(made)}`
  throw errors.argumentInvalid('host.keep', problem, plugin)
}

export function checkService(plugin: string, door: string, service: unknown): void {
  if (typeof (service as { name?: unknown } | null | undefined)?.name === 'string') return
  const problem = `expected what defineService has returned, found ${show(service)}`
  throw errors.argumentInvalid(`host.${door}`, problem, plugin)
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

export function checkFunction(plugin: string, door: string, run: unknown): void {
  if (typeof run === 'function') return
  throw errors.argumentInvalid(`host.${door}`, `expected a function, found ${show(run)}`, plugin)
}

/** Time that is over already is as good as none; what is no time would be over at once. */
export function checkTimer(
  plugin: string,
  door: string,
  run: unknown,
  milliseconds: unknown,
): void {
  checkFunction(plugin, door, run)
  if (Number.isFinite(milliseconds)) return
  const problem = `expected milliseconds behind the function, found ${show(milliseconds)}`
  throw errors.argumentInvalid(`host.${door}`, problem, plugin)
}

function checkOptions(
  plugin: string,
  door: string,
  options: unknown,
  known: readonly string[],
): void {
  if (typeof options !== 'object' || options === null) {
    const problem = `expected options, as { ${known.join(', ')} }, found ${show(options)}`
    throw errors.argumentInvalid(`host.${door}`, problem, plugin)
  }
  const unknown = unknownKey(options, known)
  if (unknown !== undefined) throw errors.argumentInvalid(`host.${door}`, unknown, plugin)
}
