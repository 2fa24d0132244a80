/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of the sessions in the ledger's database: table `sessions` of ledger_schema.c. */
#include "store/sessions_table.h"

#include "store/database.h"

#define PRUNE_NS (60 * NS_PER_S)
#define PRUNE_ROWS "2000"

/* Everything but the two that find it goes as the text that nodes share. */
static const char sql_add[] =
    "INSERT INTO sessions(key, owner, expires_s, state) VALUES(?1, ?2, ?3, ?4)"
    " ON CONFLICT(key) DO UPDATE SET owner = ?2, expires_s = ?3, state = ?4";
static const char sql_list[] = "SELECT key, owner, state FROM sessions WHERE expires_s > ?1"
                               " ORDER BY expires_s DESC LIMIT ?2";
static const char sql_expired[] =
    "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions WHERE expires_s <= ?1"
    " LIMIT " PRUNE_ROWS ")";
static const char sql_surplus[] =
    "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions ORDER BY expires_s LIMIT"
    " min(" PRUNE_ROWS ", max(0, (SELECT count(*) FROM sessions) - ?1)))";
/* What no other database has; in a cluster, what all of its nodes have. */
static const char sql_name[] =
    "SELECT CASE cluster WHEN '' THEN instance ELSE cluster END FROM cluster_state";

/* --- reading --- */

static bool read_secret(struct sessions *sessions, sqlite3 *db)
{
    sqlite3_stmt *row = database_prepare(db, sql_name);
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (found) {
        struct slice name = slice_of((const char *)sqlite3_column_text(row, 0),
                                     (size_t)sqlite3_column_bytes(row, 0));
        sessions_share(sessions, name);
    }
    return sqlite3_finalize(row) == SQLITE_OK && found;
}

static void restore_row(struct sessions *sessions, sqlite3_stmt *row)
{
    struct session session;
    struct slice state =
        slice_of((const char *)sqlite3_column_text(row, 2), (size_t)sqlite3_column_bytes(row, 2));
    if (state.len > SESSION_TEXT_MAX || !session_read(state, &session)) {
        return; /* another version's, or damaged: the conversation begins anew */
    }
    session.key = (uint64_t)sqlite3_column_int64(row, 0);
    session.owner = (uint64_t)sqlite3_column_int64(row, 1);
    if (session.key != 0) {
        sessions_restore(sessions, &session);
    }
}

static bool read_rows(struct sessions *sessions, sqlite3 *db, int64_t now_ns)
{
    sqlite3_stmt *row = database_prepare(db, sql_list);
    int status = SQLITE_ERROR;
    if (row != NULL) {
        sqlite3_bind_int64(row, 1, now_ns / NS_PER_S);
        sqlite3_bind_int64(row, 2, SESSIONS_LOADED_MAX);
        while ((status = sqlite3_step(row)) == SQLITE_ROW) {
            restore_row(sessions, row);
        }
    }
    return sqlite3_finalize(row) == SQLITE_OK && status == SQLITE_DONE;
}

bool sessions_load(struct sessions *sessions, const char *path, int64_t now_ns, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    if (db == NULL) {
        return false;
    }
    bool done = read_secret(sessions, db) && read_rows(sessions, db, now_ns);
    if (!done) {
        database_error(db, path, "reading the sessions", error);
    }
    sqlite3_close(db);
    return done;
}

/* --- writing --- */

static bool write_batch(struct sessions *sessions, sqlite3 *db)
{
    sqlite3_stmt *sql = database_prepare(db, sql_add);
    bool done = sql != NULL;
    for (size_t i = 0; done && i < sessions->batch_count; i++) {
        const struct session *session = &sessions->batch[i];
        char text[SESSION_TEXT_MAX];
        sqlite3_bind_int64(sql, 1, (int64_t)session->key);
        sqlite3_bind_int64(sql, 2, (int64_t)session->owner);
        sqlite3_bind_int64(sql, 3, session->expires_ns / NS_PER_S);
        bind_slice(sql, 4, slice_of(text, session_write(session, text)));
        done = database_run(sql);
    }
    return sqlite3_finalize(sql) == SQLITE_OK && done;
}

static bool run_with(sqlite3 *db, const char *text, int64_t number)
{
    sqlite3_stmt *sql = database_prepare(db, text);
    bool done = sql != NULL && sqlite3_bind_int64(sql, 1, number) == SQLITE_OK && database_run(sql);
    return sqlite3_finalize(sql) == SQLITE_OK && done;
}

static bool prune(struct sessions *sessions, sqlite3 *db, int64_t now_ns)
{
    if (now_ns - sessions->pruned_ns < PRUNE_NS && now_ns >= sessions->pruned_ns) {
        return true;
    }
    sessions->pruned_ns = now_ns;
    return run_with(db, sql_expired, now_ns / NS_PER_S) &&
           run_with(db, sql_surplus, SESSIONS_ROWS_MAX);
}

bool sessions_write(struct sessions *sessions, sqlite3 *db, int64_t now_ns)
{
    sessions->batch_count = sessions_take(sessions, sessions->batch, SESSIONS_BATCH);
    return write_batch(sessions, db) && prune(sessions, db, now_ns);
}

void sessions_written(struct sessions *sessions, bool committed)
{
    for (size_t i = 0; !committed && i < sessions->batch_count; i++) {
        sessions_give_back(sessions, sessions->batch[i].key);
    }
    sessions->batch_count = 0;
}
