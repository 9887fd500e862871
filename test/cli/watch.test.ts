/** Files that are watched: each change is told, also one that came while nobody looked, and none is told twice. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { watchFiles } from '../../core/cli/watch.ts'
import { within } from '../support/deadline.ts'
import { makeFolder, type Folder } from '../support/host.ts'

const test = suite('files that are watched')

interface Watched extends Disposable {
  readonly changes: number
  readonly problems: readonly string[]
  /** Resolves when a change has been told since the last call. */
  changed(): Promise<void>
  /** Watches these files from now on, which have been read since that time. */
  update(since: number, ...names: string[]): void
  close(): void
}

function watching(folder: Folder, ...names: string[]): Watched {
  const at = (all: readonly string[]): string[] => all.map((name) => join(folder.path, name))
  let files = at(names)
  let changes = 0
  let seen = 0
  let note = (): void => {}
  const problems: string[] = []
  const watch = watchFiles(
    () => files,
    () => {
      changes++
      note()
    },
    (problem) => problems.push(problem),
  )
  return {
    get changes() {
      return changes
    },
    problems,
    async changed() {
      if (changes === seen) await within(new Promise<void>((done) => (note = done)), 'a change')
      seen = changes
    },
    update(since, ...next) {
      files = at(next)
      watch.update(since)
    },
    close: () => watch.close(),
    [Symbol.dispose]: () => watch.close(),
  }
}

const write = (folder: Folder, name: string): void => {
  writeFileSync(join(folder.path, name), 'text')
}

/** Waits until whatever has happened so far would have been told: another one has been told of something that came later. */
async function settled(): Promise<void> {
  using folder = makeFolder({ files: { file: '' } })
  using other = watching(folder, 'file')
  write(folder, 'file')
  await other.changed()
}

test('a change is told, again and again, and many at once are one', async () => {
  using folder = makeFolder({ files: { one: '', two: '', 'lib/three': '' } })
  using watched = watching(folder, 'one', 'two', 'lib/three')
  for (const [index, name] of ['one', 'two', 'lib/three'].entries()) {
    write(folder, name)
    await watched.changed()
    await settled()
    assert.is(watched.changes, index + 1)
  }
  for (const name of ['one', 'two', 'lib/three', 'one']) write(folder, name)
  await watched.changed()
  await settled()
  assert.is(watched.changes, 4)
})

test('files that are not watched, and those that are watched no longer, are not told', async () => {
  using folder = makeFolder({ files: { one: '', two: '' } })
  using watched = watching(folder, 'one', 'two')
  watched.update(Infinity, 'one')
  write(folder, 'two')
  write(folder, 'three')
  await settled()
  assert.is(watched.changes, 0)
  write(folder, 'one')
  await watched.changed()
})

test('a file that is new among them counts as changed if it was since they were read', async () => {
  using folder = makeFolder({ files: { one: '', two: '', 'lib/three': '' } })
  for (const name of ['two', 'lib/three']) {
    using watched = watching(folder, 'one')
    watched.update(Date.now() + 60_000, 'one', name)
    await settled()
    assert.is(watched.changes, 0)
    watched.update(Infinity, 'one')
    const begun = Date.now()
    write(folder, name)
    watched.update(begun, 'one', name)
    await watched.changed()
    write(folder, name)
    await watched.changed()
  }
})

test('one that was watched before is not told once more for what was told', async () => {
  using folder = makeFolder({ files: { one: '' } })
  using watched = watching(folder, 'one')
  const begun = Date.now()
  write(folder, 'one')
  await watched.changed()
  watched.update(begun, 'one')
  await settled()
  assert.is(watched.changes, 1)
})

test('a file whose folder is away for a while is told when it is back, and when it is changed then', async () => {
  using folder = makeFolder({ files: { 'a/lib/one': '' } })
  using watched = watching(folder, 'a/lib/one')
  rmSync(join(folder.path, 'a'), { recursive: true })
  await watched.changed()
  watched.update(Date.now(), 'a/lib/one')
  await settled()
  mkdirSync(join(folder.path, 'a'))
  await watched.changed()
  // It is there again before anybody watches its folder.
  const begun = Date.now()
  mkdirSync(join(folder.path, 'a/lib'))
  write(folder, 'a/lib/one')
  watched.update(begun, 'a/lib/one')
  await watched.changed()
  await settled()
  write(folder, 'a/lib/one')
  await watched.changed()
  assert.equal(watched.problems, [])
})

test('a folder that another one has replaced is watched in its place', async () => {
  using folder = makeFolder({ files: { 'lib/one': '', 'new/one': '' } })
  using watched = watching(folder, 'lib/one')
  renameSync(join(folder.path, 'lib'), join(folder.path, 'old'))
  renameSync(join(folder.path, 'new'), join(folder.path, 'lib'))
  await watched.changed()
  watched.update(Date.now() + 60_000, 'lib/one')
  write(folder, 'old/one')
  await settled()
  assert.is(watched.changes, 1)
  write(folder, 'lib/one')
  await watched.changed()
})

test('links that lead to each other end nothing', async () => {
  using folder = makeFolder({ files: { one: '' } })
  symlinkSync('b', join(folder.path, 'a'))
  symlinkSync('a', join(folder.path, 'b'))
  using watched = watching(folder, 'a', 'one')
  write(folder, 'one')
  await watched.changed()
  rmSync(join(folder.path, 'b'))
  await watched.changed()
})

test('once it is closed nothing is told, though there was a change', async () => {
  using folder = makeFolder({ files: { one: '', two: '' } })
  using watched = watching(folder, 'one')
  // It is told a while after it was seen, which is now.
  watched.update(0, 'one', 'two')
  watched.close()
  write(folder, 'one')
  await settled()
  assert.is(watched.changes, 0)
})

test.run()
