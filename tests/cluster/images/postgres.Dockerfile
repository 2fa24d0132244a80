# SPDX-License-Identifier: Apache-2.0
# Stands for postgres:15 where that cannot be had: Debian's packages, with the user, places, variables, signal and
# first start of the official image.
FROM debian:12
RUN groupadd --system --gid 999 postgres && \
    useradd --system --gid 999 --uid 999 --home-dir /var/lib/postgresql --create-home --shell /bin/bash postgres && \
    apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-15 && \
    rm -rf /var/lib/apt/lists/* /var/lib/postgresql/15 && \
    mkdir -p /var/lib/postgresql/data && \
    chown -R postgres:postgres /var/lib/postgresql && chmod 1777 /var/lib/postgresql/data && \
    install -d -o postgres -g postgres -m 3777 /var/run/postgresql
ENV PATH=$PATH:/usr/lib/postgresql/15/bin PGDATA=/var/lib/postgresql/data LANG=C.UTF-8
VOLUME /var/lib/postgresql/data
COPY postgres.sh /usr/local/bin/entrypoint
ENTRYPOINT ["bash", "/usr/local/bin/entrypoint"]
STOPSIGNAL SIGINT
EXPOSE 5432
CMD ["postgres"]
