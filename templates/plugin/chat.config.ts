/** To try the plugin: `npm start`, then `telnet localhost 9090`. */
import { defineConfig } from 'multiecho'
import { defaults } from 'multiecho/plugins'
import { PLUGIN_EXPORT } from './src/PLUGIN_FILE.ts'

export default defineConfig({
  host: '127.0.0.1',
  port: 9090,
  plugins: [PLUGIN_EXPORT({ greeting: 'Welcome' }), defaults()],
})
