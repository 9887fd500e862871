/** What came over a stream, as text, and a way to wait for what comes next. */
import { StringDecoder } from 'node:string_decoder'
import { PATIENCE, within } from './deadline.ts'

export interface Transcript {
  /** All that came so far. */
  readonly text: string
  /** Whether the stream has ended. */
  readonly ended: boolean
  push(chunk: Buffer): void
  end(): void
  /**
   * Resolves to what came behind the last call's match, up to the end of this one's. Rejects when the stream ends, or
   * after `patience` milliseconds, without it.
   */
  until(expected: string | RegExp, patience?: number): Promise<string>
}

/** Characters of a transcript that a failure shows. */
const SHOWN = 2000

export function createTranscript(name: string): Transcript {
  const decoder = new StringDecoder('utf8')
  let text = ''
  let ended = false
  /** Where the last match ended. */
  let seen = 0
  let wake: (() => void) | undefined

  const notify = (): void => {
    const woken = wake
    wake = undefined
    woken?.()
  }

  /** Where `expected` ends, or -1. */
  const find = (expected: string | RegExp): number => {
    if (typeof expected === 'string') {
      const at = text.indexOf(expected, seen)
      return at === -1 ? -1 : at + expected.length
    }
    const match = expected.exec(text.slice(seen))
    return match === null ? -1 : seen + match.index + match[0].length
  }

  async function search(expected: string | RegExp): Promise<string> {
    for (;;) {
      const end = find(expected)
      if (end !== -1) {
        const found = text.slice(seen, end)
        seen = end
        return found
      }
      if (ended) throw new Error(missing(expected))
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  const missing = (expected: string | RegExp): string =>
    `${name}${ended ? ' ended' : ''} without ${show(expected)}; it has ${JSON.stringify(text.slice(seen).slice(-SHOWN))}`

  return {
    get text() {
      return text
    },
    get ended() {
      return ended
    },
    push(chunk) {
      text += decoder.write(chunk)
      notify()
    },
    end() {
      text += decoder.end()
      ended = true
      notify()
    },
    until: (expected, patience = PATIENCE) =>
      within(search(expected), () => missing(expected), patience),
  }
}

function show(expected: string | RegExp): string {
  return typeof expected === 'string' ? JSON.stringify(expected) : String(expected)
}
