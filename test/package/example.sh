#!/usr/bin/env bash
# The package in docs/examples/, as its author and then its user would have it: checked, tested and packed; installed from
# that, and run by the config of its README. $1 is the tarball of the host, $2 an empty folder.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
tarball=$1
cd "$2"

cp -r "$root/docs/examples/multiecho-plugin-poll" author
(
  cd author
  npm install --no-audit --no-fund --prefer-offline --save-dev "$tarball"
  npm test
  npm pack --loglevel=error --pack-destination ..
)
mkdir user
cd user
echo '{ "name": "user", "private": true, "type": "module" }' >package.json
sed -n '/^```ts$/,/^```$/p' ../author/README.md | sed '/^```/d' >chat.config.ts
npm install --no-audit --no-fund --prefer-offline "$tarball" ../acme-multiecho-plugin-poll-0.1.0.tgz
npx --no-install multiecho check | tee checked
grep -q 'acme:poll' checked
node --import "$root/node_modules/tsx/dist/esm/index.mjs" "$root/test/package/visit.ts" \
  './node_modules/.bin/multiecho -p 0 --host 127.0.0.1' 'hello' 'hello' \
  '/poll Tea?' '{id} asks: Tea? Type /vote yes or /vote no.'
