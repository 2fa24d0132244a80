#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes data/tokens from the pinned npm package (npm checks its sha512 against package-lock.json). usage: update.sh [DIR]
set -eu
cd "$(dirname "$0")/../.."
target=${1:-data/tokens}
folder=build/tokens-package
rm -rf $folder
mkdir -p $folder "$target"
cp tools/tokens/package.json tools/tokens/package-lock.json $folder/
(cd $folder && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >$folder/npm.log 2>&1 || {
    cat $folder/npm.log >&2
    exit 3
}
node tools/tokens/generate.mjs $folder/node_modules/gpt-tokenizer "$target"
(cd "$target" && sha256sum ./*.ranks >SHA256SUMS)
