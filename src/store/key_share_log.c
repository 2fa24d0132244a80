/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/random.h"
#include "store/audit_internal.h"
#include "store/key_changeset.h"
#include "store/key_share_internal.h"

#include <stdio.h>

/* Changes that are fetched at once: a first change can be large, later ones are some hundred bytes.
 */
#define FETCH_ROWS "64"

static bool local_failed(struct key_share *share, sqlite3 *db, struct error *error)
{
    return database_error(db, member_path(share->member), "following the cluster's keys", error);
}

/* --- places ------------------------------------------------------------------------------------
 */

static void copy_hash(const void *bytes, int len, uint8_t ret_hash[AUDIT_HASH_SIZE])
{
    memset(ret_hash, 0, AUDIT_HASH_SIZE);
    if (bytes != NULL && len == AUDIT_HASH_SIZE) {
        memcpy(ret_hash, bytes, AUDIT_HASH_SIZE);
    }
}

bool log_place(sqlite3 *db, struct log_place *ret_place)
{
    sqlite3_stmt *row =
        database_prepare(db, "SELECT key_seq, audit_count, audit_hash FROM cluster_state, state");
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (found) {
        ret_place->seq = sqlite3_column_int64(row, 0);
        ret_place->audit_count = sqlite3_column_int64(row, 1);
        copy_hash(sqlite3_column_blob(row, 2), sqlite3_column_bytes(row, 2), ret_place->audit_hash);
    }
    return sqlite3_finalize(row) == SQLITE_OK && found;
}

static bool set_number(sqlite3 *db, const char *sql, int64_t value)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool done = statement != NULL && sqlite3_bind_int64(statement, 1, value) == SQLITE_OK &&
                database_run(statement);
    sqlite3_finalize(statement);
    return done;
}

static bool get_number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool found = statement != NULL && sqlite3_step(statement) == SQLITE_ROW;
    *ret_value = found ? sqlite3_column_int64(statement, 0) : 0;
    return sqlite3_finalize(statement) == SQLITE_OK && found;
}

static bool read_head(struct postgres *postgres, const char *sql, int64_t *ret_head,
                      struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(postgres, sql, NULL, &rows, error)) {
        return false;
    }
    bool found = rows.count == 1;
    *ret_head = found ? postgres_int64(&rows, 0, 0) : 0;
    postgres_rows_release(&rows);
    return found || error_set(error, ERROR_ENVIRONMENT, "authority_lost",
                              "the table key_head in PostgreSQL is empty: restore the database");
}

bool log_lock(struct postgres *postgres, int64_t *ret_head, struct error *error)
{
    return read_head(postgres, "SELECT seq FROM key_head FOR UPDATE", ret_head, error);
}

/* --- both logs ---------------------------------------------------------------------------------
 */

/* The columns of both, from `seq` on. */
struct log_row {
    int64_t first; /* of the changes that are together in it */
    int64_t seq;
    int64_t node;
    struct slice change;
    int64_t at_us;
    int64_t audit_count;
    struct slice audit_hash;
    struct slice changeset;
};

/* The generation of the keys: the same on every node, for caps are leased by it. */
static bool set_generation(sqlite3 *db, int64_t seq)
{
    return set_number(db, "UPDATE state SET key_changes = ?", KEY_CHANGES_SHARED + seq);
}

static bool keep_changeset(sqlite3 *db, const struct log_row *row)
{
    sqlite3_stmt *sql =
        database_prepare(db, "INSERT OR REPLACE INTO key_log(seq, node, change, at_us, audit_count,"
                             " audit_hash, changeset) VALUES(?, ?, ?, ?, ?, ?, ?)");
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, row->seq);
    sqlite3_bind_int64(sql, 2, row->node);
    bind_slice(sql, 3, row->change);
    sqlite3_bind_int64(sql, 4, row->at_us);
    sqlite3_bind_int64(sql, 5, row->audit_count);
    sqlite3_bind_blob64(sql, 6, row->audit_hash.ptr, row->audit_hash.len, SQLITE_STATIC);
    sqlite3_bind_blob64(sql, 7, row->changeset.ptr, row->changeset.len, SQLITE_STATIC);
    bool done = database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

/* What PostgreSQL put together is so old that it need not be put back. */
static bool keep_row(sqlite3 *db, const struct log_row *row)
{
    return (row->first != row->seq || keep_changeset(db, row)) &&
           set_number(db, "UPDATE cluster_state SET key_seq = ?", row->seq) &&
           (!changeset_has_keys(row->changeset) || set_generation(db, row->seq)) &&
           set_number(db, "DELETE FROM key_log WHERE seq <= ?", row->seq - KEY_LOG_KEPT);
}

static bool send_row(struct postgres *postgres, const struct log_row *row, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_params head = {0};
    params_int64(&params, row->seq);
    params_int64(&params, row->node);
    params_text(&params, row->change);
    params_int64(&params, row->at_us);
    params_int64(&params, row->audit_count);
    params_bytes(&params, row->audit_hash);
    params_bytes(&params, row->changeset);
    params_int64(&head, row->seq);
    return postgres_run(postgres,
                        "INSERT INTO key_log(seq, node, change, at_us, audit_count, audit_hash,"
                        " changeset) VALUES($1, $2::bigint, $3, $4, $5, $6, $7)",
                        &params, NULL, error) &&
           postgres_run(postgres, "UPDATE key_head SET seq = $1", &head, NULL, error) &&
           postgres_script(postgres, "NOTIFY " KEYS_CHANNEL, error);
}

bool log_append(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                const struct log_change *change, struct error *error)
{
    struct log_place place;
    if (!log_place(db, &place)) {
        return local_failed(share, db, error);
    }
    const struct log_row row = {
        .first = change->seq,
        .seq = change->seq,
        .node = change->node,
        .change = slice_from_cstr(change->change),
        .at_us = change->at_us,
        .audit_count = place.audit_count,
        .audit_hash = slice_of((const char *)place.audit_hash, AUDIT_HASH_SIZE),
        .changeset = change->changeset,
    };
    return send_row(postgres, &row, error) &&
           (keep_row(db, &row) || local_failed(share, db, error));
}

bool log_has_keys(sqlite3 *db, int64_t after, int64_t seq)
{
    sqlite3_stmt *row =
        database_prepare(db, "SELECT changeset FROM key_log WHERE seq > ? AND seq <= ?");
    int64_t seen = 0;
    bool found = row == NULL;
    if (row != NULL) {
        sqlite3_bind_int64(row, 1, after);
        sqlite3_bind_int64(row, 2, seq);
    }
    while (!found && sqlite3_step(row) == SQLITE_ROW) {
        const char *bytes = sqlite3_column_blob(row, 0);
        found = changeset_has_keys(slice_of(bytes, (size_t)sqlite3_column_bytes(row, 0)));
        seen++;
    }
    sqlite3_finalize(row);
    return found || seen < seq - after;
}

/* --- applying ----------------------------------------------------------------------------------
 */

/* The rows of the audit log are in the changeset, its end in `state` is not. */
static bool set_audit_end(sqlite3 *db, const struct log_row *row)
{
    sqlite3_stmt *sql =
        database_prepare(db, "UPDATE state SET audit_count = ?1, audit_hash = ?2"
                             " WHERE (SELECT coalesce(max(id), 0) FROM audit) = ?1"
                             " AND (?1 = 0 OR (SELECT hash FROM audit WHERE id = ?1) = ?2)");
    if (sql == NULL) {
        return false;
    }
    sqlite3_bind_int64(sql, 1, row->audit_count);
    sqlite3_bind_blob64(sql, 2, row->audit_hash.ptr, row->audit_hash.len, SQLITE_STATIC);
    bool done = database_run(sql) && sqlite3_changes(db) == 1;
    sqlite3_finalize(sql);
    return done;
}

static bool diverged(int64_t seq, struct error *error)
{
    return error_set(error, ERROR_ENVIRONMENT, "keys_diverged",
                     "change %lld of the cluster's keys does not fit what is here: was this ledger "
                     "restored or edited? `sluice cluster forget --keys` takes the cluster's",
                     (long long)seq);
}

static bool behind(int64_t seq, struct error *error)
{
    return error_set(error, ERROR_ENVIRONMENT, "keys_behind",
                     "the keys here are those of change %lld of the cluster, older than its log "
                     "goes back: `sluice cluster forget --keys` takes the cluster's",
                     (long long)seq);
}

/* Alone in its transaction; another process may have applied it meanwhile. */
static bool apply_row(struct key_share *share, sqlite3 *db, const struct log_row *row,
                      struct error *error)
{
    int64_t seq = 0;
    if (!database_exec(db, "BEGIN IMMEDIATE") ||
        !get_number(db, "SELECT key_seq FROM cluster_state", &seq)) {
        return local_failed(share, db, error);
    }
    if (seq + 1 != row->first) {
        return seq >= row->seq ||
               (seq >= row->first ? behind(seq, error) : diverged(row->seq, error));
    }
    if (!changeset_apply(db, row->changeset) || !set_audit_end(db, row)) {
        return diverged(row->seq, error);
    }
    return (keep_row(db, row) && database_exec(db, "COMMIT")) || local_failed(share, db, error);
}

static struct log_row row_at(const struct postgres_rows *rows, int at)
{
    return (struct log_row){
        .seq = postgres_int64(rows, at, 0),
        .node = postgres_int64(rows, at, 1),
        .change = postgres_slice(rows, at, 2),
        .at_us = postgres_int64(rows, at, 3),
        .audit_count = postgres_int64(rows, at, 4),
        .audit_hash = postgres_slice(rows, at, 5),
        .changeset = postgres_slice(rows, at, 6),
        .first = postgres_int64(rows, at, 7),
    };
}

/* *ret_count: how many there were. */
static bool apply_some(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                       int64_t after, int *ret_count, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_int64(&params, after);
    if (!postgres_query(
            postgres,
            "SELECT seq, node::bigint, change, at_us, audit_count, audit_hash, changeset,"
            " coalesce(first, seq) FROM key_log WHERE seq > $1 ORDER BY seq LIMIT"
            " " FETCH_ROWS,
            &params, &rows, error)) {
        return false;
    }
    bool done = true;
    for (int i = 0; i < rows.count && done; i++) {
        struct log_row row = row_at(&rows, i);
        done = apply_row(share, db, &row, error);
        database_rollback(db);
    }
    *ret_count = rows.count;
    postgres_rows_release(&rows);
    return done;
}

/* --- finding this node's place -----------------------------------------------------------------
 */

/* What PostgreSQL has for change `seq`: is the audit chain after it the one that ends here? What is
 * in the middle of changes that were put together cannot be said. */
static bool same_history(struct postgres *postgres, int64_t seq, struct slice hash, bool *ret_same,
                         struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_int64(&params, seq);
    if (!postgres_query(postgres,
                        "SELECT audit_hash, seq FROM key_log WHERE seq >= $1"
                        " AND coalesce(first, seq) <= $1",
                        &params, &rows, error)) {
        return false;
    }
    bool within = seq != 0 && rows.count == 1 && postgres_int64(&rows, 0, 1) != seq;
    *ret_same = seq == 0 || (rows.count == 1 && slice_eq(postgres_slice(&rows, 0, 0), hash));
    postgres_rows_release(&rows);
    return !within || behind(seq, error);
}

static bool forked(struct error *error)
{
    return error_set(error, ERROR_ENVIRONMENT, "keys_forked",
                     "the cluster's keys went on from an older state, without changes that are "
                     "here; `sluice cluster forget --keys` takes the cluster's");
}

/* The hash after change `seq` in this node's own log, which lives as long as `row`. */
static bool own_row(sqlite3 *db, int64_t seq, sqlite3_stmt **ret_statement, struct log_row *ret_row)
{
    sqlite3_stmt *sql = database_prepare(db, "SELECT seq, node, change, at_us, audit_count,"
                                             " audit_hash, changeset FROM key_log WHERE seq = ?");
    *ret_statement = sql;
    if (sql == NULL || sqlite3_bind_int64(sql, 1, seq) != SQLITE_OK ||
        sqlite3_step(sql) != SQLITE_ROW) {
        return false;
    }
    *ret_row = (struct log_row){
        .first = seq,
        .seq = sqlite3_column_int64(sql, 0),
        .node = sqlite3_column_int64(sql, 1),
        .change = slice_from_cstr((const char *)sqlite3_column_text(sql, 2)),
        .at_us = sqlite3_column_int64(sql, 3),
        .audit_count = sqlite3_column_int64(sql, 4),
        .audit_hash = slice_of(sqlite3_column_blob(sql, 5), (size_t)sqlite3_column_bytes(sql, 5)),
        .changeset = slice_of(sqlite3_column_blob(sql, 6), (size_t)sqlite3_column_bytes(sql, 6)),
    };
    return true;
}

/* The head of PostgreSQL is in our past: is it our past? */
static bool is_own_past(struct postgres *postgres, sqlite3 *db, int64_t head, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    struct log_row row = {0};
    bool same = head == 0;
    bool done = true;
    if (head > 0 && own_row(db, head, &statement, &row)) {
        done = same_history(postgres, head, row.audit_hash, &same, error);
    }
    sqlite3_finalize(statement);
    return done && (same || forked(error));
}

/* Restored from older data: what was lost is put back from this node's log. Under the head's lock.
 */
static bool put_back(struct key_share *share, struct postgres *postgres, sqlite3 *db, int64_t seq,
                     struct error *error)
{
    int64_t head = 0;
    if (!log_lock(postgres, &head, error)) {
        return false;
    }
    if (head >= seq) {
        return true; /* another node was faster */
    }
    if (!is_own_past(postgres, db, head, error)) {
        return false;
    }
    log_event(LOG_WARN, "keys_put_back",
              "PostgreSQL is older than this node: %lld changes of the keys are put back",
              (long long)(seq - head));
    bool done = pg_schema_raise(postgres, error);
    for (int64_t at = head + 1; at <= seq && done; at++) {
        sqlite3_stmt *statement = NULL;
        struct log_row row;
        done = own_row(db, at, &statement, &row) ? send_row(postgres, &row, error) : forked(error);
        sqlite3_finalize(statement);
    }
    (void)share;
    return done;
}

/* This node's keys are the cluster's first change. Under the head's lock. */
static bool seed(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                 struct error *error)
{
    struct log_change change = {.seq = 1, .node = member_facts(share->member).node};
    struct slice hash;
    void *bytes = NULL;
    size_t len = 0;
    uint8_t random[16];
    random_secure(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(change.change + 2 * i, 3, "%02x", random[i]);
    }
    change.at_us = clock_wall(&clock_system) / NS_PER_US;
    if (!changeset_of_all(db, &bytes, &len)) {
        return local_failed(share, db, error);
    }
    change.changeset = hash = slice_of(bytes, len);
    bool done = (database_exec(db, "BEGIN IMMEDIATE") || local_failed(share, db, error)) &&
                log_append(share, postgres, db, &change, error);
    sqlite3_free(bytes);
    return done;
}

#define HAS_OWN_KEYS                                                                               \
    "SELECT EXISTS(SELECT 1 FROM keys) OR EXISTS(SELECT 1 FROM scopes)"                            \
    " OR EXISTS(SELECT 1 FROM limits) OR EXISTS(SELECT 1 FROM old_secrets)"                        \
    " OR EXISTS(SELECT 1 FROM revoked_tokens)"

/* The place in the log where the audit chain was as it is here, or 0. */
static bool find_place(struct postgres *postgres, const struct log_place *place, int64_t *ret_seq,
                       struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_int64(&params, place->audit_count);
    params_bytes(&params, slice_of((const char *)place->audit_hash, AUDIT_HASH_SIZE));
    if (!postgres_query(postgres,
                        "SELECT coalesce(max(seq), 0) FROM key_log"
                        " WHERE audit_count = $1 AND audit_hash = $2 AND $1 > 0",
                        &params, &rows, error)) {
        return false;
    }
    *ret_seq = rows.count == 1 ? postgres_int64(&rows, 0, 0) : 0;
    postgres_rows_release(&rows);
    return true;
}

/* A node without keys whose audit log has entries (refusals): they get new places in the chain. */
static bool set_audit_aside(sqlite3 *db)
{
    return database_exec(db, "BEGIN IMMEDIATE") &&
           database_exec(db, "INSERT INTO audit_waiting(at_ns, actor, source, action, subject,"
                             " outcome, detail) SELECT at_ns, actor, source, action, subject,"
                             " outcome, detail FROM audit ORDER BY id") &&
           database_exec(db, "DELETE FROM audit") &&
           database_exec(db, "UPDATE state SET audit_count = 0, audit_hash = x''") &&
           database_exec(db, "COMMIT");
}

/* As of one moment: this node may be making the cluster's first change just now. */
static bool read_own(sqlite3 *db, struct log_place *ret_place, int64_t *ret_own)
{
    bool done = database_exec(db, "BEGIN") && log_place(db, ret_place) &&
                get_number(db, HAS_OWN_KEYS, ret_own);
    database_rollback(db);
    return done;
}

/* Under the head's lock; when it was asked for, nothing of the log was here. */
static bool join(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                 struct error *error)
{
    struct log_place place;
    int64_t head = 0;
    int64_t own = 0;
    int64_t seq = 0;
    if (!log_lock(postgres, &head, error)) {
        return false;
    }
    if (!read_own(db, &place, &own)) {
        return local_failed(share, db, error);
    }
    if (place.seq > 0) {
        return true;
    }
    if (!find_place(postgres, &place, &seq, error)) {
        return false;
    }
    if (seq > 0) {
        return (set_generation(db, seq) &&
                set_number(db, "UPDATE cluster_state SET key_seq = ?", seq)) ||
               local_failed(share, db, error);
    }
    if (own == 0) {
        return place.audit_count == 0 || set_audit_aside(db) || local_failed(share, db, error);
    }
    if (head == 0) {
        return seed(share, postgres, db, error);
    }
    return error_set(error, ERROR_ENVIRONMENT, "keys_conflict",
                     "this node has keys of its own and the cluster has others: `sluice cluster "
                     "forget --keys` drops this node's, and it joins with the cluster's");
}

/* Both databases commit, PostgreSQL first. */
static bool settle(struct key_share *share, struct postgres *postgres, sqlite3 *db, bool done,
                   struct error *error)
{
    done = done && postgres_commit(postgres, NULL, error);
    if (done && sqlite3_get_autocommit(db) == 0) {
        done = database_exec(db, "COMMIT") || local_failed(share, db, error);
    }
    postgres_rollback(postgres);
    database_rollback(db);
    return done;
}

static bool find_own_place(struct key_share *share, struct postgres *postgres, sqlite3 *db,
                           struct log_place *place, int64_t *head, struct error *error)
{
    bool same = true;
    if (place->seq == 0 || place->seq > *head) {
        if (!postgres_begin(postgres, error)) {
            return false;
        }
        bool done = place->seq == 0 ? join(share, postgres, db, error)
                                    : put_back(share, postgres, db, place->seq, error);
        if (!settle(share, postgres, db, done, error)) {
            return false;
        }
        if (!log_place(db, place)) {
            return local_failed(share, db, error);
        }
        return read_head(postgres, "SELECT seq FROM key_head", head, error);
    }
    return same_history(postgres, place->seq,
                        slice_of((const char *)place->audit_hash, AUDIT_HASH_SIZE), &same, error) &&
           (same || forked(error));
}

bool log_catch_up(struct key_share *share, struct postgres *postgres, sqlite3 *db, int64_t head,
                  struct error *error)
{
    struct log_place place;
    int count = 1;
    while (count > 0) {
        if (!log_place(db, &place)) {
            return local_failed(share, db, error);
        }
        if (place.seq >= head) {
            return true;
        }
        if (!apply_some(share, postgres, db, place.seq, &count, error)) {
            return false;
        }
    }
    return forked(error); /* the log has no such change */
}

bool log_follow(struct key_share *share, struct postgres *postgres, sqlite3 *db, int64_t *ret_head,
                struct error *error)
{
    struct log_place place;
    if (!log_place(db, &place)) {
        return local_failed(share, db, error);
    }
    return read_head(postgres, "SELECT seq FROM key_head", ret_head, error) &&
           find_own_place(share, postgres, db, &place, ret_head, error) &&
           log_catch_up(share, postgres, db, *ret_head, error);
}
