/* SPDX-License-Identifier: Apache-2.0 */
/* What one key may see of the calls: its own. */
#include "store/report_query.h"

#define SECONDS_PER_HOUR 3600
#define NO_HOUR INT64_C(-1)

/* Calls have no index by key, but keys have sums by hour: only the hours in which the key had calls
 * are looked through. The identifier of a call begins with its time; what a crash left behind may
 * have a start that is later than that, by less than an hour. Of hours up to sums_hour keys have no
 * sums. */
static const char sql_hour[] =
    "SELECT max(hour) FROM key_rollups WHERE key = ?1 AND dimension = 0 AND hour < ?2";
static const char sql_bounds[] =
    "SELECT sums_hour, (SELECT id FROM call_rows ORDER BY id LIMIT 1) FROM state";
static const char sql_part[] =
    "SELECT " CALL_COLUMNS_HERE " FROM calls WHERE id >= ?1 AND id < ?2 AND key = ?3"
    " ORDER BY id DESC LIMIT ?4";
static const char sql_call[] = "SELECT " CALL_COLUMNS_HERE " FROM calls WHERE id = ?1 AND key = ?2";

struct own_page {
    struct report_query query;
    sqlite3_stmt *hours;
    sqlite3_stmt *part;
    uint64_t key;
    size_t room; /* one more than asked for */
    struct call_page *page;
    int64_t sums_hour;
    struct id oldest;
    struct id before; /* everything from here on is done */
};

static struct id smaller_id(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) < 0 ? a : b;
}

static struct id largest_id(void)
{
    struct id id;
    memset(id.bytes, 0xFF, sizeof(id.bytes));
    return id;
}

static bool read_bounds(struct own_page *own)
{
    sqlite3_stmt *row = database_prepare(own->query.db, sql_bounds);
    bool done = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    own->oldest = largest_id();
    if (done) {
        const void *oldest = sqlite3_column_blob(row, 1);
        own->sums_hour = sqlite3_column_int64(row, 0);
        if (oldest != NULL && sqlite3_column_bytes(row, 1) == (int)sizeof(own->oldest.bytes)) {
            memcpy(own->oldest.bytes, oldest, sizeof(own->oldest.bytes));
        }
    }
    sqlite3_finalize(row);
    return done;
}

/* The last hour before `before` of which the key has sums; NO_HOUR: there is none. */
static bool find_hour(struct own_page *own, int64_t before, int64_t *ret_hour)
{
    sqlite3_bind_int64(own->hours, 1, (int64_t)own->key);
    sqlite3_bind_int64(own->hours, 2, before);
    bool done = sqlite3_step(own->hours) == SQLITE_ROW;
    *ret_hour = done && sqlite3_column_type(own->hours, 0) != SQLITE_NULL
                    ? sqlite3_column_int64(own->hours, 0)
                    : NO_HOUR;
    return sqlite3_reset(own->hours) == SQLITE_OK && done;
}

/* Calls from `from` to own->before, which is `from` then. */
static bool read_part(struct own_page *own, struct id from)
{
    struct call_page *page = own->page;
    sqlite3_bind_blob(own->part, 1, from.bytes, sizeof(from.bytes), SQLITE_STATIC);
    sqlite3_bind_blob(own->part, 2, own->before.bytes, sizeof(own->before.bytes), SQLITE_STATIC);
    sqlite3_bind_int64(own->part, 3, (int64_t)own->key);
    sqlite3_bind_int64(own->part, 4, (int64_t)(own->room - page->count));
    int status = sqlite3_step(own->part);
    while (status == SQLITE_ROW && page->count < own->room) {
        report_read_call(&own->query, own->part, &page->rows[page->count++]);
        status = sqlite3_step(own->part);
    }
    bool done = status == SQLITE_DONE || status == SQLITE_ROW;
    own->before = from;
    return sqlite3_reset(own->part) == SQLITE_OK && done && !own->query.failed &&
           !own->query.arena->exhausted;
}

static bool read_own_page(struct own_page *own)
{
    int64_t hour = INT64_MAX;
    bool done = own->page->rows != NULL && read_bounds(own);
    while (done && own->page->count < own->room &&
           memcmp(own->oldest.bytes, own->before.bytes, sizeof(own->oldest.bytes)) < 0) {
        done = find_hour(own, hour, &hour);
        if (done && hour <= own->sums_hour) { /* all that is left, without the help of sums */
            own->before = smaller_id(
                own->before, report_id_at((own->sums_hour + 1) * SECONDS_PER_HOUR * NS_PER_S));
            return read_part(own, own->oldest);
        }
        if (done) {
            struct id end = report_id_at((hour + 1) * SECONDS_PER_HOUR * NS_PER_S);
            struct id from = report_id_at((hour - 1) * SECONDS_PER_HOUR * NS_PER_S);
            own->before = smaller_id(own->before, end);
            done = memcmp(from.bytes, own->before.bytes, sizeof(from.bytes)) >= 0 ||
                   read_part(own, from);
        }
    }
    return done;
}

/* The row behind the page's end says that there is a next one. */
static void cut_page(struct own_page *own)
{
    struct call_page *page = own->page;
    page->next[0] = '\0';
    if (page->count == own->room) {
        page->count--;
        id_format(page->rows[page->count - 1].call.call, page->next);
    }
}

static bool make_page(struct own_page *own, const char *path, struct error *error)
{
    own->hours = database_prepare(own->query.db, sql_hour);
    own->part = database_prepare(own->query.db, sql_part);
    own->page->count = 0;
    own->page->rows = arena_array(own->query.arena, own->room, sizeof(own->page->rows[0]));
    bool done = own->hours != NULL && own->part != NULL && read_own_page(own);
    if (done) {
        cut_page(own);
    } else {
        report_query_failed(&own->query, path, error);
    }
    sqlite3_finalize(own->hours);
    sqlite3_finalize(own->part);
    return done;
}

bool report_calls_of_key(const char *path, uint64_t key, struct slice before, size_t limit,
                         struct arena *arena, struct call_page *ret_page, struct error *error)
{
    struct database_deadline deadline;
    limit = limit < 1 ? 1 : limit > REPORT_CALLS_MAX ? REPORT_CALLS_MAX : limit;
    struct own_page own = {.key = key, .room = limit + 1, .page = ret_page, .before = largest_id()};
    if (before.len > 0 && !id_parse(before, &own.before)) {
        return error_set(error, ERROR_INVALID, "bad_cursor",
                         "this is no cursor of a list of calls");
    }
    bool done = report_query_begin(&own.query, path, arena, &deadline, error) &&
                make_page(&own, path, error);
    report_query_end(&own.query);
    return done;
}

bool report_call_of_key(const char *path, uint64_t key, struct id call, struct arena *arena,
                        struct call_detail *ret_detail, struct error *error)
{
    return report_one_call(path, sql_call, key, call, arena, ret_detail, error);
}
