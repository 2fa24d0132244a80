/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's thread: waits for records, runs batches, backs off when the database refuses, looks
 * whether the keys were changed. What other threads may see is in `shared`, under its lock.
 */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "store/ledger.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/ledger_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>

#define BATCH_MS_DEFAULT 200
#define BATCH_RECORDS_DEFAULT 8192
/* With so many records a batch may wait longer: what it costs by itself is shared by more. */
#define BUSY_RECORDS 256
#define BUSY_FACTOR 2
#define POLL_MS 100 /* how soon a change of the keys is seen */
#define BUSY_MS 100 /* the thread tries again by itself */
#define BACK_OFF_MIN_MS 50
#define BACK_OFF_MAX_MS 1000
#define REPEAT_LOG_MS 60000
#define FOLD_MS 3600000
#define FOLD_FIRST_MS 2000 /* the start has the machine to itself */
#define PRUNE_MS 60000
#define KEEPS_MAX 32      /* transactions of one keeper, then batches have their turn */
#define PRUNE_STEP_MS 200 /* between steps, so that batches go on */

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t committed;
    struct ledger_stats stats;
    struct journal_position position; /* committed */
    uint64_t flush_to;                /* somebody waits for this record */
    bool stopping;
};

struct ledger {
    char *path;
    char *journal_path;
    const struct clock *clock;
    uint64_t batch_ms;
    size_t batch_records;
    int64_t retention_ms;
    int64_t doubt_ms;
    struct ledger_keeper keepers[LEDGER_KEEPERS_MAX];
    size_t keeper_count;
    void (*on_keys_changed)(void *user);
    void (*on_evidence)(void *user, const struct evidence_change *changes, size_t count);
    void (*on_overruns)(void *user);
    void *user;
    struct journal *journal;
    struct writer writer; /* the thread's, once it runs */
    struct shared shared;
    pthread_t thread;
    bool thread_runs;
};

static uint64_t now_ms(void)
{
    return (uint64_t)(clock_monotonic(&clock_system) / NS_PER_MS);
}

/* --- the thread ---------------------------------------------------------------------------------
 */

struct pace {
    uint64_t last_batch_ms;
    uint64_t back_off_ms; /* 0: the last batch worked */
    uint64_t logged_ms;
    const char *logged_code;
    uint64_t prune_at_ms;
    uint64_t fold_at_ms;
    uint64_t keep_at_ms;
};

static uint64_t us_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

static void report_success(struct ledger *ledger, int64_t started_ns, struct pace *pace)
{
    struct shared *shared = &ledger->shared;
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    int64_t us = (clock_monotonic(&clock_system) - started_ns) / NS_PER_US;
    pthread_mutex_lock(&shared->lock);
    struct ledger_stats *stats = &shared->stats;
    stats->rows += ledger->writer.rows;
    stats->anomalies += ledger->writer.anomalies;
    stats->open_calls = ledger->writer.calls_open.count;
    stats->commits++;
    stats->last_commit_us = (uint64_t)us;
    stats->cpu_user_us = us_of(&usage.ru_utime);
    stats->cpu_system_us = us_of(&usage.ru_stime);
    stats->healthy = true;
    shared->position = ledger->writer.position;
    pthread_cond_broadcast(&shared->committed);
    pthread_mutex_unlock(&shared->lock);
    if (pace->back_off_ms != 0) {
        log_event(LOG_INFO, "ledger_recovered", "the ledger %s is being written again",
                  ledger->path);
        pace->back_off_ms = 0;
        pace->logged_code = NULL;
    }
}

/* Said once for each reason, then once a minute. */
static void log_failure(const struct error *error, struct pace *pace)
{
    uint64_t now = now_ms();
    bool same = pace->logged_code != NULL && strcmp(pace->logged_code, error->code) == 0;
    if (!same || now >= pace->logged_ms + REPEAT_LOG_MS) {
        pace->logged_ms = now;
        pace->logged_code = error->code;
        log_event(LOG_ERROR, error->code, "%s; the journal goes on, and it is tried again",
                  error->text);
    }
}

static void report_failure(struct ledger *ledger, const struct error *error, struct pace *pace)
{
    struct ledger_stats *stats = &ledger->shared.stats;
    pthread_mutex_lock(&ledger->shared.lock);
    stats->errors++;
    stats->healthy = false;
    snprintf(stats->last_error, sizeof(stats->last_error), "%s: %.120s", error->code, error->text);
    pthread_mutex_unlock(&ledger->shared.lock);
    log_failure(error, pace);
    uint64_t longer = pace->back_off_ms == 0 ? BACK_OFF_MIN_MS : pace->back_off_ms * 2;
    pace->back_off_ms = longer > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : longer;
}

/* Before anybody who waits for the batch goes on. */
static void tell_evidence(struct ledger *ledger)
{
    struct evidence_changes *changes = &ledger->writer.evidence;
    if (changes->count > 0 && ledger->on_evidence != NULL) {
        ledger->on_evidence(ledger->user, changes->items, changes->count);
    }
    evidence_changes_clear(changes);
}

/* Batches until less than a full one is left, or one fails. */
static void run_batches(struct ledger *ledger, struct pace *pace)
{
    size_t count = ledger->batch_records;
    while (count == ledger->batch_records) {
        struct error error;
        int64_t started_ns = clock_monotonic(&clock_system);
        ledger_clock_look(&ledger->writer.clock);
        if (!writer_batch(&ledger->writer, ledger->journal, ledger->batch_records, &count,
                          &error)) {
            report_failure(ledger, &error, pace);
            break;
        }
        tell_evidence(ledger);
        if (ledger->writer.overruns > 0 && ledger->on_overruns != NULL) {
            ledger->on_overruns(ledger->user);
        }
        report_success(ledger, started_ns, pace);
    }
    pace->last_batch_ms = now_ms();
}

static bool batch_is_due(struct ledger *ledger, const struct pace *pace)
{
    uint64_t unread = journal_end(ledger->journal).record - ledger->writer.position.record;
    if (unread == 0 && ledger->writer.loaded) {
        return false;
    }
    pthread_mutex_lock(&ledger->shared.lock);
    bool wanted = ledger->shared.flush_to > ledger->shared.position.record;
    pthread_mutex_unlock(&ledger->shared.lock);
    uint64_t ms = unread < BUSY_RECORDS ? ledger->batch_ms : ledger->batch_ms * BUSY_FACTOR;
    return wanted || pace->back_off_ms != 0 || unread >= ledger->batch_records ||
           now_ms() >= pace->last_batch_ms + ms;
}

static bool is_stopping(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->shared.lock);
    bool stopping = ledger->shared.stopping;
    pthread_mutex_unlock(&ledger->shared.lock);
    return stopping;
}

static void wait_for_work(struct ledger *ledger, const struct pace *pace)
{
    if (pace->back_off_ms != 0) {
        journal_wait(ledger->journal, ledger->writer.position, UINT32_MAX, pace->back_off_ms);
        return;
    }
    uint64_t ms = ledger->batch_ms < POLL_MS ? ledger->batch_ms : POLL_MS;
    journal_wait(ledger->journal, ledger->writer.position, ledger->batch_records, ms);
}

/* What was seen of the clock since the last batch. */
static void save_clock(struct ledger *ledger)
{
    struct writer *writer = &ledger->writer;
    bool done = database_exec(writer->db, "BEGIN IMMEDIATE") &&
                ledger_clock_write(&writer->clock, writer->db) &&
                database_exec(writer->db, "COMMIT");
    if (done) {
        ledger_clock_written(&writer->clock);
    } else {
        database_rollback(writer->db); /* it goes with the next batch */
    }
}

static uint64_t prune_pause_ms(const struct ledger *ledger, bool more)
{
    uint64_t doubt_ms = (uint64_t)ledger->doubt_ms;
    uint64_t ms = doubt_ms > 0 && doubt_ms < PRUNE_MS ? doubt_ms : PRUNE_MS;
    return more ? PRUNE_STEP_MS : ms;
}

static void prune_when_due(struct ledger *ledger, struct pace *pace)
{
    bool more = false;
    if (ledger->retention_ms == 0 || pace->back_off_ms != 0 || now_ms() < pace->prune_at_ms) {
        return;
    }
    int64_t before_ns =
        ledger_clock_known(&ledger->writer.clock) - ledger->retention_ms * NS_PER_MS;
    if (before_ns > 0 && !writer_prune(&ledger->writer, before_ns, &more)) {
        log_event(LOG_WARN, "ledger_prune", "old calls could not be removed from %s: %s",
                  ledger->path, sqlite3_errmsg(ledger->writer.db));
    }
    if (ledger->writer.db != NULL && !more) {
        save_clock(ledger);
    }
    pace->prune_at_ms = now_ms() + prune_pause_ms(ledger, more);
}

/* Not while it starts: with a long history it takes longer than that, and slows the start down. */
static void fold_when_due(struct ledger *ledger, struct pace *pace)
{
    if (pace->back_off_ms != 0 || ledger->writer.db == NULL || now_ms() < pace->fold_at_ms) {
        return;
    }
    if (!spends_fold(ledger->writer.db, clock_wall(ledger->clock) / NS_PER_S)) {
        log_event(LOG_WARN, "ledger_fold", "old spending could not be added up in %s: %s",
                  ledger->path, sqlite3_errmsg(ledger->writer.db));
    }
    if (!evidence_fold(ledger->writer.db, ledger_clock_known(&ledger->writer.clock) / NS_PER_S)) {
        log_event(LOG_WARN, "ledger_fold", "old evidence could not be removed from %s: %s",
                  ledger->path, sqlite3_errmsg(ledger->writer.db));
    }
    if (ledger->writer.clock.stored) {
        save_clock(ledger);
    }
    pace->fold_at_ms = now_ms() + FOLD_MS;
}

/* --- what others keep in the database --- */

static bool keep(struct ledger *ledger, const struct ledger_keeper *keeper)
{
    sqlite3 *db = ledger->writer.db;
    if (!database_exec(db, "BEGIN IMMEDIATE")) {
        return false;
    }
    bool done =
        keeper->write(keeper->user, db, clock_wall(ledger->clock)) && database_exec(db, "COMMIT");
    if (!done) {
        log_event(LOG_WARN, "ledger_keep", "some of what is kept in %s was not written: %s",
                  ledger->path, sqlite3_errmsg(db));
        database_rollback(db);
    }
    keeper->written(keeper->user, done);
    return done;
}

static void keep_all(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->keeper_count; i++) {
        const struct ledger_keeper *keeper = &ledger->keepers[i];
        for (unsigned n = 0; n < KEEPS_MAX && keeper->changed(keeper->user); n++) {
            if (!keep(ledger, keeper)) {
                break;
            }
        }
    }
}

static void keep_when_due(struct ledger *ledger, struct pace *pace)
{
    if (pace->back_off_ms != 0 || ledger->writer.db == NULL || now_ms() < pace->keep_at_ms) {
        return;
    }
    keep_all(ledger);
    pace->keep_at_ms = now_ms() + LEDGER_KEEP_MS;
}

static void *ledger_main(void *argument)
{
    struct ledger *ledger = argument;
    struct pace pace = {.last_batch_ms = now_ms(), .fold_at_ms = now_ms() + FOLD_FIRST_MS};
    pthread_setname_np(pthread_self(), "sluice-ledger");
    while (!is_stopping(ledger)) {
        wait_for_work(ledger, &pace);
        ledger_clock_look(&ledger->writer.clock);
        if (batch_is_due(ledger, &pace)) {
            run_batches(ledger, &pace);
        }
        prune_when_due(ledger, &pace);
        fold_when_due(ledger, &pace);
        keep_when_due(ledger, &pace);
        if (writer_keys_changed(&ledger->writer) && ledger->on_keys_changed != NULL) {
            ledger->on_keys_changed(ledger->user);
        }
    }
    if (ledger->writer.db != NULL) {
        keep_all(ledger);
        ledger_clock_look(&ledger->writer.clock);
        if (ledger->writer.clock.stored) {
            save_clock(ledger);
        }
    }
    return NULL;
}

/* --- opening -----------------------------------------------------------------------------------
 */

static bool copy_paths(struct ledger *ledger, const struct ledger_options *options)
{
    size_t size = strlen(options->path) + sizeof("-journal.d");
    const char *given = options->journal.directory;
    ledger->path = strdup(options->path);
    ledger->journal_path = given == NULL ? memory_alloc(size) : strdup(given);
    if (ledger->path == NULL || ledger->journal_path == NULL) {
        return false;
    }
    if (given == NULL) {
        snprintf(ledger->journal_path, size, "%s-journal.d", options->path);
    }
    return true;
}

static struct ledger *ledger_alloc(const struct ledger_options *options)
{
    struct ledger *ledger = memory_array(1, sizeof(*ledger));
    if (ledger == NULL) {
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ledger->shared.committed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&ledger->shared.lock, NULL);
    ledger->clock = options->journal.clock == NULL ? &clock_system : options->journal.clock;
    ledger->batch_ms = options->batch_ms == 0 ? BATCH_MS_DEFAULT : options->batch_ms;
    ledger->batch_records =
        options->batch_records == 0 ? BATCH_RECORDS_DEFAULT : options->batch_records;
    ledger->retention_ms = options->retention_ms;
    ledger->doubt_ms = options->doubt_ms;
    CHECK(options->keeper_count <= LEDGER_KEEPERS_MAX);
    for (size_t i = 0; i < options->keeper_count; i++) {
        ledger->keepers[ledger->keeper_count++] = options->keepers[i];
    }
    ledger->on_keys_changed = options->on_keys_changed;
    ledger->on_evidence = options->on_evidence;
    ledger->on_overruns = options->on_overruns;
    ledger->user = options->user;
    if (!copy_paths(ledger, options)) {
        memory_free(ledger->path);
        memory_free(ledger->journal_path);
        memory_free(ledger);
        return NULL;
    }
    return ledger;
}

static void ledger_free(struct ledger *ledger)
{
    journal_close(ledger->journal);
    writer_close(&ledger->writer);
    pthread_cond_destroy(&ledger->shared.committed);
    pthread_mutex_destroy(&ledger->shared.lock);
    memory_free(ledger->path);
    memory_free(ledger->journal_path);
    memory_free(ledger);
}

/* Everything that a former process appended goes into the database, then what it left open. */
static bool catch_up(struct ledger *ledger, struct error *error)
{
    size_t count = ledger->batch_records;
    while (count == ledger->batch_records) {
        if (!writer_batch(&ledger->writer, ledger->journal, ledger->batch_records, &count, error)) {
            return false;
        }
        evidence_changes_clear(&ledger->writer.evidence); /* read from the database afterwards */
        ledger->shared.stats.rows += ledger->writer.rows;
        ledger->shared.stats.anomalies += ledger->writer.anomalies;
    }
    uint64_t calls;
    ledger_clock_begin(&ledger->writer.clock);
    if (!writer_recover(&ledger->writer, clock_wall(ledger->clock), &calls, error)) {
        return false;
    }
    if (calls > 0) {
        log_event(LOG_WARN, "ledger_interrupted",
                  "calls that were cut off when the server last stopped: %llu; each open attempt "
                  "was charged at the amount set aside for it",
                  (unsigned long long)calls);
    }
    ledger->shared.stats.interrupted = calls;
    ledger->shared.position = ledger->writer.position;
    return true;
}

/* Once, when the node joins a cluster: what it has so far is to be shipped too. */
static bool begin_notes(struct ledger *ledger, struct error *error)
{
    bool on = false;
    return (note_is_on(ledger->writer.db, &on) && (on || note_begin(ledger->writer.db))) ||
           database_error(ledger->writer.db, ledger->path, "joining a cluster", error);
}

static bool load_clock(struct ledger *ledger, struct error *error)
{
    struct writer *writer = &ledger->writer;
    return ledger_clock_load(&writer->clock, writer->db, ledger->clock,
                             ledger->doubt_ms * NS_PER_MS) ||
           database_error(writer->db, ledger->path, "reading what is known of the clock", error);
}

static bool ledger_start(struct ledger *ledger, const struct ledger_options *options,
                         struct error *error)
{
    if (!writer_open(&ledger->writer, ledger->path, options->sync, DATABASE_CREATE, error) ||
        (options->ships && !begin_notes(ledger, error)) ||
        !writer_load(&ledger->writer, NULL, error)) {
        return false;
    }
    struct journal_options journal = options->journal;
    journal.directory = ledger->journal_path;
    journal.resume = ledger->writer.open;
    journal.applied_record = ledger->writer.position.record;
    ledger->journal = journal_open(&journal, error);
    /* Read again: until the journal was ours another process may have moved on. */
    if (ledger->journal == NULL || !writer_load(&ledger->writer, ledger->journal, error) ||
        !load_clock(ledger, error) || !catch_up(ledger, error)) {
        return false;
    }
    (void)writer_keys_changed(&ledger->writer); /* from here on */
    sqlite3_busy_timeout(ledger->writer.db, BUSY_MS);
    ledger->shared.stats.healthy = true;
    ledger->thread_runs = pthread_create(&ledger->thread, NULL, ledger_main, ledger) == 0;
    return ledger->thread_runs || error_set(error, ERROR_ENVIRONMENT, "ledger_thread",
                                            "cannot start the thread of the ledger");
}

struct ledger *ledger_open(const struct ledger_options *options, struct error *error)
{
    struct ledger *ledger = ledger_alloc(options);
    if (ledger == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    if (!ledger_start(ledger, options, error)) {
        ledger_free(ledger);
        return NULL;
    }
    return ledger;
}

void ledger_close(struct ledger *ledger, uint64_t ms)
{
    if (ledger == NULL) {
        return;
    }
    (void)!ledger_flush(ledger, ms);
    pthread_mutex_lock(&ledger->shared.lock);
    ledger->shared.stopping = true;
    pthread_mutex_unlock(&ledger->shared.lock);
    journal_wake(ledger->journal);
    pthread_join(ledger->thread, NULL);
    ledger_free(ledger);
}

/* --- other threads ------------------------------------------------------------------------------
 */

struct journal *ledger_journal(struct ledger *ledger)
{
    return ledger->journal;
}

static bool is_committed(const struct shared *shared, const struct journal_position *target)
{
    return shared->position.record >= target->record;
}

bool ledger_flush(struct ledger *ledger, uint64_t ms)
{
    struct shared *shared = &ledger->shared;
    struct journal_position target = journal_end(ledger->journal);
    int64_t until = clock_monotonic(&clock_system) + (int64_t)ms * NS_PER_MS;
    const struct timespec at = {.tv_sec = (time_t)(until / NS_PER_S),
                                .tv_nsec = (long)(until % NS_PER_S)};
    pthread_mutex_lock(&shared->lock);
    if (target.record > shared->flush_to) {
        shared->flush_to = target.record;
    }
    bool done = is_committed(shared, &target);
    pthread_mutex_unlock(&shared->lock);
    if (done) {
        return true;
    }
    journal_wake(ledger->journal);
    pthread_mutex_lock(&shared->lock);
    int status = 0;
    while (!is_committed(shared, &target) && status == 0) {
        status = pthread_cond_timedwait(&shared->committed, &shared->lock, &at);
    }
    done = is_committed(shared, &target);
    pthread_mutex_unlock(&shared->lock);
    return done;
}

void ledger_stats(struct ledger *ledger, struct ledger_stats *ret_stats)
{
    struct journal_stats journal;
    journal_stats(ledger->journal, &journal);
    pthread_mutex_lock(&ledger->shared.lock);
    *ret_stats = ledger->shared.stats;
    pthread_mutex_unlock(&ledger->shared.lock);
    int64_t now = clock_wall(ledger->clock);
    int64_t oldest = (int64_t)journal.oldest_unread_wall_ns;
    ret_stats->lag_ms = oldest == 0 || oldest > now ? 0 : (uint64_t)((now - oldest) / NS_PER_MS);
}
