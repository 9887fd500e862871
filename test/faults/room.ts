/**
 * A chat seen from outside: clients that have joined, what one sends and what another receives. How a server names its
 * clients is learnt by listening, so that the same checks work with any line chat server.
 */
import { randomBytes } from 'node:crypto'
import { Failed, must, shown } from './check.ts'
import { Peer, PATIENCE, type Address, type PeerOptions } from './peer.ts'

const GREETED = /^client id: (\S+)$/

/** Milliseconds between attempts to be heard, for a server without a greeting. */
const TRY_INTERVAL = 100

/** A client that can hear and be heard. */
export class Member {
  readonly peer: Peer
  /** The prefix of this member's lines. */
  readonly prefix: string

  constructor(peer: Peer, prefix: string) {
    this.peer = peer
    this.prefix = prefix
  }
}

/** What a watcher received while a speaker sent something. */
export interface Heard {
  /** The speaker's lines, without the prefix. */
  readonly texts: string[]
  /** All lines in between, from anybody. */
  readonly lines: string[]
  /** All bytes in between. */
  readonly bytes: Buffer
}

export class Room {
  readonly address: Address
  /** Whether the server greets with `client id: …`, as multiecho does. */
  readonly #greets: boolean
  readonly #peers = new Set<Peer>()
  #fences = 0

  private constructor(address: Address, greets: boolean) {
    this.address = address
    this.#greets = greets
  }

  static known(address: Address): Room {
    return new Room(address, true)
  }

  /** Finds out how the server greets. */
  static async at(address: Address): Promise<Room> {
    const peer = await Peer.connect(address)
    const greets = await peer
      .line((line) => GREETED.test(line), 'greeting', { patience: 1000 })
      .then(
        () => true,
        () => false,
      )
    peer.close()
    return new Room(address, greets)
  }

  /** Connects without waiting to be greeted. */
  async connect(options?: PeerOptions): Promise<Peer> {
    const peer = await Peer.connect(this.address, options)
    this.#peers.add(peer)
    return peer
  }

  /** Connects clients; resolves when each can hear and be heard. */
  async join(count: number, options?: PeerOptions): Promise<Member[]> {
    const peers = await Promise.all(Array.from({ length: count }, () => this.connect(options)))
    if (this.#greets) return Promise.all(peers.map(greeted))
    return this.#introduce(peers)
  }

  async pair(): Promise<[speaker: Member, watcher: Member]> {
    const [speaker, watcher] = await this.join(2)
    return [speaker as Member, watcher as Member]
  }

  /** A speaker, a watcher, and a third one for `apart`. */
  async three(): Promise<[speaker: Member, watcher: Member, third: Member]> {
    const [speaker, watcher, third] = await this.join(3)
    return [speaker as Member, watcher as Member, third as Member]
  }

  /** Sends complete lines; resolves to what the watcher received up to an extra last line. */
  async heard(speaker: Member, watcher: Member, bytes: string | Uint8Array): Promise<Heard> {
    const hearing = this.listen(speaker, watcher)
    await speaker.peer.send(bytes)
    return hearing()
  }

  /** Starts listening; the returned function stops, and resolves to what the watcher received in between. */
  listen(speaker: Member, watcher: Member): () => Promise<Heard> {
    const { peer } = watcher
    const from = peer.lines.length
    const begin = peer.received - peer.unfinished.length
    return async () => {
      const fence = `fence-${++this.#fences}`
      await speaker.peer.say(fence)
      let end = from
      await peer.until(() => {
        while (end < peer.lines.length && peer.lines[end]?.endsWith(fence) !== true) end++
        return end < peer.lines.length
      }, `line that was sent after it (${fence})`)
      const lines = peer.lines.slice(from, end)
      const texts = lines
        .filter((line) => line.startsWith(speaker.prefix))
        .map((line) => line.slice(speaker.prefix.length))
      const shownBytes = peer.bytes.subarray(begin)
      return { texts, lines, bytes: shownBytes.subarray(0, shownBytes.lastIndexOf(fence)) }
    }
  }

  /**
   * Sends the parts so that the server reads each separately: between two of them a third member is heard, and
   * everything before that has been read by then.
   */
  async apart(
    speaker: Member,
    watcher: Member,
    third: Member,
    parts: ReadonlyArray<string | Uint8Array>,
  ): Promise<void> {
    for (const part of parts) {
      await speaker.peer.send(part)
      await this.heard(third, watcher, '')
    }
  }

  /** Fails unless the watcher receives what the speaker sends now. */
  async stillTalks(speaker: Member, watcher: Member): Promise<void> {
    const { texts } = await this.heard(speaker, watcher, 'are you there\r\n')
    must(texts.includes('are you there'), `the next line was shown as ${shown(texts)}`)
  }

  /** Closes all connections. */
  async leave(): Promise<void> {
    const peers = [...this.#peers]
    this.#peers.clear()
    for (const peer of peers) peer.close()
    await Promise.all(peers.map((peer) => peer.until(() => peer.socket.closed, 'close')))
  }

  async #introduce(peers: readonly Peer[]): Promise<Member[]> {
    must(peers.length > 1, 'a single client cannot be heard')
    const deadline = performance.now() + PATIENCE
    for (;;) {
      const names = peers.map(() => `i-am-${randomBytes(6).toString('hex')}`)
      const seen = peers.flatMap((listener, index) =>
        names
          .filter((_, other) => other !== index)
          .map((name) =>
            listener.line((line) => line.endsWith(name), 'introduction', {
              from: Math.max(0, listener.lines.length - 1),
              patience: TRY_INTERVAL * 5,
            }),
          ),
      )
      const all = Promise.all(seen)
      all.catch(() => {})
      for (const [index, peer] of peers.entries()) await peer.say(names[index] as string)
      try {
        const lines = await all
        return peers.map((peer, index) => {
          const name = names[index] as string
          const line = lines.find((one) => one.endsWith(name)) as string
          return new Member(peer, line.slice(0, -name.length))
        })
      } catch (error) {
        await Promise.allSettled(seen)
        if (!(error instanceof Failed) || performance.now() > deadline) throw error
      }
    }
  }
}

/** Waits for the greeting, which contains the name that others see. */
export async function greeted(peer: Peer): Promise<Member> {
  const line = await peer.line((text) => GREETED.test(text), 'greeting')
  return new Member(peer, `(${GREETED.exec(line)?.[1]}) `)
}
