/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority over requests and tokens of a minute and calls at the same time: one Redis for all
 * nodes (budget_lease.h has the exchange; lease_redis_script.h the script that decides). One thread
 * with two connections, one that asks and one that listens.
 *
 * - Redis remembers what each node has room for and what it spent in the last minute, by Redis's
 *   clock, in buckets of 5 s that count until the whole bucket is older than the minute.
 * - A node that was not heard of for LEASE_REDIS_LIFE_MS is dead: its calls no longer count, and
 *   what it had room for in the minute counts as spent.
 * - Each connection is a session of its own: what an earlier one still had under way is refused.
 * - Redis away: what was granted is used up, then this node takes its part of each limit, limit /
 *   nodes (or, where the operator allows it, all of it). Nothing waits. Of the nodes counts the
 * most that Redis said when it granted last, and that another authority knows; a node that nobody
 * has told a number takes nothing.
 * - Redis empty (restarted, flushed): for LEASE_REDIS_GRACE_MS nothing is granted, nodes tell what
 *   they have spent and hold, and take their parts meanwhile.
 *
 * Revoked keys: what one node publishes the others hear at once, even those that PostgreSQL does
 * not reach; Redis keeps them for a week, for those that were not listening.
 *
 * Nothing here is money. Keys in Redis begin with "{PREFIX}:", so that they share one slot.
 */
#ifndef SLUICE_STORE_LEASE_REDIS_H
#define SLUICE_STORE_LEASE_REDIS_H

#include "store/budget_lease.h"
#include "store/redis.h"

#define LEASE_REDIS_LIFE_MS 10000
#define LEASE_REDIS_GRACE_MS 2000
#define LEASE_REDIS_BEAT_MS 1000

struct lease_redis;

struct lease_redis_options {
    struct redis_options redis; /* stop_fd is not used */
    struct slice prefix;        /* of this cluster; letters, digits, '.', '_', '-', at most 63 */
    struct slice node;          /* of the same letters, no other node's */
    struct budget *budget;
    int64_t wait_ns;  /* how long a call waits at most */
    bool allows_away; /* limits may be exceeded while Redis is away */
    int64_t life_ms;  /* the next three: 0 for what is usual; the same on all nodes */
    int64_t grace_ms;
    int64_t beat_ms;
    /* From the thread, with no lock held. */
    unsigned (*nodes)(void *user); /* by another authority; 0: it does not know; or NULL */
    void (*moved)(void *user);     /* who waits should try again */
    void (*revoked)(void *user, uint64_t key); /* may be said more than once */
    void *user;
};

/* Leases the limits of the budget: before its first claim. Asks nobody yet. NULL: *error, and the
 * budget is of no use any more. */
MUST_USE struct lease_redis *lease_redis_new(const struct lease_redis_options *options,
                                             struct error *error);
/* Starts the thread. */
MUST_USE bool lease_redis_start(struct lease_redis *lease, struct error *error);
/* Ends the thread; no call has a claim any more. Redis is told, if it can be reached, what was
 * spent to the end. NULL-safe. */
void lease_redis_stop(struct lease_redis *lease);
/* Nobody uses the budget any more. NULL-safe. */
void lease_redis_free(struct lease_redis *lease);

/* Any thread: tells the other nodes that the key is revoked, as soon as Redis is there. */
void lease_redis_revoke(struct lease_redis *lease, uint64_t key);

struct lease_redis_stats {
    bool connected;
    bool leasing;         /* it grants: connected, joined, not in its grace */
    unsigned nodes;       /* alive, as Redis says */
    uint64_t connections; /* made since the start */
    uint64_t exchanges;
    uint64_t failures; /* exchanges without an answer */
    uint64_t recalls;  /* heard */
    uint64_t revoked_said;
    uint64_t revoked_heard;
    int64_t exchange_ns; /* of all exchanges together */
};
/* Any thread. */
void lease_redis_stats_read(struct lease_redis *lease, struct lease_redis_stats *ret_stats);

#endif
