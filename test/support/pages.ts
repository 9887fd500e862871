/** The code blocks of the README and the docs: what they show is run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from './host.ts'

export interface Block {
  readonly language: string
  /** What the info string says behind the language: the name of the file that the block is, where it is one. */
  readonly name: string
  readonly text: string
}

export interface Section {
  readonly page: string
  /** Empty for what stands in front of the first heading. */
  readonly title: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** The parts of a page between its headings of the second level. */
export function sectionsOf(page: string): Section[] {
  const parts = readFileSync(join(CHECKOUT, page), 'utf8').split(/^## /m)
  return parts.map((text, index) => {
    const title = index === 0 ? '' : text.slice(0, text.indexOf('\n'))
    return { page, title, text, blocks: blocksOf(text) }
  })
}

function blocksOf(text: string): Block[] {
  const fence = /^```(\w+) ?(.*)\n((?:.*\n)*?)```$/gm
  return Array.from(text.matchAll(fence), ([, language = '', name = '', inside = '']) => ({
    language,
    name,
    text: inside,
  }))
}

export function isFile({ name }: Block): boolean {
  return /^([\w-]+\/)?[\w.-]+\.(ts|js|mjs|json)$/.test(name)
}

/** What a block shows as the output of a command; the command stands in its first line, and must be this one. */
export function outputOf({ text }: Block, command: string): string {
  const [first, ...output] = text.split('\n')
  if (first !== `$ ${command}`) throw new Error(`expected "$ ${command}", found "${first}"`)
  return output.join('\n')
}
