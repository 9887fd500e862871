/** To try the plugin: `npm start`, then `telnet localhost 9090`. */
import { defineConfig } from 'multiecho'
import { defaults } from 'multiecho/plugins'
import { poll } from './src/poll.ts'

export default defineConfig({
  host: '127.0.0.1',
  port: 9090,
  plugins: [poll({ minutes: 0.1 }), defaults()],
})
