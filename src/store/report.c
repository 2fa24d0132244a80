/* SPDX-License-Identifier: Apache-2.0 */
#include "store/report.h"

#include "base/memory.h"
#include "store/report_query.h"

#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY 86400
#define HOURS_PER_DAY 24

static const char *const by_names[REPORT_BYS] = {
    [REPORT_DAY] = "day",     [REPORT_MODEL] = "model",       [REPORT_TASK] = "task",
    [REPORT_KEY] = "key",     [REPORT_PROVIDER] = "provider", [REPORT_TARGET] = "target",
    [REPORT_ROUTE] = "route",
};

bool report_by_from_name(struct slice name, enum report_by *ret_by)
{
    for (int by = 0; by < REPORT_BYS; by++) {
        if (slice_eq(name, slice_from_cstr(by_names[by]))) {
            *ret_by = (enum report_by)by;
            return true;
        }
    }
    return false;
}

const char *report_by_name(enum report_by by)
{
    return (unsigned)by < REPORT_BYS ? by_names[by] : "unknown";
}

sqlite3 *report_open(const char *path, struct database_deadline *deadline, struct error *error)
{
    sqlite3 *db = database_open(path, DATABASE_READ, error);
    if (db == NULL) {
        return NULL;
    }
    sqlite3_busy_timeout(db, REPORT_DEADLINE_MS);
    database_set_deadline(db, deadline, REPORT_DEADLINE_MS);
    if (!ledger_schema_check(db, path, error)) {
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

/* Group number, name, seven sums. */
#define SUMS                                                                                       \
    "sum(calls), sum(failed), sum(input_tokens), sum(output_tokens), sum(cost_nd),"                \
    " sum(baseline_nd), sum(estimated) FROM rollups"

static const char sql_by_day[] =
    "SELECT hour / 24 AS day, NULL, " SUMS
    " WHERE dimension = ?1 AND hour >= ?2 AND hour < ?3 GROUP BY day ORDER BY day";

static const char sql_by_name[] =
    "SELECT name, (SELECT n.name FROM names n WHERE n.id = rollups.name), " SUMS
    " WHERE dimension = ?1 AND hour >= ?2 AND hour < ?3 GROUP BY name"
    " ORDER BY sum(cost_nd) DESC, sum(calls) DESC, 2";

static void name_row(struct report_row *row, enum report_by by, sqlite3_stmt *from)
{
    if (by == REPORT_DAY) {
        char text[CLOCK_TEXT_SIZE];
        int64_t day = sqlite3_column_int64(from, 0);
        clock_format(day * SECONDS_PER_DAY * NS_PER_S, text);
        slice_to_cstr(slice_of(text, strlen("2026-11-21")), row->name, sizeof(row->name));
        return;
    }
    struct slice name = SLICE_EMPTY;
    name.ptr = (const char *)sqlite3_column_text(from, 1);
    name.len = name.ptr == NULL ? 0 : (size_t)sqlite3_column_bytes(from, 1);
    if (name.len >= sizeof(row->name)) {
        name.len = sizeof(row->name) - 1;
        while (name.len > 0 && (name.ptr[name.len] & 0xC0) == 0x80) {
            name.len--; /* not inside a character */
        }
    }
    slice_to_cstr(name.len == 0 ? SLICE("(none)") : name, row->name, sizeof(row->name));
}

static void read_sums(struct report_row *row, sqlite3_stmt *from)
{
    row->calls = sqlite3_column_int64(from, 2);
    row->failed = sqlite3_column_int64(from, 3);
    row->input_tokens = sqlite3_column_int64(from, 4);
    row->output_tokens = sqlite3_column_int64(from, 5);
    row->cost_nd = sqlite3_column_int64(from, 6);
    row->baseline_nd = sqlite3_column_int64(from, 7);
    row->estimated = sqlite3_column_int64(from, 8);
}

static void add_row(struct report_row *total, const struct report_row *row)
{
    total->calls += row->calls;
    total->failed += row->failed;
    total->input_tokens += row->input_tokens;
    total->output_tokens += row->output_tokens;
    total->cost_nd += row->cost_nd;
    total->baseline_nd += row->baseline_nd;
    total->estimated += row->estimated;
}

static bool keep_row(struct report *report, size_t *cap, const struct report_row *row)
{
    if (report->count >= REPORT_ROWS_MAX) {
        return true;
    }
    if (report->count == *cap) {
        size_t wanted = *cap == 0 ? 32 : *cap * 2;
        struct report_row *bigger = memory_resize(report->rows, wanted * sizeof(*bigger));
        if (bigger == NULL) {
            return false;
        }
        report->rows = bigger;
        *cap = wanted;
    }
    report->rows[report->count++] = *row;
    return true;
}

/* Reads all groups; false: out of memory or SQLite's failure. */
static bool read_rows(sqlite3_stmt *from, enum report_by by, struct report *report)
{
    size_t cap = 0;
    int status = sqlite3_step(from);
    while (status == SQLITE_ROW) {
        struct report_row row;
        name_row(&row, by, from);
        read_sums(&row, from);
        add_row(&report->total, &row);
        if (!keep_row(report, &cap, &row)) {
            return false;
        }
        status = sqlite3_step(from);
    }
    return status == SQLITE_DONE;
}

/* Hours that [since_s, until_s) touches. */
static void bind_hours(sqlite3_stmt *sql, int64_t since_s, int64_t until_s)
{
    int64_t since = since_s < 0 ? 0 : since_s;
    int64_t until = until_s == 0 ? clock_wall(&clock_system) / NS_PER_S + 1 : until_s;
    sqlite3_bind_int64(sql, 2, since / SECONDS_PER_HOUR);
    sqlite3_bind_int64(sql, 3, until / SECONDS_PER_HOUR + (until % SECONDS_PER_HOUR > 0 ? 1 : 0));
}

bool report_make(const char *path, enum report_by by, int64_t since_s, int64_t until_s,
                 struct report *ret_report, struct error *error)
{
    struct database_deadline deadline;
    struct report report = {.total = {.name = "total"}};
    CHECK((unsigned)by < REPORT_BYS);
    sqlite3 *db = report_open(path, &deadline, error);
    if (db == NULL) {
        return false;
    }
    sqlite3_stmt *sql = database_prepare(db, by == REPORT_DAY ? sql_by_day : sql_by_name);
    bool done = sql != NULL;
    if (done) {
        sqlite3_bind_int64(sql, 1, by);
        bind_hours(sql, since_s, until_s);
        done = read_rows(sql, by, &report);
    }
    if (done) {
        *ret_report = report;
    } else {
        database_error(db, path, "making a report", error);
        report_release(&report);
    }
    sqlite3_finalize(sql);
    sqlite3_close(db);
    return done;
}

void report_release(struct report *report)
{
    memory_free(report->rows);
    *report = (struct report){0};
}
