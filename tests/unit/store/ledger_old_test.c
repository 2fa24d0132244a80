/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledgers of every older schema, as the programs of then wrote them (ledgers/vN.sql are dumps of
 * their files): they open, verify, and say the same as before.
 */
#include "store/keys.h"
#include "store/ledger_schema.h"
#include "store/report.h"
#include "tests/unit/store/ledger_testing.h"

#define OLD_CALLS 12
#define SQL_MAX ((size_t)1 << 18)

/* A key of then, as far as every version has it: "sk-sl-" and a digest of zeros. */
#define OLD_KEY                                                                                    \
    "INSERT INTO keys(name, prefix, digest, created_s, expires_s, revoked_s)"                      \
    " VALUES('old', 'sk-sl-AAAA', zeroblob(32), 1577836800, 0, 0)"

static bool make_old(int version)
{
    char path[64];
    char *sql = calloc(1, SQL_MAX);
    CHECK(sql != NULL);
    snprintf(path, sizeof(path), "tests/unit/store/ledgers/v%d.sql", version);
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(sql, 1, SQL_MAX - 1, file);
    if (file != NULL) {
        fclose(file);
    }
    sqlite3 *db = NULL;
    bool done = len > 0 && sqlite3_open(ledger_path, &db) == SQLITE_OK &&
                sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_exec(db, OLD_KEY, NULL, NULL, NULL) == SQLITE_OK;
    if (!done) {
        printf("# %s: %s\n", path, db == NULL ? "not read" : sqlite3_errmsg(db));
    }
    sqlite3_close(db);
    free(sql);
    return done;
}

/* --- what there was ----------------------------------------------------------------------------
 */

/* The sums of a dimension as the old file has them, in the order of a report. */
struct old_row {
    char name[64];
    int64_t calls;
    int64_t cost_nd;
    int64_t baseline_nd;
    int64_t input;
};

struct old_sums {
    struct old_row rows[32];
    size_t count;
};

#define FIRST_BYS 7 /* up to REPORT_ROUTE: the others began with version 10 */

static void read_old(enum report_by by, struct old_sums *sums)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    const char *sql = by == REPORT_DAY
                          ? "SELECT date(hour / 24 * 86400, 'unixepoch'), sum(calls), sum(cost_nd),"
                            " sum(baseline_nd), sum(input_tokens) FROM rollups WHERE dimension = ?"
                            " GROUP BY 1 ORDER BY 1"
                          : "SELECT coalesce(n.name, '(none)'), sum(calls), sum(cost_nd),"
                            " sum(baseline_nd), sum(input_tokens) FROM rollups r LEFT JOIN names n"
                            " ON n.id = r.name WHERE dimension = ? GROUP BY r.name"
                            " ORDER BY sum(cost_nd) DESC, sum(calls) DESC, n.name";
    sums->count = 0;
    EXPECT(sqlite3_open(ledger_path, &db) == SQLITE_OK &&
           sqlite3_prepare_v2(db, sql, -1, &row, NULL) == SQLITE_OK);
    sqlite3_bind_int64(row, 1, by);
    while (sqlite3_step(row) == SQLITE_ROW && sums->count < ARRAY_LEN(sums->rows)) {
        struct old_row *old = &sums->rows[sums->count++];
        snprintf(old->name, sizeof(old->name), "%s", (const char *)sqlite3_column_text(row, 0));
        old->calls = sqlite3_column_int64(row, 1);
        old->cost_nd = sqlite3_column_int64(row, 2);
        old->baseline_nd = sqlite3_column_int64(row, 3);
        old->input = sqlite3_column_int64(row, 4);
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    EXPECT(sums->count > 0);
}

static void expect_report(enum report_by by, const struct old_sums *sums)
{
    struct report report;
    struct error error;
    EXPECT(report_make(ledger_path, by, 0, 0, &report, &error));
    EXPECT_INT(report.count, sums->count);
    EXPECT_INT(report.total.calls, OLD_CALLS);
    for (size_t i = 0; i < report.count && i < sums->count; i++) {
        const struct report_row *row = &report.rows[i];
        EXPECT_SLICE(slice_from_cstr(row->name), sums->rows[i].name);
        EXPECT_INT(row->calls, sums->rows[i].calls);
        EXPECT_INT(row->cost_nd, sums->rows[i].cost_nd);
        EXPECT_INT(row->baseline_nd, sums->rows[i].baseline_nd);
        EXPECT_INT(row->input_tokens, sums->rows[i].input);
    }
    report_release(&report);
}

/* --- what is there now -------------------------------------------------------------------------
 */

static void expect_calls(int64_t cost_nd)
{
    struct arena arena;
    struct call_page page;
    struct error error;
    int64_t sum = 0;
    arena_init(&arena, 8 << 20);
    EXPECT(report_calls(ledger_path, SLICE_EMPTY, 50, &arena, &page, &error));
    EXPECT_INT(page.count, OLD_CALLS);
    for (size_t i = 0; i < page.count; i++) {
        struct call_detail detail;
        EXPECT(report_call(ledger_path, page.rows[i].call.call, &arena, &detail, &error));
        EXPECT_INT(detail.count, page.rows[i].call.attempts);
        int64_t of_attempts = 0;
        for (size_t a = 0; a < detail.count; a++) {
            of_attempts += detail.attempts[a].cost_nd;
        }
        EXPECT_INT(of_attempts, page.rows[i].call.cost_nd);
        sum += of_attempts;
    }
    EXPECT_INT(sum, cost_nd);
    arena_release(&arena);
}

static void expect_key(void)
{
    struct error error;
    struct key_set *keys = key_set_load(ledger_path, &error);
    EXPECT(keys != NULL && key_set_count(keys) == 1);
    const struct key *key = keys == NULL ? NULL : key_set_at(keys, 0);
    EXPECT(key != NULL && strcmp(key->name, "old") == 0 && key->scopes[SCOPE_USER] == 0);
    key_set_unref(keys);
}

static void opens(int version)
{
    struct old_sums sums[FIRST_BYS];
    begin();
    EXPECT(make_old(version));
    EXPECT_INT(ask("PRAGMA user_version"), version);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), OLD_CALLS);
    int64_t cost_nd = ask("SELECT sum(cost_nd) FROM attempts");
    int64_t of_keys = ask("SELECT sum(cost_nd) FROM calls WHERE key <> 0");
    for (int by = 0; by < FIRST_BYS; by++) {
        read_old((enum report_by)by, &sums[by]);
    }
    ledger_close(open_ledger(), 1000);
    EXPECT_INT(ask("PRAGMA user_version"), LEDGER_SCHEMA_VERSION);
    for (int by = 0; by < FIRST_BYS; by++) {
        expect_report((enum report_by)by, &sums[by]);
    }
    expect_calls(cost_nd);
    expect_key();
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM spend WHERE kind = 0 AND model = 0"), of_keys);
    expect_sound();
    struct ledger *ledger = open_ledger(); /* and goes on */
    EXPECT(ledger != NULL && append_call(ledger_journal(ledger), 50));
    ledger_close(ledger, 1000);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), OLD_CALLS + 1);
    EXPECT_INT(ask("SELECT sum(calls) FROM rollups_day WHERE dimension = 0"), OLD_CALLS + 1);
    expect_sound();
    end();
}

static void opens_every_version(void)
{
    for (int version = 1; version < LEDGER_SCHEMA_VERSION; version++) {
        printf("# version %d\n", version);
        opens(version);
    }
}

int main(void)
{
    TEST(opens_every_version, "ledgers of every older version open, verify and say the same");
    return tap_done();
}
