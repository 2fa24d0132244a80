#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the build needs and is missing: setup.sh [--test | --bench]. --test adds what the tests and benches need,
# --bench what only the bench that emulates a machine needs.
# On Debian and its kin it uses apt-get, as root or through sudo, and touches the network only if something is missing.
# Elsewhere it says what pkg-config does not find. llhttp comes from packages, else from tools/fetch-llhttp.sh.
set -eu
with_tests=no
with_emulator=no
case ${1:-} in
"") ;;
--test) with_tests=yes ;;
--bench) with_emulator=yes ;;
*) echo "usage: setup.sh [--test | --bench]" >&2 && exit 2 ;;
esac

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

packaged() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

# want PACKAGE: adds it unless dpkg has it. want_command COMMAND PACKAGE...: adds them unless the command is there,
# wherever it came from (a node that is not Debian's must not be fought over).
missing=
want() {
    installed "$1" || missing="$missing $1"
}
want_command() {
    command -v "$1" >/dev/null 2>&1 && return
    shift
    missing="$missing $*"
}

llhttp_is_there() {
    pkg-config --exists libllhttp 2>/dev/null || [ -f /usr/share/llhttp/llhttp.c ] || [ -f build/llhttp/llhttp.c ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup: not root and no sudo; as root run: $*" >&2
        exit 1
    fi
}

apt() {
    log=$(mktemp)
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        echo "setup: apt-get $* failed" >&2
        return 1
    fi
    rm -f "$log"
}

list_missing() {
    want_command gcc gcc libc6-dev
    want libc6-dev
    want_command make make
    want_command pkg-config pkg-config
    for package in libuv1-dev libssl-dev libyaml-dev libsqlite3-dev libpq-dev libhiredis-dev zlib1g-dev libpcre2-dev libtree-sitter-dev ca-certificates; do
        want $package
    done
    if [ $with_emulator = yes ]; then
        want_command qemu-system-x86_64 qemu-system-x86
    fi
    [ $with_tests = yes ] || return 0
    want_command clang clang
    want_command llvm-symbolizer llvm
    want libclang-rt-dev
    want_command python3 python3
    want_command node nodejs
    want_command npm npm # a node from elsewhere brings its own
    [ -x /usr/sbin/nginx ] || want_command nginx nginx-light
    for tool in wrk curl sqlite3 valgrind; do
        want_command $tool $tool
    done
    want libjansson-dev
    want faketime
    want_command spin spin
    want_command redis-server redis-server
    want_command ip iproute2
    want_command haproxy haproxy
    want_command docker-compose docker-compose # reads deploy/compose.yaml; no container is started
    [ -d /usr/lib/postgresql ] || want postgresql
}

setup_debian() {
    list_missing
    if [ -n "$missing" ] || ! llhttp_is_there; then
        apt update
        if ! llhttp_is_there; then
            for package in libllhttp-dev node-llhttp; do
                if packaged $package; then
                    missing="$missing $package"
                    break
                fi
            done
        fi
    fi
    if [ -n "$missing" ]; then
        echo "setup: installing$missing"
        # shellcheck disable=SC2086
        apt install --no-install-recommends -y $missing
    fi
    if ! llhttp_is_there; then
        command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
            apt install --no-install-recommends -y python3 python3-pip
        sh tools/fetch-llhttp.sh
    fi
}

setup_other() {
    lacks=
    for tool in cc make pkg-config; do
        command -v $tool >/dev/null || lacks="$lacks $tool"
    done
    for library in libuv openssl yaml-0.1 sqlite3 libpq hiredis zlib libpcre2-8 tree-sitter; do
        pkg-config --exists $library 2>/dev/null || lacks="$lacks $library"
    done
    if [ -n "$lacks" ]; then
        echo "setup: install what is missing (names as pkg-config knows them):$lacks" >&2
        exit 1
    fi
    llhttp_is_there || sh tools/fetch-llhttp.sh
}

cd "$(dirname "$0")/.."
if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    setup_debian
else
    setup_other
fi
# Without them of code only JSON is parsed, and sluice check warns of it.
sh tools/fetch-grammars.sh || echo "setup: code in answers will not be parsed" >&2
