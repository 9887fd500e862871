import { defineConfig } from 'multiecho'
import { echo, help, logging, mute, quit, stats } from 'multiecho/plugins'
import { shout } from './shout.ts'

export default defineConfig({
  host: '127.0.0.1',
  plugins: [logging(), stats(), mute(), quit(), help(), shout({ mark: '!' }), echo()],
})
