/* SPDX-License-Identifier: Apache-2.0 */
/* The log of the keys, as the follower (key_share.c) and a change (key_share_change.c) use it. */
#ifndef SLUICE_STORE_KEY_SHARE_INTERNAL_H
#define SLUICE_STORE_KEY_SHARE_INTERNAL_H

#include "base/clock.h"
#include "store/audit.h"
#include "store/key_share.h"

#include <pthread.h>
#include <stdatomic.h>

#define CHANGE_TEXT_SIZE 33
#define KEYS_CHANNEL "sluice_keys"

struct key_share {
    struct cluster_member *member;
    bool (*on_applied)(void *user, struct error *error);
    void *user;
    pthread_mutex_t lock; /* held for a change; `changer` is under it */
    struct postgres *changer;
    struct postgres *follower; /* of the thread */
    pthread_t thread;
    bool started;
    int64_t confirmed; /* what `nodes.key_seq` says; the thread's */
    int64_t log_kept;
    int64_t log_joined;
    int64_t join_at_ns; /* not before: the thread's */
    pthread_mutex_t stats_lock;
    struct share_stats stats;
};

/* --- key_share_log.c: outside transactions on both connections --- */

/* This node's place in the log. */
struct log_place {
    int64_t seq; /* 0: none of the log's changes is here */
    int64_t audit_count;
    uint8_t audit_hash[AUDIT_HASH_SIZE];
};
MUST_USE bool log_place(sqlite3 *db, struct log_place *ret_place);
/* Brings the database up to the head, as of now. The first time it finds this node's place in the
 * log: joins, or puts back what PostgreSQL has lost. *ret_head: PostgreSQL's. */
MUST_USE bool log_follow(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                         int64_t *ret_head, struct error *error);
/* The same without looking at the place; also while a transaction with the head's lock is open. */
MUST_USE bool log_catch_up(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                           int64_t head, struct error *error);
/* Adds a change with its place to both logs, inside transactions on both. */
struct log_change {
    int64_t seq;
    int64_t node;
    int64_t at_us;
    char change[CHANGE_TEXT_SIZE]; /* random: whether it took place can be asked later */
    struct slice changeset;
};
MUST_USE bool log_append(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                         const struct log_change *change, struct error *error);
/* Inside a transaction: locks the head and reads it. */
MUST_USE bool log_lock(struct postgres *postgres, int64_t *ret_head, struct error *error);
/* Does a change after `after`, up to `seq`, touch more than the audit log? */
bool log_has_keys(sqlite3 *db, int64_t after, int64_t seq);

/* --- key_share_join.c --- */
/* Now and then: puts changes together that are far behind `head`. Outside a transaction. */
MUST_USE bool log_join(struct key_share *share, struct postgres *postgres, int64_t head,
                       struct error *error);

/* --- key_share_change.c --- */

/* A change under way: the database is at the head, the head is locked, a transaction is open and
 * recorded. */
struct share_change {
    struct key_share *share; /* NULL: none is under way */
    sqlite3 *db;
    struct changeset_recorder *recorder;
    int64_t seq; /* that it gets */
};
/* False: nothing is held. `db` is open and in no transaction. */
MUST_USE bool share_change_begin(struct share_change *change, struct key_share *share, sqlite3 *db,
                                 struct error *error);
/* PostgreSQL commits, then SQLite. False: nothing changed, or ("authority_unsure") that is not
 * known; the caller rolls back. */
MUST_USE bool share_change_commit(struct share_change *change, int64_t wall_ns,
                                  struct error *error);
/* Waits until the live nodes have it; `spread` NULL: does not. */
void share_change_spread(struct share_change *change, struct share_spread *spread);
/* Lets go of everything but the database. */
void share_change_end(struct share_change *change);

/* --- key_share_audit.c --- */
/* Gives entries that wait their place in the chain, some hundreds at a time. *ret_count: how many.
 */
MUST_USE bool share_drain_audit(struct key_share *share, sqlite3 *db, int64_t *ret_count,
                                struct error *error);

#endif
