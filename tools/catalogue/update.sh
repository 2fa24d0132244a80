#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pins another version of the price package and makes the snapshot anew: update.sh [VERSION], by default the newest.
# Without network: makes the snapshot of the pinned version anew from build/catalogue. A person looks at the diff.
set -eu
name=@pydantic/genai-prices
here=tools/catalogue
version=${1:-$(npm view $name version 2>/dev/null || true)}
pinned=$(sed -n "s|.*\"$name\": \"\([0-9.]*\)\".*|\1|p" $here/package.json)
if [ -n "$version" ] && [ "$version" != "$pinned" ]; then
    integrity=$(npm view "$name@$version" dist.integrity 2>/dev/null)
    day=$(npm view $name time --json 2>/dev/null | sed -n "s|.*\"$version\": \"\([0-9-]*\)T.*|\1|p")
    case $integrity in sha512-*) ;; *) echo "catalogue: no checksum for $name $version" >&2 && exit 1 ;; esac
    case $day in 20??-??-??) ;; *) echo "catalogue: no date for $name $version" >&2 && exit 1 ;; esac
    sed -i "s|\"$name\": \"[^\"]*\"|\"$name\": \"$version\"|; s|\"date\": \"[^\"]*\"|\"date\": \"$day\"|" $here/package.json
    sed -i "s|\"$name\": \"[^\"]*\"|\"$name\": \"$version\"|; s|\"integrity\": \"[^\"]*\"|\"integrity\": \"$integrity\"|
        s|\"version\": \"[^\"]*\"|\"version\": \"$version\"|" $here/package-lock.json
    sed -i "s|^Version: .*|Version: $version|; s|^Date: .*|Date: $day|" data/catalogue/ORIGIN
fi
package=$(sh $here/fetch.sh)
node $here/generate.mjs "$package" >data/catalogue/catalogue.tsv.new
mv data/catalogue/catalogue.tsv.new data/catalogue/catalogue.tsv
node $here/fixtures.mjs "$package" >tests/unit/provider/cost_fixtures.tsv
cp "$package/LICENSE" data/catalogue/LICENSE.genai-prices
echo "catalogue: $(sed -n 's/^source	//p' data/catalogue/catalogue.tsv) of $(sed -n 's/^date	//p' data/catalogue/catalogue.tsv); see git diff"
