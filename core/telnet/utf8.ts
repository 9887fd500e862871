/** Where characters begin and end in bytes that may be ill-formed UTF-8, without decoding them. */

/** Bytes of the longest character. */
const LONGEST = 4

/**
 * Bytes at `start` that are shown as one character: a well-formed one, or as much of one as there is up to `end`, which
 * decoders show as one U+FFFD (WHATWG Encoding; Unicode, table 3-7).
 */
function lengthAt(bytes: Uint8Array, start: number, end: number): number {
  const lead = bytes[start] as number
  const expected = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1
  let at = start + 1
  for (; at < end && at < start + expected; at++) {
    const byte = bytes[at] as number
    const second = at === start + 1
    // Overlong forms, surrogates and what is above U+10FFFF are told by the second byte.
    const least = second && lead === 0xe0 ? 0xa0 : second && lead === 0xf0 ? 0x90 : 0x80
    const most = second && lead === 0xed ? 0x9f : second && lead === 0xf4 ? 0x8f : 0xbf
    if (byte < least || byte > most) break
  }
  return at - start
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

/** Bytes of the last character that is shown of `bytes` up to `end`; 0 where there are none. */
export function lastCharacter(bytes: Uint8Array, end: number): number {
  if (end === 0) return 0
  // A byte that continues nothing always begins a character; further back than this none can reach the end.
  let start = end - 1
  while (start > 0 && start > end - LONGEST && isContinuation(bytes[start] as number)) start--
  const length = lengthAt(bytes, start, end)
  return start + length === end ? length : 1
}

/** Whether `bytes` end, at `end`, in a character that is unfinished, and `byte` continues it. */
export function continues(bytes: Uint8Array, end: number, byte: number): boolean {
  const tail = Uint8Array.of(...bytes.subarray(Math.max(0, end - LONGEST + 1), end), byte)
  return lastCharacter(tail, tail.length) > 1
}
