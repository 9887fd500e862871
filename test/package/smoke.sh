#!/usr/bin/env bash
# Packs the package, installs the tarball in an empty folder, and lives there as a stranger would: with a plugin of its
# own and the plugin's test, both checked by the package's types, and a config that runs them. Then the other scripts of
# this folder do the like.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cd "$root"
npm pack --loglevel=error --pack-destination "$folder"

cp "$root"/test/package/consumer/*.ts "$folder"
cd "$folder"
cat >package.json <<'JSON'
{ "name": "stranger", "private": true, "type": "module" }
JSON
cat >tsconfig.json <<'JSON'
{
  "compilerOptions": {
    "target": "es2023",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "rewriteRelativeImportExtensions": true,
    "outDir": "out"
  },
  "include": ["*.ts"]
}
JSON
npm install --no-audit --no-fund ./multiecho-*.tgz
# What a stranger installs beside it, from the checkout.
mkdir -p node_modules/@types
ln -s "$root/node_modules/@types/node" node_modules/@types/node
ln -s "$root/node_modules/undici-types" node_modules/undici-types

"$root/node_modules/.bin/tsc" -p .
node --test out/shout.check.js
npx --no-install multiecho --version
npx --no-install multiecho check | tee checked
grep -q 'stranger:shout' checked
# Not by npx, whose shell dies of the Ctrl-C that stops the host, so that its status is 130.
node --import "$root/node_modules/tsx/dist/esm/index.mjs" "$root/test/package/visit.ts" \
  './node_modules/.bin/multiecho -p 0' 'hello!' 'HELLO!'
grep -q 'multiecho server is shutting down' chat.log

mkdir "$folder/new-plugin"
"$root/test/package/new-plugin.sh" "$folder"/multiecho-*.tgz "$folder/new-plugin"
