/** Watches the files of a config: reports when one has changed, was deleted or exists again. */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { dirname, join, parse, resolve, sep } from 'node:path'

/** Milliseconds for an editor to finish writing. */
const SETTLED = 100
/** Milliseconds that timestamps of files may lag behind. */
const BEHIND = 20
/** Maximum links in a chain, as on Linux. */
const LINKS = 40

export interface Watch {
  /**
   * Watches the current files. New ones count as changed if they were modified since the given time, in milliseconds
   * since the Unix epoch.
   */
  update(since: number): void
  close(): void
}

interface WatchedFolder {
  readonly watcher: FSWatcher
  /** Distinguishes it from another folder that has replaced it. */
  readonly inode: number
}

/**
 * Watches the folders of files and of the links that lead to them, since editors replace a file by a new one, and a
 * link is changed by replacing it. If a folder does not exist, its nearest existing parent is watched.
 */
export function watchFiles(
  files: () => Iterable<string>,
  changed: () => void,
  failed: (problem: string) => void,
): Watch {
  const folders = new Map<string, WatchedFolder>()
  /** The watched files and links. */
  let paths: ReadonlySet<string> = new Set()
  let timer: NodeJS.Timeout | undefined

  function noteChange(): void {
    clearTimeout(timer)
    timer = setTimeout(changed, SETTLED)
  }

  function watchFolder(folder: string, inode: number): void {
    try {
      const watcher = watch(folder, (_event, name) => {
        const isOurs = name === null || leadsTo(paths, join(folder, name))
        if (isOurs || inodeOf(folder) !== inode) noteChange()
      })
      watcher.on('error', (error) => failed(error.message))
      folders.set(folder, { watcher, inode })
    } catch (error) {
      failed((error as Error).message)
    }
  }

  function update(since: number): void {
    const before = paths
    const ways = new Set(Array.from(files(), (file) => [...waysTo(file)]).flat())
    const wanted = new Set(Array.from(ways, nearestFolder))
    for (const folder of wanted) for (const link of linksTo(ways, folder)) ways.add(link)
    paths = ways
    for (const [folder, { watcher, inode }] of folders) {
      if (wanted.has(folder) && inodeOf(folder) === inode) continue
      watcher.close()
      folders.delete(folder)
    }
    const fresh = new Set<string>()
    for (const folder of wanted) {
      const inode = inodeOf(folder)
      if (inode === undefined || folders.has(folder)) continue
      watchFolder(folder, inode)
      fresh.add(folder)
    }
    const missed = Array.from(paths).some(
      (path) =>
        (!before.has(path) || fresh.has(nearestFolder(path))) && changedAt(path) > since - BEHIND,
    )
    if (missed) noteChange()
  }

  update(Infinity)
  return {
    update,
    close() {
      clearTimeout(timer)
      for (const { watcher } of folders.values()) watcher.close()
    },
  }
}

/** Whether a path is one of these, or a folder that contains one. */
function leadsTo(paths: ReadonlySet<string>, path: string): boolean {
  return paths.has(path) || Array.from(paths).some((one) => one.startsWith(path + sep))
}

/** Each link on the path of a file, and the file itself: changing any of them may change the file. */
function* waysTo(file: string, left = LINKS): Generator<string> {
  const { root } = parse(file)
  const steps = file.slice(root.length).split(sep)
  let path = root
  for (const [index, step] of steps.entries()) {
    path = join(path, step)
    const target = tryTo(() => readlinkSync(path))
    if (target === undefined) continue
    yield path
    const next = resolve(dirname(path), target, ...steps.slice(index + 1))
    if (left > 0) yield* waysTo(next, left - 1)
    return
  }
  yield file
}

/** The links in a folder that lead to one of the files: an import through a link is only known by its target. */
function linksTo(files: ReadonlySet<string>, folder: string): string[] {
  const entries = tryTo(() => readdirSync(folder, { withFileTypes: true })) ?? []
  return entries
    .filter((entry) => entry.isSymbolicLink())
    .map(({ name }) => join(folder, name))
    .filter((link) => {
      const target = tryTo(() => realpathSync(link))
      return target !== undefined && leadsTo(files, target)
    })
}

/** The nearest existing folder on the path of a file. */
function nearestFolder(file: string): string {
  let folder = dirname(file)
  while (inodeOf(folder) === undefined && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

function inodeOf(folder: string): number | undefined {
  return tryTo(() => statSync(folder).ino)
}

/** When the file or link was last written, moved or created; never if it does not exist. */
function changedAt(path: string): number {
  return tryTo(() => lstatSync(path).ctimeMs) ?? -Infinity
}

/** A result from the file system; undefined if unavailable. */
function tryTo<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
