/* SPDX-License-Identifier: Apache-2.0 */
/* From the ledger's records to the balances that a start begins with. */
#include "store/budget_internal.h"
#include "store/ledger_spend.h"
#include "tests/unit/store/budget_testing.h"
#include "tests/unit/store/ledger_testing.h"

#include <time.h>

#define CALLS 200

/* What calls 1 .. CALLS cost a scope, by their holds. */
static int64_t wanted_of(enum scope_kind kind, uint64_t id, bool of_model)
{
    int64_t sum = 0;
    for (uint64_t seed = 1; seed <= CALLS; seed++) {
        struct hold_record hold = sample_hold(seed, 1);
        uint64_t mine = kind == SCOPE_KEY ? hold.key_id : hold.scopes[kind];
        for (uint32_t i = 1; i <= sample_attempts(seed); i++) {
            bool counts = mine == id && (!of_model || hold.limited_model.len > 0);
            sum += counts ? sample_cost(seed, i) : 0;
        }
    }
    return sum;
}

static int64_t total_of(struct budget *budget, enum scope_kind kind, uint64_t id,
                        struct slice model)
{
    struct budget_balance balance;
    EXPECT(budget_balance_read(budget, kind, id, model, &balance));
    return balance.spent_nd[CAP_TOTAL];
}

static struct budget *load(const struct clock *clock)
{
    struct error error = {0};
    struct budget *budget = budget_new(clock);
    CHECK(budget != NULL);
    bool loaded = budget_load(budget, ledger_path, 1, NULL, 0, &error);
    if (!loaded) {
        printf("# %s: %s\n", error.code, error.text);
    }
    EXPECT(loaded);
    return budget;
}

static void expect_balances(struct budget *budget)
{
    for (uint64_t key = 1; key < ARRAY_LEN(sample_keys); key++) {
        EXPECT_INT(total_of(budget, SCOPE_KEY, key, SLICE_EMPTY), wanted_of(SCOPE_KEY, key, false));
    }
    EXPECT_INT(total_of(budget, SCOPE_USER, 1, SLICE_EMPTY), wanted_of(SCOPE_USER, 1, false));
    EXPECT_INT(total_of(budget, SCOPE_USER, 2, SLICE_EMPTY), wanted_of(SCOPE_USER, 2, false));
    EXPECT_INT(total_of(budget, SCOPE_ORGANISATION, 3, SLICE("auto")),
               wanted_of(SCOPE_ORGANISATION, 3, true));
}

/* At a time of the samples: only what is of the day before, if anything, is put together. */
static struct clock_manual then;

static struct ledger *open_then(int64_t wall_ns)
{
    clock_manual_init(&then, NS_PER_S, wall_ns);
    return open_ledger_with((struct ledger_options){.journal = {.clock = &then.clock}});
}

static void balances_are_what_the_records_say(void)
{
    begin();
    struct ledger *ledger = open_then(SAMPLE_START_NS + 3 * 3600 * NS_PER_S);
    for (uint64_t seed = 1; seed <= CALLS; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 5000));
    EXPECT(ask("SELECT count(*) FROM spend") > 30);
    struct budget *budget = load(&clock_system);
    expect_balances(budget);
    budget_free(budget);
    ledger_close(ledger, 1000);
    EXPECT(change("INSERT INTO spend(kind, scope, model, bucket_s, cost_nd)"
                  " VALUES(3, 99, 0, strftime('%s', 'now') / 900 * 900, 1)"));
    ledger = open_ledger(); /* it folds what is years older than that, soon */
    int64_t until_ns = clock_monotonic(&clock_system) + 60 * NS_PER_S;
    while (ask("SELECT count(*) FROM spend") >= 20 && clock_monotonic(&clock_system) < until_ns) {
        nanosleep(&(struct timespec){.tv_nsec = 20 * NS_PER_MS}, NULL);
    }
    EXPECT(ask("SELECT count(*) FROM spend") < 20);
    budget = load(&clock_system);
    expect_balances(budget);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_MONTH), 0);
    budget_free(budget);
    ledger_close(ledger, 1000);
    EXPECT(change("DELETE FROM spend WHERE scope = 99"));
    expect_sound();
    end();
}

static void an_attempt_counts_when_it_was_held(void)
{
    struct hold_record hold = sample_hold(6, 1);
    struct settle_record settle = sample_settle(6, 1);
    struct call_record call = sample_call(6);
    begin();
    int64_t midnight_ns = SAMPLE_START_NS + 86400 * NS_PER_S;
    struct ledger *ledger = open_then(midnight_ns + 5 * NS_PER_S);
    hold.wall_ns = midnight_ns - NS_PER_S;
    settle.wall_ns = midnight_ns + NS_PER_S;
    call.attempts = 1;
    call.cost_nd = settle.cost_nd;
    EXPECT(journal_hold(ledger_journal(ledger), &hold));
    EXPECT(journal_settle_and_call(ledger_journal(ledger), &settle, &call));
    EXPECT(ledger_flush(ledger, 5000));
    EXPECT_INT(ask("SELECT max(bucket_s) - min(bucket_s) FROM spend"), 0);
    struct budget *budget = load(&then.clock);
    EXPECT_INT(spent_of(budget, SCOPE_ORGANISATION, 3, CAP_DAY), 0);
    EXPECT_INT(spent_of(budget, SCOPE_ORGANISATION, 3, CAP_MONTH), settle.cost_nd);
    budget_free(budget);
    ledger_close(ledger, 1000);
    end();
}

/* Holds without a settle, some in the journal alone, some in the tables, one call half settled. */
static void a_crash_charges_what_was_held(void)
{
    for (int written = 0; written < 2; written++) {
        begin();
        struct ledger *ledger = open_ledger();
        int64_t held = 0;
        for (uint64_t seed = 6; seed <= 60; seed += 6) {
            struct hold_record hold = sample_hold(seed, 1);
            hold.key_id = 2;
            hold.amount_nd = (int64_t)seed;
            held += hold.amount_nd;
            EXPECT(journal_hold(ledger_journal(ledger), &hold));
        }
        struct hold_record first = sample_hold(66, 1);
        struct hold_record second = sample_hold(66, 2);
        struct settle_record settle = sample_settle(66, 1);
        first.key_id = second.key_id = settle.key_id = 2;
        second.amount_nd = 1000000;
        EXPECT(journal_hold(ledger_journal(ledger), &first));
        EXPECT(journal_settle(ledger_journal(ledger), &settle));
        EXPECT(journal_hold(ledger_journal(ledger), &second));
        held += settle.cost_nd + second.amount_nd;
        EXPECT(ledger_flush(ledger, 5000));
        ledger_close(ledger, 1000);
        if (written == 1) {
            EXPECT(ask("SELECT count(*) FROM holds") > 0);
        }
        ledger = open_ledger();
        struct budget *budget = load(&clock_system);
        EXPECT_INT(total_of(budget, SCOPE_KEY, 2, SLICE_EMPTY), held);
        EXPECT_INT(total_of(budget, SCOPE_USER, 1, SLICE_EMPTY), held);
        EXPECT_INT(total_of(budget, SCOPE_ORGANISATION, 3, SLICE("auto")), held);
        budget_free(budget);
        ledger_close(ledger, 1000);
        expect_sound();
        end();
    }
}

/* The clock was in day 2, a start finds it in day 1, and it goes on. */
static void what_was_spent_later_counts_then(void)
{
    const int64_t day_s = 86400;
    const int64_t start_s = SAMPLE_START_NS / NS_PER_S + 10 * day_s;
    char sql[160];
    begin();
    ledger_close(open_ledger(), 1000);
    snprintf(sql, sizeof(sql),
             "INSERT INTO spend(kind, scope, model, bucket_s, cost_nd)"
             " VALUES(0, 1, 0, %lld, 5), (0, 1, 0, %lld, 70), (0, 1, 0, %lld, 300)",
             (long long)(start_s + 900), (long long)(start_s + day_s + 900),
             (long long)(start_s + day_s + 1800));
    EXPECT(change(sql));
    clock_manual_init(&then, NS_PER_S, (start_s + 3600) * NS_PER_S);
    struct budget *budget = load(&then.clock);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 375);
    clock_manual_advance(&then, day_s * NS_PER_S);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 370);
    clock_manual_advance(&then, day_s * NS_PER_S);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 0);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_MONTH), 375);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_TOTAL), 375);
    budget_free(budget);
    end();
}

/* Rows of a scope each quarter of an hour, of 1 nano-dollar each, up to `end_s`. */
static void spend_each_quarter(int64_t scope, int64_t count, int64_t end_s)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "INSERT INTO spend WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
             " WHERE i < %lld) SELECT 0, %lld, 0, %lld - 900 * i, 1, %lld - 900 * i FROM n",
             (long long)count, (long long)scope, (long long)end_s, (long long)end_s);
    EXPECT(change(sql));
}

static void fold_at(int64_t wall_s)
{
    sqlite3 *db = NULL;
    EXPECT(sqlite3_open(ledger_path, &db) == SQLITE_OK);
    EXPECT(spends_fold(db, wall_s));
    int64_t before = sqlite3_total_changes(db);
    EXPECT(spends_fold(db, wall_s)); /* nothing is left to do */
    EXPECT_INT(sqlite3_total_changes(db), before);
    sqlite3_close(db);
}

#define FOLD_NOW_S INT64_C(1790250300) /* 2026-09-24 11:45 UTC, a Thursday */
#define FOLD_TODAY_S INT64_C(1790208000)

static void folding_keeps_days_and_sums(void)
{
    struct tm midnight;
    const time_t today = FOLD_TODAY_S;
    EXPECT(gmtime_r(&today, &midnight) != NULL && midnight.tm_hour == 0);
    begin();
    ledger_close(open_ledger(), 1000);
    spend_each_quarter(1, 500 * 96, FOLD_NOW_S / 900 * 900 + 900);
    spend_each_quarter(2, 500 * 96, FOLD_NOW_S / 900 * 900 + 900);
    fold_at(FOLD_NOW_S);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM spend"), 2 * 500 * 96);
    EXPECT_INT(ask("SELECT count(*) FROM spend WHERE scope = 1 AND bucket_s >= 1790208000"), 48);
    EXPECT_INT(ask("SELECT count(*) FROM spend WHERE scope = 1 AND bucket_s % 86400 = 85500"
                   " AND bucket_s < 1790208000 AND bucket_s > 1790208000 - 40 * 86400"
                   " AND cost_nd = 96"),
               40);
    EXPECT_INT(ask("SELECT count(*) FROM spend WHERE scope = 1"), 48 + 40 + 12 + 1);
    EXPECT_INT(ask("SELECT count(DISTINCT start_s) FROM spend WHERE scope = 1"), 48 + 40 + 12 + 1);
    EXPECT_INT(ask("SELECT max(start_s) FROM spend WHERE bucket_s = (SELECT min(bucket_s) FROM"
                   " spend)"),
               FOLD_NOW_S / 900 * 900 + 900 - 500 * 96 * 900);
    clock_manual_init(&then, NS_PER_S, FOLD_NOW_S * NS_PER_S);
    struct budget *budget = load(&then.clock);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 48);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_WEEK), 3 * 96 + 48); /* since Monday */
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_MONTH), 23 * 96 + 48);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_TOTAL), 500 * 96);
    budget_free(budget);
    end();
}

/* In a zone whose days are others than those of UTC. */
static void folding_goes_by_the_days_of_caps(void)
{
    setenv("TZ", "Asia/Kolkata", 1); /* UTC+5:30: its day began at 18:30 */
    tzset();
    begin();
    ledger_close(open_ledger(), 1000);
    spend_each_quarter(1, 60 * 96, FOLD_NOW_S / 900 * 900 + 900);
    fold_at(FOLD_NOW_S);
    clock_manual_init(&then, NS_PER_S, FOLD_NOW_S * NS_PER_S);
    struct budget *budget = load(&then.clock);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 48 + 22);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_MONTH), 23 * 96 + 48 + 22);
    EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_TOTAL), 60 * 96);
    budget_free(budget);
    end();
    setenv("TZ", "UTC", 1);
    tzset();
}

static void folding_spares_rolling_caps(void)
{
    begin();
    ledger_close(open_ledger(), 1000);
    EXPECT(change("INSERT INTO names(id, name) VALUES(77, 'auto');"
                  "INSERT INTO caps VALUES(0, 1, '', 4, 259200, 1000, 0),"
                  " (0, 2, 'auto', 4, 259200, 1000, 0)"));
    for (int64_t scope = 1; scope <= 3; scope++) {
        spend_each_quarter(scope, 10 * 96, FOLD_NOW_S / 900 * 900 + 900);
    }
    EXPECT(change(
        "INSERT INTO spend SELECT 0, 2, 77, bucket_s, 1, bucket_s FROM spend WHERE scope = 2"));
    fold_at(FOLD_NOW_S);
    /* Today; three days, and 12 hours and a quarter, in parts of 72 minutes; the rest of that day,
     * and six days before it. */
    const int64_t rows = 48 + 3 * 20 + 11 + 1 + 6;
    EXPECT_INT(ask("SELECT count(*) FROM spend WHERE scope = 1"), rows);
    EXPECT_INT(ask("SELECT count(*) FROM spend WHERE scope = 2 AND model = 77"), rows);
    EXPECT_INT(ask("SELECT max(bucket_s - start_s) FROM spend WHERE scope = 1 AND bucket_s >="
                   " 1790208000 - 3 * 86400"),
               4 * 900);
    EXPECT_INT(ask("SELECT count(*) FROM spend WHERE scope = 2 AND model = 0"), 48 + 10);
    EXPECT_INT(ask("SELECT count(*) FROM spend WHERE scope = 3"), 48 + 10);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM spend"), 4 * 10 * 96);
    end();
}

/* Months are put together while a longer span ends within them; without a cap, as one may come. */
static void folding_moves_nothing_into_a_rolling_span(void)
{
    const int64_t day_s = 86400;
    const int64_t end_s = FOLD_NOW_S / 900 * 900 + 900;
    const int64_t days[] = {0, 30, 45, 90, 200, 366};
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        int64_t span_s = days[i] == 0 ? 35 * day_s : days[i] * day_s;
        char sql[160];
        begin();
        ledger_close(open_ledger(), 1000);
        spend_each_quarter(1, 400 * 96, end_s);
        snprintf(sql, sizeof(sql), "INSERT INTO caps VALUES(0, 1, '', 4, %lld, 1000, 0)",
                 (long long)span_s);
        EXPECT(days[i] == 0 || change(sql));
        for (int later = 0; later < 3; later++) {
            int64_t now_s = FOLD_NOW_S + later * 9 * day_s;
            int64_t first_s = (now_s - span_s) / day_s * day_s; /* a day is one row without one */
            snprintf(sql, sizeof(sql), "INSERT INTO spend VALUES(0, 2, 0, %lld, 1, %lld)",
                     (long long)(now_s / 900 * 900), (long long)(now_s / 900 * 900));
            EXPECT(change(sql));
            fold_at(now_s);
            snprintf(sql, sizeof(sql),
                     "SELECT sum(cost_nd) FROM spend WHERE scope = 1 AND bucket_s >= %lld",
                     (long long)first_s);
            int64_t kept = ask(sql);
            int64_t part_s = days[i] == 0 ? 0 : span_s / 60;
            EXPECT(kept >= (end_s - first_s) / 900);
            EXPECT(kept <= (end_s - first_s + part_s) / 900);
        }
        EXPECT_INT(ask("SELECT sum(cost_nd) FROM spend WHERE scope = 1"), 400 * 96);
        end();
    }
}

/* A machine starts in a year to come, and its clock is set right before the next start. */
static void a_clock_ahead_folds_nothing_of_today(void)
{
    const int64_t days[] = {1, 40, 500, 20000};
    begin();
    ledger_close(open_ledger(), 1000);
    spend_each_quarter(1, 60 * 96, FOLD_NOW_S / 900 * 900 + 900);
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        fold_at(FOLD_NOW_S + days[i] * 86400);
        clock_manual_init(&then, NS_PER_S, FOLD_NOW_S * NS_PER_S);
        struct budget *budget = load(&then.clock);
        EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_DAY), 48);
        EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_WEEK), 3 * 96 + 48);
        EXPECT_INT(spent_of(budget, SCOPE_KEY, 1, CAP_MONTH), 23 * 96 + 48);
        budget_free(budget);
    }
    end();
}

/* Clocks go back from 1:00 to 0:00, and forward from 0:00 to 1:00. */
static void a_day_begins_at_its_first_midnight(void)
{
    static const struct {
        const char *zone;
        int64_t start_s;
        int64_t end_s;
        int64_t months; /* of the 20 days before those that are kept */
    } days[] = {
        {"America/Havana", 1730606400, 1730606400 + 25 * 3600, 1},
        {"Atlantic/Azores", 1729987200, 1729987200 + 25 * 3600, 2},
        {"America/Havana", 1710046800 /* 2024-03-10 */, 1710046800 + 23 * 3600, 1},
        {"America/Santiago", 1725768000 /* 2024-09-08 */, 1725768000 + 23 * 3600, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        setenv("TZ", days[i].zone, 1);
        tzset();
        for (int64_t wall_s = days[i].end_s + 1799; wall_s > days[i].start_s - 3600;
             wall_s -= 900) {
            int64_t start_s;
            int64_t end_s;
            budget_period(CAP_DAY, wall_s, &start_s, &end_s);
            EXPECT_INT(wall_s < days[i].start_s ? end_s : start_s,
                       wall_s >= days[i].end_s ? days[i].end_s : days[i].start_s);
            EXPECT(start_s <= wall_s && wall_s < end_s);
        }
        begin();
        ledger_close(open_ledger(), 1000);
        spend_each_quarter(1, 60 * 96, days[i].end_s + 3600);
        fold_at(days[i].end_s + 3600);
        EXPECT_INT(ask("SELECT sum(cost_nd) FROM spend WHERE bucket_s >= (SELECT max(bucket_s) FROM"
                       " spend) - 3600"),
                   4 + (days[i].end_s - days[i].start_s) / 900);
        EXPECT_INT(ask("SELECT count(*) FROM spend WHERE bucket_s > 0"), 4 + 40 + days[i].months);
        end();
        setenv("TZ", "UTC", 1);
        tzset();
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    TEST(balances_are_what_the_records_say, "balances are what the records say, of every scope");
    TEST(an_attempt_counts_when_it_was_held, "an attempt counts for the day in which it was held");
    TEST(a_crash_charges_what_was_held, "a crash charges what was held, to every scope");
    TEST(what_was_spent_later_counts_then,
         "what a ledger says was spent later than now counts now, and again when it is then");
    TEST(folding_keeps_days_and_sums,
         "days that are over are put together, and nothing is lost to any cap");
    TEST(folding_goes_by_the_days_of_caps, "the days are those of the caps' time zone");
    TEST(folding_spares_rolling_caps,
         "what a rolling cap looks back on is told apart by its sixtieths");
    TEST(folding_moves_nothing_into_a_rolling_span,
         "of what is older, no more than a sixtieth of a rolling span is moved into it");
    TEST(a_clock_ahead_folds_nothing_of_today,
         "a clock that was far ahead at a start forgets nothing of today for the next one");
    TEST(a_day_begins_at_its_first_midnight,
         "a day begins once, where clocks go back to midnight or forward from it");
    return tap_done();
}
