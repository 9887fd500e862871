/**
 * The sample config, run by `npm start`. docs/reference/config.md lists every key; `npx multiecho check` finds what is
 * wrong with a changed one.
 */
import { defineConfig } from 'multiecho'
import { access, echo, flood, help, logging, mute, quit, stats } from 'multiecho/plugins'

export default defineConfig({
  // The order in which their taps run within a stage. At the end they are stopped in reverse, the log last.
  plugins: [
    logging({ file: 'chat.log' }),
    stats(),
    access({ perAddress: 16, perMinute: 60 }),
    flood({ burst: 100, perSecond: 20 }),
    mute(),
    quit(),
    help(),
    echo(),
  ],
})
