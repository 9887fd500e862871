/** The plugins that come with the host. */
export { echo } from './echo.ts'
export { help } from './help.ts'
export { logging } from './logging.ts'
export { mute } from './mute.ts'
export { quit } from './quit.ts'
export { stats } from './stats.ts'
