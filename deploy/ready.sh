#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Is the node ready? ready.sh [HOST:PORT]. For health checks where no HTTP client is installed.
address=${1:-127.0.0.1:4141}
exec 3<>"/dev/tcp/${address%:*}/${address##*:}" || exit 1
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]
