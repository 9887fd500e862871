/** The pictures show what the programs show today. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pictures } from '../pictures/screens.ts'
import { drawPicture } from '../pictures/svg.ts'
import { needs } from '../support/programs.ts'

const folder = join(import.meta.dirname, '../../docs/pictures')
const files = readdirSync(folder).filter((file) => file.endsWith('.svg'))

const test = suite('pictures')

test('every picture is one that is made by npm run pictures', () => {
  assert.equal(files.toSorted(), Object.keys(pictures).toSorted())
})

for (const file of files) {
  const svg = readFileSync(join(folder, file), 'utf8')

  needs(
    test,
    'telnet',
    'script',
  )(`${file} is what a fresh recording shows`, async () => {
    const fresh = drawPicture(await (pictures[file] as (typeof pictures)[string])())
    assert.equal(textsOf(fresh), textsOf(svg), 'run npm run pictures, and look at what has changed')
    assert.is(fresh, svg, 'run npm run pictures, and look at what has changed')
  })

  test(`${file} is well-formed, and says in words what it shows`, () => {
    assert.is(unclosed(svg), '')
    assert.match(
      svg,
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]*role="img" aria-labelledby="title description">\n/,
    )
    assert.match(
      svg,
      /<title id="title">[^<]{10,}<\/title>\n<desc id="description">[^<]{50,}<\/desc>/,
    )
    assert.not.match(svg, /<script|<foreignObject|href=|url\(|@import/)
  })
}

test('a picture shows text as it is, whatever stands in it', () => {
  const text = '<b> & "c" ]]> \'d\''
  const line = { text, typed: false, step: 0 }
  const svg = drawPicture({
    title: text,
    description: text,
    rows: [[{ prompt: text, lines: [line], firstStep: 0 }]],
  })
  assert.is(unclosed(svg), '')
  assert.equal(textsOf(svg).slice(-1), [text])
})

test.run()

/** The lines of all terminals in a picture. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, text = '']) =>
    text
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  )
}

/** What is wrong with the tags of a document, or nothing. */
function unclosed(xml: string): string {
  const open: string[] = []
  let rest = xml
  while (rest !== '') {
    const [all, slash, name = '', , end] =
      /^<(\/?)(\w+)((?: [\w:-]+="[^"<&]*")*)(\/?)>/.exec(rest) ??
      /^(?:[^<&]|&(?:amp|lt|gt);)+/.exec(rest) ??
      []
    if (all === undefined) return `neither tag nor text: ${rest.slice(0, 40)}`
    if (slash === '/' && open.pop() !== name) return `</${name}> closes nothing`
    if (slash === '' && end === '') open.push(name)
    rest = rest.slice(all.length)
  }
  return open.join()
}
