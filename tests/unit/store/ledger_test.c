/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger.h"

#include "store/ledger_schema.h"
#include "store/report.h"
#include "tests/unit/store/ledger_testing.h"

#include <fcntl.h>
#include <sys/mount.h>

static void every_call_becomes_its_rows(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    int64_t attempts = 0;
    int64_t cost = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
        attempts += sample_attempts(seed);
        cost += sample_call(seed).cost_nd;
    }
    EXPECT(ledger_flush(ledger, 10000));
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT_INT(stats.rows, 3000 + attempts);
    EXPECT_INT(stats.anomalies, 0);
    EXPECT_INT(stats.errors, 0);
    EXPECT_INT(stats.lag_ms, 0);
    EXPECT(stats.healthy && stats.commits > 0);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 3000);
    EXPECT_INT(ask("SELECT count(*) FROM attempts"), attempts);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM calls"), cost);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM rollups WHERE dimension = 4"), cost);
    EXPECT_INT(ask("SELECT count(*) FROM holds"), 0);
    EXPECT_INT(ask("SELECT count(*) FROM open_calls"), 0);
    expect_sound();
    ledger_close(ledger, 1000);
    expect_sound();
    end();
}

static void a_call_survives_batches_between_its_records(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    struct journal *journal = ledger_journal(ledger);
    for (uint64_t seed = 0; seed < 70; seed += 7) { /* three attempts each */
        struct call_record call = sample_call(seed);
        for (uint32_t i = 1; i <= 3; i++) {
            struct hold_record hold = sample_hold(seed, i);
            struct settle_record settle = sample_settle(seed, i);
            EXPECT(journal_hold(journal, &hold));
            EXPECT(ledger_flush(ledger, 5000));
            /* As long as there is nothing but a hold, the journal has it. */
            EXPECT_INT(ask("SELECT count(*) FROM holds"), i > 1);
            EXPECT_INT(ask("SELECT count(*) FROM open_calls"), i > 1);
            EXPECT(journal_settle(journal, &settle));
            EXPECT(ledger_flush(ledger, 5000));
            EXPECT_INT(ask("SELECT count(*) FROM holds"), 0);
        }
        expect_sound(); /* also while it is open */
        EXPECT(journal_call(journal, &call));
        EXPECT(ledger_flush(ledger, 5000));
        EXPECT_INT(ask("SELECT count(*) FROM open_calls"), 0);
    }
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT_INT(stats.anomalies, 0);
    ledger_close(ledger, 1000);
    EXPECT_INT(ask("SELECT sum(calls) FROM rollups WHERE dimension = 1"), 10);
    expect_sound();
    end();
}

static void reopening_goes_on_exactly_there(void)
{
    begin();
    uint64_t seed = 0;
    for (int round = 0; round < 5; round++) {
        struct ledger *ledger = open_ledger();
        for (int i = 0; i < 200; i++) {
            EXPECT(append_call(ledger_journal(ledger), seed++));
        }
        /* Half of the rounds leave work in the journal. */
        ledger_close(ledger, round % 2 == 0 ? 5000 : 0);
    }
    struct ledger *ledger = open_ledger();
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 1000);
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT_INT(stats.interrupted, 0);
    ledger_close(ledger, 1000);
    expect_sound();
    end();
}

static void what_was_left_open_costs_its_hold(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    struct journal *journal = ledger_journal(ledger);
    struct hold_record hold = sample_hold(7, 1);
    EXPECT(journal_hold(journal, &hold));   /* a first attempt in flight */
    EXPECT(append_attempt(journal, 14, 1)); /* failed once, second in flight */
    hold = sample_hold(14, 2);
    EXPECT(journal_hold(journal, &hold));
    EXPECT(append_attempt(journal, 21, 1)); /* between two attempts */
    ledger_close(ledger, 5000);

    ledger = open_ledger();
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT_INT(stats.interrupted, 3);
    EXPECT_INT(ask("SELECT count(*) FROM calls c JOIN names n ON n.id = c.error WHERE c.status = 0"
                   " AND n.name = 'interrupted' AND NOT c.complete"),
               3);
    EXPECT_INT(ask("SELECT count(*) FROM attempts WHERE outcome = 4 AND reported = 0"), 2);
    EXPECT_INT(ask("SELECT count(*) FROM calls c JOIN attempts a ON a.call = c.id"
                   " AND a.attempt = c.attempts WHERE c.target <> 0 AND c.target = a.target"
                   " AND c.provider = a.provider AND c.model = a.model"),
               3);
    /* what the holds said of their calls */
    EXPECT_INT(ask("SELECT count(*) FROM calls c JOIN names r ON r.id = c.route"
                   " JOIN names e ON e.id = c.endpoint JOIN names m ON m.id = c.asked_model"
                   " WHERE e.name = '/v1/chat/completions' AND m.name = 'auto'"),
               3);
    EXPECT_INT(ask("SELECT count(DISTINCT route) * 10 + count(DISTINCT task) FROM calls"), 33);
    EXPECT_INT(ask("SELECT complexity FROM calls ORDER BY id LIMIT 1"), 7);
    EXPECT_INT(ask("SELECT count(*) FROM calls c JOIN names k ON k.id = c.key_name"
                   " WHERE c.key <> 0 AND k.name IN ('alice', 'bob', 'ci équipe')"),
               3);
    int64_t cost = sample_hold(7, 1).amount_nd + sample_cost(14, 1) + sample_hold(14, 2).amount_nd +
                   sample_cost(21, 1);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM calls"), cost);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM rollups WHERE dimension = 5"), cost);
    expect_sound();
    ledger_close(ledger, 1000);
    ledger = open_ledger(); /* once only */
    ledger_stats(ledger, &stats);
    EXPECT_INT(stats.interrupted, 0);
    ledger_close(ledger, 1000);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM calls"), cost);
    end();
}

/* A stream that went on: its later record has all of it. In the journal alone, and after its row
 * was written; the last record is older than the second and changes nothing. */
static void an_extended_hold_costs_all_of_it(void)
{
    for (int written = 0; written < 2; written++) {
        begin();
        struct ledger *ledger = open_ledger();
        struct journal *journal = ledger_journal(ledger);
        struct hold_record hold = sample_hold(1, 2);
        struct hold_record other = sample_hold(1, 1);
        struct settle_record settle = sample_settle(1, 1);
        EXPECT(journal_hold(journal, &other) && journal_settle(journal, &settle));
        EXPECT(journal_hold(journal, &hold));
        if (written == 1) {
            EXPECT(ledger_flush(ledger, 5000));
            EXPECT_INT(ask("SELECT amount_nd FROM holds"), hold.amount_nd);
        }
        hold.amount_nd += 70;
        EXPECT(journal_hold(journal, &hold));
        hold.amount_nd -= 10;
        EXPECT(journal_hold(journal, &hold));
        hold.amount_nd += 10;
        EXPECT(ledger_flush(ledger, 5000));
        EXPECT_INT(ask("SELECT amount_nd FROM holds"), hold.amount_nd);
        ledger_close(ledger, 1000);
        ledger = open_ledger();
        EXPECT_INT(ask("SELECT cost_nd FROM attempts WHERE outcome = 4"), hold.amount_nd);
        EXPECT_INT(ask("SELECT sum(cost_nd) FROM calls"), hold.amount_nd + settle.cost_nd);
        EXPECT_INT(ask("SELECT count(*) FROM holds"), 0);
        expect_sound();
        ledger_close(ledger, 1000);
        end();
    }
}

static void broken_rules_are_counted_and_the_sums_hold(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    struct journal *journal = ledger_journal(ledger);
    struct hold_record hold = sample_hold(1, 1);
    struct settle_record settle = sample_settle(1, 1);
    struct call_record call = sample_call(1);
    EXPECT(journal_hold(journal, &hold) && journal_hold(journal, &hold));
    EXPECT(journal_settle(journal, &settle) && journal_settle(journal, &settle));
    call.cost_nd += 1; /* not the sum */
    EXPECT(journal_call(journal, &call));
    EXPECT(journal_call(journal, &call));     /* twice */
    EXPECT(journal_settle(journal, &settle)); /* after the call */
    hold = sample_hold(2, 1);
    call = sample_call(2);
    EXPECT(journal_hold(journal, &hold) && journal_call(journal, &call)); /* never settled */
    hold = sample_hold(1, 2);
    settle = sample_settle(1, 2);
    EXPECT(journal_hold(journal, &hold) && journal_settle(journal, &settle)); /* late */
    EXPECT(ledger_flush(ledger, 5000));
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT(stats.anomalies >= 6);
    expect_sound();
    ledger_close(ledger, 1000);

    /* The late attempt joins its call at the next start. */
    ledger = open_ledger();
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 2);
    EXPECT_INT(ask("SELECT count(*) FROM open_calls"), 0);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM calls"),
               sample_cost(1, 1) + sample_cost(1, 2) + sample_hold(2, 1).amount_nd);
    expect_sound();
    ledger_close(ledger, 1000);
    end();
}

/* A call whose attempt is in its own row, and what must not come after it. */
static void a_closed_call_takes_nothing_twice(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    struct journal *journal = ledger_journal(ledger);
    struct hold_record hold = sample_hold(1, 1);
    struct settle_record settle = sample_settle(1, 1);
    struct call_record call = sample_call(1);
    EXPECT(append_call(journal, 1) && append_call(journal, 2));
    EXPECT(journal_settle(journal, &settle)); /* not held */
    EXPECT(ledger_flush(ledger, 5000));
    EXPECT(append_call(journal, 1)); /* all of it again, in a later batch */
    EXPECT(journal_hold(journal, &hold) && journal_settle(journal, &settle) &&
           journal_call(journal, &call));                       /* the same as two rows */
    EXPECT(append_call(journal, 4) && append_call(journal, 4)); /* in one batch */
    EXPECT(journal_hold(journal, &hold) && journal_settle(journal, &settle));
    EXPECT(ledger_flush(ledger, 5000));
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT(stats.anomalies >= 4);
    EXPECT_INT(stats.errors, 0);
    EXPECT_INT(ask("SELECT count(*) FROM call_rows WHERE bits & 8"), 3);
    expect_sound();
    hold = sample_hold(1, 2);
    settle = sample_settle(1, 2);
    EXPECT(journal_hold(journal, &hold) && journal_settle(journal, &settle)); /* late */
    EXPECT(ledger_flush(ledger, 5000));
    expect_sound();
    ledger_close(ledger, 1000);

    /* The late attempt joins its call: that has two rows for its attempts from then on. */
    ledger = open_ledger();
    EXPECT_INT(ask("SELECT count(*) FROM call_rows WHERE bits & 8"), 2);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 3);
    EXPECT_INT(ask("SELECT count(*) FROM attempts"), 4);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM calls"),
               sample_cost(1, 1) + sample_cost(1, 2) + sample_cost(2, 1) + sample_cost(4, 1));
    expect_sound();
    ledger_close(ledger, 1000);
    end();
}

static void a_locked_database_is_waited_for(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    sqlite3 *other = NULL;
    EXPECT(sqlite3_open(ledger_path, &other) == SQLITE_OK);
    EXPECT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(
        !ledger_flush(ledger, 2000)); /* what is done once a day waits for the lock, too, before */
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT(!stats.healthy);
    EXPECT(stats.errors > 0);
    EXPECT(strstr(stats.last_error, "ledger_locked") != NULL);
    char pid[32];
    snprintf(pid, sizeof(pid), "process %ld ", (long)getpid());
    if (access("/proc/locks", R_OK) == 0) {
        EXPECT(strstr(stats.last_error, pid) != NULL);
    }
    EXPECT(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(other);
    EXPECT(ledger_flush(ledger, 10000));
    ledger_stats(ledger, &stats);
    EXPECT(stats.healthy);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 500);
    ledger_close(ledger, 1000);
    expect_sound();
    end();
}

static void a_database_that_goes_away_is_not_made_again(void)
{
    char aside[300];
    begin();
    struct ledger *ledger = open_ledger();
    EXPECT(append_call(ledger_journal(ledger), 1) && ledger_flush(ledger, 5000));
    snprintf(aside, sizeof(aside), "%s.aside", ledger_path);
    EXPECT(rename(ledger_path, aside) == 0);
    EXPECT(append_call(ledger_journal(ledger), 2));
    EXPECT(!ledger_flush(ledger, 200));
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    EXPECT(!stats.healthy && strstr(stats.last_error, "ledger_gone") != NULL);
    EXPECT(access(ledger_path, F_OK) != 0);
    EXPECT(rename(aside, ledger_path) == 0);
    EXPECT(ledger_flush(ledger, 10000));
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 2);
    ledger_close(ledger, 1000);
    expect_sound();
    end();
}

/* The database on a disk of 512 KB, its journal elsewhere. */
static void fill_small_disk(const char *disk)
{
    char elsewhere[256];
    snprintf(ledger_path, sizeof(ledger_path), "%.200s/sluice.db", disk);
    scratch_file(&scratch, "journal.d", elsewhere);
    struct ledger *ledger =
        open_ledger_with((struct ledger_options){.journal = {.directory = elsewhere}});
    uint64_t seed = 1;
    struct ledger_stats stats = {.healthy = true};
    while (stats.healthy && seed < 20000) {
        for (int i = 0; i < 100; i++) {
            EXPECT(append_call(ledger_journal(ledger), seed++));
        }
        (void)!ledger_flush(ledger, 200);
        ledger_stats(ledger, &stats);
    }
    EXPECT(!stats.healthy);
    EXPECT(strstr(stats.last_error, "ledger_full") != NULL);
    EXPECT(mount("none", disk, "tmpfs", MS_REMOUNT, "size=64m") == 0);
    EXPECT(ledger_flush(ledger, 20000));
    EXPECT_INT(ask("SELECT count(*) FROM calls"), seed - 1);
    ledger_close(ledger, 1000);
    expect_sound();
}

static void a_full_disk_is_waited_out(void)
{
    char disk[256];
    begin();
    scratch_file(&scratch, "small", disk);
    EXPECT(mkdir(disk, 0700) == 0);
    if (mount("none", disk, "tmpfs", 0, "size=512k") == 0) {
        fill_small_disk(disk);
        EXPECT(umount(disk) == 0);
    } else {
        printf("# SKIPPED: a full disk needs the right to mount a small tmpfs\n");
    }
    end();
}

static void expect_refused(const char *code)
{
    struct error error = {0};
    const struct ledger_options options = {.path = ledger_path};
    struct ledger *ledger = ledger_open(&options, &error);
    EXPECT(ledger == NULL);
    EXPECT_SLICE(slice_from_cstr(error.code == NULL ? "none" : error.code), code);
    ledger_close(ledger, 0);
}

static void overwrite(const char *path, off_t at, const char *bytes)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    EXPECT(fd >= 0 && pwrite(fd, bytes, strlen(bytes), at) == (ssize_t)strlen(bytes));
    close(fd);
}

static void a_file_that_cannot_be_read_is_never_replaced(void)
{
    begin();
    overwrite(ledger_path, 0, "this is not a database, it is a letter to a friend, and it is long");
    expect_refused("ledger_corrupt");
    char text[8] = "";
    int fd = open(ledger_path, O_RDONLY);
    EXPECT(read(fd, text, 7) == 7 && strcmp(text, "this is") == 0);
    close(fd);
    end();

    begin();
    sqlite3 *other = NULL;
    EXPECT(sqlite3_open(ledger_path, &other) == SQLITE_OK);
    EXPECT(sqlite3_exec(other, "CREATE TABLE recipes(name)", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(other);
    expect_refused("ledger_foreign");
    end();

    begin();
    ledger_close(open_ledger(), 1000);
    EXPECT(change("PRAGMA user_version = 99"));
    expect_refused("ledger_newer");
    end();

    begin();
    ledger_close(open_ledger(), 1000);
    overwrite(ledger_path, 100, "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX");
    expect_refused("ledger_corrupt");
    end();
}

static void a_database_of_version_1_goes_on(void)
{
    for (int columns = 0; columns < 2; columns++) { /* a few of them have the new columns already */
        begin();
        struct ledger *ledger = open_ledger();
        for (uint64_t seed = 1; seed <= 50; seed++) {
            EXPECT(append_call(ledger_journal(ledger), seed));
        }
        ledger_close(ledger, 5000);
        EXPECT(change(UNDO_SCHEMA_3));
        EXPECT(columns == 1 || (change("ALTER TABLE state DROP COLUMN open_offset") &&
                                change("ALTER TABLE state DROP COLUMN open_record")));
        EXPECT(change("PRAGMA user_version = 1"));
        ledger = open_ledger();
        EXPECT_INT(ask("PRAGMA user_version"), LEDGER_SCHEMA_VERSION);
        EXPECT_INT(ask("SELECT open_offset = offset AND open_record = record FROM state"), 1);
        EXPECT(append_call(ledger_journal(ledger), 51));
        EXPECT(ledger_flush(ledger, 5000));
        struct ledger_stats stats;
        ledger_stats(ledger, &stats);
        EXPECT_INT(stats.anomalies, 0);
        EXPECT_INT(ask("SELECT count(*) FROM calls"), 51);
        ledger_close(ledger, 1000);
        expect_sound();
        end();
    }
}

static void files_are_for_their_owner_only(void)
{
    char path[300];
    struct stat info;
    begin();
    struct ledger *ledger = open_ledger();
    EXPECT(append_call(ledger_journal(ledger), 1) && ledger_flush(ledger, 5000));
    EXPECT(stat(ledger_path, &info) == 0 && (info.st_mode & 0777) == 0600);
    snprintf(path, sizeof(path), "%s-wal", ledger_path);
    EXPECT(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    snprintf(path, sizeof(path), "%s-journal.d", ledger_path);
    EXPECT(stat(path, &info) == 0 && (info.st_mode & 0777) == 0700);
    snprintf(path, sizeof(path), "%s-journal.d/0000000000000001.journal", ledger_path);
    EXPECT(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    ledger_close(ledger, 1000);
    end();
}

static void a_second_process_is_refused(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    expect_refused("journal_locked");
    ledger_close(ledger, 1000);
    end();
}

/* A new journal beside an old database: its numbers go on behind the position. */
static void a_lost_journal_does_not_hide_new_records(void)
{
    char path[300];
    begin();
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    ledger_close(ledger, 5000);
    snprintf(path, sizeof(path), "%s-journal.d", ledger_path);
    remove_tree(path, 0);
    ledger = open_ledger();
    for (uint64_t seed = 3001; seed <= 3100; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 5000));
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 3100);
    ledger_close(ledger, 1000);
    expect_sound();
    end();
}

static void many_words_of_clients_stay_bounded(void)
{
    begin();
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = 1; seed <= 10000; seed++) {
        char model[32];
        struct call_record call = sample_call(seed);
        call.attempts = 0;
        call.cost_nd = 0;
        snprintf(model, sizeof(model), "model-%llu", (unsigned long long)(seed % 9500));
        call.asked_model = slice_from_cstr(model);
        EXPECT(journal_call(ledger_journal(ledger), &call));
    }
    EXPECT(ledger_flush(ledger, 20000));
    EXPECT_INT(ask("SELECT count(*) FROM names WHERE name LIKE 'model-%'"), 9500);
    EXPECT_INT(ask("SELECT count(*) FROM calls c JOIN names n ON n.id = c.asked_model"
                   " WHERE n.name = 'model-77'"),
               2);
    ledger_close(ledger, 1000);
    expect_sound();
    end();
}

int main(void)
{
    TEST(every_call_becomes_its_rows, "every call becomes its rows and sums");
    TEST(a_call_survives_batches_between_its_records,
         "a call survives batches between its records");
    TEST(reopening_goes_on_exactly_there, "reopening goes on exactly where it stopped");
    TEST(what_was_left_open_costs_its_hold, "what was left open costs its hold, once");
    TEST(an_extended_hold_costs_all_of_it, "a hold that was extended costs all of it");
    TEST(broken_rules_are_counted_and_the_sums_hold, "broken rules are counted and the sums hold");
    TEST(a_closed_call_takes_nothing_twice, "a closed call takes nothing twice");
    TEST(a_locked_database_is_waited_for, "a locked database is waited for");
    TEST(a_database_that_goes_away_is_not_made_again,
         "a database that goes away is not made again, and found again");
    TEST(a_full_disk_is_waited_out, "a full disk is waited out");
    TEST(a_file_that_cannot_be_read_is_never_replaced,
         "a file that cannot be read is refused and kept as it is");
    TEST(a_database_of_version_1_goes_on, "a database of version 1 becomes one of version 2");
    TEST(files_are_for_their_owner_only, "files are for their owner only");
    TEST(a_second_process_is_refused, "a second process is refused");
    TEST(a_lost_journal_does_not_hide_new_records, "a lost journal does not hide new records");
    TEST(many_words_of_clients_stay_bounded, "many words of clients are kept apart");
    return tap_done();
}
