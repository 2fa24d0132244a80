/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_rows.h"

#include "base/memory.h"

struct rows_table {
    sqlite3_vtab base;
    const struct rows *rows;
};

struct rows_cursor {
    sqlite3_vtab_cursor base;
    size_t at;
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

static int cursor_first(sqlite3_vtab_cursor *cursor, int plan, const char *name, int argc,
                        sqlite3_value **argv)
{
    (void)plan;
    (void)name;
    (void)argc;
    (void)argv;
    ((struct rows_cursor *)cursor)->at = 0;
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *cursor)
{
    ((struct rows_cursor *)cursor)->at++;
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct rows_cursor *)cursor)->at >= rows_of(cursor)->count;
}

static int cursor_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    const struct rows *rows = rows_of(cursor);
    const struct row *row = &rows->rows[rows->order[((struct rows_cursor *)cursor)->at]];
    if (column == 0) {
        sqlite3_result_blob(context, row->call.bytes, sizeof(row->call.bytes), SQLITE_STATIC);
    } else if (column <= rows->numbers) {
        int64_t number = row->numbers[column - 1];
        if (number != ROW_NULL) { /* no result is NULL */
            sqlite3_result_int64(context, number);
        }
    } else if (row->text.len > 0) {
        sqlite3_result_text(context, row->text.ptr, (int)row->text.len, SQLITE_STATIC);
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
    return rows->rows != NULL &&
           sqlite3_create_module_v2(db, name, &module, rows, NULL) == SQLITE_OK;
}

void rows_release(struct rows *rows)
{
    memory_free(rows->rows);
    rows->rows = NULL;
    rows->count = 0;
}

static bool is_before(const struct row *a, const struct row *b)
{
    int order = memcmp(a->call.bytes, b->call.bytes, sizeof(a->call.bytes));
    return order < 0 || (order == 0 && a->numbers[0] < b->numbers[0]);
}

/* Calls end nearly in the order in which they began: there is little to move. */
static void sort_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        size_t at = i;
        while (at > 0 && is_before(&rows->rows[i], &rows->rows[rows->order[at - 1]])) {
            rows->order[at] = rows->order[at - 1];
            at--;
        }
        rows->order[at] = (uint16_t)i;
    }
}

bool rows_write(struct rows *rows, sqlite3_stmt *insert, size_t *ret_added)
{
    *ret_added = 0;
    if (rows->count == 0) {
        return true;
    }
    sort_rows(rows);
    bool done = database_run(insert);
    *ret_added = done ? (size_t)sqlite3_changes(sqlite3_db_handle(insert)) : 0;
    rows->count = 0;
    return done;
}
