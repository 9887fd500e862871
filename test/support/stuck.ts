/** A stream whose peer takes nothing by itself: what it is given first is never done with, and it asks to wait from then on. */
import { Duplex } from 'node:stream'

export class Stuck extends Duplex {
  /** All that it was given so far. */
  readonly given: Buffer[] = []

  constructor() {
    super({ allowHalfOpen: true, highWaterMark: 1 })
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.given.push(chunk)
    this.takeOne = done
  }

  /** Takes what it was given last. */
  takeOne = (): void => {}
}
