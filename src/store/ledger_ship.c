/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger_ship.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/ledger_note.h"
#include "store/ledger_schema.h"
#include "store/ledger_ship_fold.h"
#include "store/ledger_ship_rows.h"
#include "store/report.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define LOOK_MS 500
#define STATEMENT_MS 30000
#define PRUNE_MS 60000
#define FOLD_MS 3600000
#define MEASURE_MS 5000
#define PRUNE_ROWS "5000"
#define PIECE_LIMIT ((size_t)16 << 20) /* a row of more than that is no row of ours */

struct ledger_ship {
    struct cluster_member *member;
    int64_t retention_ms;
    struct postgres *postgres; /* of the thread */
    struct buf piece;
    struct buf counts;
    struct ship_offers offers;
    bool known;       /* the watermark was read */
    uint64_t session; /* the connection that `offers` is of */
    int64_t prune_at_ns;
    int64_t fold_at_ns;
    int64_t measure_ns; /* not before */
    pthread_t thread;
    bool started;
    atomic_bool finishing; /* ship what there is, then end */
    pthread_mutex_t lock;  /* of the rest */
    pthread_cond_t ended;
    bool over;
    struct ship_stats stats;
    int64_t waiting_ns; /* since when; 0: nothing waits */
    int64_t oldest_ns;  /* wall: when the oldest call that waits ended, as measured; 0: none */
};

/* --- the watermark -----------------------------------------------------------------------------
 */

/* In a transaction: up to where PostgreSQL has it; the row is locked. */
static bool read_watermark(struct ledger_ship *ship, int64_t *ret_seq, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_int64(&params, member_facts(ship->member).node);
    if (!postgres_run(ship->postgres,
                      "INSERT INTO shipped(node, seq) VALUES($1, 0) ON CONFLICT DO NOTHING",
                      &params, NULL, error) ||
        !postgres_query(ship->postgres, "SELECT seq FROM shipped WHERE node = $1 FOR UPDATE",
                        &params, &rows, error)) {
        return false;
    }
    *ret_seq = rows.count == 1 ? postgres_int64(&rows, 0, 0) : 0;
    postgres_rows_release(&rows);
    return true;
}

static bool write_watermark(struct ledger_ship *ship, int64_t seq, int64_t sums_hour,
                            struct error *error)
{
    struct postgres_params params = {0};
    params_int64(&params, member_facts(ship->member).node);
    params_int64(&params, seq);
    params_int64(&params, sums_hour);
    return postgres_run(ship->postgres,
                        "UPDATE shipped SET seq = $2, sums_hour = $3, at = clock_timestamp()"
                        " WHERE node = $1",
                        &params, NULL, error);
}

static bool run_with(sqlite3 *db, const char *sql, int64_t value)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool done = statement != NULL && sqlite3_bind_int64(statement, 1, value) == SQLITE_OK &&
                database_run(statement);
    sqlite3_finalize(statement);
    return done;
}

/* Retention may take what PostgreSQL has; numbers that it knows are never given again, even after
 * this ledger was restored from an older copy. */
static bool note_watermark(struct ledger_ship *ship, sqlite3 *db, int64_t seq, struct error *error)
{
    bool done =
        database_exec(db, "BEGIN IMMEDIATE") &&
        run_with(db, "UPDATE cluster_state SET shipped = ?1 WHERE shipped >= 0 AND shipped <> ?1",
                 seq) &&
        run_with(db, "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'ship' AND seq < ?1", seq) &&
        run_with(db, "DELETE FROM ship WHERE seq <= ?", seq - SHIP_KEPT_BATCHES) &&
        database_exec(db, "COMMIT");
    if (!done) {
        database_error(db, member_path(ship->member), "noting what was shipped", error);
        database_rollback(db);
    }
    return done;
}

/* --- one transaction ---------------------------------------------------------------------------
 */

/* The batches of one transaction, joined. */
struct load {
    int64_t last;      /* 0: there is none */
    int64_t sums_hour; /* the ledger's: up to it, it has not all sums */
    struct buf calls;
    struct buf rollups;
    struct buf spends;
};

static void load_release(struct load *load)
{
    buf_release(&load->calls);
    buf_release(&load->rollups);
    buf_release(&load->spends);
}

static bool add_column(struct buf *buf, sqlite3_stmt *row, int column)
{
    const char *bytes = sqlite3_column_blob(row, column);
    return buf_append(buf, slice_of(bytes, (size_t)sqlite3_column_bytes(row, column)));
}

/* Rollups of a batch that an older version noted lack the last sums. */
static bool add_rollups(struct buf *buf, sqlite3_stmt *row, int column, int64_t sums)
{
    static const int64_t lacking[NOTE_SUMS - NOTE_SUMS_BEFORE] = {0};
    const size_t width = (3 + NOTE_SUMS_BEFORE) * sizeof(int64_t);
    const char *bytes = sqlite3_column_blob(row, column);
    size_t len = (size_t)sqlite3_column_bytes(row, column);
    if (sums != NOTE_SUMS_BEFORE) {
        return add_column(buf, row, column);
    }
    for (size_t at = 0; at + width <= len; at += width) {
        buf_append(buf, slice_of(bytes + at, width));
        buf_append(buf, slice_of((const char *)lacking, sizeof(lacking)));
    }
    return !buf->failed;
}

static bool read_load(struct ledger_ship *ship, sqlite3 *db, int64_t after, struct load *load,
                      struct error *error)
{
    const size_t limit = (size_t)256 << 20;
    *load = (struct load){
        .calls = BUF_INIT(limit), .rollups = BUF_INIT(limit), .spends = BUF_INIT(limit)};
    sqlite3_stmt *row = database_prepare(
        db, "SELECT seq, calls, rollups, spends, sums, (SELECT sums_hour FROM state)"
            " FROM ship WHERE seq > ? ORDER BY seq");
    if (row == NULL || sqlite3_bind_int64(row, 1, after) != SQLITE_OK) {
        sqlite3_finalize(row);
        return database_error(db, member_path(ship->member), "reading batches", error);
    }
    bool done = true;
    int status = sqlite3_step(row);
    while (done && status == SQLITE_ROW) {
        load->last = sqlite3_column_int64(row, 0);
        load->sums_hour = sqlite3_column_int64(row, 5);
        done = add_column(&load->calls, row, 1) &&
               add_rollups(&load->rollups, row, 2, sqlite3_column_int64(row, 4)) &&
               add_column(&load->spends, row, 3);
        status = load->calls.len >= SHIP_CALLS * 16 ? SQLITE_DONE : sqlite3_step(row);
    }
    sqlite3_finalize(row);
    return (done && status == SQLITE_DONE) ||
           database_error(db, member_path(ship->member), "reading batches", error);
}

static bool send_load(struct ledger_ship *ship, sqlite3 *db, const struct load *load,
                      struct error *error)
{
    struct ship_copy copy = {
        .db = db,
        .postgres = ship->postgres,
        .node = member_facts(ship->member).node,
        .piece = &ship->piece,
        .offers = &ship->offers,
        .counts = &ship->counts,
        .error = error,
    };
    buf_clear(&ship->piece);
    buf_clear(&ship->counts);
    buf_clear(&ship->offers.fresh);
    return ship_copy_calls(&copy, buf_slice(&load->calls)) &&
           ship_copy_attempts(&copy, buf_slice(&load->calls)) && ship_copy_offers(&copy) &&
           ship_copy_rollups(&copy, buf_slice(&load->rollups)) &&
           ship_copy_spends(&copy, buf_slice(&load->spends)) &&
           write_watermark(ship, load->last, load->sums_hour, error);
}

static void count_shipped(struct ledger_ship *ship, const struct load *load)
{
    pthread_mutex_lock(&ship->lock);
    ship->stats.seq = load->last;
    ship->stats.calls += load->calls.len / 16;
    pthread_mutex_unlock(&ship->lock);
}

/* *seq: the watermark, before and after. *ret_more: there may be more to ship. */
static bool ship_some(struct ledger_ship *ship, sqlite3 *db, int64_t *seq, bool *ret_more,
                      struct error *error)
{
    struct load load = {0};
    bool done = postgres_begin(ship->postgres, error) && read_watermark(ship, seq, error);
    if (done && *seq == 0 && !note_again(db)) {
        done = database_error(db, member_path(ship->member), "noting what is to be shipped", error);
    }
    done = done && read_load(ship, db, *seq, &load, error);
    if (done && load.last > 0) {
        done = send_load(ship, db, &load, error);
        FAULT_POINT("ship.before_commit");
    }
    done = done && postgres_commit(ship->postgres, NULL, error);
    FAULT_POINT("ship.after_commit");
    postgres_rollback(ship->postgres);
    database_rollback(db);
    if (!done) {
        ship_offers_forget(&ship->offers);
    }
    *ret_more = done && load.last > 0;
    if (*ret_more) {
        *seq = load.last;
        count_shipped(ship, &load);
    }
    load_release(&load);
    return done;
}

/* --- retention in PostgreSQL -------------------------------------------------------------------
 */

/* One node at a time, some thousands; what is left of an hour that was begun with is not verified.
 */
static const char prune_sql[] =
    "WITH old AS (DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE id < $1::uuid"
    " ORDER BY id LIMIT " PRUNE_ROWS ") RETURNING id),"
    " gone AS (DELETE FROM attempts WHERE call IN (SELECT id FROM old))"
    " UPDATE pruned SET hour = greatest(hour, $2) WHERE (SELECT count(*) FROM old) > 0";

static bool get_number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool found = statement != NULL && sqlite3_step(statement) == SQLITE_ROW;
    *ret_value = found ? sqlite3_column_int64(statement, 0) : 0;
    return sqlite3_finalize(statement) == SQLITE_OK && found;
}

/* As late as it is at least: a clock that is ahead makes nothing old (ledger_clock.h). */
static int64_t known_ns(sqlite3 *db)
{
    int64_t believed_ns = 0;
    int64_t wall_ns = clock_wall(&clock_system);
    bool known = get_number(db, "SELECT believed_ns FROM state", &believed_ns);
    return !known ? 0 : believed_ns < wall_ns ? believed_ns : wall_ns;
}

static bool prune(struct ledger_ship *ship, sqlite3 *db, struct error *error)
{
    int64_t now = clock_monotonic(&clock_system);
    if (ship->retention_ms == 0 || now < ship->prune_at_ns) {
        return true;
    }
    int64_t before_ns = known_ns(db) - ship->retention_ms * NS_PER_MS;
    if (before_ns <= 0) {
        ship->prune_at_ns = now + PRUNE_MS * NS_PER_MS;
        return true;
    }
    if (!postgres_connect(ship->postgres, error)) {
        return false;
    }
    char text[ID_TEXT_LEN + 1];
    struct postgres_params params = {0};
    int64_t pruned = 0;
    id_format(report_id_at(before_ns), text);
    params_literal(&params, slice_from_cstr(text));
    params_int64(&params, before_ns / (3600 * NS_PER_S));
    bool done = postgres_run(ship->postgres, prune_sql, &params, &pruned, error);
    ship->prune_at_ns = now + (pruned > 0 ? LOOK_MS : PRUNE_MS) * NS_PER_MS;
    return done;
}

/* Days that are over: at the start, then every hour. */
static bool fold(struct ledger_ship *ship, struct error *error)
{
    int64_t now = clock_monotonic(&clock_system);
    bool more = false;
    if (ship->fold_at_ns != 0 && now < ship->fold_at_ns) {
        return true;
    }
    if (!postgres_connect(ship->postgres, error) ||
        !ship_fold(ship->postgres, member_facts(ship->member).node, &more, error)) {
        return false;
    }
    ship->fold_at_ns = now + (more ? LOOK_MS : FOLD_MS) * NS_PER_MS;
    return true;
}

static bool tidy(struct ledger_ship *ship, sqlite3 *db, struct error *error)
{
    return prune(ship, db, error) && fold(ship, error);
}

/* --- the thread --------------------------------------------------------------------------------
 */

static bool prepare_session(struct ledger_ship *ship, struct error *error)
{
    if (!postgres_connect(ship->postgres, error)) {
        return false;
    }
    if (ship->session != postgres_made(ship->postgres)) {
        ship_offers_forget(&ship->offers); /* the server may be another one */
        ship->session = postgres_made(ship->postgres);
    }
    return postgres_script(ship->postgres, ship_session_sql, error);
}

static bool ask_number(sqlite3 *db, const char *sql, int64_t value, int64_t *ret_value)
{
    sqlite3_stmt *statement = database_prepare(db, sql);
    bool found = statement != NULL && sqlite3_bind_int64(statement, 1, value) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW;
    *ret_value = found ? sqlite3_column_int64(statement, 0) : 0;
    return sqlite3_finalize(statement) == SQLITE_OK && found;
}

/* How much is behind the watermark: not often, there may be very many batches. */
static void measure(struct ledger_ship *ship, sqlite3 *db)
{
    int64_t now = clock_monotonic(&clock_system);
    int64_t calls = 0;
    int64_t oldest_ns = 0;
    if (now < ship->measure_ns) {
        return;
    }
    ship->measure_ns = now + MEASURE_MS * NS_PER_MS;
    pthread_mutex_lock(&ship->lock);
    int64_t seq = ship->known ? ship->stats.seq : -1;
    pthread_mutex_unlock(&ship->lock);
    if ((seq < 0 && !get_number(db, "SELECT shipped FROM cluster_state", &seq)) ||
        !ask_number(db, "SELECT coalesce(sum(length(calls)), 0) / 16 FROM ship WHERE seq > ?", seq,
                    &calls) ||
        !ask_number(db,
                    "SELECT coalesce((SELECT c.started_ns + c.total_us * 1000 FROM ship s JOIN"
                    " calls c ON c.id = substr(s.calls, 1, 16) WHERE s.seq > ? AND"
                    " length(s.calls) > 0 ORDER BY s.seq LIMIT 1), 0)",
                    seq, &oldest_ns)) {
        return;
    }
    pthread_mutex_lock(&ship->lock);
    ship->stats.calls_behind = calls;
    ship->oldest_ns = oldest_ns;
    pthread_mutex_unlock(&ship->lock);
}

static bool anything_waits(struct ledger_ship *ship, sqlite3 *db)
{
    int64_t last = 0;
    bool found = get_number(
        db, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'ship'", &last);
    pthread_mutex_lock(&ship->lock);
    ship->stats.last = found ? last : ship->stats.last;
    if (ship->stats.last <= ship->stats.seq) {
        ship->waiting_ns = 0;
        ship->stats.calls_behind = ship->oldest_ns = ship->measure_ns = 0;
    } else if (ship->waiting_ns == 0) {
        ship->waiting_ns = clock_monotonic(&clock_system);
    }
    bool waits = !ship->known || ship->waiting_ns != 0;
    pthread_mutex_unlock(&ship->lock);
    return waits;
}

static bool ship_all(struct ledger_ship *ship, sqlite3 *db, struct error *error)
{
    bool more = true;
    int64_t seq = 0;
    if (!anything_waits(ship, db)) {
        return tidy(ship, db, error);
    }
    measure(ship, db);
    if (!prepare_session(ship, error)) {
        return false;
    }
    while (more && !postgres_stopped(ship->postgres)) {
        if (!ship_some(ship, db, &seq, &more, error)) {
            return false;
        }
    }
    pthread_mutex_lock(&ship->lock);
    ship->stats.seq = seq;
    ship->known = true;
    pthread_mutex_unlock(&ship->lock);
    (void)anything_waits(ship, db);
    return note_watermark(ship, db, seq, error) && tidy(ship, db, error);
}

static void note(struct ledger_ship *ship, const struct error *failure)
{
    pthread_mutex_lock(&ship->lock);
    bool was_away = ship->stats.away;
    bool same = failure != NULL && strcmp(ship->stats.reason, failure->text) == 0;
    ship->stats.away = failure != NULL;
    ship->stats.failures += failure != NULL ? 1 : 0;
    slice_to_cstr(failure == NULL ? SLICE_EMPTY : slice_from_cstr(failure->text),
                  ship->stats.reason, sizeof(ship->stats.reason));
    pthread_mutex_unlock(&ship->lock);
    if (failure != NULL && !same && !postgres_stopped(ship->postgres)) {
        log_event(LOG_WARN, failure->code, "%s; calls wait in this node's ledger", failure->text);
    } else if (failure == NULL && was_away) {
        log_event(LOG_INFO, "ship_back", "calls go to PostgreSQL again");
    }
}

static void ship_round(struct ledger_ship *ship)
{
    struct error error = {0};
    sqlite3 *db = database_open(member_path(ship->member), DATABASE_CHANGE, &error);
    bool done = db != NULL && ledger_schema_check(db, member_path(ship->member), &error) &&
                ship_all(ship, db, &error);
    sqlite3_close(db);
    note(ship, done ? NULL : &error);
}

static void *run(void *user)
{
    struct ledger_ship *ship = user;
    bool last = false;
    while (!last && !postgres_stopped(ship->postgres)) {
        last = atomic_load(&ship->finishing); /* before the round: it sees what there was then */
        ship_round(ship);
        uint64_t retry = postgres_retry_ms(ship->postgres);
        if (!last) {
            (void)postgres_wait(ship->postgres, retry > 0 ? retry : LOOK_MS);
        }
    }
    pthread_mutex_lock(&ship->lock);
    ship->over = true;
    pthread_cond_signal(&ship->ended);
    pthread_mutex_unlock(&ship->lock);
    return NULL;
}

/* --- the object --------------------------------------------------------------------------------
 */

struct ledger_ship *ship_new(const struct ship_options *options, struct error *error)
{
    struct ledger_ship *ship = memory_array(1, sizeof(*ship));
    pthread_condattr_t attributes;
    if (ship == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ship->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&ship->lock, NULL);
    buf_init(&ship->piece, PIECE_LIMIT);
    buf_init(&ship->counts, PIECE_LIMIT);
    ship_offers_init(&ship->offers);
    ship->member = options->member;
    ship->retention_ms = options->retention_ms;
    ship->postgres = member_postgres(options->member, "ledger", error);
    if (ship->postgres == NULL || !postgres_set_patience(ship->postgres, STATEMENT_MS, error)) {
        ship_free(ship, 0);
        return NULL;
    }
    return ship;
}

bool ship_start(struct ledger_ship *ship, struct error *error)
{
    ship->started = pthread_create(&ship->thread, NULL, run, ship) == 0;
    return ship->started ||
           error_set(error, ERROR_ENVIRONMENT, "no_thread", "no thread could be started");
}

static void finish(struct ledger_ship *ship, uint64_t ms)
{
    int64_t until = clock_monotonic(&clock_system) + (int64_t)ms * NS_PER_MS;
    const struct timespec at = {.tv_sec = (time_t)(until / NS_PER_S),
                                .tv_nsec = (long)(until % NS_PER_S)};
    int status = 0;
    atomic_store(&ship->finishing, true);
    postgres_wake(ship->postgres);
    pthread_mutex_lock(&ship->lock);
    while (!ship->over && status == 0) {
        status = pthread_cond_timedwait(&ship->ended, &ship->lock, &at);
    }
    pthread_mutex_unlock(&ship->lock);
    postgres_stop(ship->postgres);
    pthread_join(ship->thread, NULL);
}

void ship_free(struct ledger_ship *ship, uint64_t ms)
{
    if (ship == NULL) {
        return;
    }
    if (ship->started) {
        finish(ship, ms);
    }
    postgres_free(ship->postgres);
    buf_release(&ship->piece);
    buf_release(&ship->counts);
    ship_offers_release(&ship->offers);
    pthread_cond_destroy(&ship->ended);
    pthread_mutex_destroy(&ship->lock);
    memory_free(ship);
}

void ship_stats(struct ledger_ship *ship, struct ship_stats *ret_stats)
{
    pthread_mutex_lock(&ship->lock);
    *ret_stats = ship->stats;
    int64_t since = ship->waiting_ns;
    int64_t oldest_ns = ship->oldest_ns;
    pthread_mutex_unlock(&ship->lock);
    int64_t age_ns = oldest_ns == 0 ? 0 : clock_wall(&clock_system) - oldest_ns;
    ret_stats->age_ms = age_ns <= 0 ? 0 : (uint64_t)(age_ns / NS_PER_MS);
    ret_stats->lag_ms =
        since == 0 ? 0 : (uint64_t)((clock_monotonic(&clock_system) - since) / NS_PER_MS);
}
