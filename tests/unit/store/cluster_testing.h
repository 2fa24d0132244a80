/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of a cluster in one process: each a ledger, a member and what hangs on it. */
#ifndef TESTS_CLUSTER_TESTING_H
#define TESTS_CLUSTER_TESTING_H

#include "base/clock.h"
#include "store/audit.h"
#include "store/key_change.h"
#include "store/key_share.h"
#include "store/ledger_schema.h"
#include "tests/tap.h"
#include "tests/unit/store/postgres_testing.h"
#include "tests/unit/store/store_testing.h"

#include <stdatomic.h>
#include <time.h>

static struct postgres_server server;
static struct scratch scratch;
static int64_t log_kept; /* as in share_options */
static int64_t log_joined;

struct node {
    char name[16];
    char path[256];
    struct cluster_member *member;
    struct key_share *share;
    atomic_int applied;
    atomic_bool stuck; /* does not take keys */
};

static inline int64_t ask_node(const struct node *node, const char *sql)
{
    struct error error;
    sqlite3 *db = database_open(node->path, DATABASE_READ, &error);
    sqlite3_stmt *row = db == NULL ? NULL : database_prepare(db, sql);
    int64_t number =
        row != NULL && sqlite3_step(row) == SQLITE_ROW ? sqlite3_column_int64(row, 0) : -1;
    sqlite3_finalize(row);
    sqlite3_close(db);
    return number;
}

static inline void change_node(const struct node *node, const char *sql)
{
    struct error error;
    sqlite3 *db = database_open(node->path, DATABASE_CHANGE, &error);
    CHECK(db != NULL && database_exec(db, sql));
    sqlite3_close(db);
}

static inline bool take_keys(void *user, struct error *error)
{
    struct node *node = user;
    if (atomic_load(&node->stuck)) {
        return error_set(error, ERROR_ENVIRONMENT, "keys_pending", "stuck");
    }
    atomic_fetch_add(&node->applied, 1);
    return true;
}

static inline void node_make(struct node *node, const char *name)
{
    struct error error = {0};
    char file[32];
    memset(node, 0, sizeof(*node));
    snprintf(node->name, sizeof(node->name), "%s", name);
    snprintf(file, sizeof(file), "%s.db", name);
    scratch_file(&scratch, file, node->path);
    sqlite3 *db = database_open(node->path, DATABASE_CREATE, &error);
    CHECK(db != NULL && ledger_schema_prepare(db, node->path, &error));
    sqlite3_close(db);
}

static inline void node_open(struct node *node, bool follows)
{
    struct error error = {0};
    const struct member_options options = {.path = node->path,
                                           .node = slice_from_cstr(node->name),
                                           .connection = server.url,
                                           .version = "1"};
    node->member = member_new(&options, &error);
    CHECK(node->member != NULL);
    node->share = share_new(&(struct share_options){.member = node->member,
                                                    .on_applied = follows ? take_keys : NULL,
                                                    .user = node,
                                                    .log_kept = log_kept,
                                                    .log_joined = log_joined},
                            &error);
    CHECK(node->share != NULL);
    CHECK(!follows || share_start(node->share, &error));
}

static inline void node_close(struct node *node)
{
    share_free(node->share);
    member_free(node->member);
    node->share = NULL;
    node->member = NULL;
}

/* Asks until it holds, a minute at most: the machine may be loaded. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t until_ns = clock_monotonic(&clock_system) + 60 * NS_PER_S;                         \
        bool until_held = (condition);                                                             \
        while (!until_held && clock_monotonic(&clock_system) < until_ns) {                         \
            nanosleep(&(struct timespec){.tv_nsec = 2 * NS_PER_MS}, NULL);                         \
            until_held = (condition);                                                              \
        }                                                                                          \
        if (!until_held) {                                                                         \
            tap_point_failed = true;                                                               \
            printf("# %s:%d: waited in vain for %s\n", __FILE__, __LINE__, #condition);            \
        }                                                                                          \
    } while (0)

static inline bool is_current(struct node *node)
{
    struct share_stats stats;
    share_stats(node->share, &stats);
    return !stats.away && stats.head > 0 && stats.seq == stats.head;
}

static inline bool is_away(struct node *node)
{
    struct share_stats stats;
    share_stats(node->share, &stats);
    return stats.away;
}

/* Makes a key; the error's code, or "". */
static inline const char *make_key(struct node *node, const char *name, struct share_spread *spread)
{
    char secret[KEY_TEXT_SIZE];
    struct key made;
    struct error error = {0};
    struct key_actor actor = tester;
    const struct key_order order = {.name = slice_from_cstr(name),
                                    .scopes = {[SCOPE_TEAM] = SLICE_INIT("red")}};
    actor.share = node->share;
    actor.spread = spread;
    return key_create(node->path, &order, &actor, secret, &made, &error) ? "" : error.code;
}

static inline const char *revoke_key(struct node *node, const char *name,
                                     struct share_spread *spread)
{
    struct key made;
    struct error error = {0};
    struct key_actor actor = tester;
    actor.share = node->share;
    actor.spread = spread;
    return key_revoke(node->path, slice_from_cstr(name), &actor, &made, &error) ? "" : error.code;
}

/* The end of the audit chain, after all of it was verified; "" when it is broken. */
static inline struct audit_head audit_end(const struct node *node)
{
    struct error error = {0};
    struct audit_head head = {0};
    if (!audit_verify(node->path, SLICE_EMPTY, &head, &error)) {
        printf("# %s: %s\n", node->name, error.text);
    }
    return head;
}

static inline bool same_audit(const struct node *a, const struct node *b)
{
    struct audit_head one = audit_end(a);
    struct audit_head other = audit_end(b);
    return one.hash[0] != '\0' && one.count == other.count && strcmp(one.hash, other.hash) == 0;
}

#endif
