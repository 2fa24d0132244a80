/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One number of one row is changed, whatever the table and the column: what carries money, counts
 * or time must be found changed. The columns of which nothing is said are listed, with the reason.
 * Nor may two rows trade what they have.
 */
#include "store/audit.h"
#include "store/ledger_books.h"
#include "store/ledger_internal.h"
#include "tests/unit/store/offers_testing.h"

#include <time.h>

#define CALLS 260

/* --- a ledger with something in every table of the books ---------------------------------------
 */

static void make_key(const char *name, const char *detail, struct limit_order *limits)
{
    struct error error;
    struct key key;
    char secret[KEY_TEXT_SIZE];
    struct key_actor actor = tester;
    actor.detail = slice_from_cstr(detail);
    const struct key_order order = {
        .name = slice_from_cstr(name), .limits = limits, .limit_count = 1};
    EXPECT(key_create(ledger_path, &order, &actor, secret, &key, &error));
}

static void make_keys(void)
{
    struct limit_order limits = {.limits = limits_none()};
    limits.limits.caps[0] = (struct spend_cap){.period = CAP_TOTAL, .amount_nd = 5000000000000};
    limits.limits.caps[1] =
        (struct spend_cap){.period = CAP_ROLLING, .window_s = 86400, .amount_nd = 5000000000000};
    limits.limits.cap_count = 2;
    limits.limits.requests_per_minute = 100;
    limits.limits.tokens_per_minute = 5000;
    limits.limits.parallel = 7;
    limits.limits.max_request_nd = 1500000000;
    make_key("alice",
             "{\"caps\":[{\"usd\":\"5000\",\"per\":\"total\"},{\"usd\":5000.0,\"per\":\"rolling\","
             "\"window\":\"24h\"}],\"requests_per_minute\":100,\"tokens_per_minute\":5000,"
             "\"parallel\":7,\"max_request_usd\":\"1.5\"}",
             &limits);
}

static void write_examples(struct journal *journal)
{
    struct example e;
    for (uint64_t seed = 1000; seed < 1010; seed++) {
        example_init(&e, seed);
        EXPECT(journal_all(journal, &e, seed));
    }
}

static void fill_ledger(void)
{
    struct writer writer;
    struct error error;
    bool more = false;
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= CALLS; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    write_examples(ledger_journal(ledger));
    EXPECT(ledger_flush(ledger, 10000));
    ledger_close(ledger, 5000);
    make_keys();
    CHECK(writer_open(&writer, ledger_path, LEDGER_SYNC_NORMAL, DATABASE_CHANGE, &error));
    EXPECT(writer_prune(&writer, sample_call(120).wall_ns, &more) && !more);
    EXPECT(spends_fold(writer.db, sample_call(CALLS).wall_ns / NS_PER_S + 3 * 86400));
    writer_close(&writer);
    EXPECT(ask("SELECT count(*) FROM openings") > 3);
}

/* Rows of calls that are open, as the writer makes them. */
static void add_open_rows(void)
{
    EXPECT(change(
        "INSERT INTO open_calls(call, key, started_ns) VALUES(x'00112233445566778899aabbccddeeff',"
        " 1, 1600000000000000000), (x'00112233445566778899aabbccddee00', 1, 1600000000000000000);"
        "INSERT INTO holds SELECT call, 1, started_ns + 5, 77, 0, 0, 0, 0, 0 FROM open_calls;"
        "UPDATE holds SET seal = seal(" CONTROL_HOLD ");"
        "UPDATE open_calls SET seal = seal(" CONTROL_OPEN_CALL ")"));
}

/* --- the file, back as it was ------------------------------------------------------------------
 */

static char kept_path[256];

static void copy_file(const char *from, const char *to)
{
    char bytes[1 << 16];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    CHECK(in != NULL && out != NULL);
    size_t len;
    while ((len = fread(bytes, 1, sizeof(bytes), in)) > 0) {
        CHECK(fwrite(bytes, 1, len, out) == len);
    }
    fclose(in);
    CHECK(fclose(out) == 0);
}

static void keep_file(void)
{
    scratch_file(&scratch, "kept.db", kept_path);
    EXPECT(change("PRAGMA journal_mode = DELETE"));
    copy_file(ledger_path, kept_path);
}

/* --- the columns -------------------------------------------------------------------------------
 */

/* Nothing in them is money, a count or a time that a sum, a charge or a cap is made of. */
static const struct {
    const char *table;
    const char *column; /* "*": all of them */
    const char *reason;
} left_out[] = {
    {"names", "*", "words: numbers of them are compared, and none may be missing"},
    {"menus", "*", "what was weighed for a call: no amount is charged after it"},
    {"overruns", "*", "waits for its key to be blocked; the amounts are the attempt's"},
    {"sessions", "*", "a copy of what is in memory, and no more"},
    {"evidence", "*", "what answers were worth: it chooses, and charges nothing"},
    {"calibration", "*", "how well forecasts were: it holds nothing and charges nothing"},
    {"feedback", "*", "likewise"},
    {"sqlite_sequence", "*", "SQLite's own: the next id"},
    {"cluster_state", "*", "a node's place in its cluster: compared with PostgreSQL there"},
    {"key_log", "*", "PostgreSQL has it, with its order"},
    {"audit_waiting", "*", "waits for its place in the chain of the audit log"},
    {"ship", "*", "a batch until PostgreSQL has it: what is there is verified there"},
    {"state", "id", "there is one row"},
    {"state", "key_changes", "tells the server to read keys again"},
    {"state", "believed_ns",
     "what retention goes by: a later one removes calls, and is no account"},
    {"shapes", "id", "an identifier"},
};

static bool is_left_out(const char *table, const char *column)
{
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++) {
        if (strcmp(left_out[i].table, table) == 0 &&
            (strcmp(left_out[i].column, "*") == 0 || strcmp(left_out[i].column, column) == 0)) {
            return true;
        }
    }
    return false;
}

#define COLUMNS_MAX 512
static struct column {
    char table[48];
    char name[48];
    char key[256]; /* the columns that name a row, with commas between them */
} columns[COLUMNS_MAX];
static size_t column_count;

static const char columns_sql[] =
    "SELECT t.name, c.name, coalesce((SELECT group_concat(k.name) FROM pragma_table_info(t.name) k"
    " WHERE k.pk > 0), 'rowid') FROM sqlite_schema t, pragma_table_info(t.name) c"
    " WHERE t.type = 'table' ORDER BY 1, c.cid";

static void read_columns(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    EXPECT(sqlite3_open(ledger_path, &db) == SQLITE_OK &&
           sqlite3_prepare_v2(db, columns_sql, -1, &row, NULL) == SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW && column_count < COLUMNS_MAX) {
        struct column *column = &columns[column_count];
        snprintf(column->table, sizeof(column->table), "%s",
                 (const char *)sqlite3_column_text(row, 0));
        snprintf(column->name, sizeof(column->name), "%s",
                 (const char *)sqlite3_column_text(row, 1));
        snprintf(column->key, sizeof(column->key), "%s", (const char *)sqlite3_column_text(row, 2));
        column_count += !is_left_out(column->table, column->name);
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    EXPECT(column_count > 100 && column_count < COLUMNS_MAX);
}

/* Which row of those that have a number there, and by how much. A change that the table itself
 * refuses is none: *ret_changed. */
static bool tamper(const struct column *column, const char *by, const char *order,
                   bool *ret_changed)
{
    char sql[1024];
    sqlite3 *db = NULL;
    snprintf(sql, sizeof(sql),
             "UPDATE %.47s SET %.47s = %.79s WHERE (%.255s) = (SELECT %.255s FROM %.47s"
             " WHERE typeof(%.47s) = 'integer' ORDER BY %.79s LIMIT 1)",
             column->table, column->name, by, column->key, column->key, column->table, column->name,
             order);
    EXPECT(sqlite3_open(ledger_path, &db) == SQLITE_OK);
    int status = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (status != SQLITE_OK && (status & 0xFF) != SQLITE_CONSTRAINT) {
        printf("# %s: %s\n", sql, sqlite3_errmsg(db));
    }
    *ret_changed = status == SQLITE_OK && sqlite3_changes(db) == 1;
    sqlite3_close(db);
    return status == SQLITE_OK || (status & 0xFF) == SQLITE_CONSTRAINT;
}

static bool is_sound(struct error *error)
{
    struct ledger_books books;
    struct audit_head head;
    return ledger_verify(ledger_path, error) && ledger_books_check(ledger_path, &books, error) &&
           audit_verify(ledger_path, SLICE_EMPTY, &head, error) &&
           key_seals_verify(ledger_path, error);
}

static void try_column(const struct column *column, size_t *ret_changes)
{
    char more[80];
    char less[80];
    char order[80];
    snprintf(more, sizeof(more), "%.47s + 1", column->name);
    snprintf(less, sizeof(less), "CASE WHEN %.40s = 0 THEN 900 ELSE 0 END", column->name);
    snprintf(order, sizeof(order), "%.47s DESC", column->name);
    const char *const values[] = {more, less};
    const char *const orders[] = {order, column->key};
    for (size_t i = 0; i < ARRAY_LEN(values) * ARRAY_LEN(orders); i++) {
        struct error error = {0};
        bool changed = false;
        EXPECT(tamper(column, values[i % 2], orders[i / 2], &changed));
        if (changed && is_sound(&error)) {
            tap_point_failed = true;
            printf("# nobody noticed: %s.%s = %s, the first by %s\n", column->table, column->name,
                   values[i % 2], orders[i / 2]);
        }
        *ret_changes += changed;
        if (changed) {
            copy_file(kept_path, ledger_path);
        }
    }
}

static void every_number_that_was_changed_is_found(void)
{
    struct error error = {0};
    begin();
    fill_ledger();
    add_open_rows();
    EXPECT(is_sound(&error));
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    keep_file();
    read_columns();
    size_t changed_columns = 0;
    for (size_t i = 0; i < column_count; i++) {
        size_t changes = 0;
        try_column(&columns[i], &changes);
        changed_columns += changes > 0;
        if (changes == 0) {
            printf("# not tried, there is no number: %s.%s\n", columns[i].table, columns[i].name);
        }
    }
    printf("# %zu of %zu columns\n", changed_columns, column_count);
    EXPECT(changed_columns > 150);
    EXPECT(is_sound(&error));
    end();
}

/* --- two rows at once --------------------------------------------------------------------------
 */

/* Pairs of calls of one hour that are of two shapes. */
#define PAIRS                                                                                      \
    "CREATE TEMP TABLE pair AS SELECT a.id AS a, b.id AS b, a.shape AS a_shape, b.shape AS"        \
    " b_shape FROM call_rows a JOIN call_rows b ON b.id > a.id AND b.shape <> a.shape"             \
    " AND b.started_ns / 3600000000000 = a.started_ns / 3600000000000"                             \
    " JOIN shapes s ON s.id = a.shape JOIN shapes t ON t.id = b.shape"                             \
    " WHERE s.counted >= 0 AND t.counted >= 0 ORDER BY 1, 2 LIMIT 1;"

static void expect_found(const char *sql)
{
    struct error error = {0};
    EXPECT(change(sql));
    EXPECT(!is_sound(&error));
    EXPECT_SLICE(slice_from_cstr(error.code), "ledger_violation");
    copy_file(kept_path, ledger_path);
}

static void rows_that_trade_are_found(void)
{
    struct error error = {0};
    begin();
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= CALLS; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 10000));
    ledger_close(ledger, 5000);
    EXPECT(is_sound(&error));
    keep_file();
    expect_found(PAIRS
                 "UPDATE call_rows SET total_us = total_us + CASE id WHEN (SELECT a FROM pair)"
                 " THEN 5 ELSE -5 END WHERE id IN (SELECT a FROM pair UNION SELECT b FROM"
                 " pair)");
    expect_found(PAIRS "UPDATE call_rows SET shape = CASE id WHEN (SELECT a FROM pair) THEN"
                       " (SELECT b_shape FROM pair) ELSE (SELECT a_shape FROM pair) END WHERE id IN"
                       " (SELECT a FROM pair UNION SELECT b FROM pair)");
    EXPECT(is_sound(&error));
    end();
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    TEST(every_number_that_was_changed_is_found,
         "a number that was changed is found, in every table and column that has money, counts or "
         "times");
    TEST(rows_that_trade_are_found, "two calls of an hour that trade numbers or shapes are found");
    return tap_done();
}
