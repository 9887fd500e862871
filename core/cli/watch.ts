/** Tells when a file of a config has changed, has gone or is there again. */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { dirname, join, parse, resolve, sep } from 'node:path'

/** Milliseconds for an editor to have written all that it writes. */
const SETTLED = 100
/** Milliseconds that the clock of files may be behind. */
const BEHIND = 20
/** Links that may stand one behind the other, as for Linux. */
const LINKS = 40

export interface Watch {
  /**
   * Watches the files as they are named now. Those that were not watched before count as changed when they did since that
   * time, in milliseconds since the Unix epoch.
   */
  update(since: number): void
  close(): void
}

interface WatchedFolder {
  readonly watcher: FSWatcher
  /** Tells it from another one that has taken its place. */
  readonly inode: number
}

/**
 * Watches the folders of files and of the links that lead to them, since editors put a new file in the place of the old
 * one, and whoever swaps a link a new link. Where a folder is not there, the one in which it would be made is watched.
 */
export function watchFiles(
  files: () => Iterable<string>,
  changed: () => void,
  failed: (problem: string) => void,
): Watch {
  const folders = new Map<string, WatchedFolder>()
  /** The files and links. */
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

/** Whether a path is one of these, or a folder that has one. */
function leadsTo(paths: ReadonlySet<string>, path: string): boolean {
  return paths.has(path) || Array.from(paths).some((one) => one.startsWith(path + sep))
}

/** Each link on the way to a file, and the file itself: what another file may come from when it changes. */
function* waysTo(file: string, left = LINKS): Generator<string> {
  const { root } = parse(file)
  const steps = file.slice(root.length).split(sep)
  let path = root
  for (const [index, step] of steps.entries()) {
    path = join(path, step)
    const target = had(() => readlinkSync(path))
    if (target === undefined) continue
    yield path
    const next = resolve(dirname(path), target, ...steps.slice(index + 1))
    if (left > 0) yield* waysTo(next, left - 1)
    return
  }
  yield file
}

/** The links in a folder that lead to one of the files: an import that goes through one is known by where it led to. */
function linksTo(files: ReadonlySet<string>, folder: string): string[] {
  const entries = had(() => readdirSync(folder, { withFileTypes: true })) ?? []
  return entries
    .filter((entry) => entry.isSymbolicLink())
    .map(({ name }) => join(folder, name))
    .filter((link) => {
      const target = had(() => realpathSync(link))
      return target !== undefined && leadsTo(files, target)
    })
}

/** The innermost folder on the way to a file that is there. */
function nearestFolder(file: string): string {
  let folder = dirname(file)
  while (inodeOf(folder) === undefined && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

function inodeOf(folder: string): number | undefined {
  return had(() => statSync(folder).ino)
}

/** When the file, or the link, was last written, moved or made; never where it is not there. */
function changedAt(path: string): number {
  return had(() => lstatSync(path).ctimeMs) ?? -Infinity
}

/** What is asked of the file system; undefined where it is not to be had. */
function had<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}
