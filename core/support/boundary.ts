/**
 * Calls from the host into plugin code. The function has a name in stack traces, so that the frames below it, the
 * callers of the host, are never taken for the location of a plugin's error; the name survives bundling and minifying.
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
