/* SPDX-License-Identifier: Apache-2.0 */
#include "store/report.h"

#include "base/memory.h"
#include "store/report_query.h"

#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY 86400
#define HOURS_PER_DAY 24

static const char *const by_names[REPORT_BYS] = {
    [REPORT_DAY] = "day",           [REPORT_MODEL] = "model",
    [REPORT_TASK] = "task",         [REPORT_KEY] = "key",
    [REPORT_PROVIDER] = "provider", [REPORT_TARGET] = "target",
    [REPORT_ROUTE] = "route",       [REPORT_USER] = "user",
    [REPORT_TEAM] = "team",         [REPORT_ORGANISATION] = "organisation",
    [REPORT_TAG] = "tag",
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

/* Group number, name, thirteen sums. */
#define SUMS                                                                                       \
    "sum(calls), sum(failed), sum(input_tokens), sum(output_tokens), sum(cost_nd),"                \
    " sum(baseline_nd), sum(estimated), sum(failed_nd), sum(judge_nd), sum(shadow_nd),"            \
    " sum(escalation_nd), sum(told_nd), sum(catalogue_nd)"
#define HOURS " dimension = ?1 AND hour >= ?2 AND hour < ?3"
/* The same hours: whole days at once, and the hours before and after them. */
#define VALUES                                                                                     \
    " name, calls, failed, input_tokens, output_tokens, cost_nd, baseline_nd, estimated,"          \
    " failed_nd, judge_nd, shadow_nd, escalation_nd, told_nd, catalogue_nd FROM "
#define SPAN                                                                                       \
    "(SELECT day," VALUES "rollups_day WHERE dimension = ?1 AND day >= ?5 AND day < ?6"            \
    " UNION ALL SELECT hour / 24," VALUES "rollups WHERE dimension = ?1 AND hour >= ?2"            \
    " AND hour < ?7 UNION ALL SELECT hour / 24," VALUES "rollups WHERE dimension = ?1"             \
    " AND hour >= ?8 AND hour < ?3)"
#define BY_DAY " GROUP BY day ORDER BY day"
#define BY_NAME " GROUP BY r.name ORDER BY sum(cost_nd) DESC, sum(calls) DESC, 2"
#define WORD "(SELECT n.name FROM names n WHERE n.id = r.name)"
/* A user or team is not known by its name alone; one that is gone has its number. */
#define SCOPE                                                                                      \
    "coalesce((SELECT CASE WHEN o.name IS NULL THEN s.name ELSE o.name || '/' || s.name END"       \
    " FROM scopes s LEFT JOIN scopes o ON o.id = s.organisation AND s.kind <> 3"                   \
    " WHERE s.id = r.name), '#' || r.name)"

static const char sql_by_day[] = "SELECT day, NULL, " SUMS " FROM " SPAN BY_DAY;
static const char sql_by_name[] = "SELECT r.name, " WORD ", " SUMS " FROM " SPAN " r" BY_NAME;
static const char sql_by_scope[] = "SELECT r.name, " SCOPE ", " SUMS " FROM " SPAN " r" BY_NAME;
static const char sql_of_key_by_day[] =
    "SELECT hour / 24 AS day, NULL, " SUMS " FROM key_rollups WHERE key = ?4 AND" HOURS BY_DAY;
static const char sql_of_key_by_name[] =
    "SELECT r.name, " WORD ", " SUMS " FROM key_rollups r WHERE key = ?4 AND" HOURS BY_NAME;
static const char sql_total[] = "SELECT NULL, NULL, " SUMS " FROM " SPAN;

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
    row->failed_nd = sqlite3_column_int64(from, 9);
    row->judge_nd = sqlite3_column_int64(from, 10);
    row->shadow_nd = sqlite3_column_int64(from, 11);
    row->escalation_nd = sqlite3_column_int64(from, 12);
    row->told_nd = sqlite3_column_int64(from, 13);
    row->catalogue_nd = sqlite3_column_int64(from, 14);
}

int64_t report_answers_nd(const struct report_row *row)
{
    return row->cost_nd - row->failed_nd - row->judge_nd - row->shadow_nd - row->escalation_nd;
}

void report_add(struct report_row *total, const struct report_row *row, int64_t sign)
{
    total->calls += sign * row->calls;
    total->failed += sign * row->failed;
    total->input_tokens += sign * row->input_tokens;
    total->output_tokens += sign * row->output_tokens;
    total->cost_nd += sign * row->cost_nd;
    total->baseline_nd += sign * row->baseline_nd;
    total->estimated += sign * row->estimated;
    total->failed_nd += sign * row->failed_nd;
    total->judge_nd += sign * row->judge_nd;
    total->shadow_nd += sign * row->shadow_nd;
    total->escalation_nd += sign * row->escalation_nd;
    total->told_nd += sign * row->told_nd;
    total->catalogue_nd += sign * row->catalogue_nd;
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
static bool read_rows(sqlite3_stmt *from, enum report_by by, struct report *report, size_t *cap)
{
    int status = sqlite3_step(from);
    while (status == SQLITE_ROW) {
        struct report_row row;
        name_row(&row, by, from);
        read_sums(&row, from);
        report_add(&report->total, &row, 1);
        if (!keep_row(report, cap, &row)) {
            return false;
        }
        status = sqlite3_step(from);
    }
    return status == SQLITE_DONE;
}

/* To where its cost puts it. */
static void sort_last(struct report *report)
{
    for (size_t i = report->count - 1; i > 0; i--) {
        struct report_row *row = &report->rows[i];
        if (row[-1].cost_nd >= row->cost_nd) {
            return;
        }
        struct report_row swap = row[-1];
        row[-1] = row[0];
        row[0] = swap;
    }
}

/* What belongs to none of them has no sums of its own: it is the rest of all. */
static bool add_rest(sqlite3_stmt *total, struct report *report, size_t *cap)
{
    struct report_row rest = {.name = "(none)"};
    bool done = sqlite3_step(total) == SQLITE_ROW;
    if (done) {
        read_sums(&rest, total);
        report_add(&rest, &report->total, -1);
        report_add(&report->total, &rest, 1);
        if (rest.calls != 0 || rest.cost_nd != 0) {
            done = keep_row(report, cap, &rest);
            sort_last(report);
        }
    }
    return done;
}

/* Hours that [since_s, until_s) touches; up to now they end with this day, whose later hours have
 * nothing unless the clock was turned back. */
static void bind_hours(sqlite3_stmt *sql, int64_t since_s, int64_t until_s, bool in_days)
{
    int64_t until = until_s == 0 ? clock_wall(&clock_system) / NS_PER_S + 1 : until_s;
    int64_t first = (since_s < 0 ? 0 : since_s) / SECONDS_PER_HOUR;
    int64_t end = until / SECONDS_PER_HOUR + (until % SECONDS_PER_HOUR > 0 ? 1 : 0);
    if (until_s == 0) {
        end = (end + HOURS_PER_DAY - 1) / HOURS_PER_DAY * HOURS_PER_DAY;
    }
    sqlite3_bind_int64(sql, 2, first);
    sqlite3_bind_int64(sql, 3, end);
    if (in_days) {
        int64_t first_day = (first + HOURS_PER_DAY - 1) / HOURS_PER_DAY;
        int64_t end_day = end / HOURS_PER_DAY;
        int64_t days_from = first_day * HOURS_PER_DAY < end ? first_day * HOURS_PER_DAY : end;
        int64_t days_to = end_day * HOURS_PER_DAY;
        sqlite3_bind_int64(sql, 5, first_day);
        sqlite3_bind_int64(sql, 6, end_day);
        sqlite3_bind_int64(sql, 7, days_from);
        sqlite3_bind_int64(sql, 8, days_to > days_from ? days_to : days_from);
    }
}

struct question {
    uint64_t key; /* 0: of all */
    enum report_by by;
    int64_t since_s;
    int64_t until_s;
};

static const char *sql_of(const struct question *question)
{
    if (question->key != 0) {
        return question->by == REPORT_DAY ? sql_of_key_by_day : sql_of_key_by_name;
    }
    switch (question->by) {
    case REPORT_DAY:
        return sql_by_day;
    case REPORT_USER:
    case REPORT_TEAM:
    case REPORT_ORGANISATION:
        return sql_by_scope;
    default:
        return sql_by_name;
    }
}

static bool ask(sqlite3 *db, const struct question *question, struct report *report)
{
    size_t cap = 0;
    bool has_rest = question->key == 0 && question->by >= REPORT_USER;
    sqlite3_stmt *sql = database_prepare(db, sql_of(question));
    sqlite3_stmt *total = has_rest ? database_prepare(db, sql_total) : NULL;
    bool done = sql != NULL && (!has_rest || total != NULL);
    if (done) {
        sqlite3_bind_int64(sql, 1, question->by);
        bind_hours(sql, question->since_s, question->until_s, question->key == 0);
        if (question->key != 0) {
            sqlite3_bind_int64(sql, 4, (int64_t)question->key);
        }
        done = read_rows(sql, question->by, report, &cap);
    }
    if (done && has_rest) {
        sqlite3_bind_int64(total, 1, REPORT_DAY);
        bind_hours(total, question->since_s, question->until_s, true);
        done = add_rest(total, report, &cap);
    }
    sqlite3_finalize(sql);
    sqlite3_finalize(total);
    return done;
}

static bool make(const char *path, const struct question *question, struct report *ret_report,
                 struct error *error)
{
    struct database_deadline deadline;
    struct report report = {.total = {.name = "total"}};
    CHECK((unsigned)question->by < REPORT_BYS);
    sqlite3 *db = report_open(path, &deadline, error);
    if (db == NULL) {
        return false;
    }
    /* one moment for all questions */
    bool done = database_exec(db, "BEGIN") && ask(db, question, &report);
    if (done) {
        *ret_report = report;
    } else {
        database_error(db, path, "making a report", error);
        report_release(&report);
    }
    database_rollback(db);
    sqlite3_close(db);
    return done;
}

bool report_make(const char *path, enum report_by by, int64_t since_s, int64_t until_s,
                 struct report *ret_report, struct error *error)
{
    const struct question question = {.by = by, .since_s = since_s, .until_s = until_s};
    return make(path, &question, ret_report, error);
}

bool report_make_of_key(const char *path, uint64_t key, enum report_by by, int64_t since_s,
                        int64_t until_s, struct report *ret_report, struct error *error)
{
    const struct question question = {key, by, since_s, until_s};
    CHECK(key != 0 && (by == REPORT_DAY || by == REPORT_MODEL));
    return make(path, &question, ret_report, error);
}

bool report_name_scopes(const char *path, struct report *report, struct error *error)
{
    struct database_deadline deadline;
    sqlite3 *db = report_open(path, &deadline, error);
    if (db == NULL) {
        return false;
    }
    sqlite3_stmt *sql = database_prepare(db, "SELECT 0, " SCOPE " FROM (SELECT ?1 AS name) r");
    bool done = sql != NULL;
    for (size_t i = 0; done && i < report->count; i++) {
        struct report_row *row = &report->rows[i];
        uint64_t scope;
        if (slice_to_u64(slice_from_cstr(row->name), &scope)) {
            sqlite3_bind_int64(sql, 1, (int64_t)scope);
            done = sqlite3_step(sql) == SQLITE_ROW;
            name_row(row, REPORT_USER, sql);
            done = sqlite3_reset(sql) == SQLITE_OK && done;
        }
    }
    if (!done) {
        database_error(db, path, "reading names", error);
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
