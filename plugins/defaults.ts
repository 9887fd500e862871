/** The plugins that run when a config lists none. */
import type { Plugin } from '../core/index.ts'
import { echo } from './echo.ts'
import { help } from './help.ts'
import { logging } from './logging.ts'
import { mute } from './mute.ts'
import { quit } from './quit.ts'
import { stats } from './stats.ts'

/** The original chat, and `/help`. Put it before your own plugins: `plugins: [defaults(), dice()]`. */
export function defaults(): readonly Plugin[] {
  return [logging(), stats(), mute(), quit(), help(), echo()]
}
