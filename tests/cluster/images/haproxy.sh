#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A master with its worker in the foreground, as in the official image.
set -e
case $1 in
-*) set -- haproxy "$@" ;;
esac
if [ "$1" = haproxy ]; then
    shift
    set -- haproxy -W -db "$@"
fi
exec "$@"
