/* SPDX-License-Identifier: Apache-2.0 */
/* Backups and restores, with what a crash leaves in the journal, and pages for exports. */
#include "store/ledger_copy.h"

#include "store/ledger_internal.h"
#include "store/report.h"
#include "tests/unit/store/ledger_testing.h"
#include "tests/unit/store/record_expect.h"

#include <sys/wait.h>

#define CALLS 500

static char backup[256];
static char aside[LEDGER_ASIDE_SIZE];

static void begin_copies(void)
{
    begin();
    scratch_file(&scratch, "backup.db", backup);
}

static void write_calls(uint64_t first, uint64_t last)
{
    struct ledger *ledger = open_ledger();
    for (uint64_t seed = first; ledger != NULL && seed <= last; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed));
    }
    ledger_close(ledger, 10000);
}

static bool verified(const char *path)
{
    struct error error;
    return ledger_verify(path, &error);
}

static bool fails_with(bool done, const struct error *error, const char *code)
{
    if (done || strcmp(error->code, code) != 0) {
        printf("# expected %s, got %s\n", code, done ? "success" : error->code);
        return false;
    }
    return true;
}

static void comes_back_as_it_was(void)
{
    struct error error;
    begin_copies();
    write_calls(1, CALLS);
    EXPECT(ledger_backup(ledger_path, backup, &error));
    EXPECT(verified(backup));
    write_calls(CALLS + 1, CALLS * 2);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), CALLS * 2);
    EXPECT(ledger_restore(ledger_path, backup, SAMPLE_START_NS, aside, &error));
    EXPECT_INT(ask("SELECT count(*) FROM calls"), CALLS);
    EXPECT(aside[0] != '\0' && verified(aside));
    expect_sound(); /* before anything else has opened it */
    /* It goes on from there, although the journal is another one. */
    write_calls(CALLS + 1, CALLS + 10);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), CALLS + 10);
    expect_sound();
    end();
}

static void copies_while_it_is_written(void)
{
    struct error error;
    begin_copies();
    write_calls(1, CALLS);
    struct ledger *ledger = open_ledger();
    EXPECT(ledger != NULL && append_call(ledger_journal(ledger), CALLS + 1));
    EXPECT(ledger_backup(ledger_path, backup, &error) && verified(backup));
    EXPECT(fails_with(ledger_restore(ledger_path, backup, SAMPLE_START_NS, aside, &error), &error,
                      "ledger_locked"));
    EXPECT(append_call(ledger_journal(ledger), CALLS + 2));
    ledger_close(ledger, 10000);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), CALLS + 2);
    expect_sound();
    end();
}

/* A hold whose server was killed is charged in the copy as it will be in the original. */
static void brings_the_journal_in_first(void)
{
    struct error error;
    begin_copies();
    write_calls(1, CALLS);
    pid_t child = fork();
    if (child == 0) {
        struct ledger *ledger = open_ledger_with((struct ledger_options){.batch_ms = 60000});
        struct hold_record hold = sample_hold(CALLS + 1, 1);
        bool held = ledger != NULL && journal_hold(ledger_journal(ledger), &hold);
        _exit(held ? 0 : 1);
    }
    int status;
    EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT(ledger_backup(ledger_path, backup, &error) && verified(backup));
    EXPECT(ledger_restore(ledger_path, backup, SAMPLE_START_NS, aside, &error));
    EXPECT_INT(ask("SELECT count(*) FROM attempts WHERE outcome = 4"), 1);
    EXPECT_INT(ask("SELECT cost_nd FROM attempts WHERE outcome = 4"),
               sample_hold(CALLS + 1, 1).amount_nd);
    end();
}

static bool say_worth(struct journal *journal, uint64_t seed)
{
    const struct evidence_record record = {
        .call = sample_call(seed).call,
        .wall_ns = sample_call(seed).wall_ns,
        .source = EVIDENCE_VERDICT,
        .score_ppm = EVIDENCE_PPM,
        .weight_ppm = EVIDENCE_PPM,
        .success_permille = 800,
        .target = SLICE("somebody"),
        .route = SLICE("auto"),
    };
    return journal_evidence(journal, &record);
}

static void remove_old_calls(uint64_t until)
{
    struct writer writer;
    struct error error;
    bool more = true;
    CHECK(writer_open(&writer, ledger_path, LEDGER_SYNC_NORMAL, DATABASE_CHANGE, &error));
    EXPECT(writer_prune(&writer, sample_call(until).wall_ns, &more) && !more);
    writer_close(&writer);
}

/* The database; its journal stays. */
static void damage(void)
{
    FILE *file = fopen(ledger_path, "r+b");
    char path[300];
    CHECK(file != NULL);
    for (int i = 0; i < 8192; i++) {
        fputc('x', file);
    }
    fclose(file);
    snprintf(path, sizeof(path), "%s-wal", ledger_path);
    unlink(path);
}

static void reads_nothing_twice(void)
{
    struct error error;
    begin_copies();
    struct ledger *ledger = open_ledger_with((struct ledger_options){.batch_records = 16});
    for (uint64_t seed = 1; seed <= 40; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed) &&
               say_worth(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 5000));
    remove_old_calls(11);
    EXPECT(ledger_backup(ledger_path, backup, &error));
    for (uint64_t seed = 41; seed <= 60; seed++) {
        EXPECT(append_call(ledger_journal(ledger), seed) &&
               say_worth(ledger_journal(ledger), seed));
    }
    EXPECT(ledger_flush(ledger, 5000));
    int64_t good = ask("SELECT round(sum(good)) FROM evidence");
    int64_t calls = ask("SELECT sum(calls) FROM rollups WHERE dimension = 0");
    ledger_close(ledger, 1000);
    damage();
    EXPECT(ledger_restore(ledger_path, backup, SAMPLE_START_NS, aside, &error));
    expect_sound();
    ledger_close(open_ledger(), 1000);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 50);
    EXPECT_INT(ask("SELECT sum(calls) FROM rollups WHERE dimension = 0"), calls);
    EXPECT_INT(ask("SELECT round(sum(good)) FROM evidence"), good);
    expect_sound();
    end();
}

/* The backup is of another time of this ledger: the journal was begun anew since. */
static void reads_all_of_another_journal(void)
{
    struct error error;
    begin_copies();
    write_calls(1, 400);
    EXPECT(ledger_backup(ledger_path, backup, &error));
    EXPECT(ledger_restore(ledger_path, backup, SAMPLE_START_NS, aside, &error));
    expect_sound();
    write_calls(401, 420);
    damage();
    EXPECT(ledger_restore(ledger_path, backup, SAMPLE_START_NS + 1000 * NS_PER_MS, aside, &error));
    ledger_close(open_ledger(), 1000);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 420);
    expect_sound();
    end();
}

static void changes_nothing_when_it_cannot(void)
{
    struct error error;
    char other[256];
    begin_copies();
    write_calls(1, 20);
    EXPECT(ledger_backup(ledger_path, backup, &error));
    EXPECT(fails_with(ledger_backup(ledger_path, backup, &error), &error, "backup_exists"));
    FILE *file = fopen(scratch_file(&scratch, "text.db", other), "w");
    CHECK(file != NULL);
    fputs("this is no database, however long it is made to look like one, page after page", file);
    fclose(file);
    EXPECT(fails_with(ledger_restore(ledger_path, other, SAMPLE_START_NS, aside, &error), &error,
                      "ledger_corrupt"));
    CHECK(truncate(other, 0) == 0);
    EXPECT(fails_with(ledger_restore(ledger_path, other, SAMPLE_START_NS, aside, &error), &error,
                      "ledger_foreign"));
    EXPECT(fails_with(ledger_restore(ledger_path, scratch_file(&scratch, "absent", other),
                                     SAMPLE_START_NS, aside, &error),
                      &error, "ledger_missing"));
    /* A copy whose sums do not hold is refused. */
    EXPECT(change("UPDATE rollups SET cost_nd = cost_nd + 1"));
    EXPECT(fails_with(ledger_backup(ledger_path, scratch_file(&scratch, "second", other), &error),
                      &error, "ledger_violation"));
    EXPECT(access(other, F_OK) != 0);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 20);
    end();
}

static size_t walk_pages(struct id after, struct id before, uint64_t first)
{
    struct detail_page page;
    struct arena arena;
    struct error error;
    size_t seen = 0;
    arena_init(&arena, 4u << 20);
    do {
        arena_reset(&arena);
        CHECK(report_details(ledger_path, after, before, 77, &arena, &page, &error));
        for (size_t i = 0; i < page.count; i++, seen++) {
            const struct call_detail *detail = &page.rows[i];
            struct call_record wanted = sample_call(first + seen);
            expect_same_call(&detail->row.call, &wanted);
            EXPECT_INT(detail->count, sample_attempts(first + seen));
            for (size_t k = 0; k < detail->count; k++) {
                struct settle_record settle = sample_settle(first + seen, (uint32_t)k + 1);
                expect_same_settle(&detail->attempts[k], &settle);
            }
        }
        after = page.last;
    } while (page.more);
    arena_release(&arena);
    return seen;
}

static void exports_each_call_once_in_order(void)
{
    begin_copies();
    write_calls(1, CALLS);
    struct id start = report_id_at(0);
    struct id end_of_time;
    memset(&end_of_time, 0xFF, sizeof(end_of_time));
    EXPECT_INT(walk_pages(start, end_of_time, 1), CALLS);
    struct id from = report_id_at(sample_call(100).wall_ns);
    struct id to = report_id_at(sample_call(200).wall_ns);
    EXPECT_INT(walk_pages(from, to, 100), 100);
    EXPECT_INT(walk_pages(to, from, 100), 0);
    end();
}

int main(void)
{
    TEST(comes_back_as_it_was, "a backup restores the ledger, and the writer goes on with it");
    TEST(reads_nothing_twice, "a journal that stays is read from where the backup ended");
    TEST(reads_all_of_another_journal, "a journal that the backup does not know is read whole");
    TEST(copies_while_it_is_written, "a running server is copied, and not restored over");
    TEST(brings_the_journal_in_first, "what a killed server left is in the copy");
    TEST(changes_nothing_when_it_cannot, "what is not sound neither leaves nor comes");
    TEST(exports_each_call_once_in_order, "pages hold each call once, in order, as recorded");
    return tap_done();
}
