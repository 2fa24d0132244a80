/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: calls that are older than the operator wants to keep go, with their attempts, a few
 * thousand rows at a time between two batches. Sums stay, so reports by day, model and so on reach
 * back further than calls. What an open call has is never touched. SQLite uses the space again; the
 * file does not shrink.
 */
#include "store/ledger_internal.h"

#include "store/report.h"

#define PRUNE_ROWS "5000"

static const char sql_boundary[] =
    "SELECT id FROM call_rows WHERE id < ?1 ORDER BY id LIMIT 1 OFFSET " PRUNE_ROWS;
static const char sql_calls[] =
    "DELETE FROM call_rows WHERE id < ?1 AND id NOT IN (SELECT call FROM open_calls)";
static const char sql_attempts[] =
    "DELETE FROM attempt_rows WHERE call < ?1 AND call NOT IN (SELECT call FROM open_calls)";
static const char sql_feedback[] = "DELETE FROM feedback WHERE call < ?1";
/* Of hours up to this one the calls are not all there any more: ledger_verify() leaves them out. */
static const char sql_state[] = "UPDATE state SET pruned_hour = max(pruned_hour, ?1)";

/* A node of a cluster keeps what was not shipped yet (ledger_note.h). */
static const char sql_unshipped[] = "SELECT min(first) FROM ship WHERE length(first) = 16"
                                    " AND seq > (SELECT shipped FROM cluster_state)";

static bool spare_unshipped(sqlite3 *db, struct id *cut)
{
    sqlite3_stmt *row = database_prepare(db, sql_unshipped);
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (found && sqlite3_column_bytes(row, 0) == (int)sizeof(cut->bytes) &&
        memcmp(sqlite3_column_blob(row, 0), cut->bytes, sizeof(cut->bytes)) < 0) {
        memcpy(cut->bytes, sqlite3_column_blob(row, 0), sizeof(cut->bytes));
    }
    return sqlite3_finalize(row) == SQLITE_OK && found;
}

/* The first call of the step after this one, or `cut` itself: then this is the last step. */
static bool find_boundary(sqlite3 *db, const struct id *cut, struct id *ret_boundary,
                          bool *ret_more)
{
    sqlite3_stmt *sql = database_prepare(db, sql_boundary);
    int status = SQLITE_ERROR;
    *ret_boundary = *cut;
    *ret_more = false;
    if (sql != NULL) {
        sqlite3_bind_blob(sql, 1, cut->bytes, sizeof(cut->bytes), SQLITE_STATIC);
        status = sqlite3_step(sql);
    }
    if (status == SQLITE_ROW && sqlite3_column_bytes(sql, 0) == (int)sizeof(cut->bytes)) {
        memcpy(ret_boundary->bytes, sqlite3_column_blob(sql, 0), sizeof(cut->bytes));
        *ret_more = true;
    }
    sqlite3_finalize(sql);
    return status == SQLITE_ROW || status == SQLITE_DONE;
}

static bool delete_before(sqlite3 *db, const char *text, const struct id *boundary)
{
    sqlite3_stmt *sql = database_prepare(db, text);
    if (sql != NULL) {
        sqlite3_bind_blob(sql, 1, boundary->bytes, sizeof(boundary->bytes), SQLITE_STATIC);
    }
    bool done = sql != NULL && database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

static bool note_hour(sqlite3 *db, int64_t before_ns)
{
    sqlite3_stmt *sql = database_prepare(db, sql_state);
    if (sql != NULL) {
        sqlite3_bind_int64(sql, 1, writer_hour(before_ns));
    }
    bool done = sql != NULL && database_run(sql);
    sqlite3_finalize(sql);
    return done;
}

bool writer_prune(struct writer *writer, int64_t before_ns, bool *ret_more)
{
    struct id cut = report_id_at(before_ns);
    struct id boundary;
    sqlite3 *db = writer->db;
    *ret_more = false;
    if (db == NULL || !database_exec(db, "BEGIN IMMEDIATE")) {
        return false;
    }
    bool done = spare_unshipped(db, &cut) && find_boundary(db, &cut, &boundary, ret_more) &&
                delete_before(db, sql_calls, &boundary) &&
                delete_before(db, sql_attempts, &boundary) &&
                delete_before(db, sql_feedback, &boundary) && note_hour(db, before_ns) &&
                database_exec(db, "COMMIT");
    if (!done) {
        database_rollback(db);
    }
    return done;
}
