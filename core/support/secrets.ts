/** What nobody is shown of a config: neither by `inspect` nor where an option is wrong. */

/** What stands in the place of a secret. */
export const HIDDEN = '(hidden)'

/** Keys whose values are nobody's business. */
const SECRET = /pass|pwd|secret|token|credential|auth(?!or)|keys?$|cookie|webhook/i
/** The part of a URL that says who asks. */
const URL_CREDENTIALS = /\/\/[^/@\s]+@/g

/** Whether what stands under a key is to be hidden, by the name of the key. */
export function isSecret(key: PropertyKey): boolean {
  return SECRET.test(String(key))
}

/** A text with its URLs as anybody may know them. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(URL_CREDENTIALS, `//${HIDDEN}@`)
}
