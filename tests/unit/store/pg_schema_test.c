/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL as older versions left it, with data in it: it is migrated, keeps its sums, and grants
 * what is left of caps. Rows of `spend` are put together without a sum that changes.
 */
#include "store/pg_schema.h"

#include "store/ledger_ship_fold.h"
#include "store/ledger_spend.h"
#include "store/report_cluster.h"
#include "tests/unit/store/cluster_testing.h"

#include <pthread.h>

#define OLD_CALLS 240

static struct node node;
static struct cluster_reports *reports;

static int64_t ask_server(const char *sql)
{
    char line[1024];
    char *rest = NULL;
    snprintf(line, sizeof(line), "sql %s", sql);
    const char *answer = server_do(&server, line);
    int64_t number = strtoll(answer, &rest, 10);
    if (rest == answer) {
        printf("# %s: %s\n", sql, answer);
    }
    return number;
}

static struct postgres *connect_to(void)
{
    struct error error = {0};
    struct postgres *postgres =
        postgres_new(&(struct postgres_options){.connection = server.url, .name = "test"}, &error);
    CHECK(postgres != NULL && postgres_connect(postgres, &error));
    return postgres;
}

static void run(struct postgres *postgres, const char *sql)
{
    struct error error = {0};
    if (!postgres_script(postgres, sql, &error)) {
        printf("# %.80s: %s\n", sql, error.text);
        tap_point_failed = true;
    }
}

/* --- what there was ----------------------------------------------------------------------------
 */

/* "old" is stopped and keeps what it had been granted, "gone" was removed. */
static const char old_nodes[] =
    "INSERT INTO sluice.nodes(name, instance, version, incarnation, stopped, removed_at)"
    " VALUES('old', 'i-old', '0', 1, true, NULL), ('gone', 'i-gone', '0', 1, true, now())";
static const char old_leases[] =
    "INSERT INTO sluice.lease_meters(kind, scope, model, what, window_s, epoch_s, amount,"
    " generation) VALUES(0, 7, '', 0, 0, 0, 1000, 5);"
    "INSERT INTO sluice.leases(meter, node, spent, room, held)"
    " VALUES(1, 1, 300, 200, 0), (1, 2, 100, 50, 0)";
#define OLD_SUMS(dimension, name)                                                                  \
    "INSERT INTO sluice.rollups(dimension, hour, name, node, calls, failed, input_tokens,"         \
    " output_tokens, cost_nd, baseline_nd, estimated) SELECT '" dimension                          \
    "', started_ns / 3600000000000, " name ", node, count(*), 0, sum(input_tokens),"               \
    " sum(output_tokens), sum(cost_nd), sum(baseline_nd), 0 FROM sluice.calls GROUP BY 2, 3, 4;"
static const char old_ledger[] =
    "INSERT INTO sluice.calls(id, node, started_ns, key_id, key, user_id, team_id,"
    " organisation_id, tag, endpoint, asked_model, route, target, provider, model, task, tier,"
    " complexity, streamed, status, error, attempts, cost_nd, baseline_nd, baseline, input_tokens,"
    " output_tokens, expected_nd, first_byte_us, total_us, complete, estimated) SELECT"
    " ('01900000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, 1,"
    " 1700000000000000000 + i * 720000000000, 1 + i % 3, 'key-' || i % 3, 0, 0, 0, '', '/v1/x',"
    " 'auto', 'auto', 'small', 'sim', 'tiny-' || i % 2, 'chat', 'mid', 1, false, 200, '', 1,"
    " i * 1000, i * 3000, 'large', i, 2 * i, 0, 1, 2, true, false FROM generate_series(1, 240) i;"
    "INSERT INTO sluice.attempts(call, attempt, node, settled_ns, held_nd, cost_nd, key_id,"
    " outcome, status, target, provider, model, lane, error, reported, priced, input, output,"
    " cache_read, cache_write, cache_write_1h, reasoning, audio_input, audio_output,"
    " first_byte_us, total_us, basis, purpose) SELECT id, 1, node, started_ns, cost_nd * 2,"
    " cost_nd, key_id, 'ok', 200, target, provider, model, 'verbatim', '', true, true,"
    " input_tokens, output_tokens, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0 FROM sluice.calls;" OLD_SUMS(
        "day", "''") OLD_SUMS("key", "key") OLD_SUMS("route", "route") OLD_SUMS("task", "task")
        OLD_SUMS("model", "model") OLD_SUMS("provider", "provider") OLD_SUMS(
            "target",
            "target") "INSERT INTO sluice.rollups_day(dimension, day, name, node, calls, failed,"
                      " input_tokens, output_tokens, cost_nd, baseline_nd, estimated) SELECT "
                      "dimension,"
                      " hour / 24, name, node, sum(calls), 0, sum(input_tokens), "
                      "sum(output_tokens),"
                      " sum(cost_nd), sum(baseline_nd), 0 FROM sluice.rollups GROUP BY 1, 2, 3, 4;"
                      "INSERT INTO sluice.spend(kind, scope, model, bucket_s, node, cost_nd) "
                      "SELECT 'key',"
                      " key_id, '', started_ns / 900000000000 * 900, node, sum(cost_nd) FROM "
                      "sluice.calls"
                      " GROUP BY 2, 4, 5;"
                      "INSERT INTO sluice.shipped(node, seq) VALUES(1, 5)";

/* As version `version` left it. */
static void make_old(int version)
{
    char noted[64];
    server_do(&server, "reset");
    struct postgres *postgres = connect_to();
    for (int step = 1; step <= version; step++) {
        run(postgres, pg_schema_step(step));
        if (step <= 3) { /* each table came with one of the first three */
            run(postgres, step == 1 ? old_nodes : step == 2 ? old_leases : old_ledger);
        }
    }
    snprintf(noted, sizeof(noted), "UPDATE sluice.cluster SET schema_version = %d", version);
    run(postgres, noted);
    postgres_free(postgres);
}

/* --- what is there now -------------------------------------------------------------------------
 */

static void begin(void)
{
    struct error error = {0};
    scratch_init(&scratch);
    node_make(&node, "new");
    node_open(&node, false);
    reports = cluster_reports_new(node.member, &error);
    CHECK(reports != NULL);
}

static void end(void)
{
    cluster_reports_free(reports);
    node_close(&node);
    scratch_release(&scratch);
}

static void expect_report(enum report_by by, size_t rows)
{
    struct error error = {0};
    struct report report;
    if (!cluster_report_make(reports, 0, by, 0, 0, &report, &error)) {
        printf("# %s\n", error.text);
        EXPECT(false);
        return;
    }
    EXPECT_INT(report.count, rows);
    EXPECT_INT(report.total.calls, OLD_CALLS);
    EXPECT_INT(report.total.cost_nd, 1000 * OLD_CALLS * (OLD_CALLS + 1) / 2);
    EXPECT_INT(report.total.input_tokens, OLD_CALLS * (OLD_CALLS + 1) / 2);
    report_release(&report);
}

static void expect_old_ledger(void)
{
    struct error error = {0};
    struct arena arena;
    struct call_page page;
    struct call_detail detail;
    arena_init(&arena, 1 << 20);
    expect_report(REPORT_DAY, 3);
    expect_report(REPORT_KEY, 3);
    expect_report(REPORT_MODEL, 2);
    expect_report(REPORT_TEAM, 1);
    EXPECT(cluster_report_calls(reports, 0, SLICE_EMPTY, 100, &arena, &page, &error));
    EXPECT_INT(page.count, 100);
    EXPECT_INT(page.rows[0].call.cost_nd, OLD_CALLS * 1000);
    EXPECT(cluster_report_call(reports, 0, page.rows[0].call.call, &arena, &detail, &error));
    EXPECT_INT(detail.count, 1);
    EXPECT(cluster_verify(reports, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    arena_release(&arena);
}

/* Another node asks for all of a cap of 1000: 300 and 100 are spent, 200 is granted to a node that
 * will come back. */
static void expect_old_leases(void)
{
    EXPECT_INT(ask_server("SELECT session FROM sluice.lease_session(3, 0, 'UTC')"), 1);
    EXPECT_INT(
        ask_server("SELECT r_room FROM sluice.lease_exchange(3, 1, 1, true, ARRAY[0]::bigint[],"
                   " ARRAY[7]::bigint[], ARRAY[''], ARRAY[0]::bigint[], ARRAY[0]::bigint[],"
                   " ARRAY[0]::bigint[], ARRAY[5]::bigint[], ARRAY[1000]::bigint[],"
                   " ARRAY[0]::bigint[], ARRAY[0]::bigint[], ARRAY[0]::bigint[],"
                   " ARRAY[0]::bigint[], ARRAY[1]::bigint[], ARRAY[400]::bigint[],"
                   " ARRAY[9000]::bigint[])"),
        400);
}

static void migrates_what_is_there(void)
{
    for (int version = 1; version <= PG_SCHEMA_VERSION && !tap_point_failed; version++) {
        struct error error = {0};
        struct arena arena;
        struct cluster_status status;
        make_old(version);
        begin();
        arena_init(&arena, 1 << 16);
        EXPECT(cluster_status(reports, &arena, &status, &error));
        EXPECT_INT(status.count, 2); /* "new" and "old" */
        arena_release(&arena);
        EXPECT_INT(ask_server("SELECT schema_version FROM sluice.cluster"), PG_SCHEMA_VERSION);
        if (version >= 2) {
            expect_old_leases();
        }
        if (version >= 3) {
            expect_old_ledger();
        }
        end();
        if (tap_point_failed) {
            printf("# of version %d\n", version);
        }
    }
}

static void *keep_calls_locked(void *user)
{
    struct postgres *postgres = user;
    run(postgres, "BEGIN; LOCK TABLE sluice.calls; SELECT set_config('sluice.held', '1', true);"
                  " SELECT pg_sleep(1.5); COMMIT");
    return NULL;
}

/* As long as an index of many calls takes, a question may not. */
static void migrates_for_as_long_as_it_takes(void)
{
    struct error error = {0};
    struct pg_cluster cluster;
    pthread_t thread;
    make_old(4);
    struct postgres *other = connect_to();
    struct postgres *postgres = postgres_new(
        &(struct postgres_options){.connection = server.url, .name = "short", .statement_ms = 300},
        &error);
    CHECK(postgres != NULL && postgres_connect(postgres, &error));
    CHECK(pthread_create(&thread, NULL, keep_calls_locked, other) == 0);
    UNTIL(ask_server("SELECT count(*) FROM pg_locks WHERE relation = 'sluice.calls'::regclass") >
          0);
    EXPECT(pg_schema_prepare(postgres, SLICE_EMPTY, &cluster, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), "");
    EXPECT_INT(ask_server("SELECT schema_version FROM sluice.cluster"), PG_SCHEMA_VERSION);
    EXPECT(!postgres_script(postgres, "SELECT pg_sleep(2)", &error)); /* as before */
    pthread_join(thread, NULL);
    postgres_free(postgres);
    postgres_free(other);
}

/* Hours, days and weeks are each added up once, wherever a report begins and ends; and weeks follow
 * what is written of days, also by programs that know no weeks. */
#define HOUR_0 472248 /* a Thursday, 00:00 UTC: a week begins */
#define HOURS (24 * 31)
static const char every_hour[] =
    "TRUNCATE sluice.rollups, sluice.rollups_day, sluice.rollups_week;"
    "INSERT INTO sluice.rollups(dimension, hour, name, node, calls, failed, input_tokens,"
    " output_tokens, cost_nd, baseline_nd, estimated) SELECT 'key', 472248 + i, 'k' || n, n, 1, 0,"
    " i, 0, 1000 * n, 0, 0 FROM generate_series(0, 24 * 31 - 1) i, generate_series(1, 2) n;"
    "INSERT INTO sluice.rollups_day(dimension, day, name, node, calls, failed, input_tokens,"
    " output_tokens, cost_nd, baseline_nd, estimated) SELECT dimension, hour / 24, name, node,"
    " 1, 0, 0, 0, 0, 0, 0 FROM sluice.rollups GROUP BY 1, 2, 3, 4;"
    "INSERT INTO sluice.rollups_day AS d(dimension, day, name, node, calls, failed, input_tokens,"
    " output_tokens, cost_nd, baseline_nd, estimated) SELECT dimension, hour / 24, name, node,"
    " count(*) - 1, 0, sum(input_tokens), 0, sum(cost_nd), 0, 0 FROM sluice.rollups"
    " GROUP BY 1, 2, 3, 4 ON CONFLICT (dimension, day, name, node) DO UPDATE SET calls = d.calls +"
    " excluded.calls, input_tokens = excluded.input_tokens, cost_nd = excluded.cost_nd;"
    "INSERT INTO sluice.rollups_day SELECT 'key', day, 'k3', 1, 1, 1, 1, 1, 1, 1, 1"
    " FROM sluice.rollups_day GROUP BY day;"
    "DELETE FROM sluice.rollups_day WHERE name = 'k3';"
    "DELETE FROM sluice.rollups_week WHERE calls = 0";

static void expect_hours(int64_t from, int64_t until)
{
    struct error error = {0};
    struct report report;
    int64_t first = from < 0 ? 0 : from;
    int64_t end = until > HOURS ? HOURS : until;
    int64_t hours = end > first ? end - first : 0;
    if (!cluster_report_make(reports, 0, REPORT_KEY, (HOUR_0 + from) * 3600,
                             (HOUR_0 + until) * 3600, &report, &error)) {
        printf("# %s\n", error.text);
        tap_point_failed = true;
        return;
    }
    if (report.total.calls != 2 * hours || report.total.cost_nd != 3000 * hours ||
        report.total.input_tokens != hours * (first + end - 1)) {
        printf("# hours %lld to %lld: %lld calls\n", (long long)from, (long long)until,
               (long long)report.total.calls);
        tap_point_failed = true;
    }
    report_release(&report);
}

static void each_hour_is_added_once(void)
{
    struct error error = {0};
    make_old(PG_SCHEMA_VERSION);
    begin();
    struct postgres *postgres = connect_to();
    run(postgres, every_hour);
    for (int64_t from = -30; from < HOURS + 30; from += 41) {
        for (int64_t until = from + 1; until < HOURS + 60; until += 67) {
            expect_hours(from, until);
        }
    }
    expect_hours(0, HOURS);
    expect_hours(7 * 24, 14 * 24); /* a week and nothing else */
    expect_hours(7 * 24 - 1, 14 * 24 + 1);
    expect_hours(6 * 24, 13 * 24); /* no whole week */
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.rollups_week"), 2 * 5);
    EXPECT_INT(ask_server("SELECT sum(calls) FROM sluice.rollups_week"), 2 * HOURS);
    run(postgres, "TRUNCATE sluice.calls, sluice.attempts, sluice.spend");
    run(postgres, "UPDATE sluice.rollups_week SET calls = calls + 1 WHERE week = 2812");
    EXPECT(!cluster_verify(reports, &error));
    postgres_free(postgres);
    end();
}

/* Versions that are out stay what they are: who changes one changes what others have. */
static void steps_are_what_they_were(void)
{
    static const uint64_t digests[PG_SCHEMA_VERSION] = {
        0xcd8ac2c70051bad5, 0xe33653b75eaf3607, 0x1db5d388bb64dfcb, 0xb5399736adcb0464,
        0xe2ffe8626b9cef97, 0xf93ded65470c9a1a, 0x4fd869a21ead7378, 0xb4ecc47666b748d9,
        0x12bdc0503dae4706, 0x59a8369d41744771, 0x5bb856f4cf208edc, 0x042c7b0c93528b58,
        0x51392ecd703b8d40, 0xbaa62bdec7a3bbf7,
    };
    for (int version = 1; version <= PG_SCHEMA_VERSION; version++) {
        uint64_t digest = 0xcbf29ce484222325u;
        for (const char *at = pg_schema_step(version); *at != '\0'; at++) {
            digest = (digest ^ (uint8_t)*at) * 0x100000001b3u;
        }
        if (digest != digests[version - 1]) {
            printf("# version %d: 0x%016llx\n", version, (unsigned long long)digest);
        }
        EXPECT(digest == digests[version - 1]);
    }
}

/* --- folding -----------------------------------------------------------------------------------
 */

#define OLD_SPEND                                                                                  \
    "INSERT INTO sluice.spend SELECT 'key', 1 + b / 900 % 2, '', b, n, 1 + b % 7"                  \
    " FROM generate_series(extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC'))"        \
    "::bigint - 400 * 86400, extract(epoch FROM now())::bigint / 900 * 900, 900) b,"               \
    " generate_series(1, 2) n"
#define TODAY "bucket_s >= extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC'))"
/* Of each scope and month of UTC, as one number. */
#define MONTHS                                                                                     \
    "SELECT sum(m * (s % 1000003))::bigint FROM (SELECT extract(year FROM t) * 12 +"               \
    " extract(month FROM t) + 100000 * scope AS m, sum(cost_nd) AS s FROM (SELECT *,"              \
    " to_timestamp(bucket_s) AT TIME ZONE 'UTC' AS t FROM sluice.spend WHERE node = 1) r"          \
    " GROUP BY 1) s"
#define DAYS                                                                                       \
    "SELECT sum(d * (s % 1000003))::bigint FROM (SELECT bucket_s / 86400 + 100000 * scope AS d,"   \
    " sum(cost_nd) AS s FROM sluice.spend WHERE node = 1 AND bucket_s >= extract(epoch FROM"       \
    " now()) - 41 * 86400 GROUP BY 1) s"

static void puts_spend_together(void)
{
    struct error error = {0};
    bool more = true;
    int rounds = 0;
    make_old(PG_SCHEMA_VERSION);
    struct postgres *postgres = connect_to();
    run(postgres, "DELETE FROM sluice.spend");
    run(postgres, OLD_SPEND);
    int64_t before[] = {ask_server(MONTHS), ask_server("SELECT sum(cost_nd) FROM sluice.spend"),
                        ask_server("SELECT count(*) FROM sluice.spend WHERE node = 2 OR " TODAY),
                        ask_server("SELECT count(*) FROM sluice.spend WHERE node = 1")};
    EXPECT(before[3] > 38000);
    for (; more && rounds < 10; rounds++) {
        EXPECT(ship_fold(postgres, 1, &more, &error));
    }
    EXPECT(!more && rounds > 1);
    EXPECT_INT(ask_server(MONTHS), before[0]);
    EXPECT_INT(ask_server("SELECT sum(cost_nd) FROM sluice.spend"), before[1]);
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.spend WHERE node = 2 OR " TODAY), before[2]);
    int64_t rows = ask_server("SELECT count(*) FROM sluice.spend WHERE node = 1 AND NOT " TODAY);
    EXPECT(rows >= 2 * (40 + 12) && rows <= 2 * (72 + 14));
    int64_t days = ask_server(DAYS);
    run(postgres, "INSERT INTO sluice.spend SELECT 'key', 1, '', extract(epoch FROM now())::bigint"
                  " / 86400 * 86400 - 43200 - 900 * i, 1, 10 FROM generate_series(1, 5) i");
    EXPECT(ship_fold(postgres, 1, &more, &error) && more); /* what comes late comes along */
    EXPECT_INT(ask_server("SELECT sum(cost_nd) FROM sluice.spend"), before[1] + 50);
    EXPECT_INT(ask_server("SELECT count(*) FROM sluice.spend WHERE node = 1 AND NOT " TODAY), rows);
    EXPECT(ask_server(DAYS) != days);
    postgres_free(postgres);
}

int main(void)
{
    if (!server_start(&server)) {
        printf("not ok 1 - PostgreSQL is there (tools/setup.sh --test installs it)\n1..1\n");
        return 1;
    }
    TEST(migrates_what_is_there, "data of each older version are migrated, sums and grants stay");
    TEST(migrates_for_as_long_as_it_takes, "a migration has longer than a question");
    TEST(each_hour_is_added_once, "a report of any hours adds up each of them once");
    TEST(steps_are_what_they_were, "steps of the schema are not changed any more");
    TEST(puts_spend_together, "spend of days and months that are over is put together");
    server_end(&server);
    return tap_done();
}
