#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz targets and runs each on its seeds: a finding fails and leaves its input in build/fuzz-findings.
# Usage: run-fuzz.sh SECONDS          new inputs every time, for so long each; what was learned stays in build/fuzz-corpus
#        run-fuzz.sh SECONDS INPUTS   the same inputs every time, so many each (fewer where SECONDS end first): for the gate
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-10}
inputs=${2:-}
same= # a program that loads another at the same addresses every time: they are part of what steers the fuzzer
if [ -n "$inputs" ]; then
    setarch -R true 2>/dev/null && same="setarch -R"
    rm -rf build/fuzz-corpus
fi
make -j2 VARIANT=fuzz CC=clang fuzz-build || { echo "not ok - the fuzz targets build"; exit 1; }
findings=build/fuzz-findings
mkdir -p "$findings"
failed=0
run_target() {
    name=$(basename "$1")
    corpus=build/fuzz-corpus/$name
    seeds=tests/fuzz/corpus/${name%_fuzz}
    dictionary=tests/fuzz/${name%_fuzz}.dict
    mkdir -p "$corpus"
    set -- "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
        -artifact_prefix="$findings/$name-"
    [ -n "$inputs" ] && set -- "$@" -seed=1 -runs="$inputs" -reload=0
    [ -f "$dictionary" ] && set -- "$@" -dict="$dictionary"
    set -- "$@" "$corpus"
    [ -d "$seeds" ] && set -- "$@" "$seeds"
    # shellcheck disable=SC2086
    if $same "$@" >"build/fuzz-corpus/$name.log" 2>&1; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        tail -30 "build/fuzz-corpus/$name.log"
        return 1
    fi
}
wait_for() { # wait_for PID...
    for pid in "$@"; do
        wait "$pid" || failed=1
    done
}
running=
count=0
for target in build/fuzz/fuzz/*_fuzz; do
    run_target "$target" &
    running="$running $!"
    count=$((count + 1))
    if [ "$count" -ge "$(nproc)" ]; then
        # shellcheck disable=SC2086
        wait_for $running
        running=
        count=0
    fi
done
# shellcheck disable=SC2086
wait_for $running
exit "$failed"
