/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_internal.h"

#include "base/bell.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdio.h>

#define CONNECT_MS 3000
#define STATEMENT_MS 5000
/* The server ends a slow statement first, so that the connection stays good. */
#define GRACE_MS 500
#define PAUSE_FIRST_MS 50
#define PAUSE_LAST_MS 5000

int64_t postgres_now_ns(void)
{
    return clock_monotonic(&clock_system);
}

/* --- errors ------------------------------------------------------------------------------------
 */

static bool contains(const char *text, const char *part)
{
    return part != NULL && part[0] != '\0' && strstr(text, part) != NULL;
}

/* The first line of libpq's words, unless a secret is in them. */
static void first_line(const struct postgres *postgres, const char *words, char *out, size_t size)
{
    size_t len = words == NULL ? 0 : strcspn(words, "\n");
    slice_to_cstr(slice_of(words, len), out, size);
    for (size_t i = 0; i < POSTGRES_SECRETS; i++) {
        if (contains(out, postgres->secrets[i])) {
            snprintf(out, size, "the connection failed");
        }
    }
}

bool postgres_away(struct postgres *postgres, struct error *error)
{
    char line[200];
    const char *words =
        postgres->connection == NULL ? NULL : pq.PQerrorMessage(postgres->connection);
    first_line(postgres, words, line, sizeof(line));
    return error_set(error, ERROR_ENVIRONMENT, "authority_away", "PostgreSQL is away: %s",
                     line[0] == '\0' ? "no connection" : line);
}

/* The message and the hint are the server's own words; details could hold values and stay out. */
static bool refused(struct postgres *postgres, const PGresult *result, struct error *error)
{
    char line[200];
    const char *state = pq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
    first_line(postgres, pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), line,
               sizeof(line));
    slice_to_cstr(slice_from_cstr(state == NULL ? "" : state), postgres->state,
                  sizeof(postgres->state));
    if (strncmp(postgres->state, "57P", 3) == 0 || strncmp(postgres->state, "08", 2) == 0 ||
        strcmp(postgres->state, "57014") == 0 || strcmp(postgres->state, "25006") == 0) {
        return error_set(error, ERROR_ENVIRONMENT, "authority_away", "PostgreSQL is away: %s",
                         line);
    }
    return error_set(error, ERROR_ENVIRONMENT, "authority_failed", "PostgreSQL refuses (%s): %s",
                     postgres->state, line[0] == '\0' ? "no reason given" : line);
}

static bool over(struct postgres *postgres, enum waited waited, struct error *error)
{
    if (waited == WAITED_LOST) {
        return postgres_away(postgres, error);
    }
    return error_set(error, ERROR_ENVIRONMENT, "authority_away",
                     waited == WAITED_STOPPED ? "this node is stopping"
                                              : "PostgreSQL is away: it does not answer");
}

/* --- waiting -----------------------------------------------------------------------------------
 */

static int left_ms(int64_t deadline_ns)
{
    int64_t left = deadline_ns - postgres_now_ns();
    if (left <= 0) {
        return 0;
    }
    int64_t ms = (left + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 60000 ? 60000 : (int)ms;
}

enum waited postgres_wait_socket(struct postgres *postgres, short events, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd polled[] = {
            {.fd = pq.PQsocket(postgres->connection), .events = events},
            {.fd = postgres->stop_fd, .events = POLLIN},
        };
        int ms = left_ms(deadline_ns);
        int ready = poll(polled, ARRAY_LEN(polled), ms);
        if (postgres_stopped(postgres)) {
            return WAITED_STOPPED;
        }
        if (ready > 0 && polled[0].revents != 0) {
            return WAITED_READY;
        }
        if (ready <= 0 && deadline_ns <= postgres_now_ns()) {
            return WAITED_LATE;
        }
    }
}

/* Sends all that libpq has buffered. */
static enum waited flush(struct postgres *postgres, int64_t deadline_ns)
{
    int left;
    while ((left = pq.PQflush(postgres->connection)) > 0) {
        enum waited waited = postgres_wait_socket(postgres, POLLIN | POLLOUT, deadline_ns);
        if (waited != WAITED_READY) {
            return waited;
        }
        if (pq.PQconsumeInput(postgres->connection) == 0) {
            return WAITED_LOST;
        }
    }
    return left == 0 ? WAITED_READY : WAITED_LOST;
}

static enum waited await_result(struct postgres *postgres, int64_t deadline_ns)
{
    enum waited waited = flush(postgres, deadline_ns);
    while (waited == WAITED_READY && pq.PQisBusy(postgres->connection) != 0) {
        waited = postgres_wait_socket(postgres, POLLIN, deadline_ns);
        if (waited == WAITED_READY && pq.PQconsumeInput(postgres->connection) == 0) {
            waited = WAITED_LOST;
        }
    }
    return waited;
}

/* --- connecting --------------------------------------------------------------------------------
 */

static void close_connection(struct postgres *postgres)
{
    pq.PQfinish(postgres->connection);
    postgres->connection = NULL;
    postgres->ready = false;
}

void postgres_drop(struct postgres *postgres)
{
    close_connection(postgres);
}

/* After a failed try the next one is later, each time more so, and not at the same moment as the
 * other nodes' and threads'. */
static void put_off(struct postgres *postgres)
{
    uint64_t pause = postgres->pause_ms == 0 ? PAUSE_FIRST_MS : postgres->pause_ms * 2;
    postgres->pause_ms = pause > PAUSE_LAST_MS ? PAUSE_LAST_MS : pause;
    uint64_t ms = postgres->pause_ms / 2 + random_below(&postgres->random, postgres->pause_ms);
    postgres->retry_ns = postgres_now_ns() + (int64_t)ms * NS_PER_MS;
}

static void ignore_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result;
}

/* What the operator's string says counts, not these. */
static PGconn *start(const struct postgres *postgres)
{
    const char *const keywords[] = {
        "target_session_attrs", "keepalives_idle",  "keepalives_interval",
        "keepalives_count",     "tcp_user_timeout", "dbname",
        "application_name",     "client_encoding",  NULL};
    const char *const values[] = {"read-write",     "10",           "5",    "3", "10000",
                                  postgres->string, postgres->name, "UTF8", NULL};
    return pq.PQconnectStartParams(keywords, values, 1);
}

static enum waited shake_hands(struct postgres *postgres, int64_t deadline_ns)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        if (status == PGRES_POLLING_FAILED) {
            return WAITED_LOST;
        }
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        enum waited waited = postgres_wait_socket(postgres, events, deadline_ns);
        if (waited != WAITED_READY) {
            return waited;
        }
        status = pq.PQconnectPoll(postgres->connection);
    }
    return WAITED_READY;
}

/* What is asked takes less than compiling it would: 100 ms in a report of some thousand sums. */
static bool set_up(struct postgres *postgres, struct error *error)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "SET client_min_messages = error; SET search_path = sluice; SET timezone = 'UTC';"
             " SET jit = off; SET default_transaction_isolation = 'read committed';"
             " SET statement_timeout = %llu; SET idle_in_transaction_session_timeout = %llu",
             (unsigned long long)postgres->statement_ms,
             (unsigned long long)postgres->statement_ms * 2 + 1000);
    bool done = postgres_script(postgres, sql, error);
    for (size_t i = 0; i < postgres->channel_count && done; i++) {
        snprintf(sql, sizeof(sql), "LISTEN %s", postgres->channels[i]);
        done = postgres_script(postgres, sql, error);
    }
    return done &&
           (postgres->on_connect == NULL || postgres->on_connect(postgres, postgres->user, error));
}

static bool open_connection(struct postgres *postgres, struct error *error)
{
    int64_t deadline_ns = postgres_now_ns() + (int64_t)postgres->connect_ms * NS_PER_MS;
    postgres->connection = start(postgres);
    if (postgres->connection == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    if (pq.PQstatus(postgres->connection) == CONNECTION_BAD) {
        return postgres_away(postgres, error);
    }
    pq.PQsetNoticeReceiver(postgres->connection, ignore_notice, NULL);
    enum waited waited = shake_hands(postgres, deadline_ns);
    if (waited != WAITED_READY) {
        return over(postgres, waited, error);
    }
    if (pq.PQsetnonblocking(postgres->connection, 1) != 0) {
        return postgres_away(postgres, error);
    }
    postgres->ready = true;
    return set_up(postgres, error);
}

/* A server that went away while nothing was asked has said so and closed the connection. */
static bool is_alive(struct postgres *postgres)
{
    struct pollfd polled = {.fd = pq.PQsocket(postgres->connection), .events = POLLIN};
    while (pq.PQstatus(postgres->connection) == CONNECTION_OK) {
        if (poll(&polled, 1, 0) <= 0) {
            return true;
        }
        if (pq.PQconsumeInput(postgres->connection) == 0) {
            return false;
        }
    }
    return false;
}

bool postgres_connect(struct postgres *postgres, struct error *error)
{
    if (postgres_stopped(postgres)) {
        return over(postgres, WAITED_STOPPED, error);
    }
    if (postgres->ready) {
        if (is_alive(postgres)) {
            return true;
        }
        close_connection(postgres);
    }
    if (postgres_retry_ms(postgres) > 0) {
        if (error != NULL) {
            *error = postgres->last_error;
        }
        return false;
    }
    error_clear(&postgres->last_error);
    if (!open_connection(postgres, &postgres->last_error)) {
        close_connection(postgres);
        put_off(postgres);
        if (error != NULL) {
            *error = postgres->last_error;
        }
        return false;
    }
    postgres->pause_ms = 0;
    postgres->retry_ns = 0;
    postgres->made++;
    return true;
}

uint64_t postgres_made(const struct postgres *postgres)
{
    return postgres->made;
}

bool postgres_connected(const struct postgres *postgres)
{
    return postgres->ready;
}

uint64_t postgres_retry_ms(const struct postgres *postgres)
{
    return postgres->ready || postgres->retry_ns == 0 ? 0 : (uint64_t)left_ms(postgres->retry_ns);
}

/* --- statements --------------------------------------------------------------------------------
 */

int64_t postgres_deadline(const struct postgres *postgres)
{
    return postgres_now_ns() + (int64_t)(postgres->statement_ms + GRACE_MS) * NS_PER_MS;
}

/* The statement's outcome is not known: the connection is of no use any more. */
bool postgres_give_up(struct postgres *postgres, enum waited waited, struct error *error)
{
    over(postgres, waited, error);
    close_connection(postgres);
    return false;
}

bool postgres_may_ask(struct postgres *postgres, struct error *error)
{
    postgres->state[0] = '\0';
    if (postgres_stopped(postgres)) {
        return over(postgres, WAITED_STOPPED, error);
    }
    return postgres->ready || postgres_away(postgres, error);
}

bool postgres_collect(struct postgres *postgres, int64_t deadline_ns, PGresult **ret_last,
                      struct error *error)
{
    PGresult *last = NULL;
    bool sound = true;
    for (;;) {
        enum waited waited = await_result(postgres, deadline_ns);
        if (waited != WAITED_READY) {
            pq.PQclear(last);
            return postgres_give_up(postgres, waited, error);
        }
        PGresult *result = pq.PQgetResult(postgres->connection);
        if (result == NULL) {
            break;
        }
        pq.PQclear(last);
        last = result;
        ExecStatusType status = pq.PQresultStatus(result);
        if (status == PGRES_COPY_IN) {
            break; /* the caller goes on with the data */
        }
        if (sound && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_EMPTY_QUERY) {
            sound = refused(postgres, result, error);
        }
    }
    if (pq.PQstatus(postgres->connection) == CONNECTION_BAD) {
        pq.PQclear(last);
        return postgres_give_up(postgres, WAITED_LOST, error);
    }
    if (!sound || last == NULL) {
        pq.PQclear(last);
        return sound ? postgres_give_up(postgres, WAITED_LOST, error) : false;
    }
    *ret_last = last;
    return true;
}

bool postgres_query(struct postgres *postgres, const char *sql,
                    const struct postgres_params *params, struct postgres_rows *ret_rows,
                    struct error *error)
{
    static const struct postgres_params none;
    const struct postgres_params *given = params == NULL ? &none : params;
    *ret_rows = (struct postgres_rows){0};
    if (!postgres_may_ask(postgres, error)) {
        return false;
    }
    if (pq.PQsendQueryParams(postgres->connection, sql, given->count, given->types, given->values,
                             given->lengths, given->formats, 1) == 0) {
        return postgres_give_up(postgres, WAITED_LOST, error);
    }
    if (!postgres_collect(postgres, postgres_deadline(postgres), &ret_rows->result, error)) {
        return false;
    }
    ret_rows->count = pq.PQntuples(ret_rows->result);
    ret_rows->affected = postgres_affected(ret_rows->result);
    return true;
}

bool postgres_run(struct postgres *postgres, const char *sql, const struct postgres_params *params,
                  int64_t *ret_affected, struct error *error)
{
    struct postgres_rows rows;
    if (!postgres_query(postgres, sql, params, &rows, error)) {
        return false;
    }
    if (ret_affected != NULL) {
        *ret_affected = rows.affected;
    }
    postgres_rows_release(&rows);
    return true;
}

bool postgres_script(struct postgres *postgres, const char *sql, struct error *error)
{
    PGresult *last = NULL;
    if (!postgres_may_ask(postgres, error)) {
        return false;
    }
    if (pq.PQsendQuery(postgres->connection, sql) == 0) {
        return postgres_give_up(postgres, WAITED_LOST, error);
    }
    bool done = postgres_collect(postgres, postgres_deadline(postgres), &last, error);
    pq.PQclear(last);
    return done;
}

uint64_t postgres_patience(const struct postgres *postgres)
{
    return postgres->statement_ms;
}

bool postgres_set_patience(struct postgres *postgres, uint64_t ms, struct error *error)
{
    char sql[128];
    postgres->statement_ms = ms;
    snprintf(sql, sizeof(sql),
             "SET statement_timeout = %llu; SET idle_in_transaction_session_timeout = %llu",
             (unsigned long long)ms, (unsigned long long)ms * 2 + 1000);
    return !postgres->ready || postgres_script(postgres, sql, error);
}

bool postgres_begin(struct postgres *postgres, struct error *error)
{
    return postgres_script(postgres, "BEGIN", error);
}

bool postgres_commit(struct postgres *postgres, bool *ret_unsure, struct error *error)
{
    bool asked = postgres->ready;
    struct postgres_rows rows;
    bool unsure = false;
    bool done = postgres_query(postgres, "COMMIT", NULL, &rows, error);
    if (!done) {
        unsure = asked && !postgres->ready;
    } else if (strcmp(pq.PQcmdStatus(rows.result), "COMMIT") != 0) {
        /* a statement had failed: the server has rolled back */
        done = error_set(error, ERROR_ENVIRONMENT, "authority_failed",
                         "PostgreSQL did not commit: a statement before it had failed");
    }
    postgres_rows_release(&rows);
    if (ret_unsure != NULL) {
        *ret_unsure = unsure;
    }
    return done;
}

void postgres_rollback(struct postgres *postgres)
{
    struct error ignored;
    if (!postgres->ready || pq.PQtransactionStatus(postgres->connection) == PQTRANS_IDLE) {
        return;
    }
    if (postgres_stopped(postgres) || !postgres_script(postgres, "ROLLBACK", &ignored)) {
        close_connection(postgres);
    }
}

const char *postgres_state(const struct postgres *postgres)
{
    return postgres->state;
}

/* --- the object --------------------------------------------------------------------------------
 */

/* Also what must not be shown again. */
static bool parse_string(struct postgres *postgres, struct error *error)
{
    char *words = NULL; /* libpq's own: they would quote the string */
    PQconninfoOption *parsed = pq.PQconninfoParse(postgres->string, &words);
    pq.PQfreemem(words);
    if (parsed == NULL) {
        return error_set(error, ERROR_INVALID, "bad_postgres",
                         "cluster.postgres is no connection string: write it as "
                         "postgresql://user:password@host:port/database");
    }
    static const char *const secret[POSTGRES_SECRETS] = {"password", "sslpassword"};
    for (const PQconninfoOption *option = parsed; option->keyword != NULL; option++) {
        for (size_t i = 0; i < POSTGRES_SECRETS; i++) {
            if (option->val != NULL && strcmp(option->keyword, secret[i]) == 0) {
                free(postgres->secrets[i]);
                postgres->secrets[i] = strdup(option->val);
            }
        }
    }
    pq.PQconninfoFree(parsed);
    return true;
}

struct postgres *postgres_new(const struct postgres_options *options, struct error *error)
{
    if (!postgres_library_load(error)) {
        return NULL;
    }
    struct postgres *postgres = memory_array(1, sizeof(*postgres));
    if (postgres == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    uint64_t seed;
    random_secure(&seed, sizeof(seed));
    random_seed(&postgres->random, seed);
    postgres->string = strdup(options->connection);
    slice_to_cstr(slice_from_cstr(options->name), postgres->name, sizeof(postgres->name));
    postgres->connect_ms = options->connect_ms == 0 ? CONNECT_MS : options->connect_ms;
    postgres->statement_ms = options->statement_ms == 0 ? STATEMENT_MS : options->statement_ms;
    postgres->on_connect = options->on_connect;
    postgres->user = options->user;
    postgres->stop_fd = bell_open();
    postgres->wake_fd = bell_open();
    if (postgres->string == NULL || postgres->stop_fd < 0 || postgres->wake_fd < 0) {
        error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory or descriptors");
        postgres_free(postgres);
        return NULL;
    }
    if (!parse_string(postgres, error)) {
        postgres_free(postgres);
        return NULL;
    }
    return postgres;
}

static void forget(char *secret)
{
    if (secret != NULL) {
        memory_wipe(secret, strlen(secret));
        free(secret);
    }
}

void postgres_free(struct postgres *postgres)
{
    if (postgres == NULL) {
        return;
    }
    close_connection(postgres);
    forget(postgres->string);
    for (size_t i = 0; i < POSTGRES_SECRETS; i++) {
        forget(postgres->secrets[i]);
    }
    bell_close(postgres->stop_fd);
    bell_close(postgres->wake_fd);
    memory_free(postgres);
}

void postgres_stop(struct postgres *postgres)
{
    atomic_store(&postgres->stopped, true);
    bell_ring(postgres->stop_fd);
}

bool postgres_stopped(const struct postgres *postgres)
{
    return atomic_load(&postgres->stopped);
}

void postgres_wake(struct postgres *postgres)
{
    bell_ring(postgres->wake_fd);
}
