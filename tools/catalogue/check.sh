#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves that the snapshot and the fixtures are what the generators make from the pinned package. Where the package
# cannot be had it says SKIPPED and succeeds; with CATALOGUE_CHECK=strict it fails then.
set -eu
status=0
package=$(sh tools/catalogue/fetch.sh) || status=$?
if [ "$status" -eq 3 ]; then
    echo "catalogue: SKIPPED: node, npm or the package cannot be had here, the snapshot is not compared" >&2
    [ "${CATALOGUE_CHECK:-}" != strict ]
    exit
fi
[ "$status" -eq 0 ] || exit "$status"
new=build/catalogue/new
mkdir -p $new
node tools/catalogue/generate.mjs "$package" >$new/catalogue.tsv
node tools/catalogue/fixtures.mjs "$package" >$new/cost_fixtures.tsv
same=0
diff -u data/catalogue/catalogue.tsv $new/catalogue.tsv >$new/diff || same=1
diff -u tests/unit/provider/cost_fixtures.tsv $new/cost_fixtures.tsv >>$new/diff || same=1
if [ $same -ne 0 ]; then
    head -40 $new/diff
    echo "catalogue: the snapshot is not what the pinned package says; make catalogue-update" >&2
    exit 1
fi
echo "catalogue: snapshot and fixtures equal what the pinned package says"
