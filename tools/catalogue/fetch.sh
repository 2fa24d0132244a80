#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brings the pinned price package into build/catalogue (npm checks its sha512 against package-lock.json) and prints the
# folder. Exit 3: it cannot be had here (no node, no npm, no network).
set -eu
here=tools/catalogue
folder=build/catalogue
package=$folder/node_modules/@pydantic/genai-prices
wanted=$(sed -n 's/.*"@pydantic\/genai-prices": "\([0-9.]*\)".*/\1/p' $here/package.json)
if grep -q "\"version\": \"$wanted\"" $package/package.json 2>/dev/null &&
    cmp -s $here/package-lock.json $folder/package-lock.json; then
    echo $package
    exit 0
fi
command -v node >/dev/null && command -v npm >/dev/null || exit 3
rm -rf $folder
mkdir -p $folder
cp $here/package.json $folder/
cp $here/package-lock.json $folder/package-lock.json
if ! (cd $folder && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >$folder/npm.log 2>&1; then
    rm -f $folder/package-lock.json
    if grep -q EINTEGRITY $folder/npm.log; then
        echo "catalogue: the package does not have the checksum of package-lock.json" >&2
        exit 1
    fi
    exit 3
fi
echo $package
