/** Rate limits with token buckets (https://en.wikipedia.org/wiki/Token_bucket): a burst at once, then a steady rate. */

export interface TokenBucket {
  /** Tokens left. Below 0 when more were spent than there were. */
  tokens: number
  /** When tokens were last added, in milliseconds by the host's `now()`. */
  filledAt: number
}

export interface Rate {
  /** Tokens of a full bucket. */
  readonly burst: number
  /** Tokens added each second, up to `burst`. */
  readonly perSecond: number
}

/** Adds the tokens earned since the last refill. `now` is in milliseconds, by the host's `now()`. */
export function refill(bucket: TokenBucket, { burst, perSecond }: Rate, now: number): void {
  const earned = ((now - bucket.filledAt) / 1000) * perSecond
  bucket.tokens = Math.min(burst, bucket.tokens + earned)
  bucket.filledAt = now
}
