/** Draws how the cost of a delivery grows with the clients, as an SVG that needs nothing but itself. */
import { short } from './statistics.ts'

export interface Series {
  readonly name: string
  readonly points: readonly { readonly clients: number; readonly cost: number }[]
}

const [WIDTH, HEIGHT] = [760, 420]
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 210, 48, 56]
/** Told apart by their marks too, and readable on white and on black. */
const COLOURS = ['#d9480f', '#1c7ed6', '#868e96', '#2b8a3e', '#9c36b5']

export function chart(series: readonly Series[]): string {
  const points = series.flatMap((one) => one.points)
  const clients = points.map((point) => point.clients)
  const costs = points.map((point) => point.cost)
  const [leastX, mostX] = [Math.min(...clients), Math.max(...clients)]
  const [leastY, mostY] = [floorOf(Math.min(...costs)), ceilingOf(Math.max(...costs))]
  const x = (value: number): number =>
    round(LEFT + scale(value, leastX, mostX) * (WIDTH - LEFT - RIGHT))
  const y = (value: number): number =>
    round(HEIGHT - BOTTOM - scale(value, leastY, mostY) * (HEIGHT - TOP - BOTTOM))
  const parts: string[] = []
  for (const value of ticks(leastX, mostX)) {
    parts.push(
      `<line class="grid" x1="${x(value)}" y1="${TOP}" x2="${x(value)}" y2="${HEIGHT - BOTTOM}"/>`,
      `<text x="${x(value)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${value.toLocaleString('en')}</text>`,
    )
  }
  for (const value of ticks(leastY, mostY)) {
    parts.push(
      `<line class="grid" x1="${LEFT}" y1="${y(value)}" x2="${WIDTH - RIGHT}" y2="${y(value)}"/>`,
      `<text x="${LEFT - 8}" y="${y(value) + 4}" text-anchor="end">${value}</text>`,
    )
  }
  const labels = apart(series.map(({ points: own }) => y(own.at(-1)?.cost ?? mostY)))
  for (const [index, { name, points: own }] of series.entries()) {
    const colour = COLOURS[index % COLOURS.length] as string
    const line = own.map((point) => `${x(point.clients)},${y(point.cost)}`).join(' ')
    parts.push(`<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const point of own) {
      parts.push(
        `<circle cx="${x(point.clients)}" cy="${y(point.cost)}" r="3.5" fill="${colour}"><title>${name}, ${point.clients.toLocaleString('en')} clients: ${short(point.cost)} µs</title></circle>`,
      )
    }
    parts.push(
      `<text x="${WIDTH - RIGHT + 12}" y="${(labels[index] as number) + 4}" style="fill:${colour};font-weight:600">${name}</text>`,
    )
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title">
<title id="title">CPU time of one delivery by the number of clients</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #212529 }
.grid { stroke: #adb5bd; stroke-width: 0.5 }
rect { fill: #ffffff }
</style>
<rect width="${WIDTH}" height="${HEIGHT}"/>
<text x="${LEFT}" y="26" style="font-weight:600">CPU time of the server for one delivery, in µs, by the number of clients</text>
${parts.join('\n')}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">idle clients that a line goes to, one line at a time</text>
</svg>
`
}

/** Where a value stands between two others, from 0 to 1, by their logarithms. */
function scale(value: number, least: number, most: number): number {
  return (Math.log(value) - Math.log(least)) / (Math.log(most) - Math.log(least))
}

const STEPS = [1, 2, 5, 10]

function floorOf(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * Math.max(...STEPS.filter((step) => step * power <= value))
}

function ceilingOf(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * Math.min(...STEPS.filter((step) => step * power >= value))
}

/** Round numbers of a logarithmic scale: powers of ten, and between them where there are few. */
function ticks(least: number, most: number): number[] {
  const found: number[] = []
  for (let power = 10 ** Math.floor(Math.log10(least)); power <= most; power *= 10) {
    for (const step of most / least < 200 ? [1, 2, 5] : [1]) {
      const value = Number((step * power).toPrecision(1))
      if (value >= least && value <= most) found.push(value)
    }
  }
  return found
}

/** Moves labels that would cover each other apart. */
function apart(places: readonly number[]): number[] {
  const order = places
    .map((place, index) => ({ place, index }))
    .toSorted((a, b) => a.place - b.place)
  let last = -Infinity
  for (const entry of order) last = entry.place = Math.max(entry.place, last + 16)
  return order.toSorted((a, b) => a.index - b.index).map(({ place }) => place)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
