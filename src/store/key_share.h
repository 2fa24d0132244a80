/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a cluster. Each node reads its own database, as a node alone does; PostgreSQL orders
 * the changes. A change (key_change.h, with key_actor.share) holds the lock of `key_head`, brings
 * the node's database up to the head, is made there, and goes into `key_log` as a changeset; then
 * PostgreSQL commits, then SQLite. A crash between the two is made good when the node applies its
 * own changeset from the log. So identifiers, digests and the audit chain are the same everywhere.
 *
 * A thread of each node (the follower) applies what others changed, lets the node take it
 * (on_applied) and only then says so in `nodes.key_seq`: a change waits for that, KEY_SPREAD_MS at
 * most. It also gives the entries of `audit_waiting` (refusals) their place in the chain.
 *
 * PostgreSQL restored from older data: nodes that know more put it back from their own `key_log`;
 * until each node that was not stopped or removed has been heard, nothing changes
 * ("authority_recovering"). Without PostgreSQL changes are refused ("authority_away") and reading
 * goes on.
 *
 * Errors besides postgres.h's and cluster_member.h's, ERROR_ENVIRONMENT: "authority_recovering";
 * "keys_conflict" (this node has keys of its own and the cluster has others), "keys_forked" (the
 * cluster went on from an older state without what this node knows), "keys_diverged" (a change does
 * not fit what is here), "keys_behind" (this node's ledger, restored from a copy, is older than the
 * log goes back): the node keeps reading what it has, and says how to go on.
 *
 * Changes that every node has and that are not among the last KEY_LOG_KEPT are put together in
 * PostgreSQL, KEY_LOG_JOINED in one row: a node that joins takes them as one.
 */
#ifndef SLUICE_STORE_KEY_SHARE_H
#define SLUICE_STORE_KEY_SHARE_H

#include "store/cluster_member.h"

#define KEY_SPREAD_MS 2000
/* state.key_changes in a cluster: this and the number of the last change that touched keys. So it
 * is more than any node counted alone, and of two nodes the one with the larger one has the newer
 * limits. */
#define KEY_CHANGES_SHARED (INT64_C(1) << 40)
#define KEY_LOG_KEPT 10000      /* changes in each node's own log, and one by one in PostgreSQL */
#define KEY_LOG_JOINED 1000     /* changes that become one row in PostgreSQL */
#define AUDIT_WAITING_MAX 10000 /* entries; those beyond are lost, and counted in the log */

struct key_share;

struct share_options {
    struct cluster_member *member;
    /* The database has keys that this process has not read: false when it could not (is asked
     * again). On the follower's thread. NULL: nobody reads them. */
    bool (*on_applied)(void *user, struct error *error);
    void *user;
    int64_t log_kept;   /* 0: KEY_LOG_KEPT */
    int64_t log_joined; /* 0: KEY_LOG_JOINED */
};

/* "no_sessions" (ERROR_UNSUPPORTED): SQLite was built without what this needs. */
MUST_USE struct key_share *share_new(const struct share_options *options, struct error *error);
/* Starts the follower. A process that only changes keys does without. */
MUST_USE bool share_start(struct key_share *share, struct error *error);
/* Joins the follower, which says that this node stops. NULL-safe; no change is under way. */
void share_free(struct key_share *share);

struct share_stats {
    bool away;        /* as of the last try of the follower */
    int64_t seq;      /* this node's */
    int64_t head;     /* PostgreSQL's, as last seen */
    char reason[256]; /* while away */
};
void share_stats(struct key_share *share, struct share_stats *ret_stats);

/* What came of a change in a cluster. */
struct share_spread {
    int64_t seq;       /* 0: not in a cluster */
    char waiting[256]; /* live nodes that have not said that they have it, with ", " between; "":
                          none */
};

#endif
