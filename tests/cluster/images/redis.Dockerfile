# SPDX-License-Identifier: Apache-2.0
# Stands for redis:7 where that cannot be had: Debian's package, with the user, place and entry point of the official image.
FROM debian:12
RUN groupadd --system --gid 999 redis && useradd --system --gid redis --uid 999 redis && \
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server && \
    rm -rf /var/lib/apt/lists/* /etc/redis && \
    mkdir -p /data && chown redis:redis /data
VOLUME /data
WORKDIR /data
COPY redis.sh /usr/local/bin/entrypoint
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint"]
EXPOSE 6379
CMD ["redis-server", "--protected-mode", "no"]
