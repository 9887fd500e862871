/** Bytes of the telnet protocol (RFC 854), and ways to put bytes together. */
export const IAC = 0xff
export const SE = 0xf0
export const BRK = 0xf3
export const IP = 0xf4
export const AO = 0xf5
export const AYT = 0xf6
export const EC = 0xf7
export const EL = 0xf8
export const SB = 0xfa
export const WILL = 0xfb
export const WONT = 0xfc
export const DO = 0xfd
export const DONT = 0xfe
export const TIMING_MARK = 6

/** Joins texts (as UTF-8), single bytes and buffers. */
export function bytes(...parts: ReadonlyArray<string | number | Uint8Array>): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))),
  )
}

/** Repeats bytes. */
export function times(repeats: number, part: Uint8Array): Buffer {
  return Buffer.alloc(repeats * part.length, part)
}

/** Every way to split bytes in two. */
export function cuts(whole: Buffer): Array<[Buffer, Buffer]> {
  return Array.from({ length: whole.length - 1 }, (_, index) => [
    whole.subarray(0, index + 1),
    whole.subarray(index + 1),
  ])
}

/** How often `part` occurs in `whole`. */
export function count(whole: Buffer, part: Uint8Array): number {
  let found = 0
  for (let at = whole.indexOf(part); at !== -1; at = whole.indexOf(part, at + part.length)) found++
  return found
}
