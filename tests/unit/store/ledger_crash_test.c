/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child writes calls and is killed; the parent opens the ledger again and compares it with what
 * the child had been told is safe. Random moments always; every fault point in the builds that have
 * them (asan, fault).
 */
#include "store/ledger.h"

#include "base/fault.h"
#include "tests/unit/store/ledger_testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define THREADS 3
#define CALLS_MAX 40000

/* How far each call had come for certain: shared with the child. */
enum progress { NOTHING, HELD, SETTLED, CLOSED };

struct witness {
    _Atomic uint8_t attempts_held[CALLS_MAX];
    _Atomic uint8_t attempts_settled[CALLS_MAX];
    _Atomic uint8_t closed[CALLS_MAX];
    _Atomic uint64_t next;
};

static struct witness *witness;

static void write_one(struct journal *journal, uint64_t seed)
{
    struct call_record call = sample_call(seed);
    uint32_t attempts = sample_attempts(seed);
    for (uint32_t i = 1; i <= attempts; i++) {
        struct hold_record hold = sample_hold(seed, i);
        struct settle_record settle = sample_settle(seed, i);
        while (!journal_hold(journal, &hold)) {
        }
        witness->attempts_held[seed] = (uint8_t)i;
        if (i == attempts && seed % 2 == 0) {
            while (!journal_settle_and_call(journal, &settle, &call)) {
            }
            witness->attempts_settled[seed] = (uint8_t)i;
            witness->closed[seed] = 1;
            return;
        }
        while (!journal_settle(journal, &settle)) {
        }
        witness->attempts_settled[seed] = (uint8_t)i;
    }
    while (!journal_call(journal, &call)) {
    }
    witness->closed[seed] = 1;
}

static void *write_calls(void *argument)
{
    struct ledger *ledger = argument;
    uint64_t seed;
    while ((seed = atomic_fetch_add(&witness->next, 1)) < CALLS_MAX) {
        write_one(ledger_journal(ledger), seed);
        if (seed % 64 == 0) {
            usleep(200);
        }
    }
    return NULL;
}

/* Runs until it is killed. */
static void child_main(void)
{
    pthread_t threads[THREADS];
    struct ledger_options options = {.batch_ms = 1, .batch_records = 400};
    options.journal.segment_bytes = 1 << 16;
    options.journal.segments_max = 8;
    struct ledger *ledger = open_ledger_with(options);
    if (ledger == NULL) {
        _exit(3);
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, write_calls, ledger) != 0) {
            _exit(4);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    ledger_close(ledger, 10000);
    _exit(0);
}

/* True: the child was killed; false: it had finished before. */
static bool run_child(const char *fault, uint64_t after_us)
{
    pid_t child = fork();
    if (child == 0) {
        if (fault != NULL) {
            setenv("SLUICE_FAULT", fault, 1);
        }
        child_main();
    }
    if (fault == NULL) {
        usleep((useconds_t)after_us);
        kill(child, SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* The one row of this call, by its identifier; all its columns that matter here. */
struct found {
    bool call;
    int64_t status;
    int64_t attempts;
    int64_t settled; /* attempt rows that are not interrupted */
    int64_t cost_nd;
};

static void look_up(sqlite3_stmt *sql, uint64_t seed, struct found *found)
{
    struct id id = sample_id(seed);
    sqlite3_bind_blob(sql, 1, id.bytes, sizeof(id.bytes), SQLITE_STATIC);
    found->call = sqlite3_step(sql) == SQLITE_ROW;
    if (found->call) {
        found->status = sqlite3_column_int64(sql, 0);
        found->attempts = sqlite3_column_int64(sql, 1);
        found->cost_nd = sqlite3_column_int64(sql, 2);
        found->settled = sqlite3_column_int64(sql, 3);
    }
    sqlite3_reset(sql);
}

/* What must be true of one call after the restart. */
static void check_call(uint64_t seed, const struct found *found)
{
    struct call_record call = sample_call(seed);
    uint32_t held = witness->attempts_held[seed];
    uint32_t settled = witness->attempts_settled[seed];
    if (!found->call) {
        EXPECT(held == 0 && !witness->closed[seed]);
        return;
    }
    if (found->status != 0 || call.attempts == 0) { /* its own closing record */
        EXPECT_INT(found->attempts, call.attempts);
        EXPECT_INT(found->cost_nd, call.cost_nd);
        EXPECT_INT(found->settled, call.attempts);
        return;
    }
    EXPECT(!witness->closed[seed]);
    /* The step after the last certain one may be in the journal as well. */
    EXPECT(found->settled >= settled && found->settled <= settled + 1);
    EXPECT(found->attempts >= held && found->attempts <= held + 1);
    int64_t cost = 0;
    for (uint32_t i = 1; i <= (uint32_t)found->attempts; i++) {
        cost +=
            i <= (uint32_t)found->settled ? sample_cost(seed, i) : sample_hold(seed, i).amount_nd;
    }
    EXPECT_INT(found->cost_nd, cost);
}

static void check_all(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *sql = NULL;
    uint64_t used = witness->next < CALLS_MAX ? witness->next : CALLS_MAX;
    EXPECT(sqlite3_open_v2(ledger_path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db,
                              "SELECT status, attempts, cost_nd, (SELECT count(*) FROM attempts a"
                              " WHERE a.call = ?1 AND outcome <> 4) FROM calls c WHERE id = ?1",
                              -1, &sql, NULL) == SQLITE_OK);
    for (uint64_t seed = 0; seed < used && !tap_point_failed; seed++) {
        struct found found = {0};
        look_up(sql, seed, &found);
        check_call(seed, &found);
    }
    sqlite3_finalize(sql);
    sqlite3_close(db);
}

static void reset_witness(void)
{
    memset((void *)witness, 0, sizeof(*witness));
}

/* Opens, settles what was left, and compares; returns false when nothing could be compared. */
static void restart_and_check(void)
{
    struct ledger *ledger = open_ledger();
    EXPECT(ledger != NULL);
    ledger_close(ledger, 5000);
    EXPECT_INT(ask("SELECT count(*) FROM open_calls"), 0);
    EXPECT_INT(ask("SELECT count(*) FROM holds"), 0);
    expect_sound();
    check_all();
}

static void random_moments(void)
{
    struct random random;
    random_seed(&random, 20261121);
    for (int round = 0; round < 25 && !tap_point_failed; round++) {
        begin();
        reset_witness();
        EXPECT(run_child(NULL, random_below(&random, 150000)));
        restart_and_check();
        end();
    }
}

static void killed_again_while_starting(void)
{
    struct random random;
    random_seed(&random, 4711);
    begin();
    reset_witness();
    EXPECT(run_child(NULL, 100000));
    /* Each child begins with the replay and the recovery, and goes on from where it came. */
    for (int round = 0; round < 15; round++) {
        uint64_t next = witness->next;
        (void)run_child(NULL, random_below(&random, 8000));
        EXPECT(witness->next >= next);
    }
    struct ledger *ledger = open_ledger();
    EXPECT(ledger != NULL);
    ledger_close(ledger, 5000);
    expect_sound();
    end();
}

/* Runs `part` against a ledger in a child that dies of SIGKILL behind it. */
static void run_and_kill(void (*part)(struct ledger *ledger))
{
    pid_t child = fork();
    if (child == 0) {
        struct ledger *ledger = open_ledger_with(
            (struct ledger_options){.journal = {.segment_bytes = 1 << 16}, .batch_records = 64});
        CHECK(ledger != NULL);
        part(ledger);
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#define LATE 2000

static bool append_hold(struct ledger *ledger, uint64_t seed, uint32_t attempt)
{
    struct hold_record hold = sample_hold(seed, attempt);
    return journal_hold(ledger_journal(ledger), &hold);
}

/* Two holds, and other calls until their segment was used again. */
static void leave_two_behind(struct ledger *ledger)
{
    bool done = append_call(ledger_journal(ledger), 7) && append_hold(ledger, 0, 1) &&
                append_hold(ledger, LATE, 1);
    for (uint64_t seed = 100; done && seed < 1000; seed++) {
        done = append_call(ledger_journal(ledger), seed) &&
               (seed % 30 != 0 || ledger_flush(ledger, 5000));
    }
    CHECK(done && ledger_flush(ledger, 5000));
}

static void open_longer_than_a_segment(void)
{
    begin();
    run_and_kill(leave_two_behind);
    EXPECT_INT(ask("SELECT count(*) FROM holds"), 2);
    EXPECT_INT(ask("SELECT record - open_record FROM state"), 0);
    EXPECT(ask("SELECT segment FROM state") > 3);
    ledger_close(open_ledger(), 1000);
    EXPECT_INT(ask("SELECT count(*) FROM attempts WHERE outcome = 4"), 2);
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM attempts WHERE outcome = 4"),
               sample_hold(0, 1).amount_nd + sample_hold(LATE, 1).amount_nd);
    EXPECT_INT(ask("SELECT count(*) FROM calls c JOIN names r ON r.id = c.route JOIN names e ON"
                   " e.id = c.error WHERE e.name = 'interrupted' AND r.name = 'auto'"),
               1); /* the other hold did not say more */
    expect_sound();
    end();
}

/* A row that is there already: the batch is rolled back, and what is open is read again. */
static void leave_after_a_repetition(struct ledger *ledger)
{
    struct journal *journal = ledger_journal(ledger);
    struct call_record again = sample_call(1);
    struct settle_record settle = sample_settle(LATE + 1, 1);
    struct call_record call = sample_call(LATE + 1);
    bool done = append_call(journal, 1) && append_hold(ledger, LATE, 1) &&
                append_hold(ledger, LATE + 1, 1) && append_call(journal, 2) &&
                ledger_flush(ledger, 5000);
    call.attempts = 1;
    call.cost_nd = settle.cost_nd;
    done = done && journal_call(journal, &again) && ledger_flush(ledger, 5000);
    done = done && journal_settle_and_call(journal, &settle, &call);
    CHECK(done && ledger_flush(ledger, 5000));
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    CHECK(stats.anomalies > 0 && stats.open_calls == 1 && stats.errors == 0);
}

static void open_across_a_rollback(void)
{
    begin();
    run_and_kill(leave_after_a_repetition);
    EXPECT_INT(ask("SELECT count(*) FROM holds"), 0);
    EXPECT(ask("SELECT record - open_record FROM state") > 0);
    ledger_close(open_ledger(), 1000);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 4);
    EXPECT_INT(ask("SELECT count(*) FROM attempts WHERE outcome = 4"), 1);
    EXPECT_INT(ask("SELECT record - open_record FROM state"), 0);
    expect_sound();
    end();
}

#ifdef SLUICE_FAULTS
static const char *const fault_names[] = {
    "journal.before_append", "journal.in_append",    "journal.after_append", "journal.rotate",
    "journal.rotated",       "journal.synced",       "journal.prepare",      "journal.prepared",
    "ledger.apply",          "ledger.before_commit", "ledger.after_commit",  "ledger.consumed",
};

static void at_fault_point(const char *name, int count)
{
    char fault[64];
    begin();
    reset_witness();
    snprintf(fault, sizeof(fault), "%s:%d", name, count);
    if (!run_child(fault, 0)) {
        printf("# %s was not reached\n", fault);
        tap_point_failed = true;
    }
    restart_and_check();
    if (tap_point_failed) {
        printf("# after %s\n", fault);
    }
    end();
}

static void every_fault_point(void)
{
    const int counts[] = {1, 2, 7};
    for (size_t i = 0; i < ARRAY_LEN(fault_names) && !tap_point_failed; i++) {
        for (size_t k = 0; k < ARRAY_LEN(counts) && !tap_point_failed; k++) {
            at_fault_point(fault_names[i], counts[k]);
        }
    }
}

/* A process that dies with five attempts in flight. */
static void leave_five_open(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct ledger *ledger = open_ledger();
        for (uint64_t seed = 0; ledger != NULL && seed < 5; seed++) {
            struct hold_record hold = sample_hold(seed, 1);
            (void)!journal_hold(ledger_journal(ledger), &hold);
        }
        (void)!ledger_flush(ledger, 5000);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
}

static void every_fault_point_of_the_recovery(void)
{
    const char *const names[] = {"ledger.recover_call:1", "ledger.recover_call:4",
                                 "ledger.recover_commit:1", "ledger.recovered:1"};
    begin();
    leave_five_open();
    EXPECT_INT(ask("SELECT count(*) FROM holds"), 0); /* the journal has them */
    EXPECT_INT(ask("SELECT record - open_record FROM state"), 5);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        pid_t child = fork();
        if (child == 0) {
            setenv("SLUICE_FAULT", names[i], 1);
            ledger_close(open_ledger(), 1000);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    ledger_close(open_ledger(), 1000);
    int64_t cost = 0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        cost += sample_hold(seed, 1).amount_nd;
    }
    EXPECT_INT(ask("SELECT sum(cost_nd) FROM calls WHERE attempts = 1"), cost);
    EXPECT_INT(ask("SELECT count(*) FROM calls"), 5);
    expect_sound();
    end();
}
#endif

int main(void)
{
    witness =
        mmap(NULL, sizeof(*witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(witness != MAP_FAILED);
    TEST(random_moments, "killed at random moments, every call is charged exactly once");
    TEST(killed_again_while_starting, "killed again and again while starting, the sums hold");
    TEST(open_longer_than_a_segment, "what stays open while segments are reused has rows");
    TEST(open_across_a_rollback, "after a rollback, what is open is found in the journal");
#ifdef SLUICE_FAULTS
    TEST(every_fault_point, "killed at every fault point, every call is charged exactly once");
    TEST(every_fault_point_of_the_recovery, "killed in the recovery, it is done once");
#else
    printf("# SKIPPED: fault points need VARIANT=fault or asan\n");
#endif
    return tap_done();
}
