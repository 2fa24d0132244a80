/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cluster_member.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/key_seals.h"
#include "store/ledger_schema.h"

#include <pthread.h>
#include <stdio.h>

struct cluster_member {
    char *path;
    char *connection; /* secret */
    char name[NODE_NAME_SIZE];
    char version[32];
    pthread_mutex_t lock; /* of the facts */
    struct member_facts facts;
    int64_t kept; /* what the ledger has as facts.exchanges */
    int64_t kept_ns;
};

/* --- the ledger's side -------------------------------------------------------------------------
 */

static bool read_state(sqlite3 *db, struct member_facts *ret_facts)
{
    sqlite3_stmt *row = database_prepare(db, "SELECT cluster, instance, node, exchanges"
                                             " FROM cluster_state");
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (found) {
        slice_to_cstr(slice_from_cstr((const char *)sqlite3_column_text(row, 0)),
                      ret_facts->cluster, sizeof(ret_facts->cluster));
        slice_to_cstr(slice_from_cstr((const char *)sqlite3_column_text(row, 1)),
                      ret_facts->instance, sizeof(ret_facts->instance));
        ret_facts->node = sqlite3_column_int64(row, 2);
        ret_facts->exchanges = sqlite3_column_int64(row, 3);
    }
    return sqlite3_finalize(row) == SQLITE_OK && found;
}

static bool load_state(struct cluster_member *member, struct error *error)
{
    sqlite3 *db = database_open(member->path, DATABASE_READ, error);
    bool done =
        db != NULL && ledger_schema_check(db, member->path, error) &&
        (read_state(db, &member->facts) ||
         database_error(db, member->path, "reading which cluster the node belongs to", error));
    sqlite3_close(db);
    member->kept = member->facts.exchanges;
    return done;
}

static bool write_state(sqlite3 *db, const struct member_facts *facts)
{
    sqlite3_stmt *sql = database_prepare(db, "UPDATE cluster_state SET cluster = ?, node = ?");
    if (sql == NULL) {
        return false;
    }
    bind_slice(sql, 1, slice_from_cstr(facts->cluster));
    sqlite3_bind_int64(sql, 2, facts->node);
    bool done = database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

static bool keep_state(const struct cluster_member *member, const struct member_facts *facts,
                       struct error *error)
{
    sqlite3 *db = database_open(member->path, DATABASE_CHANGE, error);
    bool done = db != NULL && (write_state(db, facts) ||
                               database_error(db, member->path,
                                              "noting which cluster the node belongs to", error));
    sqlite3_close(db);
    return done;
}

/* --- the object --------------------------------------------------------------------------------
 */

struct cluster_member *member_new(const struct member_options *options, struct error *error)
{
    struct cluster_member *member = memory_array(1, sizeof(*member));
    if (member == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    pthread_mutex_init(&member->lock, NULL);
    member->path = strdup(options->path);
    member->connection = strdup(options->connection);
    slice_to_cstr(options->node, member->name, sizeof(member->name));
    slice_to_cstr(slice_from_cstr(options->version), member->version, sizeof(member->version));
    if (member->path == NULL || member->connection == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    } else if (load_state(member, error)) {
        return member;
    }
    member_free(member);
    return NULL;
}

void member_free(struct cluster_member *member)
{
    if (member == NULL) {
        return;
    }
    if (member->connection != NULL) {
        memory_wipe(member->connection, strlen(member->connection));
    }
    free(member->connection);
    free(member->path);
    pthread_mutex_destroy(&member->lock);
    memory_free(member);
}

struct member_facts member_facts(struct cluster_member *member)
{
    pthread_mutex_lock(&member->lock);
    struct member_facts facts = member->facts;
    pthread_mutex_unlock(&member->lock);
    return facts;
}

const char *member_name(const struct cluster_member *member)
{
    return member->name;
}

const char *member_path(const struct cluster_member *member)
{
    return member->path;
}

/* --- PostgreSQL's side -------------------------------------------------------------------------
 */

static bool taken(const struct cluster_member *member, struct slice name, struct error *error)
{
    return slice_eq(name, slice_from_cstr(member->name))
               ? error_set(error, ERROR_ENVIRONMENT, "node_taken",
                           "another ledger is the node \"%s\" of this cluster: set cluster.node to "
                           "a name of its own, or, if that ledger is lost, `sluice cluster remove "
                           "%s`",
                           member->name, member->name)
               : error_set(error, ERROR_ENVIRONMENT, "node_taken",
                           "this ledger is the node \"%.*s\" of this cluster: set cluster.node to "
                           "that, or give this node a ledger of its own",
                           SLICE_ARG(name));
}

/* A ledger that was here before gets its number again: what it has shipped is under it. */
static bool return_node(const struct cluster_member *member, struct postgres *postgres,
                        struct error *error)
{
    struct postgres_params params = {0};
    params_text(&params, slice_from_cstr(member->name));
    params_text(&params, slice_from_cstr(member->facts.instance));
    return postgres_run(postgres,
                        "UPDATE nodes SET removed_at = NULL, name = $1, stopped = true,"
                        " key_seq = 0 WHERE id = (SELECT max(id) FROM nodes WHERE instance = $2)"
                        " AND NOT EXISTS (SELECT 1 FROM nodes WHERE name = $1 AND"
                        " removed_at IS NULL)",
                        &params, NULL, error);
}

static bool insert_node(const struct cluster_member *member, struct postgres *postgres,
                        struct error *error)
{
    struct postgres_params params = {0};
    params_text(&params, slice_from_cstr(member->name));
    params_text(&params, slice_from_cstr(member->facts.instance));
    params_text(&params, slice_from_cstr(member->version));
    return postgres_run(postgres,
                        "INSERT INTO nodes(name, instance, version) VALUES($1, $2, $3)"
                        " ON CONFLICT DO NOTHING",
                        &params, NULL, error);
}

/* Whose row has this name or this ledger: ours, or the node may not run. */
static bool judge_rows(const struct cluster_member *member, const struct postgres_rows *rows,
                       int64_t *ret_node, struct error *error)
{
    for (int i = 0; i < rows->count; i++) {
        if (!slice_eq(postgres_slice(rows, i, 1), slice_from_cstr(member->name)) ||
            !slice_eq(postgres_slice(rows, i, 2), slice_from_cstr(member->facts.instance))) {
            return taken(member, postgres_slice(rows, i, 1), error);
        }
        *ret_node = postgres_int64(rows, i, 0);
    }
    return true;
}

static bool find_node(const struct cluster_member *member, struct postgres *postgres,
                      int64_t *ret_node, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    *ret_node = 0;
    params_text(&params, slice_from_cstr(member->name));
    params_text(&params, slice_from_cstr(member->facts.instance));
    if (!postgres_query(postgres,
                        "SELECT id, name, instance FROM nodes"
                        " WHERE removed_at IS NULL AND (name = $1 OR instance = $2)",
                        &params, &rows, error)) {
        return false;
    }
    bool done = judge_rows(member, &rows, ret_node, error);
    postgres_rows_release(&rows);
    return done;
}

/* A node that had a number and has none any more was removed by the operator. */
static bool obtain_node(const struct cluster_member *member, struct postgres *postgres,
                        int64_t known, int64_t *ret_node, struct error *error)
{
    if (!find_node(member, postgres, ret_node, error)) {
        return false;
    }
    if (*ret_node == 0 && known != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "node_removed",
                         "this node was removed from its cluster: `sluice cluster forget` lets it "
                         "join as a new one");
    }
    if (*ret_node == 0 &&
        (!return_node(member, postgres, error) || !insert_node(member, postgres, error) ||
         !find_node(member, postgres, ret_node, error))) {
        return false;
    }
    return *ret_node != 0 || taken(member, SLICE_EMPTY, error);
}

static bool connected(struct postgres *postgres, void *user, struct error *error)
{
    struct cluster_member *member = user;
    struct pg_cluster cluster = {0};
    struct member_facts before = member_facts(member);
    struct member_facts facts = before;
    if (!pg_schema_prepare(postgres, slice_from_cstr(before.cluster), &cluster, error) ||
        !obtain_node(member, postgres, before.node, &facts.node, error)) {
        return false;
    }
    memcpy(facts.cluster, cluster.id, sizeof(facts.cluster));
    facts.incarnation = cluster.incarnation;
    if (before.node == 0 && !keep_state(member, &facts, error)) {
        return false;
    }
    pthread_mutex_lock(&member->lock); /* `instance` stays: other connections read it */
    memcpy(member->facts.cluster, facts.cluster, sizeof(facts.cluster));
    member->facts.node = facts.node;
    member->facts.incarnation = facts.incarnation;
    pthread_mutex_unlock(&member->lock);
    return true;
}

struct postgres *member_postgres(struct cluster_member *member, const char *what,
                                 struct error *error)
{
    char name[64];
    snprintf(name, sizeof(name), "sluice %.40s %s", member->name, what);
    const struct postgres_options options = {
        .connection = member->connection,
        .name = name,
        .on_connect = connected,
        .user = member,
    };
    return postgres_new(&options, error);
}

/* The audit log of the cluster goes with its keys: the cluster has it, and this node's part in it.
 */
static const char forget_sql[] =
    "UPDATE cluster_state SET cluster = '', node = 0, key_seq = 0, exchanges = 0;"
    "DELETE FROM key_log;"
    /* from here on it counts its own changes again: see KEY_CHANGES_SHARED */
    "UPDATE state SET key_changes = key_changes & 0xffffffffff;";
static const char drop_keys_sql[] =
    "DELETE FROM keys; DELETE FROM old_secrets; DELETE FROM scopes; DELETE FROM grants;"
    "DELETE FROM limits; DELETE FROM caps; DELETE FROM revoked_tokens; DELETE FROM audit;"
    "DELETE FROM sqlite_sequence WHERE name IN ('keys', 'scopes');"
    "UPDATE state SET audit_count = 0, audit_hash = x'', key_changes = key_changes + 1;";

bool member_forget(const char *path, bool keys, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_CHANGE, error);
    bool done = db != NULL && ledger_schema_prepare(db, path, error);
    if (done && !(database_exec(db, "BEGIN IMMEDIATE") && database_exec(db, forget_sql) &&
                  (!keys || (database_exec(db, drop_keys_sql) && key_seals_make(db))) &&
                  database_exec(db, "COMMIT"))) {
        done = database_error(db, path, "leaving the cluster", error);
    }
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    return done;
}

/* --- what PostgreSQL knew ----------------------------------------------------------------------
 */

void member_told_exchanges(struct cluster_member *member, int64_t exchanges)
{
    pthread_mutex_lock(&member->lock);
    if (exchanges > member->facts.exchanges) {
        member->facts.exchanges = exchanges;
    }
    pthread_mutex_unlock(&member->lock);
}

static bool write_exchanges(sqlite3 *db, int64_t exchanges)
{
    sqlite3_stmt *sql = database_prepare(db, "UPDATE cluster_state SET exchanges = ?");
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, exchanges);
    bool done = database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

bool member_keep_exchanges(struct cluster_member *member, sqlite3 *db, bool now)
{
    int64_t now_ns = clock_monotonic(&clock_system);
    pthread_mutex_lock(&member->lock);
    int64_t exchanges = member->facts.exchanges;
    bool due = exchanges != member->kept && (now || member->kept_ns == 0 ||
                                             now_ns - member->kept_ns >= NODE_KEEP_MS * NS_PER_MS);
    pthread_mutex_unlock(&member->lock);
    if (!due) {
        return true;
    }
    if (!write_exchanges(db, exchanges)) {
        return false;
    }
    pthread_mutex_lock(&member->lock);
    member->kept = exchanges;
    member->kept_ns = now_ns;
    pthread_mutex_unlock(&member->lock);
    return true;
}

bool member_forget_exchanges(struct cluster_member *member, struct error *error)
{
    pthread_mutex_lock(&member->lock);
    member->facts.exchanges = 0;
    pthread_mutex_unlock(&member->lock);
    sqlite3 *db = database_open(member->path, DATABASE_CHANGE, error);
    bool done = db != NULL &&
                (member_keep_exchanges(member, db, true) ||
                 database_error(db, member->path, "noting what PostgreSQL knew of leases", error));
    sqlite3_close(db);
    return done;
}

bool member_count_nodes(struct cluster_member *member, struct postgres *postgres,
                        struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_int64(&params, member_facts(member).node);
    if (!postgres_query(postgres,
                        "SELECT count(*) FROM nodes WHERE removed_at IS NULL"
                        " AND (NOT stopped OR id = $1)",
                        &params, &rows, error)) {
        return false;
    }
    pthread_mutex_lock(&member->lock);
    member->facts.nodes = rows.count == 1 ? postgres_int64(&rows, 0, 0) : member->facts.nodes;
    pthread_mutex_unlock(&member->lock);
    postgres_rows_release(&rows);
    return true;
}

bool member_seen(struct cluster_member *member, struct postgres *postgres, bool stopping,
                 struct error *error)
{
    struct postgres_params params = {0};
    params_int64(&params, member_facts(member).node);
    params_int64(&params, stopping ? 1 : 0);
    return postgres_run(postgres,
                        "UPDATE nodes SET seen_at = clock_timestamp(), stopped = $2 <> 0"
                        " WHERE id = $1",
                        &params, NULL, error);
}
