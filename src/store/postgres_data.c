/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bell.h"
#include "base/clock.h"
#include "store/postgres_internal.h"

#include <endian.h>
#include <stdio.h>

/* Of the server's catalogue; they never change. */
enum { TYPE_UNKNOWN = 0, TYPE_BYTES = 17, TYPE_INT64 = 20, TYPE_TEXT = 25 };

/* --- parameters --------------------------------------------------------------------------------
 */

static void add(struct postgres_params *params, unsigned type, const char *value, size_t len,
                int format)
{
    CHECK(params->count < POSTGRES_PARAMS_MAX);
    int at = params->count++;
    params->types[at] = type;
    params->values[at] = value == NULL ? "" : value;
    params->lengths[at] = (int)len;
    params->formats[at] = format;
}

void params_int64(struct postgres_params *params, int64_t value)
{
    CHECK(params->count < POSTGRES_PARAMS_MAX);
    uint64_t *number = &params->numbers[params->count];
    *number = htobe64((uint64_t)value);
    add(params, TYPE_INT64, (const char *)number, sizeof(*number), 1);
}

/* In the binary form text is its bytes, which need no NUL behind them. */
void params_text(struct postgres_params *params, struct slice text)
{
    add(params, TYPE_TEXT, text.ptr, text.len, 1);
}

/* The text form ends with a NUL: `text` must have one behind it, as literals and C strings do. */
void params_literal(struct postgres_params *params, struct slice text)
{
    add(params, TYPE_UNKNOWN, text.ptr, text.len, 0);
}

void params_bytes(struct postgres_params *params, struct slice bytes)
{
    add(params, TYPE_BYTES, bytes.ptr, bytes.len, 1);
}

/* --- results -----------------------------------------------------------------------------------
 */

int64_t postgres_affected(PGresult *result)
{
    uint64_t count = 0;
    return slice_to_u64(slice_from_cstr(pq.PQcmdTuples(result)), &count) && count <= INT64_MAX
               ? (int64_t)count
               : 0;
}

void postgres_rows_release(struct postgres_rows *rows)
{
    pq.PQclear(rows->result);
    *rows = (struct postgres_rows){0};
}

bool postgres_is_null(const struct postgres_rows *rows, int row, int column)
{
    return pq.PQgetisnull(rows->result, row, column) != 0;
}

int64_t postgres_int64(const struct postgres_rows *rows, int row, int column)
{
    struct slice bytes = postgres_slice(rows, row, column);
    uint64_t value = 0;
    if (bytes.len == 0 || bytes.len > sizeof(value)) {
        return 0;
    }
    bool negative = bytes.len > 1 && ((uint8_t)bytes.ptr[0] & 0x80) != 0;
    value = negative ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | (uint8_t)bytes.ptr[i];
    }
    return (int64_t)value;
}

bool postgres_bool(const struct postgres_rows *rows, int row, int column)
{
    return postgres_int64(rows, row, column) != 0;
}

struct slice postgres_slice(const struct postgres_rows *rows, int row, int column)
{
    int len = pq.PQgetlength(rows->result, row, column);
    return slice_of(pq.PQgetvalue(rows->result, row, column), len < 0 ? 0 : (size_t)len);
}

/* --- COPY --------------------------------------------------------------------------------------
 */

bool postgres_copy_begin(struct postgres *postgres, const char *sql, struct error *error)
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

/* The server reads more slowly than we write: its answers, if any, are heard meanwhile. */
static enum waited make_room(struct postgres *postgres, int64_t deadline_ns)
{
    enum waited waited = postgres_wait_socket(postgres, POLLIN | POLLOUT, deadline_ns);
    if (waited != WAITED_READY) {
        return waited;
    }
    return pq.PQconsumeInput(postgres->connection) == 0 || pq.PQflush(postgres->connection) < 0
               ? WAITED_LOST
               : WAITED_READY;
}

#define PIECE_MAX 65536

/* libpq buffers what the socket does not take, so pieces are waited for: memory stays bounded. */
static enum waited put_piece(struct postgres *postgres, struct slice piece, int64_t deadline_ns)
{
    int put;
    enum waited waited = WAITED_READY;
    while ((put = pq.PQputCopyData(postgres->connection, piece.ptr, (int)piece.len)) == 0) {
        waited = make_room(postgres, deadline_ns);
        if (waited != WAITED_READY) {
            return waited;
        }
    }
    while (put == 1 && (put = pq.PQflush(postgres->connection)) > 0) {
        waited = make_room(postgres, deadline_ns);
        if (waited != WAITED_READY) {
            return waited;
        }
    }
    return put < 0 ? WAITED_LOST : WAITED_READY;
}

bool postgres_copy_put(struct postgres *postgres, struct slice bytes, struct error *error)
{
    if (!postgres_may_ask(postgres, error)) {
        return false;
    }
    int64_t deadline_ns = postgres_deadline(postgres);
    while (bytes.len > 0) {
        size_t len = bytes.len > PIECE_MAX ? PIECE_MAX : bytes.len;
        enum waited waited = put_piece(postgres, slice_of(bytes.ptr, len), deadline_ns);
        if (waited != WAITED_READY) {
            return postgres_give_up(postgres, waited, error);
        }
        bytes = slice_from(bytes, len);
    }
    return true;
}

bool postgres_copy_end(struct postgres *postgres, int64_t *ret_rows, struct error *error)
{
    PGresult *last = NULL;
    int64_t deadline_ns = postgres_deadline(postgres);
    int put;
    if (!postgres_may_ask(postgres, error)) {
        return false;
    }
    while ((put = pq.PQputCopyEnd(postgres->connection, NULL)) == 0) {
        enum waited waited = make_room(postgres, deadline_ns);
        if (waited != WAITED_READY) {
            return postgres_give_up(postgres, waited, error);
        }
    }
    if (put < 0) {
        return postgres_give_up(postgres, WAITED_LOST, error);
    }
    if (!postgres_collect(postgres, deadline_ns, &last, error)) {
        return false;
    }
    *ret_rows = postgres_affected(last);
    pq.PQclear(last);
    return true;
}

/* --- notifications -----------------------------------------------------------------------------
 */

bool postgres_listen(struct postgres *postgres, const char *channel, struct error *error)
{
    char sql[128];
    CHECK(postgres->channel_count < POSTGRES_CHANNELS_MAX);
    postgres->channels[postgres->channel_count++] = channel;
    snprintf(sql, sizeof(sql), "LISTEN %s", channel);
    return !postgres->ready || postgres_script(postgres, sql, error);
}

static bool take_notifications(struct postgres *postgres)
{
    bool any = false;
    PGnotify *notify;
    while ((notify = pq.PQnotifies(postgres->connection)) != NULL) {
        any = true;
        pq.PQfreemem(notify);
    }
    return any;
}

static int poll_ms(int64_t deadline_ns)
{
    int64_t left = deadline_ns - postgres_now_ns();
    int64_t ms = left <= 0 ? 0 : (left + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 60000 ? 60000 : (int)ms;
}

enum postgres_event postgres_wait(struct postgres *postgres, uint64_t ms)
{
    int64_t deadline_ns = postgres_now_ns() + (int64_t)ms * NS_PER_MS;
    for (;;) {
        if (postgres_stopped(postgres)) {
            return POSTGRES_STOPPED;
        }
        if (postgres->ready && take_notifications(postgres)) {
            return POSTGRES_NOTIFIED;
        }
        if (bell_take(postgres->wake_fd)) {
            return POSTGRES_WOKEN;
        }
        struct pollfd polled[] = {
            {.fd = postgres->ready ? pq.PQsocket(postgres->connection) : -1, .events = POLLIN},
            {.fd = postgres->stop_fd, .events = POLLIN},
            {.fd = postgres->wake_fd, .events = POLLIN},
        };
        int ready = poll(polled, ARRAY_LEN(polled), poll_ms(deadline_ns));
        if (ready > 0 && polled[0].revents != 0 && pq.PQconsumeInput(postgres->connection) == 0) {
            postgres_drop(postgres);
            return POSTGRES_LOST;
        }
        if (ready == 0 && postgres_now_ns() >= deadline_ns) {
            return POSTGRES_TIME;
        }
    }
}
