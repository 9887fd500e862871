/** Draws terminals as an SVG that is small, needs no fonts of its own, and fits a light page and a dark one. */

export interface Picture {
  readonly title: string
  /** What is seen, for who does not see it. */
  readonly description: string
  /** Panes beside each other, row below row; all of a row are as high as the highest. */
  readonly rows: readonly (readonly Pane[])[]
}

export interface Pane {
  /** The command that was typed first. */
  readonly prompt: string
  readonly lines: readonly Line[]
  /** The step at which the command was typed. */
  readonly firstStep: number
}

export interface Line {
  readonly text: string
  /** Whether somebody typed it, rather than a program. */
  readonly typed: boolean
  /** When it comes; lines of one step come together. */
  readonly step: number
}

// Lengths in pixels.
const WIDTH = 820
const GAP = 14
const PADDING = 16
const BAR = 26
const FONT = 13
const LINE = 19

/** Seconds from step to step. */
const PACE = 0.7

const STYLE = `
text { font: ${FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
.pane { fill: #fbfbfa; stroke: #c9ccd1 }
.bar { fill: #eceef1 }
.dot { fill: #c3c7cd }
.name { fill: #5b6470; font-size: 11px; text-anchor: middle }
.line { fill: #3d444d; animation: come 0.3s backwards }
.typed { fill: #0a5cc2; font-weight: 600 }
.dollar { fill: #7a828c }
@keyframes come { from { opacity: 0 } }
@media (prefers-color-scheme: dark) {
  .pane { fill: #161a20; stroke: #3b424c }
  .bar { fill: #232932 }
  .dot { fill: #4a525d }
  .name { fill: #9aa4b0 }
  .line { fill: #ccd3db }
  .typed { fill: #7fb6ff }
  .dollar { fill: #8a93a0 }
}
@media (prefers-reduced-motion: reduce) { .line { animation: none } }
`

export function drawPicture({ title, description, rows }: Picture): string {
  const parts: string[] = []
  let top = 1
  for (const row of rows) {
    const width = (WIDTH - 2 - GAP * (row.length - 1)) / row.length
    const count = Math.max(...row.map(({ lines }) => lines.length + 1))
    const height = BAR + 2 * PADDING + count * LINE - (LINE - FONT)
    for (const [index, pane] of row.entries()) {
      parts.push(drawPane(pane, 1 + index * (width + GAP), top, width, height))
    }
    top += height + GAP
  }
  const height = top - GAP + 1
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">${escape(title)}</title>
<desc id="description">${escape(description)}</desc>
<style>${STYLE}</style>
${parts.join('\n')}
</svg>
`
}

function drawPane(pane: Pane, x: number, y: number, width: number, height: number): string {
  const [command = ''] = pane.prompt.split(' ').slice(pane.prompt.startsWith('npx ') ? 1 : 0)
  const dots = [0, 1, 2].map(
    (dot) => `<circle class="dot" cx="${PADDING + dot * 14}" cy="${BAR / 2}" r="4"/>`,
  )
  const drawLine = (line: string, index: number, step: number, style: string): string => {
    const place = `x="${PADDING}" y="${BAR + PADDING + FONT - 2 + index * LINE}"`
    const delay = step === 0 ? '' : ` style="animation-delay: ${(step * PACE).toFixed(1)}s"`
    return `<text class="${style}" ${place}${delay} xml:space="preserve">${line}</text>`
  }
  const prompt = `<tspan class="dollar">$ </tspan>${escape(pane.prompt)}`
  return [
    `<g transform="translate(${x} ${y})">`,
    `<rect class="pane" width="${width}" height="${height}" rx="8"/>`,
    `<path class="bar" d="M0.5 ${BAR}V8a7.5 7.5 0 0 1 7.5-7.5H${width - 8}a7.5 7.5 0 0 1 7.5 7.5V${BAR}Z"/>`,
    ...dots,
    `<text class="name" x="${width / 2}" y="${BAR / 2 + 4}">${escape(command)}</text>`,
    drawLine(prompt, 0, pane.firstStep, 'line typed'),
    ...pane.lines.map(({ text, typed, step }, index) =>
      drawLine(escape(text), index + 1, step, typed ? 'line typed' : 'line'),
    ),
    '</g>',
  ].join('\n')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
