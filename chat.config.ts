/**
 * The sample config, run by `npm start`. docs/reference/config.md lists every key; `npx multiecho check` finds what is
 * wrong with a changed one.
 */
import { defineConfig } from 'multiecho'
import { echo, help, logging, mute, quit, stats } from 'multiecho/plugins'

export default defineConfig({
  // In the order in which their taps run; the last one to be stopped is the first one here.
  plugins: [logging({ file: 'chat.log' }), stats(), mute(), quit(), help(), echo()],
})
