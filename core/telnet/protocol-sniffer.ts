/**
 * Decides by the first bytes of a connection whether it is a chat client. Browsers, scanners and proxies talk to any
 * port they find, and what a web page makes a browser send would be said in its user's name.
 */

/** Bytes within which the decision is made. */
const MOST = 16 * 1024

const BLANK = /^[\r\n\0]+/
const LINE_END = /[\r\n]/

const TLS_HELLO = /^\x16\x03[\0-\x04]/
/**
 * What a web page can make WebRTC send, with a name of its choice in it (RFC 8489, section 5; RFC 4571 puts a length
 * before it).
 */
const STUN = /^(?:[^]{2})?[\0-\x3f][^]{3}\x21\x12\xa4\x42/
/** https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.2 */
const PROXY_V2 = '\r\n\r\n\0\r\nQUIT\n'

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
/** A path, `*`, a URL, or a host with a port (RFC 9112, section 3.2). */
const TARGET = '(?=[/*]|[^\\0-\\x20:]*:)[^\\0-\\x20]*'

/** First lines of other protocols. Each matches a whole line, so that a sentence about one is not mistaken for it. */
const STRANGERS: readonly RegExp[] = [
  // RFC 9112, section 3; RTSP and SIP look the same.
  new RegExp(`^${TOKEN} ${TARGET} (?:HTTP|RTSP|SIP)/\\d(?:\\.\\d)?[ \\t]*$`),
  /^[A-Z]{3,16} [^\0-\x20]+ HTTP\/\d(?:\.\d)?[ \t]*$/,
  // RFC 4253, section 4.2
  /^SSH-\d\.\d+-[^\0-\x20]/,
  /^PROXY (?:TCP4 |TCP6 |UNKNOWN(?: |$))/,
]
/** A request whose target is longer than any typed line. */
const LONG_REQUEST = new RegExp(`^${TOKEN} ${TARGET}$`)

export class Opening {
  #seen = ''

  /** Takes the next bytes; returns undefined until it is decided. */
  isChat(chunk: Buffer): boolean | undefined {
    for (let at = 0; at < chunk.length;) {
      const end = at + MOST - this.#seen.length
      const isChat = this.#decide(chunk.toString('latin1', at, end))
      if (isChat !== undefined) return isChat
      at = end
    }
    return undefined
  }

  #decide(more: string): boolean | undefined {
    const isDecisive = this.#seen.length < PROXY_V2.length || LINE_END.test(more)
    const seen = (this.#seen += more)
    // The beginning of a long line is not matched again for each of its pieces.
    if (!isDecisive && seen.length < MOST) return undefined
    if (TLS_HELLO.test(seen) || STUN.test(seen) || seen.startsWith(PROXY_V2)) return false
    if (PROXY_V2.startsWith(seen)) return undefined
    // A packet may end before it can be decided.
    if (seen.length < PROXY_V2.length && !LINE_END.test(seen)) return undefined
    // Clients may send an empty line before a request (RFC 9112, section 2.2).
    const text = seen.replace(BLANK, '')
    const end = text.search(LINE_END)
    if (end >= 0) return !STRANGERS.some((stranger) => stranger.test(text.slice(0, end)))
    if (seen.length === MOST && text !== '') return !LONG_REQUEST.test(text)
    this.#seen = text
    return undefined
  }
}
