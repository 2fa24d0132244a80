/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with their attempts, oldest first: what exports are made of. */
#include "store/report_query.h"

#define ID_TIME_BYTES 6 /* a UUID of version 7 begins with its milliseconds */

static const char sql_details[] =
    "SELECT " CALL_COLUMNS_HERE " FROM calls WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3";

struct id report_id_at(int64_t wall_ns)
{
    struct id id = {{0}};
    uint64_t ms = wall_ns < 0 ? 0 : (uint64_t)(wall_ns / NS_PER_MS);
    for (int i = ID_TIME_BYTES; i-- > 0; ms >>= 8) {
        id.bytes[i] = (uint8_t)ms;
    }
    return id;
}

static bool read_details(struct report_query *query, sqlite3_stmt *calls, sqlite3_stmt *attempts,
                         size_t limit, struct detail_page *page)
{
    int status = page->rows == NULL ? SQLITE_NOMEM : sqlite3_step(calls);
    bool ok = true;
    while (ok && status == SQLITE_ROW && page->count < limit) {
        struct call_detail *detail = &page->rows[page->count++];
        report_read_call(query, calls, &detail->row);
        page->last = detail->row.call.call;
        sqlite3_bind_blob(attempts, 1, page->last.bytes, sizeof(page->last.bytes), SQLITE_STATIC);
        ok = report_read_attempts(query, attempts, detail) && report_read_offers(query, detail);
        sqlite3_reset(attempts);
        status = sqlite3_step(calls);
    }
    page->more = status == SQLITE_ROW; /* one more than asked for */
    return ok && (page->more || status == SQLITE_DONE) && !query->failed &&
           !query->arena->exhausted;
}

static bool query_details(struct report_query *query, struct id after, struct id before,
                          size_t limit, struct detail_page *page)
{
    sqlite3_stmt *calls = database_prepare(query->db, sql_details);
    sqlite3_stmt *attempts =
        calls == NULL ? NULL : database_prepare(query->db, REPORT_ATTEMPTS_SQL);
    bool done = attempts != NULL;
    if (done) {
        sqlite3_bind_blob(calls, 1, after.bytes, sizeof(after.bytes), SQLITE_STATIC);
        sqlite3_bind_blob(calls, 2, before.bytes, sizeof(before.bytes), SQLITE_STATIC);
        sqlite3_bind_int64(calls, 3, (int64_t)limit + 1);
        *page = (struct detail_page){.last = after};
        page->rows = arena_array(query->arena, limit, sizeof(page->rows[0]));
        done = read_details(query, calls, attempts, limit, page);
    }
    sqlite3_finalize(calls);
    sqlite3_finalize(attempts);
    return done;
}

bool report_details(const char *path, struct id after, struct id before, size_t limit,
                    struct arena *arena, struct detail_page *ret_page, struct error *error)
{
    struct database_deadline deadline;
    struct report_query query;
    limit = limit < 1 ? 1 : limit > REPORT_CALLS_MAX ? REPORT_CALLS_MAX : limit;
    bool done = report_query_begin(&query, path, arena, &deadline, error);
    if (done && !query_details(&query, after, before, limit, ret_page)) {
        done = report_query_failed(&query, path, error);
    }
    report_query_end(&query);
    return done;
}
