/** Finds where characters begin and end in possibly invalid UTF-8, without decoding it. */

/** Bytes of the longest character. */
const LONGEST = 4

/**
 * Bytes at `start` that are shown as one character: a valid one, or the longest beginning of one up to `end`, which
 * decoders show as one U+FFFD (WHATWG Encoding; Unicode, table 3-7).
 */
function lengthAt(bytes: Uint8Array, start: number, end: number): number {
  const lead = bytes[start] as number
  const expected = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1
  let at = start + 1
  for (; at < end && at < start + expected; at++) {
    const byte = bytes[at] as number
    const second = at === start + 1
    // The second byte tells overlong forms, surrogates and code points above U+10FFFF.
    const least = second && lead === 0xe0 ? 0xa0 : second && lead === 0xf0 ? 0x90 : 0x80
    const most = second && lead === 0xed ? 0x9f : second && lead === 0xf4 ? 0x8f : 0xbf
    if (byte < least || byte > most) break
  }
  return at - start
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

/** Bytes of the last character shown in `bytes` up to `end`; 0 if there are none. */
export function lastCharacter(bytes: Uint8Array, end: number): number {
  if (end === 0) return 0
  // A byte that is not a continuation always begins a character; no character longer than LONGEST reaches the end.
  let start = end - 1
  while (start > 0 && start > end - LONGEST && isContinuation(bytes[start] as number)) start--
  const length = lengthAt(bytes, start, end)
  return start + length === end ? length : 1
}

/** Whether `bytes` end, at `end`, in an unfinished character that `byte` continues. */
export function continues(bytes: Uint8Array, end: number, byte: number): boolean {
  const tail = Uint8Array.of(...bytes.subarray(Math.max(0, end - LONGEST + 1), end), byte)
  return lastCharacter(tail, tail.length) > 1
}
