/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_rows.h"

#include "base/memory.h"

#include <endian.h>

#define RUN 8

struct rows_table {
    sqlite3_vtab base;
    const struct rows *rows;
};

struct rows_cursor {
    sqlite3_vtab_cursor base;
    size_t at;
    const struct row *row; /* at `at`, unless that is the end */
};

static const struct rows *rows_of(sqlite3_vtab_cursor *cursor)
{
    return ((const struct rows_table *)cursor->pVtab)->rows;
}

static int table_connect(sqlite3 *db, void *rows, int argc, const char *const *argv,
                         sqlite3_vtab **ret_table, char **ret_message)
{
    (void)argc;
    (void)argv;
    (void)ret_message;
    struct rows_table *table = memory_array(1, sizeof(*table));
    if (table == NULL) {
        return SQLITE_NOMEM;
    }
    table->rows = rows;
    int status = sqlite3_declare_vtab(db, table->rows->declaration);
    if (status != SQLITE_OK) {
        memory_free(table);
        return status;
    }
    *ret_table = &table->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table)
{
    memory_free(table);
    return SQLITE_OK;
}

static int table_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedRows = ROWS_MAX;
    info->estimatedCost = ROWS_MAX;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    (void)table;
    struct rows_cursor *cursor = memory_array(1, sizeof(*cursor));
    *ret_cursor = cursor == NULL ? NULL : &cursor->base;
    return cursor == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *cursor)
{
    memory_free(cursor);
    return SQLITE_OK;
}

static void cursor_move(sqlite3_vtab_cursor *cursor, size_t at)
{
    struct rows_cursor *own = (struct rows_cursor *)cursor;
    const struct rows *rows = rows_of(cursor);
    own->at = at;
    own->row = at < rows->count ? &rows->rows[rows->sorted[at].at] : NULL;
}

static int cursor_first(sqlite3_vtab_cursor *cursor, int plan, const char *name, int argc,
                        sqlite3_value **argv)
{
    (void)plan;
    (void)name;
    (void)argc;
    (void)argv;
    cursor_move(cursor, 0);
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *cursor)
{
    cursor_move(cursor, ((struct rows_cursor *)cursor)->at + 1);
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct rows_cursor *)cursor)->at >= rows_of(cursor)->count;
}

/* The call, or the text. */
static int column_bytes(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    const struct row *row = ((const struct rows_cursor *)cursor)->row;
    if (column == 0) {
        sqlite3_result_blob(context, row->call.bytes, sizeof(row->call.bytes), SQLITE_STATIC);
    } else if (row->text.len > 0 && rows_of(cursor)->bytes) {
        sqlite3_result_blob(context, row->text.ptr, (int)row->text.len, SQLITE_STATIC);
    } else if (row->text.len > 0) {
        sqlite3_result_text(context, row->text.ptr, (int)row->text.len, SQLITE_STATIC);
    }
    return SQLITE_OK;
}

/* Asked for each column of each row. */
static int cursor_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    int64_t number = ((const struct rows_cursor *)cursor)->row->numbers[column];
    if (UNLIKELY(number == ROW_BYTES)) {
        return column_bytes(cursor, context, column);
    }
    if (number != ROW_NULL) { /* no result is NULL */
        sqlite3_result_int64(context, number);
    }
    return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_number)
{
    *ret_number = (sqlite3_int64)((struct rows_cursor *)cursor)->at;
    return SQLITE_OK;
}

/* Without xCreate it exists by its name alone, on this connection only. */
static const sqlite3_module module = {
    .xConnect = table_connect,
    .xBestIndex = table_plan,
    .xDisconnect = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_first,
    .xNext = cursor_next,
    .xEof = cursor_eof,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

bool rows_init(struct rows *rows, sqlite3 *db, const char *name)
{
    rows->count = 0;
    rows->rows = memory_array(ROWS_MAX, sizeof(rows->rows[0]));
    rows->order = memory_array((size_t)ROWS_MAX * 2, sizeof(rows->order[0]));
    return rows->rows != NULL && rows->order != NULL &&
           sqlite3_create_module_v2(db, name, &module, rows, NULL) == SQLITE_OK;
}

void rows_release(struct rows *rows)
{
    memory_free(rows->rows);
    memory_free(rows->order);
    rows->rows = NULL;
    rows->order = NULL;
    rows->count = 0;
}

/* The first half has the time, to a quarter of a microsecond; seldom is it the same twice. */
static uint64_t key_of(const struct row *row)
{
    uint64_t key;
    memcpy(&key, row->call.bytes, sizeof(key));
    return be64toh(key);
}

static bool is_before(const struct rows *rows, struct row_place a, struct row_place b)
{
    if (LIKELY(a.key != b.key)) {
        return a.key < b.key;
    }
    const struct row *left = &rows->rows[a.at];
    const struct row *right = &rows->rows[b.at];
    int order = memcmp(left->call.bytes, right->call.bytes, sizeof(left->call.bytes));
    return order < 0 || (order == 0 && left->numbers[1] < right->numbers[1]);
}

/* Each RUN of the order by itself: calls end nearly in the order in which they began. */
static void sort_runs(struct rows *rows)
{
    struct row_place *order = rows->order;
    for (size_t i = 0; i < rows->count; i++) {
        struct row_place place = {.key = key_of(&rows->rows[i]), .at = (uint32_t)i};
        size_t first = i - i % RUN;
        size_t at = i;
        while (at > first && is_before(rows, place, order[at - 1])) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = place;
    }
}

/* from[first..middle) and from[middle..end) into `to`; of equals, those of the left part first. */
static void merge(const struct rows *rows, const struct row_place *from, struct row_place *to,
                  size_t first, size_t middle, size_t end)
{
    size_t left = first;
    size_t right = middle;
    if (middle >= end || !is_before(rows, from[middle], from[middle - 1])) {
        memcpy(to + first, from + first, (end - first) * sizeof(to[0]));
        return;
    }
    for (size_t at = first; at < end; at++) {
        bool take_right =
            left == middle || (right < end && is_before(rows, from[right], from[left]));
        to[at] = from[take_right ? right++ : left++];
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Returns the order, in one half of the memory or the other. */
static const struct row_place *sort_rows(struct rows *rows)
{
    struct row_place *from = rows->order;
    struct row_place *to = rows->order + ROWS_MAX;
    sort_runs(rows);
    for (size_t run = RUN; run < rows->count; run *= 2) {
        for (size_t first = 0; first < rows->count; first += 2 * run) {
            merge(rows, from, to, first, smaller(first + run, rows->count),
                  smaller(first + 2 * run, rows->count));
        }
        struct row_place *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

bool rows_write(struct rows *rows, sqlite3_stmt *insert, size_t *ret_added)
{
    *ret_added = 0;
    if (rows->count == 0) {
        return true;
    }
    rows->sorted = sort_rows(rows);
    bool done = database_run(insert);
    *ret_added = done ? (size_t)sqlite3_changes(sqlite3_db_handle(insert)) : 0;
    rows->count = 0;
    return done;
}
