#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the test steps one after another and ends with "N passed, N failed". A step prints TAP or a line
# "NAME: N passed, N failed"; a step that exits with an error and counted no failure counts as one failure.
# Usage: run-tests.sh gate|all [STEP ...]   (the logs of the steps are in build/test-logs)
set -u
cd "$(dirname "$0")/.." || exit 1
level=$1
shift
wanted=$*
logs=build/test-logs
mkdir -p "$logs"
passed=0
failed=0
skipped=0
jobs=$(nproc)

# step NAME COMMAND...: counts "ok"/"not ok" lines, or the last "N passed, N failed" when there is one
step() {
    local name=$1 start log summary ok bad status
    shift
    if [ -n "$wanted" ] && ! [[ " $wanted " == *" $name "* ]]; then
        return
    fi
    start=$SECONDS
    log=$logs/$name.log
    "$@" >"$log" 2>&1 </dev/null
    status=$?
    summary=$(grep -aoE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -1)
    if [ -n "$summary" ]; then
        ok=${summary%% passed*}
        bad=${summary##*, }
        bad=${bad%% failed*}
    else
        ok=$(grep -ac '^ok ' "$log")
        bad=$(grep -ac '^not ok ' "$log")
    fi
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    if [ "$status" -eq 0 ] && [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then
        if grep -aqi 'skip' "$log"; then
            skipped=$((skipped + 1))
        else
            ok=1
        fi
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    printf '%-22s %5d passed %3d failed  %4d s\n' "$name" "$ok" "$bad" $((SECONDS - start))
    if [ "$bad" -ne 0 ]; then
        grep -aE '^not ok|^FAIL|rror|warning:|Sanitizer' "$log" | head -40
        tail -25 "$log"
    fi
    grep -aE 'SKIP' "$log" | head -5
}

make_in() { # make_in VARIANT CC TARGET...
    local variant=$1 compiler=$2
    shift 2
    make -j"$jobs" VARIANT="$variant" CC="$compiler" "$@"
}

step layers sh tools/check-layers.sh
step style sh tools/check-style.sh
step build-gcc make_in release gcc build
step build-clang make_in clang clang objects
step catalogue make catalogue-check
step unit make_in release gcc unit
step unit-asan make_in asan gcc unit
step unit-tsan make_in tsan clang unit
step fuzz-short sh tools/run-fuzz.sh 10 20000
step cli python3 tests/cli/run.py
step scenario make_in release gcc scenario
step scenario-asan make_in asan gcc scenario
step crash make_in fault gcc crash
step caps make_in release gcc caps
step cluster-caps make_in release gcc cluster-caps
step cluster-sessions make_in release gcc cluster-sessions
step cluster-ledger make_in release gcc cluster-ledger ROUNDS=2
step deploy make_in release gcc deploy-test
step power-loss make_in release gcc power-loss
step keys make_in release gcc keys-test
step disk make_in release gcc disk
step clock make_in release gcc clock
step tokens make_in release gcc tokens-test
step model make model
step invoice make_in release gcc invoice
step cascade make_in release gcc cascade POINTS=9
step restart make_in release gcc restart
step smuggling make_in release gcc smuggling SEED=1
step sdk make_in release gcc sdk
step cluster make_in release gcc cluster-test
if [ "$level" = all ]; then
    step fuzz-long sh tools/run-fuzz.sh 120
    step tokens-long make_in release gcc tokens-test COUNT=100000
    step smuggling-new make_in release gcc smuggling
    step invoice-long make_in release gcc invoice CALLS=100000
    step crash-long make_in fault gcc crash-long
    step caps-long make_in release gcc caps-long
    step power-loss-long make_in release gcc power-loss-long
    step cluster-ledger-long make_in release gcc cluster-ledger ROUNDS=12
    step model-long make model-long
    step cluster-long make_in release gcc cluster-long
    step agents make_in release gcc agents
    step soak make_in release gcc soak-long
    step coverage make coverage
    step real sh tests/real/run.sh
fi
echo
echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
