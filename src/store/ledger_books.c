/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_books.h"

#include "base/clock.h"
#include "store/database.h"
#include "store/ledger_caps.h"
#include "store/ledger_clock.h"
#include "store/ledger_play.h"
#include "store/ledger_schema.h"
#include "store/ledger_verify_limits.h"
#include "store/record.h"

/* --- the books ---------------------------------------------------------------------------------
 */

struct question {
    const char *broken;
    const char *sql; /* one row, of one text, when it is */
};

/* What calls cost by what they have in common: read once, and added up without being sorted. */
static const char costs_sql[] =
    "CREATE TEMP TABLE costs(shape INTEGER PRIMARY KEY, nd);"
    "INSERT INTO costs SELECT shape, cost_nd FROM call_rows WHERE true"
    " ON CONFLICT(shape) DO UPDATE SET nd = nd + excluded.nd";

#define LESS_THAN_CALLS(column, kind)                                                              \
    "SELECT 'scope ' || c." column " FROM (SELECT s." column                                       \
    ", sum(nd) AS nd FROM costs CROSS JOIN shapes s ON s.id = shape WHERE s." column               \
    " <> 0 GROUP BY 1"                                                                             \
    ") c LEFT JOIN (SELECT scope, sum(cost_nd) AS nd FROM spend"                                   \
    " WHERE kind = " kind " AND model = 0 GROUP BY scope) s ON s.scope = c." column                \
    " WHERE c.nd > coalesce(s.nd, 0) LIMIT 1"

/* Dimension 3 are the keys, 4 the providers; both are kept when calls are removed. */
static const struct question questions[] = {
    {"debits are not credits: what keys were charged in an hour is not what providers are owed",
     "SELECT 'hour ' || hour FROM rollups WHERE dimension IN (3, 4) GROUP BY hour"
     " HAVING sum(CASE dimension WHEN 3 THEN cost_nd ELSE -cost_nd END) <> 0 LIMIT 1"},
    {"an attempt was settled twice",
     "SELECT 'call ' || hex(c.id) FROM attempt_rows a CROSS JOIN call_rows c ON c.id = a.call"
     " WHERE a.attempt = 1 AND c.bits & 8 LIMIT 1"},
    {"an attempt was settled, and its hold not released",
     "SELECT 'call ' || hex(h.call) FROM holds h WHERE EXISTS (SELECT 1 FROM attempt_rows a WHERE"
     " a.call = h.call AND a.attempt = h.attempt) OR (h.attempt = 1 AND EXISTS (SELECT 1 FROM"
     " call_rows c WHERE c.id = h.call AND c.bits & 8)) LIMIT 1"},
    {"what users have spent is less than what their calls cost", LESS_THAN_CALLS("user", "1")},
    {"what teams have spent is less than what their calls cost", LESS_THAN_CALLS("team", "2")},
    {"what organisations have spent is less than what their calls cost",
     LESS_THAN_CALLS("organisation", "3")},
};
_Static_assert(SCOPE_USER == 1 && SCOPE_TEAM == 2 && SCOPE_ORGANISATION == 3,
               "as in the questions");

static bool ask(sqlite3 *db, const char *path, const struct question *question, struct error *error)
{
    sqlite3_stmt *sql = database_prepare(db, question->sql);
    int status = sql == NULL ? SQLITE_ERROR : sqlite3_step(sql);
    bool done = status == SQLITE_DONE;
    if (status == SQLITE_ROW) {
        error_set(error, ERROR_INVALID, "ledger_violation", "%s (%s)", question->broken,
                  (const char *)sqlite3_column_text(sql, 0));
    } else if (!done) {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(sql);
    return done;
}

static bool add_up(sqlite3 *db, const char *path, struct ledger_books *books, struct error *error)
{
    sqlite3_stmt *sql = database_prepare(
        db, "SELECT (SELECT coalesce(sum(cost_nd), 0) FROM rollups WHERE dimension = 3),"
            " (SELECT coalesce(sum(cost_nd), 0) FROM rollups WHERE dimension = 4),"
            " (SELECT coalesce(sum(amount_nd), 0) FROM holds)");
    bool done = sql != NULL && sqlite3_step(sql) == SQLITE_ROW;
    if (done) {
        books->charged_nd = sqlite3_column_int64(sql, 0);
        books->owed_nd = sqlite3_column_int64(sql, 1);
        books->held_nd = sqlite3_column_int64(sql, 2);
    } else {
        database_error(db, path, "verifying", error);
    }
    sqlite3_finalize(sql);
    return done;
}

/* --- caps over time ----------------------------------------------------------------------------
 */

/* play_time(settled_ns, total_us, held_ns): when an attempt was held, in the ledger's time. What it
 * took was measured by the monotonic clock. */
static void play_time(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct clock_times *times = sqlite3_user_data(context);
    (void)count;
    if (sqlite3_value_type(values[2]) != SQLITE_NULL) {
        sqlite3_result_int64(context,
                             clock_times_at(times, sqlite3_value_int64(values[2])).time_ns);
        return;
    }
    int64_t settled_ns = clock_times_at(times, sqlite3_value_int64(values[0])).time_ns;
    int64_t total_us = sqlite3_value_int64(values[1]);
    int64_t total_ns = total_us < 0 || total_us > INT64_MAX / NS_PER_US ? 0 : total_us * NS_PER_US;
    int64_t held_ns = settled_ns - total_ns;
    sqlite3_result_int64(context, held_ns < 0 ? 0 : held_ns);
}

/* Which shapes of calls scopes with a cap paid for. */
static const char capped_sql[] =
    "CREATE TEMP TABLE capped(shape, kind, scope, counted, asked_model,"
    " PRIMARY KEY(shape, kind)) WITHOUT ROWID;"
    "INSERT INTO capped SELECT id, 0, key, counted, asked_model FROM shapes WHERE key IN"
    " (SELECT scope FROM caps WHERE kind = 0 AND soft = 0) UNION ALL"
    " SELECT id, 1, user, counted, asked_model FROM shapes WHERE user IN"
    " (SELECT scope FROM caps WHERE kind = 1 AND soft = 0) UNION ALL"
    " SELECT id, 2, team, counted, asked_model FROM shapes WHERE team IN"
    " (SELECT scope FROM caps WHERE kind = 2 AND soft = 0) UNION ALL"
    " SELECT id, 3, organisation, counted, asked_model FROM shapes WHERE organisation IN"
    " (SELECT scope FROM caps WHERE kind = 3 AND soft = 0)";
_Static_assert(SCOPE_KEY == 0 && SCOPE_USER == 1 && SCOPE_TEAM == 2 && SCOPE_ORGANISATION == 3,
               "as in the questions");

/*
 * The attempts that scopes with a cap paid for, scope by scope in the order of time, and what there
 * was before: the opening balances of calls that were removed, at their beginning, but for those of
 * before version 16, whose calls may still be there. For a limit of a model those count that were
 * made while it had one. Both tables are read from end to end, and what is read is sorted, on disk
 * where it is much: a look-up for each call and cap would take hours for ten million.
 */
static const char played_sql[] =
    "SELECT kind, scope, call, what, checked, counted, held_nd, cost_nd, from_ns, until_ns,"
    " told_ns, settled_ns, play_time(settled_ns, total_us, told_ns) AS at_ns FROM ("
    "SELECT k.kind, k.scope, c.id AS call, c.bits >> 9 & 7 = 4 AND k.counted < 0 AS what,"
    " c.bits >> 9 & 7 <> 4 AS checked, CASE WHEN k.counted < 0 THEN k.asked_model"
    " WHEN k.counted = 0 THEN -1 ELSE k.counted END AS counted, c.held_nd, c.cost_nd,"
    " CASE WHEN c.bits >> 9 & 7 = 4 THEN c.started_ns END AS from_ns,"
    " CASE WHEN c.bits >> 9 & 7 = 4 THEN c.started_ns + c.settled_after_ns END AS until_ns,"
    " CASE WHEN c.bits >> 9 & 7 = 4 AND k.counted >= 0 THEN c.started_ns END AS told_ns,"
    " c.started_ns + c.settled_after_ns AS settled_ns, c.attempt_total_us AS total_us"
    " FROM call_rows c CROSS JOIN capped k ON k.shape = c.shape WHERE c.bits & 8"
    " UNION ALL SELECT k.kind, k.scope, a.call, a.outcome = 4 AND a.held_ns IS NULL,"
    " a.outcome <> 4, CASE WHEN k.counted < 0 THEN k.asked_model WHEN a.counted = 0 THEN k.counted"
    " ELSE a.counted END, a.held_nd, a.cost_nd, CASE WHEN a.outcome = 4 THEN c.started_ns END,"
    " CASE WHEN a.outcome = 4 THEN a.settled_ns END, CASE WHEN a.outcome = 4 THEN a.held_ns END,"
    " a.settled_ns, a.total_us FROM attempt_rows a CROSS JOIN call_rows c ON c.id = a.call"
    " CROSS JOIN capped k ON k.shape = c.shape WHERE NOT (a.attempt = 1 AND c.bits & 8)"
    " UNION ALL SELECT kind, scope, zeroblob(16), 2, 0, model, cost_nd, cost_nd,"
    " start_s * 1000000000, bucket_s * 1000000000, NULL, start_s * 1000000000, 0 FROM openings"
    " WHERE start_s >= (SELECT booked_s FROM state)) ORDER BY kind, scope, at_ns";
_Static_assert(ATTEMPT_INTERRUPTED == 4 && PLAYED_ATTEMPT == 0 && PLAYED_INTERRUPTED == 1 &&
                   PLAYED_OPENING == 2,
               "as in the question");

static bool read_attempt(sqlite3_stmt *row, const struct clock_times *times,
                         struct played *attempt)
{
    const void *bytes = sqlite3_column_blob(row, 2);
    if (bytes == NULL || sqlite3_column_bytes(row, 2) != (int)sizeof(attempt->call)) {
        return false;
    }
    memcpy(attempt->call.bytes, bytes, sizeof(attempt->call));
    attempt->kind = (enum played_kind)sqlite3_column_int64(row, 3);
    attempt->checked = sqlite3_column_int64(row, 4) != 0;
    attempt->counted = sqlite3_column_int64(row, 5);
    attempt->held_nd = sqlite3_column_int64(row, 6);
    attempt->cost_nd = sqlite3_column_int64(row, 7);
    attempt->from_ns = sqlite3_column_int64(row, 8);
    attempt->until_ns = sqlite3_column_int64(row, 9);
    attempt->held_ns = sqlite3_column_int64(row, 12);
    struct clock_moment settled = clock_times_at(times, sqlite3_column_int64(row, 11));
    attempt->sure = settled.once;
    attempt->span = clock_times_span(times, attempt->held_ns);
    attempt->wall_ns = attempt->held_ns - (attempt->span == NULL ? 0 : attempt->span->shift_ns);
    if (sqlite3_column_type(row, 10) != SQLITE_NULL) {
        struct clock_moment held = clock_times_at(times, sqlite3_column_int64(row, 10));
        attempt->sure = held.once;
        attempt->span = held.span;
        attempt->wall_ns = sqlite3_column_int64(row, 10);
    }
    attempt->settled_ns =
        settled.once && settled.time_ns > attempt->held_ns ? settled.time_ns : attempt->held_ns;
    return true;
}

/* Where caps and attempts are, both in the order of their scopes. */
struct stage {
    const struct caps *caps;
    size_t next; /* the first cap of the scopes that were not played yet */
    enum scope_kind kind;
    int64_t scope;
    struct play *play; /* of that scope; NULL: it has no caps */
};

static bool is_before(const struct cap *cap, int64_t kind, int64_t scope)
{
    return (int64_t)cap->kind < kind || ((int64_t)cap->kind == kind && cap->scope < scope);
}

static void end_scope(struct stage *stage, struct ledger_books *books)
{
    if (stage->play != NULL) {
        play_end(stage->play, books);
        play_free(stage->play);
        stage->play = NULL;
    }
}

/* False: out of memory. */
static bool begin_scope(struct stage *stage, int64_t kind, int64_t scope)
{
    const struct caps *caps = stage->caps;
    stage->kind = (enum scope_kind)kind;
    stage->scope = scope;
    while (stage->next < caps->count && is_before(&caps->items[stage->next], kind, scope)) {
        stage->next++;
    }
    size_t end = stage->next;
    while (end < caps->count && (int64_t)caps->items[end].kind == kind &&
           caps->items[end].scope == scope) {
        end++;
    }
    if (end == stage->next) {
        return true;
    }
    stage->play = play_new(&caps->items[stage->next], end - stage->next);
    stage->next = end;
    return stage->play != NULL;
}

static bool play_row(struct stage *stage, sqlite3_stmt *row, struct ledger_books *books,
                     struct error *error)
{
    struct played attempt;
    int64_t kind = sqlite3_column_int64(row, 0);
    int64_t scope = sqlite3_column_int64(row, 1);
    if (kind != (int64_t)stage->kind || scope != stage->scope) {
        end_scope(stage, books);
        if (!begin_scope(stage, kind, scope)) {
            return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        }
    }
    return stage->play == NULL || !read_attempt(row, stage->caps->items[0].times, &attempt) ||
           play_attempt(stage->play, &attempt, books, error);
}

static bool play_caps(sqlite3 *db, const char *path, const struct caps *caps,
                      struct ledger_books *books, struct error *error)
{
    struct stage stage = {.caps = caps, .scope = -1};
    books->caps = caps->count;
    books->untold = caps->untold;
    if (caps->count == 0) {
        return true;
    }
    if (!database_exec(db, capped_sql)) {
        return database_error(db, path, "verifying", error);
    }
    sqlite3_stmt *rows = database_prepare(db, played_sql);
    int status = rows == NULL ? SQLITE_ERROR : sqlite3_step(rows);
    bool done = true;
    while (done && status == SQLITE_ROW) {
        done = play_row(&stage, rows, books, error);
        status = done ? sqlite3_step(rows) : status;
    }
    if (done && status != SQLITE_DONE) {
        done = database_error(db, path, "verifying", error);
    }
    if (done) {
        end_scope(&stage, books);
    }
    play_free(stage.play);
    sqlite3_finalize(rows);
    return done;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static bool check_all(sqlite3 *db, const char *path, const struct clock_times *times,
                      struct ledger_books *books, struct error *error)
{
    struct caps caps = {0};
    bool done = ledger_verify_limits(db, path, error) &&
                (database_exec(db, costs_sql) || database_error(db, path, "verifying", error));
    for (size_t i = 0; done && i < ARRAY_LEN(questions); i++) {
        done = ask(db, path, &questions[i], error);
    }
    done = done && add_up(db, path, books, error);
    if (done && !caps_read(db, times, &caps)) {
        done = database_error(db, path, "verifying", error);
    }
    done = done && play_caps(db, path, &caps, books, error);
    caps_release(&caps);
    return done;
}

bool ledger_books_check(const char *path, struct ledger_books *ret_books, struct error *error)
{
    struct clock_times times = {0};
    *ret_books = (struct ledger_books){0};
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    bool done = db != NULL && ledger_schema_check(db, path, error);
    /* all questions about one moment */
    if (done && (!database_exec(db, DATABASE_READS_ALL "BEGIN") || !verify_limits_register(db) ||
                 !clock_times_load(&times, db) ||
                 sqlite3_create_function_v2(db, "play_time", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                            &times, play_time, NULL, NULL, NULL) != SQLITE_OK)) {
        done = database_error(db, path, "verifying", error);
    }
    done = done && check_all(db, path, &times, ret_books, error);
    if (db != NULL) {
        database_rollback(db);
        sqlite3_close(db);
    }
    clock_times_release(&times);
    return done;
}
