/**
 * The sample config, run by `npm start`. docs/reference/config.md lists every key; `npx multiecho check` finds mistakes
 * in a changed one.
 */
import { defineConfig } from 'multiecho'
import { access, echo, flood, help, logging, mute, quit, stats } from 'multiecho/plugins'

export default defineConfig({
  // The order in which their taps run within a stage. They are stopped in reverse order, the log last.
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
