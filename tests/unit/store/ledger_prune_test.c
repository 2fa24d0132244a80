/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: old calls go in steps, sums stay, and the ledger stays sound after each step. */
#include "store/ledger_internal.h"

#include "store/report.h"
#include "tests/unit/store/ledger_testing.h"

#include <time.h>

#define CALLS 12000 /* more than two steps */
#define KEPT_FROM 10002

static int64_t total_cost(void)
{
    struct report report;
    struct error error;
    if (!report_make(ledger_path, REPORT_DAY, 1, 0, &report, &error)) {
        return -1;
    }
    int64_t cost_nd = report.total.cost_nd;
    report_release(&report);
    return cost_nd;
}

static void write_calls(uint64_t first, uint64_t last)
{
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = first; ledger != NULL && seed <= last; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
        EXPECT(seed % 500 != 0 || ledger_flush(ledger, 10000));
    }
    ledger_close(ledger, 10000);
}

static void prune_in_steps(struct writer *writer, int64_t before_ns, int steps)
{
    for (int i = 1; i <= steps; i++) {
        bool more = false;
        EXPECT(writer_prune(writer, before_ns, &more));
        EXPECT_INT(more, i < steps);
        expect_sound();
    }
}

static void removes_calls_and_keeps_sums(void)
{
    struct writer writer;
    struct error error;
    begin();
    write_calls(1, CALLS);
    int64_t cost_nd = total_cost();
    int64_t before_ns = sample_call(KEPT_FROM).wall_ns;
    CHECK(writer_open(&writer, ledger_path, LEDGER_SYNC_NORMAL, DATABASE_CHANGE, &error));
    prune_in_steps(&writer, before_ns, 3);
    writer_close(&writer);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), CALLS - KEPT_FROM + 1);
    EXPECT_INT(ask("SELECT count(*) FROM attempts WHERE call NOT IN (SELECT id FROM calls)"), 0);
    EXPECT(ask("SELECT count(*) FROM attempts") > 0);
    EXPECT_INT(total_cost(), cost_nd);
    /* The writer goes on, and what it adds is verified as before. */
    write_calls(CALLS + 1, CALLS + 100);
    expect_sound();
    EXPECT(change("UPDATE rollups SET cost_nd = cost_nd + 1 WHERE hour ="
                  " (SELECT max(hour) FROM rollups)"));
    EXPECT(!ledger_verify(ledger_path, &error));
    end();
}

static void leaves_open_calls_alone(void)
{
    struct writer writer;
    struct error error;
    bool more = true;
    begin();
    write_calls(1, 50);
    EXPECT(change("INSERT INTO open_calls(call, key, started_ns)"
                  " SELECT id, key, started_ns FROM calls ORDER BY id LIMIT 1"));
    CHECK(writer_open(&writer, ledger_path, LEDGER_SYNC_NORMAL, DATABASE_CHANGE, &error));
    EXPECT(writer_prune(&writer, sample_call(1000).wall_ns, &more) && !more);
    writer_close(&writer);
    EXPECT_INT(ask("SELECT count(*) FROM call_rows"), 1);
    EXPECT_INT(
        ask("SELECT count(*) FROM attempt_rows"),
        ask("SELECT count(*) FROM attempt_rows WHERE call IN (SELECT call FROM open_calls)"));
    end();
}

/* The thread does it by itself: all samples are years old. */
static void happens_beside_the_batches(void)
{
    begin();
    write_calls(1, 300);
    struct ledger *ledger =
        open_ledger_with((struct ledger_options){.retention_ms = 3600 * 1000, .doubt_ms = 1});
    for (uint64_t seed = 301;
         ledger != NULL && seed < 3000 && ask("SELECT count(*) FROM call_rows") >= 300; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
        EXPECT(ledger_flush(ledger, 10000));
    }
    EXPECT(ask("SELECT count(*) FROM call_rows") < 300);
    ledger_close(ledger, 10000);
    expect_sound();
    end();
}

#define YEAR_NS (365 * 24 * NS_PER_HOUR)

static void wait_until_pruned(void)
{
    int64_t until_ns = clock_monotonic(&clock_system) + 30 * NS_PER_S;
    while (ask("SELECT pruned_hour FROM state") < 0 && clock_monotonic(&clock_system) < until_ns) {
        nanosleep(&(struct timespec){.tv_nsec = 5 * NS_PER_MS}, NULL);
    }
    EXPECT(ask("SELECT pruned_hour FROM state") >= 0);
}

static void a_clock_that_is_ahead_removes_nothing(void)
{
    struct clock_manual turned;
    struct ledger_options options = {.retention_ms = 24 * 3600 * 1000};
    begin();
    clock_manual_init(&turned, NS_PER_S, sample_call(300).wall_ns);
    options.journal.clock = &turned.clock;
    struct ledger *ledger = open_ledger_with(options);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 10000));
    clock_manual_advance(&turned, 9 * NS_PER_HOUR);
    ledger_close(ledger, 10000);
    clock_manual_init(&turned, NS_PER_S, turned.wall_ns + 10 * YEAR_NS);
    for (int i = 0; i < 2; i++) { /* again: it was not believed the first time */
        ledger = open_ledger_with(options);
        EXPECT(append_call(ledger_journal(ledger), 301 + (uint64_t)i) &&
               ledger_flush(ledger, 10000));
        wait_until_pruned();
        ledger_close(ledger, 10000);
        EXPECT_INT(ask("SELECT count(*) FROM calls"), 301 + i);
        EXPECT_INT(ask("SELECT pruned_hour > (SELECT max(hour) FROM rollups) FROM state"), 0);
    }
    expect_sound();
    end();
}

/* As an older program left it. */
static void a_mark_in_the_future_is_brought_back(void)
{
    struct writer writer;
    struct error error;
    bool more = true;
    begin();
    write_calls(1, 300);
    int64_t middle_ns = sample_call(150).wall_ns;
    EXPECT(change("DELETE FROM call_rows WHERE id = (SELECT id FROM call_rows ORDER BY id"
                  " LIMIT 1 OFFSET 200); UPDATE state SET pruned_hour = 999999;"
                  "UPDATE state SET marks_seal = seal(" CONTROL_MARKS ")"));
    int64_t missing = ask("SELECT max(r.hour) FROM rollups r WHERE r.dimension = 0 AND r.calls <>"
                          " (SELECT count(*) FROM call_rows c WHERE c.started_ns / 3600000000000 ="
                          " r.hour)");
    EXPECT(change("UPDATE controls SET rows = (SELECT count(*) FROM call_rows c WHERE"
                  " c.started_ns / 3600000000000 = hour) WHERE kind = 0"));
    CHECK(writer_open(&writer, ledger_path, LEDGER_SYNC_NORMAL, DATABASE_CHANGE, &error));
    EXPECT(writer_prune(&writer, sample_call(10).wall_ns, &more));
    EXPECT_INT(ask("SELECT pruned_hour FROM state"), missing);
    EXPECT(writer_prune(&writer, middle_ns + YEAR_NS, &more));
    EXPECT_INT(ask("SELECT pruned_hour FROM state"), (middle_ns + YEAR_NS) / NS_PER_HOUR);
    writer_close(&writer);
    end();
}

int main(void)
{
    TEST(removes_calls_and_keeps_sums, "old calls go step by step, and reports do not change");
    TEST(leaves_open_calls_alone, "what is still open stays, however old");
    TEST(happens_beside_the_batches, "the writer's thread removes them between batches");
    TEST(a_clock_that_is_ahead_removes_nothing, "a clock that is ahead at a start removes nothing");
    TEST(a_mark_in_the_future_is_brought_back,
         "from when on calls are missing is brought back where it was in the future");
    return tap_done();
}
