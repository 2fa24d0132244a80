/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new ledger is made of, src/store/ledger_schema_now.c, against the steps by which older
 * ones become as it is. The file is written anew with SLUICE_GOLDEN_UPDATE=1 in the environment:
 * after each new step.
 */
#include "store/ledger_schema_steps.h"

#include "base/buf.h"
#include "store/key_seals.h"
#include "store/ledger_control.h"
#include "tests/tap.h"

#include <stdlib.h>

#define FILE_NAME "src/store/ledger_schema_now.c"
#define TEXT_MAX ((size_t)1 << 20)
#define LINE_BYTES 90

static const char objects_sql[] =
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    " ORDER BY rowid";
static const char tables_sql[] =
    "SELECT 'SELECT ''' || name || ''' AS row_of, * FROM ' || name || ' ORDER BY 2, 3'"
    " FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence' ORDER BY name";

static sqlite3 *memory_database(void)
{
    sqlite3 *db = NULL;
    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_OK && control_register(db) &&
           key_seals_register(db));
    return db;
}

static sqlite3 *made_by_steps(void)
{
    sqlite3 *db = memory_database();
    EXPECT(ledger_schema_steps(db, 0));
    return db;
}

static sqlite3 *made_at_once(void)
{
    struct error error;
    sqlite3 *db = NULL;
    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_OK);
    EXPECT(ledger_schema_prepare(db, "memory", &error));
    return db;
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *row = database_prepare(db, sql);
    EXPECT(row != NULL && sqlite3_step(row) == SQLITE_ROW);
    int64_t number = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return number;
}

/* As SQL. What a ledger is known by in a cluster is another each time. */
static void write_value(sqlite3_stmt *row, int column, struct buf *out)
{
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        buf_printf(out, "%lld", (long long)sqlite3_column_int64(row, column));
        break;
    case SQLITE_TEXT:
        EXPECT(strchr((const char *)sqlite3_column_text(row, column), '\'') == NULL);
        if (strcmp(sqlite3_column_name(row, column), "instance") == 0) {
            EXPECT_INT(sqlite3_column_bytes(row, column), 32);
            buf_printf(out, "lower(hex(randomblob(16)))");
        } else {
            buf_printf(out, "'%s'", (const char *)sqlite3_column_text(row, column));
        }
        break;
    case SQLITE_BLOB:
        EXPECT_INT(sqlite3_column_bytes(row, column), 0);
        buf_printf(out, "X''");
        break;
    default:
        EXPECT_INT(sqlite3_column_type(row, column), SQLITE_NULL);
        buf_printf(out, "NULL");
        break;
    }
}

/* The statement of each row of one table. */
static void write_rows(sqlite3 *db, const char *select, struct buf *out)
{
    sqlite3_stmt *row = database_prepare(db, select);
    EXPECT(row != NULL);
    while (row != NULL && sqlite3_step(row) == SQLITE_ROW) {
        buf_printf(out, "INSERT INTO %s VALUES(", (const char *)sqlite3_column_text(row, 0));
        for (int i = 1; i < sqlite3_column_count(row); i++) {
            buf_printf(out, i > 1 ? "," : "");
            write_value(row, i, out);
        }
        buf_printf(out, ");\n");
    }
    sqlite3_finalize(row);
}

/* All that is in the database, as SQL with a statement on each line. */
static void write_database(sqlite3 *db, struct buf *out)
{
    sqlite3_stmt *object = database_prepare(db, objects_sql);
    sqlite3_stmt *table = database_prepare(db, tables_sql);
    EXPECT(object != NULL && table != NULL);
    while (sqlite3_step(object) == SQLITE_ROW) {
        buf_printf(out, "%s;\n", (const char *)sqlite3_column_text(object, 0));
    }
    while (sqlite3_step(table) == SQLITE_ROW) {
        write_rows(db, (const char *)sqlite3_column_text(table, 0), out);
    }
    buf_printf(out, "PRAGMA application_id = %lld;\n",
               (long long)number_of(db, "PRAGMA application_id"));
    buf_printf(out, "PRAGMA user_version = %lld;\n",
               (long long)number_of(db, "PRAGMA user_version"));
    sqlite3_finalize(object);
    sqlite3_finalize(table);
    EXPECT(!out->failed);
}

/* One statement as string literals, its end in the last one. */
static void write_literals(struct slice statement, struct buf *out)
{
    size_t column = 0;
    for (size_t i = 0; i < statement.len; i++) {
        char c = statement.ptr[i];
        if (column == 0) {
            buf_printf(out, "    \"");
        }
        buf_printf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
        column++;
        if (i + 1 == statement.len || (column >= LINE_BYTES - 20 && c == ' ') ||
            column >= LINE_BYTES) {
            buf_printf(out, "\"\n");
            column = 0;
        }
    }
}

static void write_source(struct slice sql, struct buf *out)
{
    buf_printf(out, "/* SPDX-License-Identifier: Apache-2.0 */\n"
                    "/* Written by tests/unit/store/ledger_schema_test.c: SLUICE_GOLDEN_UPDATE=1 "
                    "make unit-store */\n"
                    "#include \"store/ledger_schema_steps.h\"\n\n"
                    "/* clang-format off */\n"
                    "const char ledger_schema_now[] =\n");
    while (sql.len > 0) {
        size_t len = slice_find(sql, '\n');
        write_literals(slice_of(sql.ptr, len), out);
        sql = slice_from(sql, len + 1);
    }
    buf_printf(out, "    \"\";\n");
    EXPECT(!out->failed);
}

static bool file_is(struct slice text)
{
    const char *update = getenv("SLUICE_GOLDEN_UPDATE");
    bool written = update != NULL && update[0] == '1';
    FILE *file = fopen(FILE_NAME, written ? "wb" : "rb");
    struct buf found = BUF_INIT(TEXT_MAX);
    size_t len = 0;
    EXPECT(file != NULL);
    if (file != NULL && written) {
        written = fwrite(text.ptr, 1, text.len, file) == text.len;
    } else if (file != NULL && buf_reserve(&found, TEXT_MAX / 2) != NULL) {
        len = fread(found.ptr, 1, TEXT_MAX / 2, file);
    }
    EXPECT(file == NULL || fclose(file) == 0);
    bool same = written || slice_eq(slice_of(found.ptr, len), text);
    buf_release(&found);
    return same;
}

static void is_what_the_steps_end_with(void)
{
    struct buf sql = BUF_INIT(TEXT_MAX);
    struct buf source = BUF_INIT(TEXT_MAX);
    sqlite3 *db = made_by_steps();
    write_database(db, &sql);
    write_source(buf_slice(&sql), &source);
    EXPECT(file_is(buf_slice(&source)));
    sqlite3_close(db);
    buf_release(&sql);
    buf_release(&source);
}

static void makes_the_same_database(void)
{
    struct buf slowly = BUF_INIT(TEXT_MAX);
    struct buf at_once = BUF_INIT(TEXT_MAX);
    sqlite3 *steps = made_by_steps();
    sqlite3 *now = made_at_once();
    write_database(steps, &slowly);
    write_database(now, &at_once);
    EXPECT(slice_eq(buf_slice(&slowly), buf_slice(&at_once)));
    EXPECT_INT(number_of(now, "PRAGMA user_version"), LEDGER_SCHEMA_VERSION);
    sqlite3_close(steps);
    sqlite3_close(now);
    buf_release(&slowly);
    buf_release(&at_once);
}

static void tells_ledgers_apart(void)
{
    char names[2][33] = {"", ""};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        sqlite3 *db = made_at_once();
        sqlite3_stmt *row = database_prepare(db, "SELECT instance FROM cluster_state");
        bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
        EXPECT(found);
        if (found) {
            (void)snprintf(names[i], sizeof(names[i]), "%s",
                           (const char *)sqlite3_column_text(row, 0));
        }
        sqlite3_finalize(row);
        sqlite3_close(db);
    }
    EXPECT(strcmp(names[0], names[1]) != 0);
}

int main(void)
{
    TEST(is_what_the_steps_end_with, "the tables of a new ledger are written down as the steps "
                                     "make them (SLUICE_GOLDEN_UPDATE=1 after a new step)");
    TEST(makes_the_same_database, "a new ledger has the tables and rows of one made by the steps");
    TEST(tells_ledgers_apart, "each new ledger has a name of its own");
    return tap_done();
}
