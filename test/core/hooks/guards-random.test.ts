/** Whatever an operator and the machine do to a host: nothing passes a guard that has not been switched off or removed. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { definePlugin, drop, refuse, Stage, z, type Plugin } from '../../../core/index.ts'
import { randomFrom } from '../../../core/testing/random.ts'
import { echo } from '../../../plugins/index.ts'
import { operatedHost, type OperatedHost, type Visitor } from '../../support/memory-host.ts'
import { plugin } from '../../support/memory-plugins.ts'
import { cases, printSeed, seed } from '../../support/memory-random.ts'

const test = suite('guards at random')

printSeed()

const STEPS = 40
const UNLOAD_AFTER = 3

/** What is wrong with the machine now. */
interface World {
  list: boolean
  dictionary: boolean
}

/** Needs its list to start, and then for each line; and a dictionary, of another plugin. */
function guard(world: World, definedAnew: boolean): Plugin {
  return definedAnew ? makeGuard(world)({}) : (same.get(world) ?? keep(world))({})
}

const same = new WeakMap<World, ReturnType<typeof makeGuard>>()

function keep(world: World): ReturnType<typeof makeGuard> {
  const made = makeGuard(world)
  same.set(world, made)
  return made
}

function makeGuard(world: World) {
  return definePlugin({
    name: 'guard',
    apiVersion: 1,
    requires: ['dictionary'],
    options: z.strictObject({}),
    setup(host) {
      let words: readonly string[] = []
      const read = (): readonly string[] => {
        if (!world.list) throw new Error('no list')
        return ['bad']
      }
      host.onStart(() => void (words = read()))
      const isBad = (text: string): boolean => {
        if (text.startsWith('boom')) throw new Error('boom')
        read()
        return words.some((word) => text.includes(word))
      }
      const options = { stage: Stage.Filter }
      host.hooks.line.tap({ ...options, onFailure: drop('closed') }, ({ text }) =>
        isBad(text) ? drop('bad') : undefined,
      )
      host.hooks.connect.tap({ ...options, onFailure: refuse('closed') }, ({ client }) =>
        isBad(client.id) ? refuse('bad') : undefined,
      )
    },
  })
}

function dictionary(world: World): Plugin {
  return plugin('dictionary', (host) => {
    host.onStart(() => {
      if (!world.dictionary) throw new Error('no dictionary')
    })
    host.hooks.command.tap({ name: 'fail' }, ({ name }) => {
      if (name === 'dictionary') throw new Error('oh')
    })
  })
}

const other = (): Plugin => plugin('other', () => {})

const broken = plugin('other', (host) =>
  host.onStart(() => {
    throw new Error('cannot start')
  }),
)
const wrong = plugin('other', () => {
  throw new Error('cannot be set up')
})

class Chat {
  readonly world: World = { list: true, dictionary: true }
  /** Whether the guard has been removed, or switched off by its name. */
  open = false
  readonly steps: string[] = []
  readonly #random: () => number
  #chat: OperatedHost | undefined
  #ann: Visitor | undefined
  #bob: Visitor | undefined
  #said = 0

  constructor(random: () => number) {
    this.#random = random
  }

  async play(): Promise<void> {
    const { world } = this
    const still = echo()
    const all = { plugins: [dictionary(world), guard(world, false), other(), still] }
    await using chat = await operatedHost({ ...all, unloadAfterFaults: UNLOAD_AFTER })
    this.#chat = chat
    this.#ann = chat.join('ann')
    this.#bob = chat.join('bob')
    for (let count = 0; count < STEPS; count++) {
      await this.#step(still)
      await this.#check()
    }
  }

  async #step(still: Plugin): Promise<void> {
    const { world } = this
    const chance = (): boolean => this.#random() < 0.5
    const host = this.#chat?.host
    const reload = async (name: string, plugins: readonly Plugin[]): Promise<void> => {
      const done = await this.#try(
        name,
        this.#chat?.reload({ plugins, unloadAfterFaults: UNLOAD_AFTER }),
      )
      if (done) this.open = !plugins.some((one) => one.name === 'guard')
    }
    const turnTo = async (name: string, on: boolean): Promise<void> => {
      const done = await this.#try(`${name} ${on ? 'on' : 'off'}`, host?.switchPlugin(name, on))
      if (done && name === 'guard') this.open = !on
    }
    const whole = (third: Plugin): Plugin[] => [
      ...(chance()
        ? [dictionary(world), guard(world, chance())]
        : [guard(world, chance()), dictionary(world)]),
      third,
      still,
    ]
    const kinds: ReadonlyArray<() => Promise<void> | void> = [
      () => void (world.list = !world.list),
      () => void (world.dictionary = !world.dictionary),
      () => reload('reload', whole(other())),
      () => reload('reload with one that cannot start', whole(broken)),
      () => reload('reload with one that cannot be set up', whole(wrong)),
      () => reload('reload without the guard', [other(), still]),
      () => turnTo('other', chance()),
      () => turnTo('dictionary', chance()),
      () => turnTo('guard', this.#random() < 0.7),
      () => this.#repeat('boom'),
      () => this.#repeat('/dictionary'),
      async () => {
        await Promise.all([reload('two at once', whole(other())), turnTo('other', chance())])
      },
    ]
    const kind = kinds[Math.floor(this.#random() * kinds.length)]
    await kind?.()
  }

  async #repeat(line: string): Promise<void> {
    this.steps.push(line)
    for (let count = 0; count < UNLOAD_AFTER; count++) this.#ann?.say(line)
    await this.#chat?.quiet()
  }

  async #try(name: string, done: Promise<unknown> | undefined): Promise<boolean> {
    this.steps.push(name)
    try {
      await done
      return true
    } catch (error) {
      this.steps.push(`  ${String(error)}`)
      return false
    }
  }

  async #check(): Promise<void> {
    const number = ++this.#said
    const bad = this.#chat?.join(`bad ${number}`)
    this.#ann?.say(`bad ${number}`)
    this.#ann?.say(`good ${number}`)
    await this.#chat?.quiet()
    const seen = (line: string): boolean => this.#bob?.sent.includes(`(ann) ${line}\r\n`) === true
    const { host } = this.#chat as OperatedHost
    const state = host.inspect().plugins.find(({ name }) => name === 'guard')?.state
    const runs = state === 'on' && this.world.list
    const found = [
      seen(`bad ${number}`),
      bad?.sent.includes('client id: bad') === true,
      seen(`good ${number}`),
      state === undefined || state === 'off',
    ]
    assert.equal(found, [this.open, this.open, this.open || runs, this.open], this.steps.join('\n'))
    bad?.destroy()
    await this.#chat?.quiet()
  }
}

test('nothing passes a guard that has not been switched off or removed, whatever happens', async () => {
  for (let round = 0; round < cases(40); round++) await new Chat(randomFrom(seed + round)).play()
})

test.run()
