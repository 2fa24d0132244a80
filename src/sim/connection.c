/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection. Reads stay watched all the time, so that a request of the fast mode costs one
 * recv and one send; a peer that leaves while its answer is played is noticed by the same reads.
 */
#include "base/memory.h"
#include "sim/server.h"

#include <unistd.h>

#define WRITES_PER_TURN 64
#define UNREAD_MAX ((size_t)1 << 20) /* of requests sent ahead, beyond it reading stops */
#define LATE_MAX_NS (100 * NS_PER_MS)
#define DRAIN_MS 2000
#define IN_MAX (SIM_HEAD_MAX + (size_t)SIM_REQUEST_BODY_MAX * 2)

/* --- the end --- */

static void release(struct sim_connection *connection)
{
    struct sim_server *server = connection->server;

    if (--connection->closing > 0) {
        return;
    }
    if (connection->previous == NULL) {
        server->connections = connection->next;
    } else {
        connection->previous->next = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->record.counters[SIM_COUNT_CLOSED]++;
    buf_release(&connection->in);
    buf_release(&connection->body);
    memory_free(connection);
    sim_server_notify(server);
}

static void on_stream_closed(struct stream *stream)
{
    release(CONTAINER_OF(stream, struct sim_connection, stream));
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct deadline *timer = handle->data;

    release(timer->owner);
}

static void set_state(struct sim_connection *connection, enum sim_state state)
{
    connection->server->waiting -= connection->state == SIM_WAITING;
    connection->state = state;
}

/* The current request is over. */
static void settle(struct sim_connection *connection, enum sim_result result)
{
    if (!connection->counted) {
        return;
    }
    connection->counted = false;
    sim_record_result(&connection->server->record, connection->number, result);
    sim_server_notify(connection->server);
}

void sim_connection_close(struct sim_connection *connection, bool reset)
{
    if (connection->state == SIM_CLOSED) {
        return;
    }
    set_state(connection, SIM_CLOSED);
    connection->closing = 2;
    sim_script_release(connection->script);
    connection->script = NULL;
    stream_close(&connection->stream, reset, on_stream_closed);
    deadline_close(&connection->timer, on_timer_closed);
}

/* The peer is gone. */
static void abandon(struct sim_connection *connection)
{
    settle(connection, SIM_RESULT_ABORTED);
    sim_connection_close(connection, false);
}

/* --- playing --- */

static void watch(struct sim_connection *connection, bool write)
{
    bool read = connection->in.len < UNREAD_MAX || connection->state == SIM_READING;

    stream_watch(&connection->stream, read, write);
    stream_watch_hangup(&connection->stream, !read);
}

static void end_by_script(struct sim_connection *connection)
{
    struct sim_script *script = connection->script;
    enum sim_ending ending = script->ending;

    if (ending == SIM_END_HANG) {
        connection->state = SIM_HANGING;
        return;
    }
    settle(connection, script->cut ? SIM_RESULT_CUT : SIM_RESULT_ANSWERED);
    if (ending != SIM_END_KEEP) {
        sim_connection_close(connection, ending == SIM_END_RESET);
        return;
    }
    connection->script = NULL;
    sim_script_release(script);
    connection->state = SIM_READING;
}

/* Answers were sent while the request was still coming: a close would reset and lose them. */
static bool drains(const struct sim_connection *connection)
{
    return sim_is(&connection->server->provider.standing, SIM_EARLY) &&
           connection->script->ending == SIM_END_CLOSE;
}

static void begin_draining(struct sim_connection *connection)
{
    settle(connection, SIM_RESULT_ANSWERED);
    connection->state = SIM_DRAINING;
    buf_clear(&connection->in);
    watch(connection, false);
    if (stream_shutdown(&connection->stream)) {
        deadline_set(&connection->timer, DRAIN_MS);
    } else {
        sim_connection_close(connection, false);
    }
}

/* Waits `delay_us` beyond the last pause's end; false: the time is already there. A pace does not
   drift: a late write shortens the next pause, within bounds. */
static bool pause_before(struct sim_connection *connection, uint64_t delay_us)
{
    int64_t now = (int64_t)uv_now(&connection->server->loop->uv) * NS_PER_MS;

    if (delay_us == 0 || connection->paused) {
        return false;
    }
    connection->paused = true;
    if (connection->due_ns < now - LATE_MAX_NS) {
        connection->due_ns = now;
    }
    connection->due_ns += (int64_t)delay_us * NS_PER_US;
    if (connection->due_ns <= now) {
        return false;
    }
    deadline_set(&connection->timer,
                 (uint64_t)((connection->due_ns - now + NS_PER_MS - 1) / NS_PER_MS));
    return true;
}

/* After a write of `len` bytes: on to the next place in the script. */
static void advance(struct sim_connection *connection, const struct sim_step *step, size_t len)
{
    const struct sim_script *script = connection->script;

    connection->offset += len;
    if (script->write_max > 0) {
        connection->paused = false;
    }
    if (connection->offset < step->end - step->start) {
        return;
    }
    connection->offset = 0;
    connection->paused = false;
    if (++connection->repeated == step->repeat) {
        connection->repeated = 0;
        connection->step++;
    }
}

enum write_result {
    WRITE_WENT,
    WRITE_LATER, /* a timer or the socket will tell */
    WRITE_LOST,
};

static enum write_result write_some(struct sim_connection *connection)
{
    const struct sim_script *script = connection->script;
    const struct sim_step *step = &script->steps[connection->step];
    size_t put;
    struct slice part = slice_of(script->bytes.ptr + step->start + connection->offset,
                                 step->end - step->start - connection->offset);
    uint64_t delay_us = connection->offset == 0 ? step->delay_us : 0;

    if (script->write_max > 0) {
        delay_us += script->write_delay_us;
        part.len = part.len < script->write_max ? part.len : script->write_max;
    }
    if (pause_before(connection, delay_us)) {
        return WRITE_LATER;
    }
    switch (stream_write(&connection->stream, &part, 1, &put)) {
    case STREAM_OK:
        advance(connection, step, put);
        return WRITE_WENT;
    case STREAM_AGAIN:
        watch(connection, true);
        return WRITE_LATER;
    default:
        return WRITE_LOST;
    }
}

static void finish(struct sim_connection *connection)
{
    struct sim_script *script = connection->script;

    if (pause_before(connection, script->ending_delay_us)) {
        return;
    }
    if (connection->stream.want_write) {
        watch(connection, false);
    }
    if (drains(connection)) {
        begin_draining(connection);
    } else {
        end_by_script(connection);
    }
}

static void play(struct sim_connection *connection)
{
    const struct sim_script *script = connection->script;

    for (int i = 0; connection->step < script->count; i++) {
        if (i == WRITES_PER_TURN) {
            watch(connection, true); /* others first; the socket is writable, so soon again */
            return;
        }
        enum write_result result = write_some(connection);
        if (result == WRITE_LOST) {
            abandon(connection);
        }
        if (result != WRITE_WENT) {
            return;
        }
    }
    finish(connection);
}

void sim_connection_play(struct sim_connection *connection, struct sim_script *script)
{
    if (script == NULL) {
        abandon(connection);
        return;
    }
    set_state(connection, SIM_PLAYING);
    connection->script = script;
    connection->step = 0;
    connection->offset = 0;
    connection->repeated = 0;
    connection->paused = false;
    connection->due_ns = (int64_t)uv_now(&connection->server->loop->uv) * NS_PER_MS;
    play(connection);
}

/* --- requests --- */

static void take_malformed(struct sim_connection *connection, const char *problem)
{
    connection->server->record.counters[SIM_COUNT_MALFORMED]++;
    sim_server_notify(connection->server);
    sim_connection_play(
        connection, sim_provider_refuse(400, SLICE("malformed_http"), slice_from_cstr(problem)));
}

static void take_fast(struct sim_connection *connection, struct slice body)
{
    struct sim_server *server = connection->server;
    struct sim_script *script = sim_fast_streams(body) ? server->fast_stream : server->fast_whole;

    server->record.counters[SIM_COUNT_REQUESTS]++;
    connection->counted = true;
    connection->number = 0;
    sim_script_hold(script);
    sim_connection_play(connection, script);
}

static void take_request(struct sim_connection *connection, struct slice bytes,
                         const struct sim_request *request, struct slice body)
{
    struct sim_server *server = connection->server;
    struct sim_outcome outcome;

    connection->continued = false;
    connection->chunk_at = 0;
    if (slice_starts(request->path, SLICE("/sim/"))) {
        sim_control(connection, request, body);
        return;
    }
    if (server->fast_whole != NULL && request->method.ptr[0] == 'P') {
        take_fast(connection, body);
        return;
    }
    sim_provider_answer(&server->provider, request, body, &outcome);
    const struct sim_entry entry = {
        .connection = connection->id,
        .at_ns = clock_monotonic(server->loop->clock),
        .head = slice_of(bytes.ptr, request->head_len - 2),
        .body = body,
    };
    connection->number = sim_record_add(&server->record, &entry, slice_from_cstr(outcome.model));
    connection->counted = true;
    sim_server_notify(server);
    sim_connection_play(connection, outcome.script);
}

static void say_continue(struct sim_connection *connection)
{
    struct slice interim = SLICE("HTTP/1.1 100 Continue\r\n\r\n");
    size_t put;

    if (!connection->continued) {
        connection->continued = true;
        /* 25 bytes on an idle connection fit; should they not, the client goes on by itself. */
        (void)stream_write(&connection->stream, &interim, 1, &put);
    }
}

/* Decodes what there is of a chunked body. 0: more to come, or the connection is done with; else
   how many bytes the request has. */
static size_t read_chunks(struct sim_connection *connection, struct slice bytes,
                          const struct sim_request *request)
{
    struct slice data;
    enum http_chunk_status status;

    if (connection->chunk_at == 0) {
        connection->chunk_at = request->head_len;
        connection->chunk = (struct http_chunk){0};
        buf_clear(&connection->body);
    }
    struct slice rest = slice_from(bytes, connection->chunk_at);
    while ((status = http_chunk_next(&connection->chunk, &rest, &data)) == HTTP_CHUNK_DATA) {
        buf_append(&connection->body, data);
    }
    connection->chunk_at = bytes.len - rest.len;
    if (status == HTTP_CHUNK_BAD || connection->body.failed) {
        take_malformed(connection, "the chunked body is broken or too large");
        return 0;
    }
    return status == HTTP_CHUNK_END ? connection->chunk_at : 0;
}

static bool answers_early(const struct sim_connection *connection,
                          const struct sim_request *request)
{
    return sim_is(&connection->server->provider.standing, SIM_EARLY) &&
           !slice_starts(request->path, SLICE("/sim/"));
}

/* Takes one request off the front. Returns its size; 0: it is not complete, or a state other than
   reading says what became of it. */
static size_t read_request(struct sim_connection *connection, struct slice bytes)
{
    struct sim_request request;
    struct slice body = SLICE_EMPTY;
    size_t len = 0;

    switch (sim_request_read(bytes, &request)) {
    case SIM_HEAD_MORE:
        return 0;
    case SIM_HEAD_BAD:
        take_malformed(connection, request.problem);
        return 0;
    case SIM_HEAD_DONE:
        break;
    }
    if (answers_early(connection, &request)) {
        request.keep_alive = false;
        take_request(connection, bytes, &request, SLICE_EMPTY);
        return request.head_len;
    }
    if (request.chunked) {
        len = read_chunks(connection, bytes, &request);
        body = buf_slice(&connection->body);
    } else if (bytes.len - request.head_len >= request.content_length) {
        len = request.head_len + (size_t)request.content_length;
        body = slice_of(bytes.ptr + request.head_len, (size_t)request.content_length);
    }
    if (len > 0) {
        take_request(connection, bytes, &request, body);
    } else if (request.expects_continue && connection->state == SIM_READING) {
        say_continue(connection);
    }
    return len;
}

/* Requests that wait in the buffer, as long as each is answered at once. */
static void read_requests(struct sim_connection *connection)
{
    while (connection->state == SIM_READING && connection->in.len > 0) {
        size_t used = read_request(connection, buf_slice(&connection->in));
        if (used == 0) {
            return;
        }
        if (connection->state != SIM_CLOSED && connection->state != SIM_DRAINING) {
            buf_consume(&connection->in, used);
            buf_trim(&connection->in, connection->in.len == 0 ? 0 : SIZE_MAX);
        }
    }
}

/* Bytes from the scratch buffer: a request that lies whole in them is not copied. */
static void take_bytes(struct sim_connection *connection, struct slice bytes)
{
    if (connection->state == SIM_DRAINING) {
        return;
    }
    while (connection->state == SIM_READING && connection->in.len == 0 && bytes.len > 0) {
        size_t used = read_request(connection, bytes);
        if (used == 0) {
            break;
        }
        bytes = slice_from(bytes, used);
    }
    if (connection->state == SIM_CLOSED || connection->state == SIM_DRAINING || bytes.len == 0) {
        return;
    }
    if (!buf_append(&connection->in, bytes)) {
        abandon(connection);
        return;
    }
    read_requests(connection);
}

/* --- events --- */

static void on_readable(struct sim_connection *connection)
{
    char *scratch = connection->server->loop->scratch;
    size_t got;

    do {
        switch (stream_read(&connection->stream, scratch, NET_SCRATCH_SIZE, &got)) {
        case STREAM_OK:
            take_bytes(connection, slice_of(scratch, got));
            break;
        case STREAM_AGAIN:
            return;
        default:
            abandon(connection);
            return;
        }
    } while (connection->state != SIM_CLOSED && stream_has_buffered(&connection->stream));
    if (connection->state != SIM_CLOSED && connection->in.len >= UNREAD_MAX) {
        watch(connection, connection->stream.want_write);
    }
}

static void go_on(struct sim_connection *connection)
{
    play(connection);
    read_requests(connection);
    if (connection->state != SIM_CLOSED && !connection->stream.want_read) {
        watch(connection, connection->stream.want_write);
    }
}

static void on_ready(struct stream *stream, bool readable, bool writable)
{
    struct sim_connection *connection = CONTAINER_OF(stream, struct sim_connection, stream);

    if (writable && connection->state == SIM_PLAYING && stream->want_write) {
        stream_watch(stream, stream->want_read, false);
        go_on(connection);
    }
    if (connection->state == SIM_CLOSED || !readable) {
        return;
    }
    if (!stream->want_read) {
        abandon(connection); /* the hangup of a peer whose bytes nobody reads */
        return;
    }
    on_readable(connection);
}

static void on_due(struct deadline *timer)
{
    struct sim_connection *connection = timer->owner;

    if (connection->state == SIM_PLAYING) {
        go_on(connection);
    } else if (connection->state == SIM_WAITING) {
        sim_connection_play(connection, sim_control_stats(connection->server, 408));
        read_requests(connection);
    } else if (connection->state == SIM_DRAINING) {
        sim_connection_close(connection, false);
    }
}

void sim_connection_start(struct sim_server *server, int fd)
{
    struct sim_connection *connection = memory_array(1, sizeof(*connection));

    if (connection == NULL || !stream_init(&connection->stream, server->loop, fd, on_ready)) {
        memory_free(connection);
        (void)close(fd);
        return;
    }
    connection->server = server;
    connection->id = ++server->ids;
    buf_init(&connection->in, IN_MAX);
    buf_init(&connection->body, (size_t)SIM_REQUEST_BODY_MAX);
    deadline_init(&connection->timer, server->loop, on_due, connection);
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    if (server->profile->tls != NULL) {
        SSL *ssl = SSL_new(server->profile->tls);
        if (ssl == NULL) {
            sim_connection_close(connection, true);
            return;
        }
        SSL_set_accept_state(ssl);
        stream_use_tls(&connection->stream, ssl);
    }
    stream_watch(&connection->stream, true, false);
}
