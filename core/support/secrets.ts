/** Hides secrets of a config, both in `inspect` and in messages about invalid options. */

/** Replaces a secret. */
export const HIDDEN = '(hidden)'

/** Keys whose values are secrets. */
const SECRET = /pass|pwd|secret|token|credential|auth(?!or)|keys?$|cookie|webhook/i
/** The credentials in a URL. */
const URL_CREDENTIALS = /\/\/[^/@\s]+@/g

/** Whether the value of a key is to be hidden, by the key's name. */
export function isSecret(key: PropertyKey): boolean {
  return SECRET.test(String(key))
}

/** A text without the credentials in its URLs. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(URL_CREDENTIALS, `//${HIDDEN}@`)
}
