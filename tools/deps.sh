#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Finds the libraries that Sluice links and prints them as make variables. Everything comes from packages:
# pkg-config for libuv, OpenSSL, libyaml, SQLite, libpq, hiredis and zlib, PCRE2 and tree-sitter; llhttp as a library where it is packaged, else the
# generated C that Debian 12 ships in node-llhttp, else the one tools/fetch-llhttp.sh has put in build/llhttp.
set -eu
packages="libuv openssl yaml-0.1 sqlite3 libpq hiredis zlib libpcre2-8 tree-sitter"
if ! missing=$(pkg-config --print-errors --exists $packages 2>&1); then
    echo "$missing" >&2
    echo "sluice: libraries are missing; run tools/setup.sh (Debian: apt-get) or install: $packages" >&2
    exit 1
fi
# The declarations of SQLite's sessions; whether the library has them is found out when it runs (key_share.h).
cflags="$(pkg-config --cflags $packages) -DSQLITE_ENABLE_SESSION -DSQLITE_ENABLE_PREUPDATE_HOOK"
# libpq is loaded where it is needed (postgres_library.h): only its declarations are wanted here.
libs=$(pkg-config --libs $(echo $packages | sed s/libpq//))
sources=
if pkg-config --exists libllhttp 2>/dev/null; then
    cflags="$cflags $(pkg-config --cflags libllhttp)"
    libs="$libs $(pkg-config --libs libllhttp)"
elif [ -f /usr/share/llhttp/llhttp.c ]; then
    cflags="$cflags -I/usr/share/include/llhttp"
    sources="/usr/share/llhttp/api.c /usr/share/llhttp/http.c /usr/share/llhttp/llhttp.c"
elif [ -f build/llhttp/llhttp.c ]; then
    cflags="$cflags -Ibuild/llhttp"
    sources="build/llhttp/api.c build/llhttp/http.c build/llhttp/llhttp.c"
else
    echo "sluice: llhttp is missing; run tools/setup.sh" >&2
    exit 1
fi
# What parses code in answers: each grammar that tools/fetch-grammars.sh has put in build/grammars.
grammars=
if [ -f build/grammars/complete ]; then
    grammars=$(ls build/grammars/*/parser.c build/grammars/*/scanner.c 2>/dev/null | tr '\n' ' ')
    cflags="$cflags -DSLUICE_GRAMMARS"
fi
echo "DEP_CFLAGS := $cflags"
echo "DEP_LIBS := $libs"
echo "LLHTTP_SRC := $sources"
echo "GRAMMAR_SRC := $grammars"
