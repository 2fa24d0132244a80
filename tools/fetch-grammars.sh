#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts the generated C of tree-sitter's grammars into build/grammars, for the check of code in answers (docs/guides/cascade.md).
# Debian packages the library (libtree-sitter-dev) but no grammar; the packages of npm carry them (MIT). An archive whose
# SHA-512 is not the one written here is refused. Without npm nothing is fetched, and the program judges JSON only.
# Usage: fetch-grammars.sh [FOLDER]
set -eu
folder=${1:-build/grammars}
[ -f "$folder/complete" ] && exit 0
if ! command -v npm >/dev/null || ! command -v sha512sum >/dev/null; then
    echo "fetch-grammars: npm is not there; code in answers will not be parsed" >&2
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# take LANGUAGE VERSION SHA512
take() {
    (cd "$work" && npm pack --silent "tree-sitter-$1@$2" >log 2>&1) || { tail -3 "$work/log" >&2; return 1; }
    echo "$3  $work/tree-sitter-$1-$2.tgz" | sha512sum --check --status || {
        echo "fetch-grammars: tree-sitter-$1 $2 is not what it was" >&2
        return 1
    }
    mkdir -p "$folder/$1/tree_sitter"
    tar -xzf "$work/tree-sitter-$1-$2.tgz" -C "$work"
    cp "$work"/package/src/*.c "$folder/$1/"
    cp "$work"/package/src/tree_sitter/*.h "$folder/$1/tree_sitter/"
    cp "$work/package/LICENSE" "$folder/$1/"
    rm -rf "$work/package"
}

take python 0.23.6 c8833dcf4a31288c53edb02d3ce860a1597a8135e59a5221b9eee58854f8a013c5fe585aec76b8750052f3602fea130c459a159c5248f0cea62fe4b05a82c3dc
take javascript 0.23.1 fdb9e16eb4c3f5fad46074138989cf731c87391230d79ec44416ba76acda2b1bd1ff1dcf0b863377e0f5a5920c4baccd836bf76bc059d282bb8c7aac428f5f58
take c 0.23.4 869df162e59bb9305a9c7130ac0c4e0610e3770883d64deed97a559a9164e46749263ecdda3adc178e6162b64f730b808cd5dd2f4d58146ed348b7663e2da5ca
take go 0.23.4 89068712ce3231afe1328fd9086a8b7c6eb51749a28a750b5357c587e199ade091b4aca514bb6f9fbf7ca1c0998cedabfee9e0359800635b3584f17203091cef
take java 0.23.5 623bbba10d17c7b19c513d359948253cff9b61fbea8cd086771aa28139dec3d9cb1a8208e363cd54fddb1eb61e331b3088244cd32b9b5a6379aa4fb3b20d3330
echo "tree-sitter grammars in $folder" >"$folder/complete"
