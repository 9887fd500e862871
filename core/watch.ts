/** Tells when a file of a config has changed. */
import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Milliseconds for an editor to have written all that it writes. */
const SETTLED = 100

export interface Watch {
  /** Looks at the files as they are now. */
  update(): void
  close(): void
}

/** Watches the folders of files, since editors put a new file in the place of the old one. */
export function watchFiles(
  files: () => Iterable<string>,
  changed: () => void,
  failed: (problem: string) => void,
): Watch {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined

  function watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, (_event, name) => {
        const known = new Set(
          [...files()].filter((file) => dirname(file) === folder).map((file) => basename(file)),
        )
        if (name !== null && !known.has(name)) return
        clearTimeout(timer)
        timer = setTimeout(changed, SETTLED)
      })
      watcher.on('error', (error) => failed(error.message))
      watchers.set(folder, watcher)
    } catch (error) {
      failed((error as Error).message)
    }
  }

  function update(): void {
    for (const folder of new Set(Array.from(files(), (file) => dirname(file)))) {
      if (!watchers.has(folder)) watchFolder(folder)
    }
  }

  update()
  return {
    update,
    close() {
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
