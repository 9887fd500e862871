#!/usr/bin/env bash
# A new plugin in an empty folder, by nothing but the tarball: written, installed, checked, tested, packed, and run under
# a client who types its command; once in TypeScript, once in JavaScript. $1 is the tarball, $2 an empty folder.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
tarball=$1

# $1 is a folder, the second what the package has in it, the rest options.
try_new_plugin() (
  local folder=$1 packed=$2
  shift 2
  npm exec --yes --package "$tarball" -- \
    multiecho new-plugin acme:dice "$folder" --command roll --description 'Roll "dice" & more.' "$@"
  cd "$folder"
  # As `npm install` would, if this version of the host were published.
  npm install --no-audit --no-fund --prefer-offline --save-dev "$tarball"
  npm test
  npm pack --loglevel=error
  tar -tzf acme-multiecho-plugin-dice-0.1.0.tgz | sort | tr '\n' ' ' | tee packed
  [ "$(cat packed)" = "$packed" ]
  # Not by npm, whose shell dies of the Ctrl-C that stops the host.
  node --import "$root/node_modules/tsx/dist/esm/index.mjs" "$root/test/package/visit.ts" \
    './node_modules/.bin/multiecho -p 0' 'hello' 'hello' '/roll' 'Welcome, {id}! (1)'
)

try_new_plugin "$2/typescript" \
  'package/README.md package/dist/dice.d.ts package/dist/dice.js package/package.json '
try_new_plugin "$2/javascript" \
  'package/README.md package/dist/dice.d.ts package/package.json package/src/dice.js ' --js
