/** Tells when a file of a config has changed, has gone or is there again. */
import { statSync, watch, type FSWatcher } from 'node:fs'
import { dirname, join, sep } from 'node:path'

/** Milliseconds for an editor to have written all that it writes. */
const SETTLED = 100
/** Milliseconds that the clock of files may be behind. */
const BEHIND = 20

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
 * Watches the folders of files, since editors put a new file in the place of the old one. Where a folder is not there, the
 * one in which it would be made is watched.
 */
export function watchFiles(
  files: () => Iterable<string>,
  changed: () => void,
  failed: (problem: string) => void,
): Watch {
  const folders = new Map<string, WatchedFolder>()
  let timer: NodeJS.Timeout | undefined

  function noteChange(): void {
    clearTimeout(timer)
    timer = setTimeout(changed, SETTLED)
  }

  function watchFolder(folder: string, inode: number): void {
    try {
      const watcher = watch(folder, (_event, name) => {
        const isOurs = name === null || isOnTheWay(join(folder, name))
        if (isOurs || inodeOf(folder) !== inode) noteChange()
      })
      watcher.on('error', (error) => failed(error.message))
      folders.set(folder, { watcher, inode })
    } catch (error) {
      failed((error as Error).message)
    }
  }

  /** Whether it is one of the files, or a folder that has one. */
  function isOnTheWay(path: string): boolean {
    return Array.from(files()).some((file) => file === path || file.startsWith(path + sep))
  }

  function update(since: number): void {
    const wanted = new Set(Array.from(files(), nearestFolder))
    for (const [folder, { watcher, inode }] of folders) {
      if (wanted.has(folder) && inodeOf(folder) === inode) continue
      watcher.close()
      folders.delete(folder)
    }
    for (const folder of wanted) {
      const inode = inodeOf(folder)
      if (inode === undefined || folders.has(folder)) continue
      watchFolder(folder, inode)
      const missed = Array.from(files()).some(
        (file) => file.startsWith(folder + sep) && changedAt(file) > since - BEHIND,
      )
      if (missed) noteChange()
    }
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

/** The innermost folder on the way to a file that is there. */
function nearestFolder(file: string): string {
  let folder = dirname(file)
  while (inodeOf(folder) === undefined && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

/** Undefined where the folder is not to be had. */
function inodeOf(folder: string): number | undefined {
  try {
    return statSync(folder).ino
  } catch {
    return undefined
  }
}

/** When it was last written, moved or made; never where it is not there. */
function changedAt(file: string): number {
  try {
    return statSync(file).ctimeMs
  } catch {
    return -Infinity
  }
}
