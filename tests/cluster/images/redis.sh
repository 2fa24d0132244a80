#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# As in the official image: options alone are redis-server's, and only redis-server itself leaves
# root for the user redis.
set -e
case $1 in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec setpriv --reuid redis --regid redis --init-groups "$@"
fi
exec "$@"
