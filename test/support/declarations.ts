/** What the sources declare, read from their text: the members of interfaces, with types and parameters. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Member {
  readonly name: string
  /** As it stands in the source, in one line; of a method, what it returns. */
  readonly type: string
  readonly readonly: boolean
  /** Of a method; undefined for anything else. */
  readonly parameters: readonly Parameter[] | undefined
}

export interface Parameter {
  readonly name: string
  readonly type: string
}

const root = join(import.meta.dirname, '../..')
const OPENING = '([{<'
const CLOSING = ')]}>'

/** The names that `core/index.ts` exports as types, each with the file that declares it. */
export function exportedTypes(): Map<string, string> {
  const found = new Map<string, string>()
  for (const [, type, names = '', file = ''] of readSource('core/index.ts').matchAll(
    /export (type )?\{([^}]*)\} from '\.\/(.*?)'/g,
  )) {
    for (const name of splitAtTop(names, ',')) {
      if (type !== undefined || name.startsWith('type '))
        found.set(name.replace('type ', ''), `core/${file}`)
    }
  }
  return found
}

/** Whether a file declares an interface of that name, and not another kind of type. */
export function isInterface(file: string, name: string): boolean {
  return new RegExp(`^export interface ${name}\\b`, 'm').test(readSource(file))
}

/** The members of an interface, in order, without those that it inherits. Throws when there is none of that name. */
export function membersOf(file: string, name: string): Member[] {
  const source = readSource(file)
  const start = source.search(new RegExp(`^export interface ${name}\\b`, 'm'))
  if (start === -1) throw new Error(`${file} declares no interface ${name}`)
  return bodyMembers(source, bodyAt(source, start))
}

/** What a type alias stands for, as it is written. */
export function aliasOf(file: string, name: string): string {
  const source = readSource(file)
  const found = new RegExp(
    `^export type ${name}\\b[^=]*=([^]*?)(?=\\n\\n|\\n(?:export|interface|const) |$(?![^]))`,
    'm',
  ).exec(source)
  if (found === null) throw new Error(`${file} declares no type ${name}`)
  return (found[1] ?? '').trim()
}

/** The members of each object type in a union, as `{ a: 1 } | { a: 2 }`. */
export function unionMembers(union: string): Member[][] {
  return splitAtTop(union, '|')
    .filter((part) => part.startsWith('{'))
    .map((part) => bodyMembers(part, [0, part.length - 1]))
}

/** Splits at a character that stands within no brackets. */
export function splitAtTop(text: string, separator: string): string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string
    if (OPENING.includes(character)) depth++
    else if (CLOSING.includes(character) && text[at - 1] !== '=') depth--
    else if (depth === 0 && character === separator) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return [...parts, text.slice(from)].map((part) => part.trim()).filter((part) => part !== '')
}

/** The source without its comments. */
function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8').replaceAll(/^\s*(\/\*[^]*?\*\/|\/\/.*$)\n/gm, '')
}

/** Where the braces of the first body behind a place are. */
function bodyAt(source: string, from: number): [begin: number, end: number] {
  let depth = 0
  let begin = -1
  for (let at = from; at < source.length; at++) {
    const character = source[at] as string
    if (character === '<' && begin === -1) depth++
    else if (character === '>' && begin === -1) depth--
    else if (character === '{') {
      if (begin === -1 && depth === 0) begin = at
      depth++
    } else if (character === '}') {
      depth--
      if (begin !== -1 && depth === 0) return [begin, at]
    }
  }
  throw new Error('a body has no end')
}

function bodyMembers(source: string, [begin, end]: [begin: number, end: number]): Member[] {
  // Lines that begin with a bracket or an operator go on with the line above.
  const body = source.slice(begin + 1, end).replaceAll(/\n\s*(?=[)\]}>|&=?:])/g, ' ')
  return splitAtTop(body.replaceAll(';', '\n'), '\n').map(memberOf)
}

function memberOf(declaration: string): Member {
  const text = oneLine(declaration)
  const [, readonly, name = '', rest = ''] = /^(readonly )?(\[?[\w.]+\]?)\??(.*)$/.exec(text) ?? []
  if (rest.startsWith(':')) {
    return {
      name,
      type: rest.slice(1).trim(),
      readonly: readonly !== undefined,
      parameters: undefined,
    }
  }
  const [signature = '', ...type] = splitAtTop(rest, ':')
  const list = signature.slice(signature.indexOf('(', signature.lastIndexOf('>(')) + 1, -1)
  const parameters = splitAtTop(list, ',').map((parameter) => {
    const [label = '', ...of] = splitAtTop(parameter, ':')
    return { name: label.replace('?', ''), type: of.join(': ') }
  })
  return { name, type: type.join(': '), readonly: true, parameters }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
