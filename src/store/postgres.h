/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to PostgreSQL, for a thread that may wait (never an event loop). Everything has a
 * deadline and ends early when another thread says postgres_stop(); a connection that was lost is
 * made again by the next postgres_connect(), with pauses that grow. libpq is used here only.
 *
 * Results are binary: select bigint, integer, smallint, boolean, text and bytea; cast what is
 * something else (`sum(x)::bigint`, `id::text`). Names are looked up in the schema `sluice`. The
 * session's time zone is UTC, its isolation READ COMMITTED. Looking up the server's host name is
 * the one thing that cannot be interrupted.
 *
 * Errors, all ERROR_ENVIRONMENT: "authority_away" (no connection, lost, too slow: whether a
 * statement under way took effect is not known, an open transaction did not), "authority_failed"
 * (the server refused the statement; the transaction is to be rolled back). Texts hold neither the
 * connection string nor values.
 */
#ifndef SLUICE_STORE_POSTGRES_H
#define SLUICE_STORE_POSTGRES_H

#include "base/error.h"
#include "base/slice.h"

struct postgres;
struct pg_result; /* libpq's */

struct postgres_options {
    const char *connection; /* secret: a URI or "host=... dbname=..."; copied */
    const char *name;       /* as the server lists it, e.g. "sluice node-1 keys"; copied */
    uint64_t connect_ms;    /* 0: 3000 */
    uint64_t statement_ms;  /* each statement has that long; 0: 5000 */
    /* Called on each new connection before anybody uses it; false ends it with *error. NULL: none.
     */
    bool (*on_connect)(struct postgres *postgres, void *user, struct error *error);
    void *user;
};

/* Does not connect. "bad_postgres" (ERROR_INVALID): the connection string is none. */
MUST_USE struct postgres *postgres_new(const struct postgres_options *options, struct error *error);
/* NULL-safe; no other thread uses it any more. */
void postgres_free(struct postgres *postgres);
/* Any thread, for good: what waits ends now, what begins later fails at once. */
void postgres_stop(struct postgres *postgres);
bool postgres_stopped(const struct postgres *postgres);
/* Any thread: ends postgres_wait(), the one under way or the next. */
void postgres_wake(struct postgres *postgres);

/* True when there is a connection. Else makes one, unless the last try was a moment ago: then it
 * fails at once. */
MUST_USE bool postgres_connect(struct postgres *postgres, struct error *error);
bool postgres_connected(const struct postgres *postgres);
/* How many connections were made so far: another number, maybe another server. */
uint64_t postgres_made(const struct postgres *postgres);
/* How long until postgres_connect() tries again; 0: now, or connected. */
uint64_t postgres_retry_ms(const struct postgres *postgres);
/* Ends the connection. The next one is made at once. */
void postgres_drop(struct postgres *postgres);
/* How long statements have from now on (this connection and later ones). */
MUST_USE bool postgres_set_patience(struct postgres *postgres, uint64_t ms, struct error *error);
uint64_t postgres_patience(const struct postgres *postgres);

/* --- statements --- */

#define POSTGRES_PARAMS_MAX 32
/* $1, $2 ... in the order of the calls; slices are borrowed until the statement has run. */
struct postgres_params {
    int count;
    unsigned types[POSTGRES_PARAMS_MAX];
    const char *values[POSTGRES_PARAMS_MAX];
    int lengths[POSTGRES_PARAMS_MAX];
    int formats[POSTGRES_PARAMS_MAX];
    uint64_t numbers[POSTGRES_PARAMS_MAX]; /* in the order of the wire */
};
void params_int64(struct postgres_params *params, int64_t value);
/* As text: must have no NUL in it; what is not UTF-8 the server refuses. */
void params_text(struct postgres_params *params, struct slice text);
/* Text that the server takes for whatever type the statement wants (uuid, bigint[] ...); it has a
 * NUL behind it, as literals and C strings do. */
void params_literal(struct postgres_params *params, struct slice text);
void params_bytes(struct postgres_params *params, struct slice bytes);

struct postgres_rows {
    struct pg_result *result;
    int count;
    int64_t affected; /* of INSERT, UPDATE, DELETE, COPY */
};
void postgres_rows_release(struct postgres_rows *rows);
bool postgres_is_null(const struct postgres_rows *rows, int row, int column);
/* 0 for NULL. */
int64_t postgres_int64(const struct postgres_rows *rows, int row, int column);
bool postgres_bool(const struct postgres_rows *rows, int row, int column);
/* Text or bytes, the result's own memory; empty for NULL. */
struct slice postgres_slice(const struct postgres_rows *rows, int row, int column);

/* One statement. `params` may be NULL. Not connected: "authority_away". */
MUST_USE bool postgres_query(struct postgres *postgres, const char *sql,
                             const struct postgres_params *params, struct postgres_rows *ret_rows,
                             struct error *error);
/* The same for who wants no rows; *ret_affected may be NULL. */
MUST_USE bool postgres_run(struct postgres *postgres, const char *sql,
                           const struct postgres_params *params, int64_t *ret_affected,
                           struct error *error);
/* Several statements without parameters, one transaction unless they say otherwise. */
MUST_USE bool postgres_script(struct postgres *postgres, const char *sql, struct error *error);

MUST_USE bool postgres_begin(struct postgres *postgres, struct error *error);
/* *ret_unsure (may be NULL): the connection was lost while it committed, so it may have. */
MUST_USE bool postgres_commit(struct postgres *postgres, bool *ret_unsure, struct error *error);
/* Nothing to do outside a transaction or without a connection. */
void postgres_rollback(struct postgres *postgres);

/* SQLSTATE of the last "authority_failed", e.g. "23505"; "" when it was none. */
const char *postgres_state(const struct postgres *postgres);

/* COPY ... FROM STDIN: begin, any number of pieces, end. After a failure the transaction is over.
 */
MUST_USE bool postgres_copy_begin(struct postgres *postgres, const char *sql, struct error *error);
MUST_USE bool postgres_copy_put(struct postgres *postgres, struct slice bytes, struct error *error);
MUST_USE bool postgres_copy_end(struct postgres *postgres, int64_t *ret_rows, struct error *error);

/* --- notifications --- */

/* From now on, and on each later connection too. At most POSTGRES_CHANNELS_MAX; `channel` is a
 * plain identifier from a literal. */
#define POSTGRES_CHANNELS_MAX 8
MUST_USE bool postgres_listen(struct postgres *postgres, const char *channel, struct error *error);

enum postgres_event {
    POSTGRES_TIME,     /* `ms` are over */
    POSTGRES_NOTIFIED, /* on any of the channels; all that came so far count as one */
    POSTGRES_WOKEN,    /* postgres_wake() */
    POSTGRES_STOPPED,
    POSTGRES_LOST, /* the connection was lost just now */
};
/* Waits outside a transaction; also without a connection (then for time, wake and stop only). */
enum postgres_event postgres_wait(struct postgres *postgres, uint64_t ms);

#endif
