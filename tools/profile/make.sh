#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the profile of data/profile: builds an instrumented program in a copy of the tree (the names of objects are part of
# a profile, so they must be the same there), runs it under the load of train.py, and packs what was counted in
# those sources that a request passes. Usage: make.sh CC ARCHIVE FAKEPROVIDER
set -eu
if [ -z "$2" ]; then
    echo "profile: gcc only, VARIANT=release, LTO=1" >&2
    exit 1
fi
compiler=$1
archive=$PWD/$2
requests=40000
tree=build/profile
rm -rf "$tree"
mkdir -p "$tree/build"
tar -c Makefile src tools data tests | tar -x -C "$tree"
for made in grammars llhttp; do
    [ ! -d "build/$made" ] || ln -s "$PWD/build/$made" "$tree/build/$made"
done
make -C "$tree" --no-print-directory -s build CC="$compiler" VARIANT=release LTO=1 PROFILE=make
objects=$tree/build/release/obj
python3 -B tools/profile/train.py --program "$tree/build/release/sluice" --fakeprovider "$3" --requests "$requests"

# hot FILE: was a branch of it taken in one of a hundred requests?
hot() {
    gcov-dump -l "$1" | awk -v least=$((requests / 100)) '
        /COUNTERS/ { arcs = /COUNTERS arcs/; next }
        arcs && sub(/^.*:[ ]+[0-9]+: /, "") { for (i = 1; i <= NF; i++) if ($i >= least) found = 1 }
        END { exit !found }'
}
(cd "$objects" && find src -name '*.gcda' | sort) | while read -r file; do
    if hot "$objects/$file"; then
        echo "$file"
    fi
done >"$tree/hot"
tar -c --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=644 -C "$objects" -T "$tree/hot" |
    gzip -n -9 >"$tree/archive"
mkdir -p data/profile
mv "$tree/archive" "$archive"
echo "profile: $(wc -l <"$tree/hot") sources, $(wc -c <"$archive") bytes in ${archive#"$PWD"/}"
