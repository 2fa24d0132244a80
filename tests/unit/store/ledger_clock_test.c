/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger keeps of the clock, whatever that does. */
#include "store/ledger_clock.h"

#include "store/ledger_schema.h"
#include "tests/unit/store/ledger_testing.h"

#include <stdlib.h>
#include <time.h>

#define HOUR_NS (3600 * NS_PER_S)
#define DAY_NS (24 * HOUR_NS)
/* 2026-11-22 12:00 UTC */
#define NOON_NS (INT64_C(1795348800) * NS_PER_S)

static struct clock_manual turned;
static struct ledger_clock watched;
static sqlite3 *db;

static void write_it(void)
{
    EXPECT(database_exec(db, "BEGIN") && ledger_clock_write(&watched, db) &&
           database_exec(db, "COMMIT"));
    ledger_clock_written(&watched);
}

static void start(void)
{
    EXPECT(ledger_clock_load(&watched, db, &turned.clock, 0));
    ledger_clock_begin(&watched);
    ledger_clock_look(&watched);
}

static void stop(void)
{
    ledger_clock_look(&watched);
    write_it();
    ledger_clock_release(&watched);
}

/* The gateway runs, and looks twice a second. */
static void run_for(int64_t ns)
{
    while (ns > 0) {
        int64_t step_ns = ns > 60 * NS_PER_S ? 60 * NS_PER_S : ns;
        clock_manual_advance(&turned, step_ns);
        ledger_clock_look(&watched);
        ns -= step_ns;
    }
}

static void jump(int64_t ns)
{
    turned.wall_ns += ns;
    ledger_clock_look(&watched);
}

static void begin_watch(void)
{
    struct error error;
    begin();
    db = database_open(ledger_path, DATABASE_CREATE, &error);
    CHECK(db != NULL && ledger_schema_prepare(db, ledger_path, &error) && control_register(db));
    clock_manual_init(&turned, 1000 * NS_PER_S, NOON_NS);
    memset(&watched, 0, sizeof(watched));
    start();
}

static void end_watch(void)
{
    ledger_clock_release(&watched);
    sqlite3_close(db);
    end();
}

static struct clock_moment at(int64_t wall_ns)
{
    struct clock_times times;
    CHECK(clock_times_load(&times, db));
    struct clock_moment moment = clock_times_at(&times, wall_ns);
    clock_times_release(&times);
    moment.span = NULL;
    return moment;
}

static void is_believed_when_it_ran_evenly(void)
{
    begin_watch();
    run_for(2 * HOUR_NS);
    EXPECT_INT(ledger_clock_known(&watched), NOON_NS + 2 * HOUR_NS);
    stop();
    turned.wall_ns += 10 * DAY_NS; /* ahead, or it was off for so long */
    start();
    EXPECT_INT(ledger_clock_known(&watched), NOON_NS + 2 * HOUR_NS);
    run_for(7 * HOUR_NS);
    EXPECT_INT(ledger_clock_known(&watched), NOON_NS + 9 * HOUR_NS);
    jump(-3 * DAY_NS); /* it is being put right: all begins anew */
    run_for(5 * HOUR_NS);
    EXPECT_INT(ledger_clock_known(&watched), NOON_NS + 14 * HOUR_NS);
    run_for(4 * HOUR_NS);
    EXPECT_INT(ledger_clock_known(&watched), turned.wall_ns);
    jump(-5 * DAY_NS); /* never later than the clock says */
    EXPECT_INT(ledger_clock_known(&watched), turned.wall_ns);
    end_watch();
}

static void goes_on_when_the_clock_goes_back(void)
{
    begin_watch();
    run_for(HOUR_NS);
    jump(-600 * NS_PER_S);
    run_for(HOUR_NS);
    stop();
    EXPECT_INT(at(NOON_NS + 600 * NS_PER_S).time_ns, NOON_NS + 600 * NS_PER_S);
    EXPECT(at(NOON_NS + 600 * NS_PER_S).once);
    /* 12:55 was twice, an hour's sixth apart */
    EXPECT(!at(NOON_NS + 3300 * NS_PER_S).once);
    EXPECT_INT(at(NOON_NS + 3300 * NS_PER_S).first_ns, NOON_NS + 3300 * NS_PER_S);
    EXPECT_INT(at(NOON_NS + 3300 * NS_PER_S).time_ns, NOON_NS + 3900 * NS_PER_S);
    EXPECT(at(NOON_NS + 4000 * NS_PER_S).once);
    EXPECT_INT(at(NOON_NS + 4000 * NS_PER_S).time_ns, NOON_NS + 4600 * NS_PER_S);
    end_watch();
}

static void a_day_ahead_and_back_takes_no_time(void)
{
    begin_watch();
    run_for(HOUR_NS);
    jump(DAY_NS);
    run_for(HOUR_NS);
    jump(-DAY_NS);
    run_for(22 * HOUR_NS);
    stop();
    EXPECT_INT(at(NOON_NS + DAY_NS + 5400 * NS_PER_S).time_ns, NOON_NS + 5400 * NS_PER_S);
    EXPECT_INT(at(NOON_NS + 20 * HOUR_NS).time_ns, NOON_NS + 20 * HOUR_NS);
    EXPECT_INT(ask("SELECT count(DISTINCT day_s) FROM clock_spans"), 2);
    /* The day that was entered goes on though the clock was turned back behind its beginning. */
    EXPECT_INT(ask("SELECT day_s % 86400 = 0 AND begin_ns / 1000000000 < day_s FROM clock_spans"
                   " ORDER BY seq DESC LIMIT 1"),
               1);
    end_watch();
}

static void what_nobody_saw_pass_counts_later(void)
{
    begin_watch();
    run_for(2 * HOUR_NS);
    stop();
    turned.wall_ns += DAY_NS;
    start();
    run_for(60 * NS_PER_S);
    write_it();
    EXPECT_INT(at(turned.wall_ns).time_ns, NOON_NS + 2 * HOUR_NS + 60 * NS_PER_S);
    run_for(2 * HOUR_NS);
    write_it();
    EXPECT_INT(at(turned.wall_ns).time_ns, turned.wall_ns);
    EXPECT_INT(at(turned.wall_ns - 2 * HOUR_NS).time_ns, turned.wall_ns - 2 * HOUR_NS);
    EXPECT_INT(at(NOON_NS + HOUR_NS).time_ns, NOON_NS + HOUR_NS);
    stop();
    expect_sound();
    EXPECT(change("UPDATE clock_spans SET shift_ns = shift_ns + 1 WHERE seq = 2"));
    struct error error;
    EXPECT(!ledger_verify(ledger_path, &error));
    end_watch();
}

static void days_are_those_of_their_zone(void)
{
    begin_watch();
    run_for(HOUR_NS);
    stop();
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    start();
    run_for(3 * HOUR_NS); /* midnight in Tokyo is 15:00 UTC */
    stop();
    setenv("TZ", "UTC", 1);
    tzset();
    EXPECT_INT(ask("SELECT day_s FROM clock_spans WHERE seq = 1"), NOON_NS / NS_PER_S - 12 * 3600);
    EXPECT_INT(ask("SELECT day_s FROM clock_spans WHERE seq = 2"), NOON_NS / NS_PER_S - 21 * 3600);
    EXPECT_INT(ask("SELECT day_s FROM clock_spans WHERE seq = 3"), NOON_NS / NS_PER_S + 3 * 3600);
    EXPECT_INT(ask("SELECT begin_ns / 1000000000 - day_s FROM clock_spans WHERE seq = 3"), 0);
    end_watch();
}

static void records_of_a_killed_process_belong_to_it(void)
{
    begin_watch();
    run_for(HOUR_NS);
    stop();
    EXPECT(ledger_clock_load(&watched, db, &turned.clock, 0));
    ledger_clock_was(&watched, NOON_NS + HOUR_NS + 30 * NS_PER_S);
    ledger_clock_was(&watched, NOON_NS + DAY_NS); /* not from there */
    turned.wall_ns = NOON_NS + DAY_NS;
    ledger_clock_begin(&watched);
    stop();
    EXPECT_INT(ask("SELECT end_ns / 1000000000 FROM clock_spans WHERE seq = 1"),
               NOON_NS / NS_PER_S + 3630);
    EXPECT_INT(at(NOON_NS + DAY_NS).time_ns, NOON_NS + HOUR_NS + 30 * NS_PER_S);
    end_watch();
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    TEST(is_believed_when_it_ran_evenly, "a clock is believed when it has run evenly for long");
    TEST(goes_on_when_the_clock_goes_back, "the ledger's time goes on when the clock goes back");
    TEST(a_day_ahead_and_back_takes_no_time, "a day ahead and back takes no time");
    TEST(what_nobody_saw_pass_counts_later,
         "what passed between two processes counts once the clock is believed");
    TEST(days_are_those_of_their_zone, "days are those of the zone of that time");
    TEST(records_of_a_killed_process_belong_to_it,
         "the last records of a killed process belong to its time");
    return tap_done();
}
