/** Suggests what was probably meant by a misspelt word. */

/** Letters that are enough to recognize a word by its beginning. */
const BEGINNING = 3

/**
 * Returns the candidate with the fewest edits from the word, if it is close enough; otherwise the shortest candidate
 * that begins with the word. A scope may be missing or different.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // The iterable may allow only one pass.
  const words = [...candidates]
  let best: string | undefined
  let fewest = word.length <= 3 ? 2 : 3
  for (const candidate of words) {
    const edits = editsFrom(word.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest && edits < candidate.length) {
      fewest = edits
      best = candidate
    }
  }
  return best ?? shortestFrom(word, words)
}

/** The fewest edits, with the scopes of names, as in `acme:dice`, or without them. */
function editsFrom(word: string, candidate: string): number {
  if (!word.includes(':') && !candidate.includes(':')) return distance(word, candidate)
  return Math.min(distance(word, candidate), distance(withoutScope(word), withoutScope(candidate)))
}

function withoutScope(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function shortestFrom(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < BEGINNING) return undefined
  const begins = candidates.filter((candidate) =>
    [candidate, withoutScope(candidate)].some((name) =>
      name.toLowerCase().startsWith(word.toLowerCase()),
    ),
  )
  return begins.toSorted((a, b) => a.length - b.length)[0]
}

/** `; did you mean "X"?`, or an empty text. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates)
  return meant === undefined ? '' : `; did you mean "${meant}"?`
}

/**
 * Edits from one word to another: insertions, deletions, replacements and swaps of neighbours (optimal string alignment
 * distance).
 */
function distance(from: string, to: string): number {
  // A word of very different length is not it; this also bounds the work on what strangers type.
  if (Math.abs(from.length - to.length) > 3) return Infinity
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      let edits = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      if (swapped) edits = Math.min(edits, at(beforeLast, j - 2) + 1)
      row.push(edits)
    }
    beforeLast = last
    last = row
  }
  return at(last, to.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
