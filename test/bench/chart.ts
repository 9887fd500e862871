/**
 * Draws, as a self-contained SVG, how many deliveries a second each server makes under full load, and below it how the
 * cost of a delivery grows with the number of clients.
 */
import { short } from './statistics.ts'

export interface Bar {
  readonly name: string
  readonly perSecond: number
}

export interface Series {
  readonly name: string
  readonly points: readonly { readonly clients: number; readonly cost: number }[]
}

const [WIDTH, HEIGHT] = [760, 420]
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 210, 48, 56]
const [BAR_LEFT, BAR_RIGHT, BAR_STEP] = [236, 130, 24]
/** Readable on white and on black. */
const COLOURS = ['#d9480f', '#1c7ed6', '#868e96', '#2b8a3e', '#9c36b5']
/** Of a server that is not among the series. */
const OTHER_COLOUR = '#adb5bd'

export function chart(bars: readonly Bar[], series: readonly Series[]): string {
  const top = bars.length === 0 ? 0 : TOP + bars.length * BAR_STEP + 12
  const height = top + HEIGHT
  const colours = new Map(
    series.map(({ name }, index) => [name, COLOURS[index % COLOURS.length] as string]),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
<title id="title">Deliveries a second by server, and CPU time of one delivery by the number of clients</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #212529 }
.grid { stroke: #adb5bd; stroke-width: 0.5 }
.page { fill: #ffffff }
</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
${[...throughput(bars, colours), `<g transform="translate(0 ${top})">`, ...growth(series, colours), '</g>'].join('\n')}
</svg>
`
}

/** A bar for each server. */
function throughput(bars: readonly Bar[], colours: ReadonlyMap<string, string>): string[] {
  if (bars.length === 0) return []
  const most = Math.max(...bars.map(({ perSecond }) => perSecond))
  return [
    `<text x="${LEFT}" y="26" style="font-weight:600">Deliveries a second under full load, one core</text>`,
    ...bars.flatMap(({ name, perSecond }, index) => {
      const y = TOP + index * BAR_STEP
      const width = round((perSecond / most) * (WIDTH - BAR_LEFT - BAR_RIGHT))
      const text = y + 12
      return [
        `<text x="${BAR_LEFT - 10}" y="${text}" text-anchor="end">${name}</text>`,
        `<rect x="${BAR_LEFT}" y="${y}" width="${width}" height="16" fill="${colours.get(name) ?? OTHER_COLOUR}"/>`,
        `<text x="${round(BAR_LEFT + width + 8)}" y="${text}">${short(perSecond / 1e6)} million</text>`,
      ]
    }),
  ]
}

/** A line for each server, both axes logarithmic. */
function growth(series: readonly Series[], colours: ReadonlyMap<string, string>): string[] {
  const points = series.flatMap((one) => one.points)
  const clients = points.map((point) => point.clients)
  const costs = points.map((point) => point.cost)
  const [leastX, mostX] = [Math.min(...clients), Math.max(...clients)]
  const [leastY, mostY] = [floorOf(Math.min(...costs)), ceilingOf(Math.max(...costs))]
  const x = (value: number): number =>
    round(LEFT + scale(value, leastX, mostX) * (WIDTH - LEFT - RIGHT))
  const y = (value: number): number =>
    round(HEIGHT - BOTTOM - scale(value, leastY, mostY) * (HEIGHT - TOP - BOTTOM))
  const parts: string[] = [
    `<text x="${LEFT}" y="26" style="font-weight:600">CPU time of the server for one delivery, in µs, by the number of clients</text>`,
  ]
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
    const colour = colours.get(name) as string
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
  parts.push(
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">idle clients that receive a line, one line at a time</text>`,
  )
  return parts
}

/** The position of a value between two others, from 0 to 1, on a logarithmic scale. */
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

/** Round numbers on a logarithmic scale: powers of ten, and some between them if there are few. */
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

/** Moves overlapping labels apart. */
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
