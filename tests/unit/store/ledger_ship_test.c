/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a node against what PostgreSQL has of it. */
#include "store/ledger_ship.h"

#include "store/ledger_note.h"
#include "store/report_cluster.h"
#include "store/report_members.h"
#include "tests/unit/store/offers_testing.h"
#include "tests/unit/store/postgres_testing.h"

#include <signal.h>
#include <time.h>

static struct postgres_server server;
static struct cluster_member *member;
static struct ledger_ship *ship;
static struct cluster_reports *reports;

static void open_member(void)
{
    struct error error = {0};
    member = member_new(
        &(struct member_options){
            .path = ledger_path, .node = SLICE("a"), .connection = server.url, .version = "1"},
        &error);
    CHECK(member != NULL);
}

static void open_ship(int64_t retention_ms)
{
    struct error error = {0};
    open_member();
    ship = ship_new(&(struct ship_options){.member = member, .retention_ms = retention_ms}, &error);
    reports = cluster_reports_new(member, &error);
    CHECK(ship != NULL && reports != NULL && ship_start(ship, &error));
}

static void close_ship(void)
{
    ship_free(ship, 20000);
    cluster_reports_free(reports);
    member_free(member);
}

static struct ledger *open_shipping(void)
{
    return open_ledger_with((struct ledger_options){.ships = true});
}

static bool all_is_shipped(void)
{
    struct ship_stats stats;
    ship_stats(ship, &stats);
    return stats.seq > 0 && stats.seq == ask("SELECT coalesce(max(seq), 0) FROM ship");
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t until_ns = clock_monotonic(&clock_system) + 60 * NS_PER_S;                         \
        bool until_held = (condition);                                                             \
        while (!until_held && clock_monotonic(&clock_system) < until_ns) {                         \
            nanosleep(&(struct timespec){.tv_nsec = 5 * NS_PER_MS}, NULL);                         \
            until_held = (condition);                                                              \
        }                                                                                          \
        EXPECT(until_held);                                                                        \
    } while (0)

static int64_t ask_server(const char *sql)
{
    char line[512];
    snprintf(line, sizeof(line), "sql %s", sql);
    const char *answer = server_do(&server, line);
    char *rest = NULL;
    long long number = strtoll(answer, &rest, 10);
    if (rest == answer) {
        printf("# %s: %s\n", sql, answer);
        return -1;
    }
    return number;
}

static void expect_verified(void)
{
    struct error error = {0};
    EXPECT(ledger_verify(ledger_path, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    EXPECT(cluster_verify(reports, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "");
}

/* What can be counted is the same on both sides. */
static void expect_same(void)
{
    static const char *const both[] = {
        "SELECT count(*) FROM %scalls",
        "SELECT coalesce(sum(cost_nd), 0) FROM %scalls",
        "SELECT coalesce(sum(input_tokens + 3 * output_tokens), 0) FROM %scalls",
        "SELECT coalesce(sum(cost_nd + 7 * total_us), 0) FROM %scalls",
        "SELECT coalesce(sum(cost_nd + 5 * held_nd + attempt * 11), 0) FROM %sattempts",
        "SELECT count(*) FROM %sattempts",
        "SELECT count(*) FROM %srollups",
        "SELECT coalesce(sum(cost_nd + 3 * calls + 5 * hour), 0) FROM %srollups",
        "SELECT coalesce(sum(cost_nd * (1 + scope)), 0) FROM %sspend", /* older rows are folded */
    };
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        char local[256];
        char shared[256];
        const char *mark = strstr(both[i], "%s");
        snprintf(local, sizeof(local), "%.*s%s", (int)(mark - both[i]), both[i], mark + 2);
        snprintf(shared, sizeof(shared), "%.*ssluice.%s", (int)(mark - both[i]), both[i], mark + 2);
        EXPECT_INT(ask_server(shared), ask(local));
    }
}

static void begin_empty(void)
{
    server_do(&server, "reset");
    begin();
}

static void ships_each_batch_once(void)
{
    begin_empty();
    struct ledger *ledger = open_shipping();
    open_ship(0);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
        if (seed % 50 == 0) {
            EXPECT(ledger_flush(ledger, 5000));
        }
    }
    UNTIL(all_is_shipped());
    expect_same();
    expect_verified();
    ledger_close(ledger, 5000);
    close_ship();
    end();
}

static void ships_what_was_there_before(void)
{
    begin_empty();
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= 200; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    ledger_close(ledger, 5000);
    EXPECT_INT(ask("SELECT count(*) FROM ship"), 0);
    ledger = open_shipping();
    for (uint64_t seed = 201; seed <= 250; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    ledger_close(ledger, 5000);
    open_ship(0);
    UNTIL(all_is_shipped());
    expect_same();
    expect_verified();
    close_ship();
    ledger = open_shipping(); /* not once more */
    ledger_close(ledger, 5000);
    open_ship(0);
    UNTIL(all_is_shipped());
    expect_same();
    close_ship();
    end();
}

static void expect_row(const struct report_row *row, const struct report_row *wanted)
{
    EXPECT_SLICE(slice_from_cstr(row->name), wanted->name);
    EXPECT_INT(row->calls, wanted->calls);
    EXPECT_INT(row->failed, wanted->failed);
    EXPECT_INT(row->input_tokens, wanted->input_tokens);
    EXPECT_INT(row->output_tokens, wanted->output_tokens);
    EXPECT_INT(row->cost_nd, wanted->cost_nd);
    EXPECT_INT(row->baseline_nd, wanted->baseline_nd);
    EXPECT_INT(row->estimated, wanted->estimated);
    EXPECT_INT(row->failed_nd, wanted->failed_nd);
    EXPECT_INT(row->judge_nd, wanted->judge_nd);
    EXPECT_INT(row->shadow_nd, wanted->shadow_nd);
    EXPECT_INT(row->escalation_nd, wanted->escalation_nd);
    EXPECT_INT(row->told_nd, wanted->told_nd);
    EXPECT_INT(row->catalogue_nd, wanted->catalogue_nd);
}

static void expect_pages(struct arena *arena)
{
    struct error error = {0};
    struct call_page here;
    struct call_page there;
    EXPECT(report_calls(ledger_path, SLICE_EMPTY, 50, arena, &here, &error));
    EXPECT(cluster_report_calls(reports, 0, SLICE_EMPTY, 50, arena, &there, &error));
    EXPECT_INT(there.count, here.count);
    EXPECT_SLICE(slice_from_cstr(there.next), here.next);
    EXPECT(
        cluster_report_calls(reports, 0, slice_from_cstr(here.next), 1000, arena, &there, &error));
    EXPECT_INT(there.count, 70);
    EXPECT_INT(there.next[0], 0);
}

static void expect_own_pages(struct arena *arena)
{
    struct error error = {0};
    struct call_detail detail;
    for (uint64_t key = 1; key <= 3; key++) {
        char cursor[REPORT_CURSOR_SIZE] = "";
        size_t seen = 0;
        do {
            struct call_page here;
            struct call_page there;
            struct slice before = slice_from_cstr(cursor);
            EXPECT(report_calls_of_key(ledger_path, key, before, 11, arena, &here, &error));
            EXPECT(cluster_report_calls(reports, key, before, 11, arena, &there, &error));
            EXPECT_INT(there.count, here.count);
            EXPECT_SLICE(slice_from_cstr(there.next), here.next);
            for (size_t i = 0; i < here.count && i < there.count; i++, seen++) {
                EXPECT(memcmp(&here.rows[i].call.call, &there.rows[i].call.call, 16) == 0);
                EXPECT_INT(there.rows[i].call.key_id, key);
            }
            memcpy(cursor, here.next, sizeof(cursor));
        } while (cursor[0] != '\0' && !tap_point_failed);
        EXPECT_INT(seen, 30);
        EXPECT(cluster_report_call(reports, key, sample_id(key), arena, &detail, &error));
        EXPECT(!cluster_report_call(reports, key + 1, sample_id(key), arena, &detail, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "not_found");
    }
}

static bool same_slice(const void *a, const void *b)
{
    return slice_eq(*(const struct slice *)a, *(const struct slice *)b);
}

#define SAME(a, b, member, kind, name)                                                             \
    if (!((kind) == MEMBER_WORD || (kind) == MEMBER_TEXT                                           \
              ? same_slice(&(a)->member, &(b)->member)                                             \
              : memcmp(&(a)->member, &(b)->member, sizeof((a)->member)) == 0)) {                   \
        printf("# %s is another\n", (name));                                                       \
        EXPECT(false);                                                                             \
    }
#define SAME_OF_CALL(member, kind, here, there) SAME(&one->row, &other->row, member, kind, here)
#define SAME_OF_ATTEMPT(member, kind, here, there)                                                 \
    SAME(&one->attempts[i], &other->attempts[i], member, kind, here)

static void expect_same_offers(const struct call_detail *one, const struct call_detail *other)
{
    EXPECT_INT(other->offer_count, one->offer_count);
    for (size_t i = 0; i < one->offer_count; i++) {
        const struct offer *a = one->offers[i];
        const struct offer *b = call_detail_offer(other, a->id);
        EXPECT(b != NULL && a->kind == b->kind && slice_eq(a->target, b->target) &&
               slice_eq(a->provider, b->provider) && slice_eq(a->model, b->model) &&
               is_same_price(&a->price, &b->price));
    }
}

/* As this node has it, and as PostgreSQL has. */
static void expect_same_call(struct arena *arena, struct id id, struct call_detail *one)
{
    struct error error = {0};
    struct call_detail there = {0};
    const struct call_detail *other = &there;
    EXPECT(report_call(ledger_path, id, arena, one, &error));
    EXPECT(cluster_report_call(reports, 0, id, arena, &there, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    CALL_MEMBERS(SAME_OF_CALL)
    EXPECT(slice_eq(other->row.call.candidates, one->row.call.candidates));
    EXPECT_INT(other->count, one->count);
    for (size_t i = 0; i < one->count && i < other->count; i++) {
        ATTEMPT_MEMBERS(SAME_OF_ATTEMPT)
    }
    expect_same_offers(one, other);
}

static void expect_details(struct arena *arena)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct call_detail detail;
        expect_same_call(arena, sample_id(seed), &detail);
    }
}

static void expect_report(uint64_t key, enum report_by by, int64_t since_s, int64_t until_s)
{
    struct error error = {0};
    struct report here = {0};
    struct report there = {0};
    EXPECT(key == 0 ? report_make(ledger_path, by, since_s, until_s, &here, &error)
                    : report_make_of_key(ledger_path, key, by, since_s, until_s, &here, &error));
    EXPECT(cluster_report_make(reports, key, by, since_s, until_s, &there, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    EXPECT_INT(there.count, here.count);
    expect_row(&there.total, &here.total);
    for (size_t i = 0; i < here.count && i < there.count; i++) {
        expect_row(&there.rows[i], &here.rows[i]);
    }
    report_release(&here);
    report_release(&there);
}

static void expect_reports(uint64_t key, enum report_by by)
{
    expect_report(key, by, 0, 0);
    for (int64_t hour = 0; hour < 30; hour += 5) { /* in the middle of days */
        expect_report(key, by, SAMPLE_START_NS / NS_PER_S + hour * 900, 0);
        expect_report(key, by, SAMPLE_START_NS / NS_PER_S - 86400 * (hour % 3),
                      SAMPLE_START_NS / NS_PER_S + hour * 3600);
    }
}

static void reports_the_same(void)
{
    struct error error = {0};
    struct arena arena;
    begin_empty();
    struct ledger *ledger = open_shipping();
    open_ship(0);
    for (uint64_t seed = 1; seed <= 120; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    ledger_close(ledger, 5000);
    UNTIL(all_is_shipped());
    for (int by = 0; by < REPORT_BYS; by++) {
        expect_reports(0, (enum report_by)by);
    }
    for (uint64_t key = 1; key <= 4; key++) {
        expect_reports(key, REPORT_DAY);
        expect_reports(key, REPORT_MODEL);
    }
    arena_init(&arena, 16 << 20);
    expect_pages(&arena);
    expect_own_pages(&arena);
    expect_details(&arena);
    struct call_detail none;
    EXPECT(!cluster_report_call(reports, 0, sample_id(9999), &arena, &none, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "not_found");
    arena_release(&arena);
    close_ship();
    end();
}

/* A charge as the provider says, in the row of its call: what the price says is computed. */
static void journal_single(struct journal *journal, struct example *e, uint64_t seed)
{
    struct hold_record hold = sample_hold(seed, 1);
    e->answer.attempt = 1;
    e->answer.basis = CHARGE_PROVIDER;
    e->answer.usage.has_provider_cost = true;
    e->answer.usage.provider_cost_nd = e->answer.cost_nd = 12345;
    e->call.attempts = 1;
    e->call.cost_nd = e->answer.cost_nd;
    EXPECT(journal_offer(journal, &e->dear) && journal_offer(journal, &e->baseline) &&
           journal_hold(journal, &hold) && journal_settle_and_call(journal, &e->answer, &e->call));
}

static void ships_what_calls_were_weighed_against(void)
{
    struct arena arena;
    struct example e;
    struct call_detail detail;
    struct savings here;
    begin_empty();
    struct ledger *ledger = open_shipping();
    arena_init(&arena, 16 << 20);
    example_init(&e, 1000);
    EXPECT(journal_all(ledger_journal(ledger), &e, 1000));
    EXPECT(ledger_flush(ledger, 5000));
    open_ship(0);
    UNTIL(all_is_shipped());
    expect_same_call(&arena, e.call.call, &detail);
    EXPECT_INT(detail.offer_count, 3);
    EXPECT_INT(detail.row.call.candidates.len, sizeof(e.candidates));
    call_savings(&detail, &here);
    EXPECT(here.baseline_nd > 0 && here.failed_nd > 0);
    example_init(&e, 1001);
    journal_single(ledger_journal(ledger), &e, 1001);
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(all_is_shipped());
    expect_same_call(&arena, e.call.call, &detail);
    EXPECT(detail.attempts[0].catalogue_nd > 0);
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.offers WHERE kind = 'priced'"), 3);
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.offer_rates"), 6);
    ledger_close(ledger, 5000);
    arena_release(&arena);
    close_ship();
    end();
}

/* A node does not send an offer twice, but to a server that forgot it. */
static void ships_offers_again(void)
{
    struct arena arena;
    struct example e;
    struct call_detail detail;
    begin_empty();
    struct ledger *ledger = open_shipping();
    open_ship(0);
    EXPECT(append_call(ledger_journal(ledger), 1));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(all_is_shipped());
    server_do(&server, "copy offerless");
    arena_init(&arena, 16 << 20);
    example_init(&e, 1000);
    EXPECT(journal_all(ledger_journal(ledger), &e, 1000));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(all_is_shipped());
    UNTIL(ask_server("SELECT count(*) FROM sluice.offers") == 3);
    server_do(&server, "restore offerless");
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.offers"), 0);
    example_init(&e, 1001);
    EXPECT(journal_all(ledger_journal(ledger), &e, 1001));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(ask_server("SELECT count(*) FROM sluice.calls") == 3);
    UNTIL(all_is_shipped());
    expect_same_call(&arena, sample_id(1000), &detail);
    expect_same_call(&arena, sample_id(1001), &detail);
    EXPECT_INT(detail.offer_count, 3);
    arena_release(&arena);
    ledger_close(ledger, 5000);
    close_ship();
    end();
}

static void retention_waits(void)
{
    begin_empty();
    struct ledger_options options = {.ships = true, .retention_ms = 1000, .doubt_ms = 1};
    struct ledger *ledger = open_ledger_with(options); /* samples are years old */
    for (uint64_t seed = 1; seed <= 100; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 5000));
    ledger_close(ledger, 5000);
    ledger = open_ledger_with(options);
    UNTIL(ask("SELECT pruned_hour FROM state") >= 0);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 100);
    open_ship(0);
    UNTIL(all_is_shipped());
    UNTIL(ask("SELECT shipped = (SELECT max(seq) FROM ship) FROM cluster_state") == 1);
    ledger_close(ledger, 5000);
    ledger = open_ledger_with(options);
    UNTIL(ask("SELECT count(*) FROM calls") == 0);
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.calls"), 100);
    close_ship();
    open_ship(1000); /* and in PostgreSQL */
    UNTIL(ask_server("SELECT count(*) FROM sluice.calls") == 0);
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.attempts"), 0);
    expect_verified();
    ledger_close(ledger, 5000);
    close_ship();
    end();
}

static void ships_again_what_was_lost(void)
{
    begin_empty();
    struct ledger *ledger = open_shipping();
    open_ship(0);
    EXPECT(append_call(ledger_journal(ledger), 1));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(all_is_shipped());
    server_do(&server, "copy older");
    for (uint64_t seed = 2; seed <= 60; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(all_is_shipped());
    server_do(&server, "restore older");
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.calls"), 1);
    EXPECT(append_call(ledger_journal(ledger), 61));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(ask_server("SELECT count(*) FROM sluice.calls") == 61);
    UNTIL(all_is_shipped());
    expect_same();
    expect_verified();
    ledger_close(ledger, 5000);
    close_ship();
    end();
}

/* The node's WAL can be written back whole: nobody reads an older state. */
static bool checkpoints(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    CHECK(sqlite3_open_v2(ledger_path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    sqlite3_busy_timeout(db, 2000);
    sqlite3_prepare_v2(db, "PRAGMA wal_checkpoint(TRUNCATE)", -1, &row, NULL);
    bool done = sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) == 0;
    sqlite3_finalize(row);
    sqlite3_close(db);
    return done;
}

/* PostgreSQL takes the rows, and then nothing happens there for long. */
static void a_slow_server_holds_up_no_checkpoint(void)
{
    struct error error = {0};
    struct ship_stats stats;
    begin_empty();
    struct ledger *ledger = open_shipping();
    open_ship(0);
    EXPECT(append_call(ledger_journal(ledger), 1));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(all_is_shipped());
    UNTIL((ship_stats(ship, &stats), stats.calls_behind == 0 && stats.age_ms == 0 && !stats.away));
    struct postgres *locker = member_postgres(member, "test", &error);
    CHECK(locker != NULL && postgres_connect(locker, &error) && postgres_begin(locker, &error) &&
          postgres_script(locker, "LOCK TABLE sluice.attempts IN SHARE MODE", &error));
    EXPECT(append_call(ledger_journal(ledger), 2) && append_call(ledger_journal(ledger), 3));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL(ask_server("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1);
    EXPECT(append_call(ledger_journal(ledger), 4));
    EXPECT(ledger_flush(ledger, 5000));
    EXPECT(checkpoints());
    ship_stats(ship, &stats);
    EXPECT(stats.calls_behind > 0 && stats.calls_behind <= 2); /* as it was measured */
    EXPECT(stats.age_ms > 0);
    postgres_free(locker);
    UNTIL(all_is_shipped());
    UNTIL((ship_stats(ship, &stats), stats.calls_behind == 0 && stats.age_ms == 0));
    EXPECT_INT(stats.failures, 0);
    expect_same();
    server_do(&server, "kill");
    EXPECT(append_call(ledger_journal(ledger), 5));
    EXPECT(ledger_flush(ledger, 5000));
    UNTIL((ship_stats(ship, &stats), stats.away && stats.failures > 0));
    server_do(&server, "start");
    UNTIL(all_is_shipped());
    expect_verified();
    ledger_close(ledger, 5000);
    close_ship();
    end();
}

/* Text that PostgreSQL would refuse. */
static void ships_any_bytes(void)
{
    begin_empty();
    struct ledger *ledger = open_shipping();
    struct call_record call = sample_call(11);
    call.asked_model = slice_of("a\\b\tc\nd\0e\xff\xc3", 12);
    call.tag = SLICE("\\N");
    EXPECT(journal_call(ledger_journal(ledger), &call));
    ledger_close(ledger, 5000);
    open_ship(0);
    UNTIL(all_is_shipped());
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.calls WHERE tag = E'\\\\N' AND"
                          " asked_model LIKE E'a\\\\\\\\b\\tc\\nd%'"),
               1);
    close_ship();
    end();
}

/* Notes all batches as version 9 did: their rollups have the first seven sums only. */
static void make_batches_older(void)
{
    const int old_width = (3 + NOTE_SUMS_BEFORE) * (int)sizeof(int64_t);
    const int width = NOTE_ROLLUP_NUMBERS * (int)sizeof(int64_t);
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    sqlite3_stmt *set = NULL;
    CHECK(sqlite3_open_v2(ledger_path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT seq, rollups FROM ship", -1, &row, NULL);
    sqlite3_prepare_v2(db, "UPDATE ship SET rollups = ?, sums = 7 WHERE seq = ?", -1, &set, NULL);
    while (sqlite3_step(row) == SQLITE_ROW) {
        struct buf older = BUF_INIT(1 << 20);
        const char *bytes = sqlite3_column_blob(row, 1);
        EXPECT(sqlite3_column_bytes(row, 1) % width == 0);
        for (int at = 0; at < sqlite3_column_bytes(row, 1); at += width) {
            EXPECT(buf_append(&older, slice_of(bytes + at, (size_t)old_width)));
        }
        sqlite3_bind_blob64(set, 1, older.ptr, older.len, SQLITE_STATIC);
        sqlite3_bind_int64(set, 2, sqlite3_column_int64(row, 0));
        EXPECT_INT(sqlite3_step(set), SQLITE_DONE);
        sqlite3_reset(set);
        buf_release(&older);
    }
    sqlite3_finalize(row);
    sqlite3_finalize(set);
    sqlite3_close(db);
}

static void ships_older_batches(void)
{
    begin_empty();
    struct ledger *ledger = open_shipping();
    for (uint64_t seed = 1; seed <= 100; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    ledger_close(ledger, 5000);
    EXPECT(ask("SELECT sum(failed_nd) FROM rollups") > 0);
    make_batches_older();
    EXPECT(change("UPDATE rollups SET failed_nd = 0, judge_nd = 0, told_nd = 0, catalogue_nd = 0;"
                  "UPDATE rollups_day SET failed_nd = 0, judge_nd = 0, told_nd = 0,"
                  " catalogue_nd = 0"));
    EXPECT(change("UPDATE state SET sums_hour = (SELECT max(hour) FROM rollups);"
                  "UPDATE state SET marks_seal = seal(" CONTROL_MARKS ")"));
    open_ship(0);
    UNTIL(all_is_shipped());
    expect_same();
    expect_report(0, REPORT_DAY, 0, 0);
    expect_report(0, REPORT_TEAM, 0, 0);
    EXPECT_INT(ask_server("SELECT sum(failed_nd) FROM sluice.rollups"), 0);
    expect_verified(); /* of later hours only */
    close_ship();
    end();
}

static const struct {
    const char *sql; /* in PostgreSQL, + and - for @ */
    const char *broken;
} tamperings[] = {
    {"rollups SET calls = calls @ 1 WHERE dimension = 'user'", "the sums of the users"},
    {"calls SET team_id = team_id @ 1 WHERE user_id = 0", "the sums of the teams"},
    {"rollups SET cost_nd = cost_nd @ 1 WHERE dimension = 'organisation'",
     "the sums of the organisations"},
    {"rollups SET cost_nd = cost_nd @ 1 WHERE dimension = 'tag'", "the sums of the tags"},
    {"rollups SET failed_nd = failed_nd @ 1 WHERE dimension = 'day'", "what no answer cost"},
    {"rollups_day SET judge_nd = judge_nd @ 1", "the sums of days are not those of their hours"},
    {"rollups_week SET told_nd = told_nd @ 1", "the sums of weeks are not those of their days"},
};

static void tamper(const char *sql, char sign)
{
    char line[256];
    snprintf(line, sizeof(line), "sql UPDATE sluice.%s", sql);
    *strchr(line, '@') = sign;
    EXPECT(strstr(server_do(&server, line), "error") == NULL);
}

static void verify_sees_wrong_sums(void)
{
    begin_empty();
    struct ledger *ledger = open_shipping();
    for (uint64_t seed = 1; seed <= 60; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    ledger_close(ledger, 5000);
    open_ship(0);
    UNTIL(all_is_shipped());
    expect_verified();
    for (size_t i = 0; i < ARRAY_LEN(tamperings); i++) {
        struct error error = {0};
        tamper(tamperings[i].sql, '+');
        EXPECT(!cluster_verify(reports, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "ledger_violation");
        if (strstr(error.text, tamperings[i].broken) == NULL) {
            EXPECT_SLICE(slice_from_cstr(error.text), tamperings[i].broken);
        }
        tamper(tamperings[i].sql, '-');
    }
    expect_verified();
    close_ship();
    end();
}

#define ROUNDS 12
#define CALLS_A_ROUND 400

/* Until it is killed. */
static void child_main(int round)
{
    struct ledger *ledger = open_ledger_with((struct ledger_options){.ships = true, .batch_ms = 1});
    CHECK(ledger != NULL);
    open_ship(0);
    for (uint64_t i = 0; i < CALLS_A_ROUND; i++) {
        (void)!append_call(ledger_journal(ledger), (uint64_t)round * CALLS_A_ROUND + i + 1);
        usleep(500);
    }
    for (;;) {
        pause();
    }
}

static void survives_kills(void)
{
    struct random random;
    begin_empty();
    random_seed(&random, (uint64_t)getpid());
    printf("# seed %d\n", (int)getpid());
    for (int round = 0; round < ROUNDS; round++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            child_main(round);
        }
        usleep((useconds_t)(20000 + random_below(&random, 400000)));
        if (round % 3 == 1) {
            server_do(&server, "kill");
            usleep((useconds_t)random_below(&random, 100000));
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (round % 3 == 1) {
            EXPECT_SLICE(slice_from_cstr(server_do(&server, "start")), "ok");
        }
    }
    struct ledger *ledger = open_shipping();
    EXPECT(append_call(ledger_journal(ledger), (uint64_t)ROUNDS * CALLS_A_ROUND + 1));
    ledger_close(ledger, 20000);
    EXPECT(ask("SELECT count(*) FROM calls") > 100);
    open_ship(0);
    UNTIL(all_is_shipped());
    expect_same();
    expect_verified();
    close_ship();
    end();
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL is there (tools/setup.sh --test installs it)\n1..1\n");
        return 1;
    }
    TEST(ships_each_batch_once, "what the ledger has is in PostgreSQL, once");
    TEST(ships_what_was_there_before, "a node that joins brings what it has");
    TEST(reports_the_same, "reports from PostgreSQL are the ledger's");
    TEST(ships_what_calls_were_weighed_against,
         "the arithmetic of a call is the same on every node: candidates, offers, rates");
    TEST(ships_offers_again, "a PostgreSQL that forgot offers gets them again");
    TEST(retention_waits, "retention waits for the shipper, and is kept in PostgreSQL too");
    TEST(ships_again_what_was_lost, "a PostgreSQL that was restored gets again what it lost");
    TEST(a_slow_server_holds_up_no_checkpoint,
         "a slow PostgreSQL holds up no checkpoint, and what waits is measured");
    TEST(ships_any_bytes, "names of any bytes are shipped");
    TEST(ships_older_batches, "what an older version noted is shipped");
    TEST(verify_sees_wrong_sums, "sums in PostgreSQL that are wrong are seen");
    TEST(survives_kills, "each call is there once after kills of the node and of PostgreSQL");
    server_end(&server);
    return tap_done();
}
