/** Rate limits by token buckets (https://en.wikipedia.org/wiki/Token_bucket): a burst at once, and then a steady rate. */

export interface TokenBucket {
  /** What may still be spent. Below 0 where more was spent than there was. */
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

/** Adds to a bucket what it has earned since it was last refilled. `now` is in milliseconds, by the host's `now()`. */
export function refill(bucket: TokenBucket, { burst, perSecond }: Rate, now: number): void {
  const earned = ((now - bucket.filledAt) / 1000) * perSecond
  bucket.tokens = Math.min(burst, bucket.tokens + earned)
  bucket.filledAt = now
}
