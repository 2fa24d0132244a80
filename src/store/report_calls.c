/* SPDX-License-Identifier: Apache-2.0 */
/* Single calls, and pages of them. */
#include "store/report_query.h"

static const char sql_page[] =
    "SELECT " CALL_COLUMNS_HERE " FROM calls WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
static const char sql_call[] = "SELECT " CALL_COLUMNS_HERE " FROM calls WHERE id = ?1";

static bool read_page(struct report_query *query, sqlite3_stmt *from, size_t limit,
                      struct call_page *page)
{
    page->rows = arena_array(query->arena, limit, sizeof(page->rows[0]));
    page->count = 0;
    int status = page->rows == NULL ? SQLITE_NOMEM : sqlite3_step(from);
    while (status == SQLITE_ROW && page->count < limit) {
        report_read_call(query, from, &page->rows[page->count++]);
        status = sqlite3_step(from);
    }
    page->next[0] = '\0';
    if (status == SQLITE_ROW) { /* one more than asked for: there is a next page */
        id_format(page->rows[page->count - 1].call.call, page->next);
        status = SQLITE_DONE;
    }
    return status == SQLITE_DONE && !query->failed && !query->arena->exhausted;
}

/* What sorts after every identifier, for the first page: one byte more than the largest. */
static const char past_all[sizeof(struct id) + 1] = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                                                    "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";

static void bind_page(sqlite3_stmt *sql, struct slice before, const struct id *cursor, size_t limit)
{
    if (before.len == 0) {
        sqlite3_bind_blob(sql, 1, past_all, sizeof(past_all), SQLITE_STATIC);
    } else {
        sqlite3_bind_blob(sql, 1, cursor->bytes, sizeof(cursor->bytes), SQLITE_STATIC);
    }
    sqlite3_bind_int64(sql, 2, (int64_t)limit + 1);
}

bool report_calls(const char *path, struct slice before, size_t limit, struct arena *arena,
                  struct call_page *ret_page, struct error *error)
{
    struct database_deadline deadline;
    struct report_query query;
    struct id cursor = {{0}};
    if (before.len > 0 && !id_parse(before, &cursor)) {
        return error_set(error, ERROR_INVALID, "bad_cursor",
                         "this is no cursor of a list of calls");
    }
    limit = limit < 1 ? 1 : limit > REPORT_CALLS_MAX ? REPORT_CALLS_MAX : limit;
    bool done = report_query_begin(&query, path, arena, &deadline, error);
    if (done) {
        sqlite3_stmt *sql = database_prepare(query.db, sql_page);
        if (sql != NULL) {
            bind_page(sql, before, &cursor, limit);
        }
        done = sql != NULL && read_page(&query, sql, limit, ret_page);
        if (!done) {
            report_query_failed(&query, path, error);
        }
        sqlite3_finalize(sql);
    }
    report_query_end(&query);
    return done;
}

/* Both statements are bound to the call. */
static bool read_detail(struct report_query *query, sqlite3_stmt *call, sqlite3_stmt *attempts,
                        const char *path, struct call_detail *detail, struct error *error)
{
    int status = sqlite3_step(call);
    if (status == SQLITE_DONE) {
        return error_set(error, ERROR_NOT_FOUND, "not_found", "there is no call with this id");
    }
    if (status == SQLITE_ROW) {
        report_read_call(query, call, &detail->row);
        if (!query->failed && !query->arena->exhausted &&
            report_read_attempts(query, attempts, detail) && report_read_offers(query, detail)) {
            return true;
        }
    }
    return report_query_failed(query, path, error);
}

/* What was said of it at this node. */
static bool read_feedback(struct report_query *query, struct call_detail *detail)
{
    const struct id *id = &detail->row.call.call;
    sqlite3_stmt *row =
        database_prepare(query->db, "SELECT score_ppm, at_ns, label FROM feedback WHERE call = ?1");
    if (row != NULL) {
        sqlite3_bind_blob(row, 1, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
    }
    int status = row == NULL ? SQLITE_ERROR : sqlite3_step(row);
    detail->has_feedback = status == SQLITE_ROW;
    if (status == SQLITE_ROW) {
        const char *label = (const char *)sqlite3_column_text(row, 2);
        size_t len = (size_t)sqlite3_column_bytes(row, 2);
        detail->feedback_ppm = (uint32_t)sqlite3_column_int64(row, 0);
        detail->feedback_wall_ns = sqlite3_column_int64(row, 1);
        detail->feedback_label =
            label == NULL ? SLICE_EMPTY : arena_copy(query->arena, slice_of(label, len));
    }
    sqlite3_finalize(row);
    return (status == SQLITE_ROW || status == SQLITE_DONE) && !query->arena->exhausted;
}

bool report_one_call(const char *path, const char *sql, uint64_t key, struct id call,
                     struct arena *arena, struct call_detail *ret_detail, struct error *error)
{
    struct database_deadline deadline;
    struct report_query query;
    bool done = report_query_begin(&query, path, arena, &deadline, error);
    if (done) {
        sqlite3_stmt *row = database_prepare(query.db, sql);
        sqlite3_stmt *attempts =
            row == NULL ? NULL : database_prepare(query.db, REPORT_ATTEMPTS_SQL);
        done = attempts != NULL || report_query_failed(&query, path, error);
        if (done) {
            sqlite3_bind_blob(row, 1, call.bytes, sizeof(call.bytes), SQLITE_STATIC);
            (void)sqlite3_bind_int64(row, 2, (int64_t)key); /* nothing where it does not ask */
            sqlite3_bind_blob(attempts, 1, call.bytes, sizeof(call.bytes), SQLITE_STATIC);
            done = read_detail(&query, row, attempts, path, ret_detail, error) &&
                   (read_feedback(&query, ret_detail) || report_query_failed(&query, path, error));
        }
        sqlite3_finalize(row);
        sqlite3_finalize(attempts);
    }
    report_query_end(&query);
    return done;
}

bool report_call(const char *path, struct id call, struct arena *arena,
                 struct call_detail *ret_detail, struct error *error)
{
    return report_one_call(path, sql_call, 0, call, arena, ret_detail, error);
}
