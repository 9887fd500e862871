/** The greeting of an admitted client. */

/** The version of what clients see, in the greeting and in the log; not the package's version. */
export const PROTOCOL_VERSION = 'v1.0'

export function greetingOf(id: string): string {
  return `multiecho server ${PROTOCOL_VERSION}\nclient id: ${id}`
}
