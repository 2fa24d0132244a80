#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts llhttp's generated C into build/llhttp where the system packages neither the library nor those files. It comes
# from a Python source distribution that carries it; pip refuses one whose SHA-256 is not the one written here.
# Usage: fetch-llhttp.sh [FOLDER]
set -eu
folder=${1:-build/llhttp}
if [ -f "$folder/llhttp.c" ]; then
    exit 0
fi
if ! command -v python3 >/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
    echo "fetch-llhttp: python3 with pip is needed" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# take REQUIREMENT SHA256: download, check, unpack, find the four files
take() {
    echo "$1 --hash=sha256:$2" >"$work/requirements.txt"
    python3 -m pip --quiet --disable-pip-version-check download --no-deps --no-binary :all: --require-hashes \
        --dest "$work" -r "$work/requirements.txt" >"$work/log" 2>&1 || return 1
    tar -xzf "$work"/*.tar.gz -C "$work"
    mkdir -p "$work/found"
    for file in llhttp.h api.c http.c llhttp.c; do
        path=$(find "$work" -name $file -not -path "$work/found/*" | head -1)
        [ -n "$path" ] || return 1
        cp "$path" "$work/found/"
    done
}

if ! take llhttp==9.3.0.0 0d989363e7fb6f270b9d49956e7a3945c26778f8c70a166815264309ac6a8295; then
    rm -rf "$work"/*.tar.gz "$work/found"
    if ! take httptools==0.9.0 d484ebb7e3a3f3597b0f645fbd1b85633674ca808c1f5ba11c2caf7c66f5c8b6; then
        tail -5 "$work/log" >&2
        echo "fetch-llhttp: neither source distribution could be had" >&2
        exit 1
    fi
fi
mkdir -p "$folder"
cp "$work"/found/* "$folder/"
echo "llhttp $(sed -n 's/^#define LLHTTP_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' "$folder/llhttp.h" | tr '\n' '.' | sed 's/\.$//') in $folder"
