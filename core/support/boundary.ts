/**
 * The calls of the host into code of plugins. They have a name in stack traces, so that what stands below one, whoever
 * called the host, is never taken for the place of a fault; the name survives bundling and minifying.
 */

export const BOUNDARY = 'multiecho calls a plugin'

/** Calls a function of a plugin. */
export function callPlugin<Argument, Answer>(
  run: (argument: Argument) => Answer,
  argument: Argument,
): Answer {
  return run(argument)
}

Object.defineProperty(callPlugin, 'name', { value: BOUNDARY })
