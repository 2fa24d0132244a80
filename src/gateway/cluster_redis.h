/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis as the gateway has it (cluster.redis): limits of a minute and calls at the same time that
 * hold over all nodes (store/lease_redis.h), and keys that another node says are revoked: these
 * open nothing any more, also where the change itself has not arrived yet; and what workers ask it
 * (cluster_ask.h). Without cluster.redis nothing of this runs.
 */
#ifndef SLUICE_GATEWAY_CLUSTER_REDIS_H
#define SLUICE_GATEWAY_CLUSTER_REDIS_H

#include "gateway/cluster_ask.h"
#include "gateway/gateway.h"

#include "base/buf.h"

struct cluster_redis;
struct worker;

/* After the budget, before the workers; asks nobody. */
MUST_USE bool cluster_redis_open(struct gateway *gateway, struct error *error);
/* Lets a new worker ask. False: out of memory. */
MUST_USE bool cluster_redis_worker(struct worker *worker);
/* When the workers run. */
MUST_USE bool cluster_redis_start(struct gateway *gateway, struct error *error);
/* When the workers have ended, before they are freed. */
void cluster_redis_stop(struct gateway *gateway);
/* After the budget. */
void cluster_redis_free(struct gateway *gateway);

/* Any thread, after a set of keys was published in place of `old`: what was revoked between them is
 * told to the other nodes. */
void cluster_redis_keys(struct gateway *gateway, const struct key_set *old,
                        const struct key_set *keys);
/* Any thread: does another node say that the key is revoked? */
MUST_USE bool cluster_redis_revoked(const struct gateway *gateway, uint64_t key);
void cluster_redis_metrics(struct gateway *gateway, struct buf *out);

#endif
