/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority over hard caps: PostgreSQL, asked by one thread with one connection. One statement
 * is one exchange of many meters (budget_lease.h), in one transaction; who waits on this node is
 * served together. A connection is a session with a number: what an earlier one still has under way
 * is refused. Nodes that have something others want are told by NOTIFY.
 *
 * PostgreSQL restored to an older state or failed over (another server, another timeline, or it
 * knows of fewer exchanges than some node was told of): the cluster's incarnation is raised, and
 * nothing is granted until every node that was not removed has told again what it spent and has.
 * The same while a node joins with spending of its own. How many exchanges there were is in each
 * node's ledger too (member_keep_exchanges()): a new process knows what the last one was told.
 *
 * So that whoever knows more comes before anything is granted, a server that was started grants
 * nothing until every node that was not stopped has a session again, or for 10 s. After that it
 * still waits, without an end, for those that leased when it ended, unless there is a witness: a
 * node whose process made exchanges up to the end, and finds none of them missing.
 *
 * A cap that is new, or another than it was, is granted nothing of until every live node has it and
 * has told what it spent before: see budget_lease_asserted(), and key_share.h.
 *
 * Away: budget_lease_mode() as the operator chose; calls are not held up by it any more.
 */
#ifndef SLUICE_STORE_LEASE_POSTGRES_H
#define SLUICE_STORE_LEASE_POSTGRES_H

#include "store/budget_lease.h"
#include "store/cluster_member.h"

struct lease_postgres;

struct lease_postgres_options {
    struct cluster_member *member; /* outlives it */
    struct budget *budget;         /* as loaded, before its first claim */
    struct slice time_zone;        /* of the caps: the same on all nodes */
    int64_t wait_ns;               /* how long a call waits at most */
    bool allows_away;
    void (*moved)(void *user); /* from the thread: who waits should try again */
    void *user;
};

/* Leases the hard caps: from now on nothing is granted that PostgreSQL did not grant. NULL: *error,
 * and the budget is of no use. */
MUST_USE struct lease_postgres *lease_postgres_new(const struct lease_postgres_options *options,
                                                   struct error *error);
/* Starts the thread. */
MUST_USE bool lease_postgres_start(struct lease_postgres *lease, struct error *error);
/* After the last claim: gives back what is left, if that is possible within a moment, ends the
 * thread, if there is one, and frees it all. NULL-safe. */
void lease_postgres_free(struct lease_postgres *lease);

struct lease_postgres_stats {
    bool connected;        /* and grants are asked for */
    uint64_t exchanges;    /* statements */
    uint64_t failures;     /* without an answer */
    uint64_t connections;  /* sessions */
    int64_t exchange_ns;   /* of all exchanges together */
    int64_t away_since_ns; /* monotonic; 0: it is there */
};
/* Any thread. */
void lease_postgres_stats_read(struct lease_postgres *lease,
                               struct lease_postgres_stats *ret_stats);

#endif
