/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "store/lease_postgres.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define BATCH 128
#define TEXT_BYTES_MAX ((size_t)1 << 20)
#define STATEMENT_MS 2000
#define LOOK_NS (5 * NS_PER_S)
#define REST_MS 100 /* after a statement that failed */
#define CLOSE_NS NS_PER_S
#define PING_MS 1500 /* a node that has nothing to say says so: it lives, and hears of news */

/* What is passed of each ask; the models come between. */
enum column {
    COLUMN_KIND,
    COLUMN_SCOPE,
    COLUMN_WHAT,
    COLUMN_WINDOW,
    COLUMN_EPOCH,
    COLUMN_GENERATION,
    COLUMN_LIMIT,
    COLUMN_SPENT,
    COLUMN_ROOM,
    COLUMN_HELD,
    COLUMN_RECENT,
    COLUMN_LEAST,
    COLUMN_ALL,
    COLUMN_WANT,
    COLUMNS
};

struct lease_postgres {
    struct lease_postgres_options options;
    char zone[64];
    struct postgres *postgres;
    pthread_t thread;
    bool runs;
    atomic_bool closing;
    int64_t session;   /* 0: none */
    int64_t seq;       /* of the last exchange that is known to have been done */
    int64_t exchanges; /* of all nodes, as far as this one was told: PostgreSQL knows no fewer */
    int64_t incarnation;
    int64_t asserted; /* the incarnation that this node has told everything to */
    int64_t exchanged_ns;
    unsigned failed_in_row;
    bool told_away; /* in the log */
    bool told_early;
    bool stayed;       /* there was a session in this process */
    unsigned missing;  /* so many looks found nodes missing: the second one says so */
    int64_t looked_ns; /* for nodes that are missing */
    struct buf columns[COLUMNS];
    struct buf models;
    struct lease_ask asks[BATCH];
    struct lease_answer answers[BATCH];
    pthread_mutex_t lock; /* of what follows */
    struct lease_postgres_stats stats;
};

static int64_t monotonic_ns(void)
{
    return clock_monotonic(&clock_system);
}

/* --- one exchange ------------------------------------------------------------------------------
 */

static int64_t number_of(const struct lease_ask *ask, enum column column)
{
    const int64_t numbers[COLUMNS] = {
        [COLUMN_KIND] = (int64_t)ask->meter.kind,
        [COLUMN_SCOPE] = (int64_t)ask->meter.scope,
        [COLUMN_WHAT] = (int64_t)ask->meter.what,
        [COLUMN_WINDOW] = ask->meter.window_s,
        [COLUMN_EPOCH] = ask->epoch_s,
        [COLUMN_GENERATION] = (int64_t)ask->generation,
        [COLUMN_LIMIT] = ask->limit,
        [COLUMN_SPENT] = ask->spent,
        [COLUMN_ROOM] = ask->room,
        [COLUMN_HELD] = ask->held,
        [COLUMN_RECENT] = ask->recent,
        [COLUMN_LEAST] = ask->need_least,
        [COLUMN_ALL] = ask->need_all,
        [COLUMN_WANT] = ask->want,
    };
    return numbers[column];
}

/* As an array's element. */
static void append_model(struct buf *out, const char *model)
{
    buf_append_char(out, '"');
    for (; *model != '\0'; model++) {
        if (*model == '"' || *model == '\\') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, *model);
    }
    buf_append_char(out, '"');
}

static bool write_columns(struct lease_postgres *lease, size_t count)
{
    bool done = true;
    for (unsigned c = 0; c <= COLUMNS; c++) {
        struct buf *out = c == COLUMNS ? &lease->models : &lease->columns[c];
        buf_clear(out);
        buf_append_char(out, '{');
        for (size_t i = 0; i < count; i++) {
            if (i > 0) {
                buf_append_char(out, ',');
            }
            if (c == COLUMNS) {
                append_model(out, lease->asks[i].meter.model);
            } else {
                buf_append_i64(out, number_of(&lease->asks[i], (enum column)c));
            }
        }
        buf_append(out, slice_of("}", 2)); /* with its NUL */
        done &= !out->failed;
    }
    return done;
}

static struct slice without_nul(const struct buf *text)
{
    return slice_of(text->ptr, text->len - 1);
}

static bool take_rows(struct lease_postgres *lease, const struct postgres_rows *rows, size_t count)
{
    bool any_early = false;
    int taken = 0;
    for (int row = 0; row < rows->count; row++) {
        int64_t exchanges = postgres_int64(rows, row, 0);
        lease->exchanges = exchanges > lease->exchanges ? exchanges : lease->exchanges;
        member_told_exchanges(lease->options.member, exchanges);
        if (postgres_is_null(rows, row, 1)) {
            continue; /* nothing was asked */
        }
        taken++;
        int64_t n = postgres_int64(rows, row, 1);
        if (n < 1 || n > (int64_t)count) {
            return false;
        }
        bool early = postgres_is_null(rows, row, 7);
        lease->answers[n - 1] = (struct lease_answer){
            .spent = postgres_int64(rows, row, 2),
            .room = postgres_int64(rows, row, 3),
            .elsewhere = postgres_int64(rows, row, 4),
            .elsewhere_spent = postgres_int64(rows, row, 5),
            .limit = postgres_int64(rows, row, 6),
            .exhausted = !early && postgres_bool(rows, row, 7),
        };
        any_early |= early;
    }
    if (any_early && !lease->told_early) {
        log_event(LOG_WARN, "clock_ahead",
                  "this node's clock is ahead of PostgreSQL's: a period that it has begun has not "
                  "begun there, and nothing is granted for it yet; set the clock");
    }
    lease->told_early = count > 0 ? any_early : lease->told_early;
    return (size_t)taken == count;
}

/* One row at least, for the first column: how many exchanges there have been, of all nodes. */
static const char exchange_sql[] =
    "SELECT g.exchanges, n, r_spent, r_room, r_elsewhere, r_elsewhere_spent, r_amount, r_exhausted"
    " FROM (SELECT sum(lease_seq)::bigint AS exchanges FROM nodes) g LEFT JOIN "
    "lease_exchange($1::integer, $2, $3, $4 <> 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15,"
    " $16, $17, $18, $19) ON true";

static bool ask_server(struct lease_postgres *lease, size_t count, bool asserted,
                       struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    if (!write_columns(lease, count)) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    params_int64(&params, member_facts(lease->options.member).node);
    params_int64(&params, lease->session);
    params_int64(&params, lease->incarnation);
    params_int64(&params, asserted ? 1 : 0);
    for (unsigned c = 0; c < COLUMNS; c++) {
        if (c == COLUMN_WHAT) {
            params_literal(&params, without_nul(&lease->models));
        }
        params_literal(&params, without_nul(&lease->columns[c]));
    }
    if (!postgres_query(lease->postgres, exchange_sql, &params, &rows, error)) {
        return false;
    }
    bool done = take_rows(lease, &rows, count);
    postgres_rows_release(&rows);
    return done || error_set(error, ERROR_ENVIRONMENT, "authority_failed",
                             "an exchange of leases was answered in another shape");
}

/* --- away and there ----------------------------------------------------------------------------
 */

static void note_state(struct lease_postgres *lease, bool connected)
{
    pthread_mutex_lock(&lease->lock);
    lease->stats.connected = connected;
    if (connected) {
        lease->stats.away_since_ns = 0;
    } else if (lease->stats.away_since_ns == 0) {
        lease->stats.away_since_ns = monotonic_ns();
    }
    pthread_mutex_unlock(&lease->lock);
}

static void is_away(struct lease_postgres *lease, const struct error *error)
{
    bool allows = lease->options.allows_away;
    lease->session = 0;
    if (!lease->told_away && !atomic_load(&lease->closing)) {
        lease->told_away = true;
        log_event(LOG_WARN, "leases_away", "%s; %s", error->text,
                  allows ? "caps are only held by each node for itself"
                         : "what was granted is used up, then calls under a cap are refused");
    }
    note_state(lease, false);
    budget_lease_mode(lease->options.budget, LEASE_CAPS, allows ? LEASE_ALLOWS : LEASE_DENIES, 1);
}

static void is_there(struct lease_postgres *lease)
{
    if (lease->told_away) {
        log_event(LOG_INFO, "leases_back", "PostgreSQL grants slices of caps again");
    }
    lease->told_away = false;
    note_state(lease, true);
    budget_lease_mode(lease->options.budget, LEASE_CAPS, LEASE_GRANTS, 1);
    budget_lease_retry(lease->options.budget, LEASE_CAPS, NULL);
}

/* What the node's row says of the new session. */
static bool begin_session(struct lease_postgres *lease, bool *ret_behind, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    struct member_facts facts = member_facts(lease->options.member);
    params_int64(&params, facts.node);
    params_int64(&params, lease->seq);
    params_text(&params, slice_from_cstr(lease->zone));
    params_int64(&params, lease->exchanges);
    if (!postgres_query(lease->postgres,
                        "SELECT session, seq,"
                        " behind OR (SELECT sum(lease_seq) FROM nodes) < $4, foreign_zone"
                        " FROM lease_session($1::integer, $2, $3)",
                        &params, &rows, error)) {
        return false;
    }
    bool found = rows.count == 1;
    bool foreign = found && postgres_bool(&rows, 0, 3);
    lease->session = found ? postgres_int64(&rows, 0, 0) : 0;
    lease->seq = found ? postgres_int64(&rows, 0, 1) : lease->seq;
    *ret_behind = found && postgres_bool(&rows, 0, 2);
    lease->incarnation = facts.incarnation;
    postgres_rows_release(&rows);
    if (foreign) {
        lease->session = 0;
        return error_set(error, ERROR_ENVIRONMENT, "time_zone",
                         "other nodes of this cluster have another caps.time_zone than this one "
                         "(%s): their days begin at other times; set the same on all",
                         lease->zone);
    }
    return found ||
           error_set(error, ERROR_ENVIRONMENT, "node_removed", "this node has no row any more");
}

/* This node has looked at this server's state, since it started, and misses nothing. */
static bool note_server(struct lease_postgres *lease, struct error *error)
{
    struct postgres_params params = {0};
    params_int64(&params, member_facts(lease->options.member).node);
    params_int64(&params, lease->stayed ? 1 : 0);
    return postgres_run(lease->postgres, "SELECT lease_started($1::integer, $2 <> 0)", &params,
                        NULL, error);
}

static struct lease_meter meter_at(const struct postgres_rows *rows, int row)
{
    struct lease_meter meter = {
        .kind = (enum scope_kind)postgres_int64(rows, row, 0),
        .what = (enum lease_what)postgres_int64(rows, row, 2),
        .scope = (uint64_t)postgres_int64(rows, row, 1),
        .window_s = postgres_int64(rows, row, 4),
    };
    slice_to_cstr(postgres_slice(rows, row, 3), meter.model, sizeof(meter.model));
    return meter;
}

/* What others want of this node. */
static bool take_recalls(struct lease_postgres *lease, struct error *error)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    params_int64(&params, member_facts(lease->options.member).node);
    if (!postgres_query(lease->postgres,
                        "UPDATE leases l SET recalled = false FROM lease_meters m"
                        " WHERE m.id = l.meter AND (l.meter, l.node) IN (SELECT meter, node"
                        " FROM leases WHERE recalled AND node = $1::integer"
                        " ORDER BY meter FOR UPDATE)"
                        " RETURNING m.kind::bigint, m.scope, m.what::bigint, m.model, m.window_s",
                        &params, &rows, error)) {
        return false;
    }
    for (int i = 0; i < rows.count; i++) {
        struct lease_meter meter = meter_at(&rows, i);
        budget_lease_recall(lease->options.budget, &meter);
    }
    postgres_rows_release(&rows);
    return true;
}

static bool join(struct lease_postgres *lease, struct error *error)
{
    /* what is granted must not be forgotten */
    static const char durable[] = "SELECT set_config('synchronous_commit', 'on', false)"
                                  " WHERE current_setting('synchronous_commit') = 'off'";
    bool behind = false;
    if (!postgres_run(lease->postgres, durable, NULL, NULL, error) ||
        !begin_session(lease, &behind, error)) {
        return false;
    }
    if (behind) {
        if (!pg_schema_raise(lease->postgres, error) ||
            !postgres_script(lease->postgres, "NOTIFY sluice_leases", error)) {
            return false;
        }
        lease->exchanges = 0; /* it is said */
        lease->session = 0;
        if (!member_forget_exchanges(lease->options.member, error)) {
            return false;
        }
        return error_set(
            error, ERROR_ENVIRONMENT, "authority_old",
            "PostgreSQL has an older state than this node was told of: was it set back?"
            " Nothing is granted until every node has told it what it has");
    }
    /* an exchange about nothing: does it work at all? */
    if (!note_server(lease, error) || !take_recalls(lease, error) ||
        !ask_server(lease, 0, false, error)) {
        return false;
    }
    lease->seq++;
    lease->stayed = true;
    if (lease->asserted != lease->incarnation) {
        budget_lease_assert(lease->options.budget, LEASE_CAPS);
    }
    pthread_mutex_lock(&lease->lock);
    lease->stats.connections++;
    pthread_mutex_unlock(&lease->lock);
    is_there(lease);
    return true;
}

/* Connected, and with a session. */
static bool obtain_session(struct lease_postgres *lease)
{
    struct error error;
    error_clear(&error);
    if (lease->session != 0 && postgres_connected(lease->postgres)) {
        return true;
    }
    lease->session = 0;
    if (postgres_connect(lease->postgres, &error) && join(lease, &error)) {
        return true;
    }
    postgres_drop(lease->postgres);
    is_away(lease, &error);
    return false;
}

/* --- the thread --------------------------------------------------------------------------------
 */

static void count_exchange(struct lease_postgres *lease, bool done, int64_t took_ns)
{
    pthread_mutex_lock(&lease->lock);
    lease->stats.exchanges++;
    lease->stats.failures += done ? 0 : 1;
    lease->stats.exchange_ns += took_ns;
    pthread_mutex_unlock(&lease->lock);
}

/* Whether it took effect is not known: the next session tells all of it again. Once may be that
 * the session was over. */
static void give_up(struct lease_postgres *lease, const struct error *error)
{
    postgres_drop(lease->postgres);
    lease->session = 0;
    if (++lease->failed_in_row > 1) {
        is_away(lease, error);
    }
}

/* False: there is nothing to say now, or it could not be said. */
static bool exchange(struct lease_postgres *lease)
{
    struct budget *budget = lease->options.budget;
    struct error error;
    bool asserts = lease->asserted != lease->incarnation;
    bool asserted = asserts && budget_lease_asserted(budget, LEASE_CAPS);
    size_t count = budget_lease_collect(budget, LEASE_CAPS, lease->asks, BATCH);
    int64_t start_ns = monotonic_ns();
    if (count == 0 && !asserted && start_ns - lease->exchanged_ns < PING_MS * NS_PER_MS) {
        return false;
    }
    lease->exchanged_ns = start_ns;
    bool done = ask_server(lease, count, asserted, &error);
    count_exchange(lease, done, monotonic_ns() - start_ns);
    if (!done) {
        give_up(lease, &error);
        budget_lease_failed(budget, lease->asks, count);
        return false;
    }
    lease->failed_in_row = 0;
    lease->seq++;
    if (asserted) {
        lease->asserted = lease->incarnation;
    }
    budget_lease_apply(budget, lease->asks, lease->answers, count);
    return true;
}

/* After a restore or a failover nothing is granted until each node has told what it has: who has
 * not is named, for the operator may have to remove it. */
static void look_for_missing(struct lease_postgres *lease)
{
    struct postgres_params params = {0};
    struct postgres_rows rows;
    struct error error;
    int64_t now_ns = monotonic_ns();
    if (now_ns - lease->looked_ns < LOOK_NS) {
        return;
    }
    lease->looked_ns = now_ns;
    params_int64(&params, lease->incarnation);
    params_int64(&params, member_facts(lease->options.member).node);
    if (!postgres_query(lease->postgres,
                        "SELECT coalesce(string_agg(name, ', ' ORDER BY name), '') FROM nodes"
                        " WHERE removed_at IS NULL AND ((incarnation <> $1 AND NOT (incarnation = 0"
                        " AND (stopped OR seen_at < clock_timestamp() - interval '10 s')))"
                        " OR (lease_awaited IS NOT NULL AND NOT stopped AND id <> $2))",
                        &params, &rows, &error)) {
        give_up(lease, &error);
        return;
    }
    struct slice names = rows.count == 1 ? postgres_slice(&rows, 0, 0) : SLICE_EMPTY;
    lease->missing = names.len > 0 ? lease->missing + 1 : 0;
    if (lease->missing == 2) {
        log_event(LOG_WARN, "leases_blocked",
                  "PostgreSQL may have forgotten what it granted: no slices of caps until these "
                  "nodes have told what they have: %.*s; `sluice cluster remove NODE` gives up one "
                  "that will not return",
                  SLICE_ARG(names));
    }
    postgres_rows_release(&rows);
}

static void sleep_until_due(struct lease_postgres *lease, bool connected)
{
    int64_t ms = REST_MS;
    if (connected) {
        int64_t due_ns = budget_lease_due(lease->options.budget, LEASE_CAPS);
        int64_t left_ns = due_ns == INT64_MAX ? INT64_MAX : due_ns - monotonic_ns();
        ms = left_ns <= 0 ? 0 : left_ns / NS_PER_MS + 1;
        ms = left_ns == INT64_MAX || ms > PING_MS ? PING_MS : ms;
    } else {
        uint64_t retry_ms = postgres_retry_ms(lease->postgres);
        ms = retry_ms < REST_MS ? REST_MS : (int64_t)retry_ms;
    }
    if (ms > 0 && postgres_wait(lease->postgres, (uint64_t)ms) == POSTGRES_NOTIFIED) {
        struct error error;
        if (!take_recalls(lease, &error)) {
            give_up(lease, &error);
        }
        budget_lease_retry(lease->options.budget, LEASE_CAPS, NULL);
    }
}

/* Gives back what there is, within a moment. */
static void close_leases(struct lease_postgres *lease)
{
    int64_t until_ns = monotonic_ns() + CLOSE_NS;
    budget_lease_close(lease->options.budget, LEASE_CAPS);
    while (lease->session != 0 && monotonic_ns() < until_ns && exchange(lease)) {
    }
}

static void *run(void *user)
{
    struct lease_postgres *lease = user;
    pthread_setname_np(pthread_self(), "sluice-leases");
    while (!atomic_load(&lease->closing)) {
        bool connected = obtain_session(lease);
        if (!connected || !exchange(lease)) {
            if (connected && lease->session != 0) {
                look_for_missing(lease);
            }
            sleep_until_due(lease, connected && lease->session != 0);
        }
    }
    close_leases(lease);
    return NULL;
}

/* --- start and stop ----------------------------------------------------------------------------
 */

static void on_wanted(void *user, enum lease_authority authority)
{
    struct lease_postgres *lease = user;
    (void)authority;
    postgres_wake(lease->postgres);
}

static void on_moved(void *user)
{
    struct lease_postgres *lease = user;
    if (lease->options.moved != NULL) {
        lease->options.moved(lease->options.user);
    }
}

static void release(struct lease_postgres *lease)
{
    postgres_free(lease->postgres);
    for (unsigned c = 0; c < COLUMNS; c++) {
        buf_release(&lease->columns[c]);
    }
    buf_release(&lease->models);
    pthread_mutex_destroy(&lease->lock);
    memory_free(lease);
}

static bool prepare(struct lease_postgres *lease, struct error *error)
{
    const struct lease_options options = {
        .wait_ns = lease->options.wait_ns, .wanted = on_wanted, .moved = on_moved, .user = lease};
    lease->postgres = member_postgres(lease->options.member, "leases", error);
    if (lease->postgres == NULL || !postgres_set_patience(lease->postgres, STATEMENT_MS, error)) {
        return false;
    }
    if (!postgres_listen(lease->postgres, "sluice_leases", error)) {
        return false;
    }
    return budget_lease_enable(lease->options.budget, LEASE_CAPS, &options) ||
           error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
}

struct lease_postgres *lease_postgres_new(const struct lease_postgres_options *options,
                                          struct error *error)
{
    struct lease_postgres *lease = memory_array(1, sizeof(*lease));
    if (lease == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    lease->options = *options;
    lease->exchanges = member_facts(options->member).exchanges; /* of an earlier process, too */
    slice_to_cstr(options->time_zone, lease->zone, sizeof(lease->zone));
    for (unsigned c = 0; c < COLUMNS; c++) {
        buf_init(&lease->columns[c], TEXT_BYTES_MAX);
    }
    buf_init(&lease->models, TEXT_BYTES_MAX);
    pthread_mutex_init(&lease->lock, NULL);
    if (!prepare(lease, error)) {
        release(lease);
        return NULL;
    }
    return lease;
}

bool lease_postgres_start(struct lease_postgres *lease, struct error *error)
{
    lease->runs = pthread_create(&lease->thread, NULL, run, lease) == 0;
    return lease->runs || error_set(error, ERROR_ENVIRONMENT, "thread",
                                    "the thread of the leases could not be started");
}

void lease_postgres_free(struct lease_postgres *lease)
{
    if (lease == NULL) {
        return;
    }
    atomic_store(&lease->closing, true);
    postgres_wake(lease->postgres);
    if (lease->runs) {
        pthread_join(lease->thread, NULL);
    }
    release(lease);
}

void lease_postgres_stats_read(struct lease_postgres *lease, struct lease_postgres_stats *ret_stats)
{
    pthread_mutex_lock(&lease->lock);
    *ret_stats = lease->stats;
    pthread_mutex_unlock(&lease->lock);
}
