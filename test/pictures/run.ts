/** Makes the pictures of docs/pictures/ anew: `npm run pictures`. It takes `telnet` and the built package. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pictures } from './screens.ts'
import { drawPicture } from './svg.ts'

const folder = join(import.meta.dirname, '../../docs/pictures')
mkdirSync(folder, { recursive: true })
for (const [file, record] of Object.entries(pictures)) {
  writeFileSync(join(folder, file), drawPicture(await record()))
  process.stdout.write(`docs/pictures/${file}\n`)
}
