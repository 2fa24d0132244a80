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
_Static_assert(REPORT_DAY == 0 && CONTROL_CALLS == 0, "as in the question about hours");

static const char sql_boundary[] =
    "SELECT id FROM call_rows WHERE id < ?1 ORDER BY id LIMIT 1 OFFSET " PRUNE_ROWS;
static const char sql_calls[] =
    "DELETE FROM call_rows WHERE id < ?1 AND id NOT IN (SELECT call FROM open_calls)";
static const char sql_attempts[] =
    "DELETE FROM attempt_rows WHERE call < ?1 AND call NOT IN (SELECT call FROM open_calls)";
static const char sql_feedback[] = "DELETE FROM feedback WHERE call < ?1";
/* Of hours up to this one the calls are not all there any more: ledger_verify() leaves them out.
 * Where it was later, as an older program made it after the clock had been ahead, it is brought
 * back to the last hour of which some calls are missing. */
static const char *const sql_state[] = {
    "UPDATE state SET pruned_hour = CASE WHEN pruned_hour <= ?1 THEN ?1 ELSE coalesce((SELECT"
    " max(r.hour) FROM rollups r LEFT JOIN controls c ON c.kind = 0 AND c.hour = r.hour"
    " WHERE r.dimension = 0 AND r.hour > ?1 AND r.hour <= pruned_hour"
    " AND r.calls <> coalesce(c.rows, 0)), ?1) END",
    "UPDATE state SET marks_seal = seal(" CONTROL_MARKS ") WHERE ?1 IS NOT NULL",
};

/* Before they go: what they add to `spend` is an opening balance from now on, of the row that has
 * it; and their hours' control totals are those of what remains. */
#define GOING "call < ?1 AND call NOT IN (SELECT call FROM open_calls)"
#define OPEN_WITH(kind, scope, model, which)                                                       \
    "INSERT INTO openings(kind, scope, model, bucket_s, start_s, cost_nd)"                         \
    " SELECT " kind                                                                                \
    ", scope, model, coalesce((SELECT s.bucket_s FROM spend s WHERE s.kind = " kind                \
    " AND s.scope = g.scope AND s.model = g.model AND s.bucket_s >= g.bucket_s"                    \
    " AND s.start_s <= g.bucket_s ORDER BY s.bucket_s LIMIT 1), g.bucket_s) AS row_s,"             \
    " min(g.bucket_s), sum(g.nd) FROM (SELECT " scope " AS scope, " model " AS model, bucket_s,"   \
    " sum(cost_nd) AS nd FROM counted WHERE " GOING " AND " scope " <> 0" which                    \
    " GROUP BY 1, 2, 3) g"                                                                         \
    " WHERE g.scope <> 0 GROUP BY scope, model, row_s"                                             \
    " ON CONFLICT(kind, scope, model, bucket_s) DO UPDATE SET"                                     \
    " cost_nd = cost_nd + excluded.cost_nd, start_s = min(start_s, excluded.start_s)"
static const char *const sql_carry[] = {
    OPEN_WITH("0", "key", "0", ""),
    OPEN_WITH("1", "user", "0", ""),
    OPEN_WITH("2", "team", "0", ""),
    OPEN_WITH("3", "organisation", "0", ""),
    OPEN_WITH("0", "key", "model", " AND model <> 0"),
    OPEN_WITH("1", "user", "model", " AND model <> 0"),
    OPEN_WITH("2", "team", "model", " AND model <> 0"),
    OPEN_WITH("3", "organisation", "model", " AND model <> 0"),
    CONTROL_ADD(
        CONTROL_TOTALS("-", "c.id < ?1 AND c.id NOT IN (SELECT call FROM open_calls)", GOING)),
};
static const char sql_controls[] = "DELETE FROM controls WHERE rows = 0 AND total = 0";
_Static_assert(SCOPE_KEY == 0 && SCOPE_USER == 1 && SCOPE_TEAM == 2 && SCOPE_ORGANISATION == 3,
               "as in the questions");

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

static bool run_before(sqlite3 *db, const char *text, const struct id *boundary)
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
    bool done = true;
    for (size_t i = 0; done && i < ARRAY_LEN(sql_state); i++) {
        sqlite3_stmt *sql = database_prepare(db, sql_state[i]);
        done = sql != NULL && sqlite3_bind_int64(sql, 1, writer_hour(before_ns)) == SQLITE_OK &&
               database_run(sql);
        sqlite3_finalize(sql);
    }
    return done;
}

static bool carry_over(sqlite3 *db, const struct id *boundary)
{
    bool done = true;
    for (size_t i = 0; done && i < ARRAY_LEN(sql_carry); i++) {
        done = run_before(db, sql_carry[i], boundary);
    }
    return done && database_exec(db, sql_controls);
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
                carry_over(db, &boundary) && run_before(db, sql_calls, &boundary) &&
                run_before(db, sql_attempts, &boundary) &&
                run_before(db, sql_feedback, &boundary) && note_hour(db, before_ns) &&
                database_exec(db, "COMMIT");
    if (!done) {
        database_rollback(db);
    }
    return done;
}
