/** What runs when a config does not say which plugins. */
import type { Plugin } from '../core/index.ts'
import { echo } from './echo.ts'
import { help } from './help.ts'
import { logging } from './logging.ts'
import { mute } from './mute.ts'
import { quit } from './quit.ts'
import { stats } from './stats.ts'

/** The chat as it always was, and `/help`. To be put in front of one's own: `plugins: [defaults(), dice()]`. */
export function defaults(): readonly Plugin[] {
  return [logging(), stats(), mute(), quit(), help(), echo()]
}
