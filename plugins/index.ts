/** The plugins that come with the host. */
export { access } from './access.ts'
export { echo } from './echo.ts'
export { flood } from './flood.ts'
export { help } from './help.ts'
export { logging } from './logging.ts'
export { mute } from './mute.ts'
export { quit } from './quit.ts'
export { stats } from './stats.ts'
