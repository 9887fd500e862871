#!/usr/bin/env bash
# A packaged plugin that brings its own copy of the host along, in a chat of the copy that runs. $1 is the tarball, $2 an
# empty folder.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
tarball=$1
cd "$2"

cp -r "$root/test/package/own-copy" plugin
(
  cd plugin
  # The bundled copy goes into the tarball, so that npm cannot use the one of the chat in its place.
  npm install --no-audit --no-fund --prefer-offline --no-save "$tarball"
  npm pack --loglevel=error --pack-destination ..
)
mkdir chat
cd chat
echo '{ "name": "chat", "private": true, "type": "module" }' >package.json
cat >chat.config.ts <<'TS'
import { defineConfig, definePlugin } from 'multiecho'
import { defaults } from 'multiecho/plugins'
import { copy, theirs } from 'multiecho-plugin-copy'

export default defineConfig({
  host: '127.0.0.1',
  plugins: [defaults(), copy({ own: theirs !== definePlugin })],
})
TS
npm install --no-audit --no-fund --prefer-offline "$tarball" ../multiecho-plugin-copy-1.0.0.tgz
test -f node_modules/multiecho-plugin-copy/node_modules/multiecho/package.json
npx --no-install multiecho check
node --import "$root/node_modules/tsx/dist/esm/index.mjs" "$root/test/package/visit.ts" \
  './node_modules/.bin/multiecho -p 0' 'hello' 'HELLO' '/copy' '{id} talks to a copy of its own: true'
