# SPDX-License-Identifier: Apache-2.0
# Stands for haproxy:2.8 where that cannot be had: Debian's package (2.6), with the user, signal and entry point of the official image.
FROM debian:12
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends haproxy && \
    rm -rf /var/lib/apt/lists/* /etc/haproxy && \
    groupmod --gid 99 haproxy && usermod --uid 99 --gid 99 --home /var/lib/haproxy haproxy
COPY haproxy.sh /usr/local/bin/entrypoint
USER haproxy
WORKDIR /var/lib/haproxy
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint"]
STOPSIGNAL SIGUSR1
CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
