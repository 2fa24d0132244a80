/* SPDX-License-Identifier: Apache-2.0 */
/* Rolling caps whose span is changed while they are used, and whose clock cannot be believed. */
#include "store/budget_internal.h"
#include "store/ledger_clock.h"
#include "tests/unit/store/budget_testing.h"
#include "tests/unit/store/ledger_testing.h"

#include <time.h>

#define HOUR_NS (3600 * NS_PER_S)

static struct scope_rule rolling_rule(int64_t window_s, int64_t amount_nd)
{
    struct scope_rule rule = cap_rule(SCOPE_KEY, 1, CAP_ROLLING, amount_nd);
    rule.limits.caps[0].window_s = window_s;
    return rule;
}

/* What fits: spends it. */
static bool spend(struct budget *budget, const struct scope_rule *rule, uint64_t generation,
                  int64_t amount_nd)
{
    struct budget_payer payer = payer_of(rule);
    struct budget_claim claim = {0};
    struct budget_hold hold = {0};
    struct budget_refusal refusal;
    payer.generation = generation;
    EXPECT(budget_enter(budget, &payer, &claim, &refusal));
    const struct budget_want want = {.amount_nd = amount_nd};
    bool fits = budget_hold(budget, &claim, &want, &hold, &refusal);
    budget_settle(budget, &claim, &hold, amount_nd);
    budget_leave(budget, &claim, 0);
    return fits;
}

static void write_spend(int64_t wall_ns, int64_t cost_nd)
{
    char sql[200];
    snprintf(sql, sizeof(sql),
             "INSERT INTO spend(kind, scope, model, bucket_s, start_s, cost_nd)"
             " VALUES(0, 1, 0, %lld, 0, %lld)",
             (long long)(wall_ns / NS_PER_S / 900 * 900), (long long)cost_nd);
    EXPECT(change(sql));
}

/* What was spent since the last time goes into the database. */
static int64_t unwritten_nd;

static bool flush(void *user)
{
    const bool *works = user;
    if (*works && unwritten_nd > 0) {
        write_spend(turned.wall_ns, unwritten_nd);
        unwritten_nd = 0;
    }
    return *works;
}

static bool renew(struct budget *budget, const struct scope_rule *rule, uint64_t generation,
                  bool works)
{
    return budget_renew(budget, ledger_path, generation, rule, 1, flush, &works);
}

static struct budget *load_rule(const struct scope_rule *rule)
{
    struct error error = {0};
    struct budget *budget = budget_new(&turned.clock);
    CHECK(budget != NULL);
    EXPECT(budget_load(budget, ledger_path, 1, rule, 1, &error));
    return budget;
}

static void another_span_has_what_was_spent_in_it(void)
{
    const struct scope_rule day = rolling_rule(86400, 100);
    const struct scope_rule hour = rolling_rule(3600, 100);
    const struct scope_rule week = rolling_rule(7 * 86400, 100);
    begin();
    ledger_close(open_ledger(), 1000);
    clock_manual_init(&turned, 1000 * NS_PER_S, NOON_S * NS_PER_S);
    write_spend(turned.wall_ns - 3 * 24 * HOUR_NS, 30);
    struct budget *budget = load_rule(&day);
    EXPECT(spend(budget, &day, 1, 60));
    unwritten_nd = 60;
    EXPECT(renew(budget, &hour, 2, true));
    EXPECT(!spend(budget, &hour, 2, 41));
    EXPECT(renew(budget, &week, 3, true));
    EXPECT(!spend(budget, &week, 3, 11)); /* 30 of three days ago, too */
    EXPECT(spend(budget, &week, 3, 10));
    unwritten_nd = 10;
    clock_manual_advance(&turned, 2 * HOUR_NS);
    EXPECT(renew(budget, &hour, 4, true));
    EXPECT(spend(budget, &hour, 4, 90)); /* that was more than an hour ago */
    unwritten_nd = 90;
    EXPECT(renew(budget, &day, 5, false)); /* without the database: all that there was */
    EXPECT(!spend(budget, &day, 5, 1));
    budget_free(budget);
    end();
}

/* A process that ran from noon on for an hour, in which the key spent 80. */
static void run_an_hour(void)
{
    struct error error;
    struct ledger_clock watched = {0};
    begin();
    ledger_close(open_ledger(), 1000);
    sqlite3 *db = database_open(ledger_path, DATABASE_CHANGE, &error);
    CHECK(db != NULL && control_register(db));
    clock_manual_init(&turned, 1000 * NS_PER_S, NOON_S * NS_PER_S);
    EXPECT(ledger_clock_load(&watched, db, &turned.clock, 0));
    ledger_clock_begin(&watched);
    clock_manual_advance(&turned, HOUR_NS);
    ledger_clock_look(&watched);
    EXPECT(ledger_clock_write(&watched, db));
    ledger_clock_release(&watched);
    sqlite3_close(db);
    write_spend(NOON_S * NS_PER_S, 50);
    write_spend(NOON_S * NS_PER_S + HOUR_NS - NS_PER_S, 30);
}

static int64_t rolling_of(struct budget *budget)
{
    struct budget_balance balance;
    EXPECT(budget_balance_read(budget, SCOPE_KEY, 1, SLICE_EMPTY, &balance));
    return balance.rolling_nd[0];
}

static void a_clock_that_is_ahead_empties_no_span(void)
{
    const struct scope_rule day = rolling_rule(86400, 100);
    run_an_hour();
    turned.wall_ns += 10 * 24 * HOUR_NS;
    struct budget *budget = load_rule(&day);
    EXPECT_INT(rolling_of(budget), 80);
    for (int i = 0; i < 5; i++) {
        clock_manual_advance(&turned, 60 * NS_PER_S);
        EXPECT_INT(rolling_of(budget), 80);
    }
    turned.wall_ns -= 10 * 24 * HOUR_NS; /* it is put right */
    for (int i = 0; i < 60; i++) {
        clock_manual_advance(&turned, 60 * NS_PER_S);
        EXPECT_INT(rolling_of(budget), 80);
    }
    clock_manual_advance(&turned, 25 * HOUR_NS);
    EXPECT_INT(rolling_of(budget), 0);
    budget_free(budget);
    end();
}

static void what_passed_counts_when_the_clock_is_believed(void)
{
    const struct scope_rule day = rolling_rule(86400, 100);
    run_an_hour();
    turned.wall_ns += 10 * 24 * HOUR_NS; /* it was off for so long */
    struct budget *budget = load_rule(&day);
    EXPECT(spend(budget, &day, 1, 10));
    EXPECT_INT(rolling_of(budget), 90);
    for (int i = 0; i < 12; i++) {
        clock_manual_advance(&turned, 60 * NS_PER_S);
        (void)rolling_of(budget);
    }
    EXPECT_INT(rolling_of(budget), 10);
    budget_free(budget);
    end();
    run_an_hour();
    turned.wall_ns += 12 * HOUR_NS; /* still within the span */
    budget = load_rule(&day);
    for (int i = 0; i < 12; i++) {
        clock_manual_advance(&turned, 60 * NS_PER_S);
        EXPECT_INT(rolling_of(budget), 80);
    }
    clock_manual_advance(&turned, 10 * HOUR_NS);
    EXPECT_INT(rolling_of(budget), 80);
    clock_manual_advance(&turned, 3 * HOUR_NS);
    EXPECT_INT(rolling_of(budget), 0);
    budget_free(budget);
    end();
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    TEST(another_span_has_what_was_spent_in_it,
         "a rolling cap with another span begins with what was spent in it");
    TEST(a_clock_that_is_ahead_empties_no_span,
         "a start with a clock that is ahead empties no rolling cap");
    TEST(what_passed_counts_when_the_clock_is_believed,
         "what passed before a start counts when the clock is believed");
    return tap_done();
}
