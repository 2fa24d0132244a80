#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs unit test programs (TAP on stdout) and prints one line for each, the whole output of a failing one, and
# a closing "N passed, N failed" that counts test points.
set -u
passed=0
failed=0
for program in "$@"; do
    output=$(timeout 300 "$program" 2>&1)
    status=$?
    ok=$(printf '%s\n' "$output" | grep -c '^ok ')
    bad=$(printf '%s\n' "$output" | grep -c '^not ok ')
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ "$bad" -ne 0 ]; then
        printf '%s\n' "$output" | tail -60
        echo "FAIL $program (status $status)"
    fi
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
