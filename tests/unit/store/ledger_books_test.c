/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_books.h"

#include "store/ledger_clock.h"
#include "tests/unit/store/ledger_testing.h"

#include <stdlib.h>
#include <time.h>

#define MINUTE_NS (60 * NS_PER_S)
#define DAY_NS (86400 * NS_PER_S)
/* 2020-02-11 12:00 UTC. */
#define NOON_NS (SAMPLE_START_NS + 41 * DAY_NS + 12 * 60 * MINUTE_NS)

/* One call with one attempt of key 1: [held, settled) in minutes after noon, and what it held and
 * cost. */
struct spell {
    int64_t held_min;
    int64_t settled_min;
    int64_t held_nd;
    int64_t cost_nd;
};

/* What is above the key, where a test wants that, and the model that has limits of its own. */
static bool has_scopes;
static const uint64_t above[SCOPE_KINDS] = {
    [SCOPE_USER] = 5, [SCOPE_TEAM] = 6, [SCOPE_ORGANISATION] = 7};

static void put_scopes(struct hold_record *hold, struct call_record *call)
{
    memcpy(hold->scopes, above, sizeof(above));
    memcpy(call->scopes, above, sizeof(above));
    hold->limited_model = SLICE("auto\nsmall");
}

static void write_spell(struct journal *journal, uint64_t seed, const struct spell *spell)
{
    struct hold_record hold = sample_hold(seed, 1);
    struct settle_record settle = sample_settle(seed, 1);
    struct call_record call = sample_call(seed);
    if (has_scopes) {
        put_scopes(&hold, &call);
    }
    hold.key_id = settle.key_id = call.key_id = 1;
    hold.wall_ns = call.wall_ns = NOON_NS + spell->held_min * MINUTE_NS;
    settle.wall_ns = NOON_NS + spell->settled_min * MINUTE_NS;
    settle.total_us = (spell->settled_min - spell->held_min) * MINUTE_NS / NS_PER_US;
    hold.amount_nd = settle.released_nd = spell->held_nd;
    settle.cost_nd = call.cost_nd = spell->cost_nd;
    call.attempts = 1;
    EXPECT(journal_hold(journal, &hold));
    EXPECT(journal_settle_and_call(journal, &settle, &call));
}

static void write_spells(const struct spell *spells, size_t count)
{
    struct ledger *ledger = open_ledger();
    for (size_t i = 0; i < count; i++) {
        write_spell(ledger_journal(ledger), 1 + i * 210, &spells[i]); /* whole calls, all alike */
    }
    EXPECT(ledger_flush(ledger, 5000));
    ledger_close(ledger, 1000);
    expect_sound();
}

/* As somebody made it whose act says nothing. */
static void add_cap(enum cap_period period, int64_t window_s, int64_t amount_nd)
{
    char sql[320];
    snprintf(sql, sizeof(sql),
             "DELETE FROM caps; INSERT INTO caps VALUES(0, 1, '', %d, %lld, %lld, 0);"
             "INSERT OR IGNORE INTO audit VALUES(100, 0, 'a', 's', 'key.create', 'key:1 x', 'ok',"
             " '', x'')",
             (int)period, (long long)window_s, (long long)amount_nd);
    EXPECT(change(sql));
}

static struct ledger_books books;

/* What is found broken, or "". */
static const char *look(void)
{
    static struct error error;
    error = (struct error){0};
    return ledger_books_check(ledger_path, &books, &error) ? "" : error.text;
}

static void expect_held(bool held)
{
    const char *text = look();
    bool found = strncmp(text, "a cap was exceeded: key 1", 25) == 0;
    if (held ? text[0] != '\0' : !found) {
        tap_point_failed = true;
        printf("# found: %s\n", text);
    }
}

static void what_is_held_and_settled_counts(void)
{
    static const struct spell spells[] = {{0, 10, 50, 20}, {5, 15, 50, 30}, {12, 20, 40, 10}};
    begin();
    write_spells(spells, ARRAY_LEN(spells));
    add_cap(CAP_TOTAL, 0, 110); /* at 12: 20 settled, 50 and 40 held */
    expect_held(true);
    add_cap(CAP_TOTAL, 0, 109);
    expect_held(false);
    EXPECT(change("UPDATE caps SET soft = 1"));
    expect_held(true);
    end();
}

static void expect_caps(const char *caps, const char *found, uint64_t holds)
{
    char sql[600];
    snprintf(sql, sizeof(sql), "DELETE FROM caps; INSERT INTO caps VALUES %s", caps);
    EXPECT(change(sql));
    const char *text = look();
    if (strncmp(text, found, strlen(found)) != 0 || (found[0] == '\0' && text[0] != '\0')) {
        tap_point_failed = true;
        printf("# with %s\n# found: %s\n", caps, text);
    }
    if (found[0] == '\0') {
        EXPECT_INT(books.holds, holds);
    }
}

/* All caps of all scopes are played in one reading, each with what counts for it. */
static void every_scope_has_its_own(void)
{
    static const struct spell spells[] = {{0, 10, 50, 20}, {5, 15, 50, 30}, {12, 20, 40, 10}};
    begin();
    has_scopes = true;
    write_spells(spells, ARRAY_LEN(spells));
    has_scopes = false;
    EXPECT(change("INSERT OR IGNORE INTO audit VALUES(100, 0, 'a', 's', 'key.create', 'key:1 x',"
                  " 'ok', '', x''), (101, 0, 'a', 's', 'key.create', 'user:5 x', 'ok', '', x''),"
                  " (102, 0, 'a', 's', 'key.create', 'team:6 x', 'ok', '', x''),"
                  " (103, 0, 'a', 's', 'key.create', 'organisation:7 x', 'ok', '', x''),"
                  " (104, 0, 'a', 's', 'key.create', 'organisation:8 x', 'ok', '', x'')"));
    expect_caps("(0, 1, '', 0, 0, 110, 0), (1, 5, '', 1, 0, 110, 0), (2, 6, 'small', 3, 0, 110, 0),"
                " (2, 6, 'other', 3, 0, 1, 0), (3, 7, 'auto', 4, 3600, 110, 0),"
                " (3, 8, '', 0, 0, 1, 0)",
                "", 12);
    expect_caps("(0, 1, '', 0, 0, 110, 0), (1, 5, '', 1, 0, 109, 0)",
                "a cap was exceeded: user 5, per day", 0);
    expect_caps("(0, 1, '', 0, 0, 110, 0), (2, 6, 'small', 3, 0, 109, 0)",
                "a cap was exceeded: team 6, per month", 0);
    expect_caps("(1, 5, '', 0, 0, 110, 0), (3, 7, 'auto', 4, 3600, 109, 0)",
                "a cap was exceeded: organisation 7, per rolling", 0);
    expect_caps("(0, 1, '', 0, 0, 109, 0), (3, 7, 'auto', 4, 3600, 110, 0)",
                "a cap was exceeded: key 1, per total", 0);
    end();
}

static void days_and_windows_have_their_own(void)
{
    static const struct spell spells[] = {
        {0, 10, 100, 100}, {719, 725, 60, 60}, {730, 735, 100, 70}, {800, 801, 30, 30}};
    begin();
    write_spells(spells, ARRAY_LEN(spells));
    add_cap(CAP_DAY, 0, 160); /* the second was held before midnight */
    expect_held(true);
    add_cap(CAP_DAY, 0, 159);
    expect_held(false);
    add_cap(CAP_TOTAL, 0, 260);
    expect_held(true);
    add_cap(CAP_ROLLING, 3600, 160); /* 60 and then 100 within the hour */
    expect_held(true);
    add_cap(CAP_ROLLING, 3600, 159);
    expect_held(false);
    end();
}

static void overruns_are_no_violations(void)
{
    static const struct spell spells[] = {{0, 10, 50, 90}, {20, 25, 10, 10}, {30, 35, 1, 1}};
    struct error error;
    begin();
    write_spells(spells, ARRAY_LEN(spells));
    add_cap(CAP_TOTAL, 0, 61);
    expect_held(true);
    EXPECT(ledger_books_check(ledger_path, &books, &error));
    EXPECT_INT(books.overruns, 1);
    EXPECT_INT(books.holds, 3);
    EXPECT_INT(books.charged_nd, 101);
    EXPECT_INT(books.owed_nd, 101);
    EXPECT_INT(books.exceeded, 1); /* and which, by how much, is said */
    EXPECT_INT(books.excesses[0].kind, SCOPE_KEY);
    EXPECT_INT(books.excesses[0].amount_nd, 61);
    EXPECT_INT(books.excesses[0].over_nd, 40);
    EXPECT(strcmp(books.excesses[0].per, "total") == 0);
    add_cap(CAP_TOTAL, 0, 101);
    EXPECT(ledger_books_check(ledger_path, &books, &error));
    EXPECT_INT(books.overruns, 1);
    EXPECT_INT(books.exceeded, 0); /* there was room for it */
    add_cap(CAP_TOTAL, 0, 95);
    EXPECT(ledger_books_check(ledger_path, &books, &error));
    EXPECT_INT(books.excesses[0].over_nd, 6); /* when the last one had been held, and settled */
    add_cap(CAP_TOTAL, 0, 60);
    expect_held(false);
    end();
}

static void a_cap_counts_from_its_last_change(void)
{
    static const struct spell spells[] = {{0, 10, 100, 100}, {20, 30, 10, 10}};
    char sql[240];
    begin();
    write_spells(spells, ARRAY_LEN(spells));
    add_cap(CAP_TOTAL, 0, 50);
    expect_held(false);
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO audit VALUES(1, %lld, 'a', 's', 'limit.change', 'key:1 x', 'ok', '', x'')",
        (long long)(NOON_NS + 40 * MINUTE_NS));
    EXPECT(change(sql));
    expect_held(true);
    snprintf(sql, sizeof(sql), "UPDATE audit SET at_ns = %lld WHERE id = 1",
             (long long)(NOON_NS + 15 * MINUTE_NS));
    EXPECT(change(sql));
    expect_held(false); /* the second hold came while it was in force */
    EXPECT(change("UPDATE audit SET subject = 'key:11 x' WHERE id = 1"));
    expect_held(false);
    end();
}

/* An entry of the audit log about key 1, some minutes after noon; the first one removes the others.
 */
static void add_entry(int id, int64_t at_min, const char *detail)
{
    char sql[400];
    snprintf(sql, sizeof(sql),
             "DELETE FROM audit WHERE id >= %d; INSERT INTO audit"
             " VALUES(%d, %lld, 'a', 's', 'limit.change', 'key:1 x', 'ok', '%s', x'')",
             id, id, (long long)(NOON_NS + at_min * MINUTE_NS), detail);
    EXPECT(change(sql));
}

#define DETAIL(usd) "{\"caps\":[{\"usd\":\"" usd "\",\"per\":\"total\"}]}"

static void a_cap_is_what_it_was_then(void)
{
    static const struct spell spells[] = {{0, 10, 100, 100}, {20, 30, 10, 10}};
    begin();
    write_spells(spells, ARRAY_LEN(spells));
    add_cap(CAP_TOTAL, 0, 300);
    expect_held(true);
    EXPECT_INT(books.untold, 1); /* what was asked for is not known */
    add_entry(1, -10, DETAIL("0.000000050"));
    add_entry(2, 15, DETAIL("0.000000300"));
    expect_held(false); /* the first one did not fit what was in force */
    add_entry(1, -10, DETAIL("0.000000100"));
    add_entry(2, 15, DETAIL("0.000000300"));
    expect_held(true);
    add_entry(2, 12, DETAIL("0.000000109"));
    add_entry(3, 35, DETAIL("0.000000300"));
    expect_held(false);
    add_entry(2, 12, "{\"clear\":true}");
    add_entry(3, 35, DETAIL("0.000000300"));
    expect_held(true);
    add_entry(2, 12, "{\"model\":\"m\",\"caps\":[{\"usd\":\"0\",\"per\":\"total\"}]}");
    add_entry(3, 15, DETAIL("0.000000300"));
    EXPECT(change("INSERT INTO caps VALUES(0, 1, 'm', 0, 0, 0, 0)"));
    expect_held(true); /* another's */
    EXPECT(change("DELETE FROM caps WHERE model = 'm'"));
    add_entry(1, -10, DETAIL("0.000000050"));
    add_entry(2, 15, DETAIL("0.000000300"));
    expect_held(false);
    EXPECT_INT(books.untold, 0);
    EXPECT(change("INSERT INTO audit SELECT 3, at_ns, actor, source, action, 'key:12 y', outcome,"
                  " detail, hash FROM audit WHERE id = 1;"
                  "INSERT INTO caps VALUES(0, 12, '', 0, 0, 50, 0)"));
    expect_held(false); /* what was done to another one says nothing of it */
    EXPECT_INT(books.untold, 0);
    EXPECT(change("DELETE FROM caps WHERE scope = 12"));
    add_entry(2, 15, DETAIL("0.000000299"));
    EXPECT_SLICE(slice_from_cstr(look()), "a cap is not what the audit log says (key:1 model )");
    end();
}

static const struct tampering {
    const char *sql;
    const char *found;
} tamperings[] = {
    {"UPDATE rollups SET cost_nd = cost_nd + 1 WHERE dimension = 3", "debits are not credits"},
    {"DELETE FROM rollups WHERE dimension = 4", "debits are not credits"},
    {"INSERT INTO attempt_rows SELECT a.* FROM attempts a JOIN call_rows c ON c.id = a.call"
     " WHERE c.bits & 8 LIMIT 1",
     "an attempt was settled twice"},
    {"INSERT INTO holds SELECT call, attempt, settled_ns, held_nd, target, provider, model, 0, 0"
     " FROM attempts LIMIT 1",
     "its hold not released"},
    {"UPDATE shapes SET user = 1", "what users have spent is less"},
    {"UPDATE shapes SET organisation = 3", "what organisations have spent is less"},
};

static void books_that_do_not_balance_are_found(void)
{
    for (size_t i = 0; i < ARRAY_LEN(tamperings); i++) {
        begin();
        struct ledger *ledger = open_ledger();
        for (uint64_t seed = 1; seed <= 60; seed++) {
            EXPECT(append_call(ledger_journal(ledger), seed));
        }
        ledger_close(ledger, 5000);
        EXPECT_SLICE(slice_from_cstr(look()), "");
        EXPECT(change(tamperings[i].sql));
        if (strstr(look(), tamperings[i].found) == NULL) {
            tap_point_failed = true;
            printf("# after %s\n# found: %s\n", tamperings[i].sql, look());
        }
        end();
    }
}

/* --- the clock --- */

static struct clock_manual turned;
static struct ledger_clock watched;
static sqlite3 *watched_db;

static void watch_from(int64_t minute)
{
    struct error error;
    watched_db = database_open(ledger_path, DATABASE_CHANGE, &error);
    CHECK(watched_db != NULL && control_register(watched_db));
    turned.wall_ns = NOON_NS + minute * MINUTE_NS;
    EXPECT(ledger_clock_load(&watched, watched_db, &turned.clock, 0));
    ledger_clock_begin(&watched);
}

/* It runs for so many minutes, then says something else. */
static void watch_for(int64_t minutes, int64_t jump_min)
{
    for (int64_t i = 0; i < minutes; i++) {
        clock_manual_advance(&turned, MINUTE_NS);
        ledger_clock_look(&watched);
    }
    clock_manual_advance(&turned, NS_PER_MS);
    turned.wall_ns += jump_min * MINUTE_NS;
    ledger_clock_look(&watched);
}

static void watch_end(void)
{
    EXPECT(database_exec(watched_db, "BEGIN") && ledger_clock_write(&watched, watched_db) &&
           database_exec(watched_db, "COMMIT"));
    ledger_clock_release(&watched);
    sqlite3_close(watched_db);
}

static void begin_watched(const struct spell *spells, size_t count)
{
    begin();
    write_spells(spells, count);
    EXPECT(change("DELETE FROM clock_spans")); /* those of this machine */
    memset(&watched, 0, sizeof(watched));
    clock_manual_init(&turned, NS_PER_S, 0);
}

static void a_step_back_is_no_violation(void)
{
    /* The clock was at minute 12 when it went back to 4. */
    static const struct spell spells[] = {{0, 10, 50, 20}, {5, 15, 30, 30}, {16, 17, 10, 10}};
    begin_watched(spells, ARRAY_LEN(spells));
    add_cap(CAP_TOTAL, 0, 60);
    expect_held(false); /* as it seems */
    watch_from(-5);
    watch_for(17, -8);
    watch_for(30, 0);
    watch_end();
    expect_held(true);
    expect_sound();
    add_cap(CAP_TOTAL, 0, 59); /* the third one's */
    expect_held(false);
    add_cap(CAP_TOTAL, 0, 49); /* the second one's */
    expect_held(false);
    add_cap(CAP_ROLLING, 3600, 40); /* when the first one was is not known: it is not held against
                                       a span */
    expect_held(true);
    add_cap(CAP_ROLLING, 3600, 39);
    expect_held(false);
    end();
}

static void a_day_ahead_and_back_is_no_violation(void)
{
    /* The day that was entered went on when the clock was back in the one before. */
    static const struct spell spells[] = {
        {0, 10, 100, 100}, {1460, 1470, 20, 20}, {50, 60, 80, 80}, {1500, 1501, 1, 0}};
    begin_watched(spells, ARRAY_LEN(spells));
    add_cap(CAP_DAY, 0, 100);
    expect_held(false); /* as it seems: 180 in the first day */
    watch_from(-5);
    watch_for(20, 1440);
    watch_for(20, -1440);
    watch_for(1480, 0);
    watch_end();
    expect_held(true);
    add_cap(CAP_DAY, 0, 99); /* the first one's */
    expect_held(false);
    EXPECT(change("UPDATE call_rows SET held_nd = 10 WHERE held_nd = 100"));
    add_cap(CAP_DAY, 0, 79); /* the third one's */
    expect_held(false);
    end();
}

static void use_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

/* In UTC from 22:00 to 3:00, then in Tokyo from 13:00 on, where it is midnight at 15:00. */
static void watch_two_zones(void)
{
    watch_from(600);
    watch_for(300, 0);
    watch_end();
    use_zone("Asia/Tokyo");
    watch_from(1500);
    watch_for(300, 0);
    watch_end();
}

static void days_are_those_that_were_in_force(void)
{
    static const struct spell spells[] = {
        {660, 661, 100, 100}, {780, 781, 100, 100}, {1680, 1681, 100, 100}};
    begin_watched(spells, ARRAY_LEN(spells));
    add_cap(CAP_DAY, 0, 100);
    use_zone("Asia/Tokyo");
    expect_held(false); /* as it seems: two in one day */
    use_zone("UTC");
    watch_two_zones();
    expect_held(true);
    use_zone("America/Los_Angeles");
    expect_held(true);
    add_cap(CAP_DAY, 0, 99);
    expect_held(false);
    use_zone("UTC");
    end();
}

static void a_new_zone_begins_with_what_its_day_has(void)
{
    static const struct spell spells[] = {
        {660, 661, 100, 100}, {780, 781, 100, 100}, {1560, 1561, 1, 1}};
    begin_watched(spells, ARRAY_LEN(spells));
    watch_two_zones();
    add_cap(CAP_DAY, 0, 201);
    expect_held(true);
    add_cap(CAP_DAY, 0, 200);
    expect_held(false);
    use_zone("UTC");
    end();
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    TEST(what_is_held_and_settled_counts, "what was held and settled is compared with the cap");
    TEST(days_and_windows_have_their_own, "a day and a window have what was held in them");
    TEST(every_scope_has_its_own, "all caps of all scopes are played, each with what is its own");
    TEST(overruns_are_no_violations, "what cost more than was held is counted, and no violation");
    TEST(a_cap_counts_from_its_last_change, "a cap counts from the last change of its scope on");
    TEST(a_cap_is_what_it_was_then, "a cap is what it was at the time of the hold");
    TEST(books_that_do_not_balance_are_found, "books that do not balance are found");
    TEST(a_step_back_is_no_violation, "holds that a clock put in another order are in theirs");
    TEST(a_day_ahead_and_back_is_no_violation, "a clock a day ahead and back breaks no cap");
    TEST(days_are_those_that_were_in_force, "days are those of the zone that was in force");
    TEST(a_new_zone_begins_with_what_its_day_has, "a new zone's day has what was spent in it");
    return tap_done();
}
