/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define PENDING_MAX ((size_t)16 * 1024) /* read ahead of an answer: pipelined requests */
#define LINGER_MS 5000
#define BODY_RESERVE_MAX ((size_t)1024 * 1024) /* trusted at once of an announced length */
#define KNOWN_HEAD_MAX ((size_t)2048)          /* bytes of a block that stays with its connection */
#define BODY_GRACE ((uint64_t)64 * 1024)       /* bytes before the window rule applies */

static const struct http_handler *handler_of(const struct http_connection *connection)
{
    return connection->server->options.handler;
}

static const struct http_limits *limits_of(const struct http_connection *connection)
{
    return &connection->server->options.limits;
}

void http_connection_time(struct http_connection *connection, enum connection_timing timing,
                          uint64_t ms)
{
    connection->timing = (uint8_t)timing;
    if (timing == TIMING_NONE || ms == 0) {
        deadline_clear(&connection->deadline);
    } else {
        deadline_set(&connection->deadline, ms);
    }
}

/* --- the end of an exchange and of a connection --- */

static void handle_closed(struct http_connection *connection)
{
    if (--connection->handles == 0) {
        http_server_forget(connection);
    }
}

static void on_stream_closed(struct stream *stream)
{
    handle_closed(CONTAINER_OF(stream, struct http_connection, stream));
}

static void on_deadline_closed(uv_handle_t *handle)
{
    struct deadline *deadline = handle->data;

    handle_closed(deadline->owner);
}

static void connection_close(struct http_connection *connection, bool reset)
{
    connection->closing = true;
    connection->server->lingering -= connection->phase == PHASE_LINGER;
    stream_close(&connection->stream, reset, on_stream_closed);
    deadline_close(&connection->deadline, on_deadline_closed);
    buf_release(&connection->pending);
    buf_release(&connection->out);
    connection->out_sent = 0;
    connection->input = SLICE_EMPTY;
}

static void head_forget(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;

    connection->known.len = 0;
    http_server_give_block(connection->server, &x->block);
    x->head = (struct http_head){.http_1_0 = false};
}

/* Tells the handler and releases what the exchange held, but for a head that may come again. */
static void exchange_end(struct http_connection *connection, const enum http_gone *gone)
{
    struct http_exchange *x = &connection->exchange;
    const size_t kept = offsetof(struct http_exchange, body);

    if (x->announced) {
        x->announced = false;
        handler_of(connection)->on_end(x, gone);
    }
    http_server_give_block(connection->server, &x->body);
    buf_release(&x->more);
    if (connection->known.len == 0 || connection->closing) {
        head_forget(connection);
    }
    memset((char *)x + kept, 0, sizeof(*x) - kept);
}

static void connection_cut(struct http_connection *connection, enum http_gone gone, bool reset)
{
    connection_close(connection, reset);
    exchange_end(connection, &gone);
}

void http_connection_lose(struct http_connection *connection, enum http_gone gone)
{
    CHECK(!connection->busy);
    connection_cut(connection, gone, false);
}

bool http_connection_idle(const struct http_connection *connection)
{
    return connection->phase == PHASE_HEAD && connection->pending.len == 0;
}

/* Closing a socket with unread bytes sends a reset, which may overtake the answer: so our side is
   closed first and the client gets time to read and close (RFC 9112 9.6). A drain does not wait for
   it. */
static void connection_leave(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    if (!connection->eof && (connection->linger || connection->input.len > 0) &&
        stream_shutdown(&connection->stream)) {
        connection->phase = PHASE_LINGER;
        server->lingering++;
        http_connection_time(connection, TIMING_LINGER, LINGER_MS);
        if (server->draining) {
            http_server_turn(connection);
        }
        return;
    }
    connection_close(connection, false);
}

void http_connection_leave_now(struct http_connection *connection)
{
    struct stream *stream = &connection->stream;
    size_t got;

    CHECK(!connection->busy && connection->phase == PHASE_LINGER);
    (void)stream_read(stream, connection->server->loop->scratch, NET_SCRATCH_SIZE, &got);
    connection_close(connection, false);
}

static bool answer_step(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;

    if (!x->finished || !http_connection_flushed(connection)) {
        return false;
    }
    connection->requests++;
    exchange_end(connection, NULL);
    if (connection->close_after || connection->server->draining) {
        connection_leave(connection);
        return false;
    }
    connection->phase = PHASE_HEAD;
    http_connection_time(connection, TIMING_IDLE, limits_of(connection)->idle_ms);
    return true;
}

/* --- the head --- */

static void refuse(struct http_connection *connection, enum http_problem problem)
{
    connection->phase = PHASE_ANSWER;
    http_connection_time(connection, TIMING_NONE, 0);
    connection->linger = true;
    http_answer_problem(connection, problem);
}

static struct slice input_now(const struct http_connection *connection)
{
    return connection->busy ? connection->input : buf_slice(&connection->pending);
}

/* Before a head is refused that was not parsed: to HEAD, no answer has a body. */
static void method_peek(struct http_connection *connection)
{
    if (slice_starts(slice_from(input_now(connection), connection->scan.skipped), SLICE("HEAD "))) {
        connection->exchange.head.request.method = HTTP_HEAD_METHOD;
    }
}

static void input_take(struct http_connection *connection, size_t len)
{
    connection->input = slice_from(connection->input, len); /* which may be none at all */
}

/* A head was read: its exchange begins. */
static void head_announce(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;

    http_connection_time(connection, TIMING_NONE, 0);
    connection->phase = PHASE_ANSWER;
    x->body_done = x->head.request.content_length == 0;
    x->announced = true;
    handler_of(connection)->on_head(x);
}

/* Is what was received the head before once more? Then it is there, read. */
static bool head_repeats(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;
    char *bytes = x->block.ptr + x->head.request.header_count * sizeof(struct http_header);

    if (!http_head_repeat(&x->head, &connection->known, bytes, connection->input)) {
        return false;
    }
    input_take(connection, connection->known.len);
    return true;
}

/* The head is complete in input[skipped..end). */
static void head_complete(struct http_connection *connection, size_t end)
{
    struct http_exchange *x = &connection->exchange;
    struct slice bytes =
        slice_of(connection->input.ptr + connection->scan.skipped, end - connection->scan.skipped);
    size_t fields_size = (connection->scan.lines - 1) * sizeof(struct http_header);

    connection->head_begun = false;
    size_t needed = fields_size + bytes.len;
    size_t most = needed <= KNOWN_HEAD_MAX ? KNOWN_HEAD_MAX : SIZE_MAX;
    x->block = http_server_take_block(connection->server, most);
    char *block = buf_reserve(&x->block, needed);
    if (block == NULL) {
        method_peek(connection);
        connection->scan = (struct http_head_scan){.at = 0};
        refuse(connection, HTTP_OUT_OF_MEMORY);
        return;
    }
    char *copy = block + fields_size;
    memcpy(copy, bytes.ptr, bytes.len);
    input_take(connection, end);
    enum http_problem problem =
        http_head_parse(&x->head, slice_of(copy, bytes.len), &connection->scan,
                        (struct http_header *)(void *)block, limits_of(connection));
    connection->scan = (struct http_head_scan){.at = 0};
    if (problem != HTTP_PROBLEM_NONE) {
        refuse(connection, problem);
        return;
    }
    connection->note = (struct http_note){.bits = 0};
    x->head.request.note = &connection->note;
    if (x->block.cap <= KNOWN_HEAD_MAX) {
        connection->known = http_head_know(&x->head, slice_of(copy, bytes.len));
    }
    head_announce(connection);
}

static bool head_step(struct http_connection *connection)
{
    size_t end = 0;

    if (connection->input.len == 0) {
        return false;
    }
    if (!connection->head_begun) {
        connection->head_begun = true;
        connection->exchange.started_ns = clock_monotonic(connection->server->loop->clock);
        if (connection->known.len > 0) {
            if (head_repeats(connection)) {
                connection->head_begun = false;
                head_announce(connection);
                return true;
            }
            head_forget(connection);
        }
    }
    enum http_problem problem =
        http_head_scan(&connection->scan, connection->input, limits_of(connection), &end);
    if (problem != HTTP_PROBLEM_NONE) {
        method_peek(connection);
        refuse(connection, problem);
        return true;
    }
    if (end > 0) {
        head_complete(connection, end);
        return true;
    }
    if (connection->timing != TIMING_HEAD) {
        http_connection_time(connection, TIMING_HEAD, limits_of(connection)->head_ms);
    }
    return false;
}

/* --- the body --- */

static uint64_t body_window_ms(const struct http_connection *connection)
{
    uint64_t ms = limits_of(connection)->body_window_ms;

    return ms == 0 ? http_default_limits.body_window_ms : ms;
}

/* The first 64 KB may take as long as they would at the lowest rate. */
static uint64_t body_grace_ms(const struct http_connection *connection)
{
    uint64_t window = body_window_ms(connection);
    uint64_t ms = BODY_GRACE * 1000 / limits_of(connection)->body_min_rate;

    return ms > window ? ms : window;
}

static void body_window_begin(struct http_connection *connection)
{
    connection->body_window = connection->exchange.body.len;
    http_connection_time(connection, TIMING_BODY, body_window_ms(connection));
}

/* More of the body is to come: the clock of its beginning starts, or, once 64 KB are there, that of
   the windows. */
static void body_wait(struct http_connection *connection)
{
    bool begun = connection->timing == TIMING_BODY;

    if (limits_of(connection)->body_min_rate == 0) {
        return;
    }
    if (!begun) {
        connection->body_window = 0;
    }
    if (connection->body_window == 0 && connection->exchange.body.len >= BODY_GRACE) {
        body_window_begin(connection);
    } else if (!begun) {
        http_connection_time(connection, TIMING_BODY, body_grace_ms(connection));
    }
}

/* The time is over: of the first 64 KB, or of a window, which must have brought its share. */
static bool body_fast_enough(const struct http_connection *connection)
{
    uint64_t received = connection->exchange.body.len - connection->body_window;

    return connection->body_window > 0 &&
           received * 1000 >= limits_of(connection)->body_min_rate * body_window_ms(connection);
}

static enum http_problem body_take_sized(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;
    size_t left = (size_t)x->head.request.content_length - x->body.len;
    size_t len = connection->input.len < left ? connection->input.len : left;

    /* The announced length is trusted up to a point: memory that nothing was written to costs
     * little, growing costs copies. */
    if (x->body.len == 0 && left > 0 &&
        buf_reserve(&x->body, left < BODY_RESERVE_MAX ? left : BODY_RESERVE_MAX) == NULL) {
        return HTTP_OUT_OF_MEMORY;
    }
    if (len > 0 && !buf_append(&x->body, slice_of(connection->input.ptr, len))) {
        return HTTP_OUT_OF_MEMORY;
    }
    input_take(connection, len);
    x->body_done = len == left;
    return HTTP_PROBLEM_NONE;
}

static enum http_problem body_take_chunks(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;
    struct slice data;

    for (;;) {
        switch (http_chunk_next(&x->chunk, &connection->input, &data)) {
        case HTTP_CHUNK_MORE:
            return HTTP_PROBLEM_NONE;
        case HTTP_CHUNK_END:
            x->body_done = true;
            return HTTP_PROBLEM_NONE;
        case HTTP_CHUNK_DATA:
            if (data.len > x->body.limit - x->body.len) {
                return HTTP_BODY_TOO_LARGE;
            }
            if (!buf_append(&x->body, data)) {
                return HTTP_OUT_OF_MEMORY;
            }
            break;
        default:
            return HTTP_BAD_CHUNK;
        }
    }
}

static bool body_step(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;
    enum http_problem problem = x->head.request.content_length < 0 ? body_take_chunks(connection)
                                                                   : body_take_sized(connection);

    if (problem != HTTP_PROBLEM_NONE) {
        refuse(connection, problem);
        return true;
    }
    if (!x->body_done) {
        body_wait(connection);
        return false;
    }
    http_connection_time(connection, TIMING_NONE, 0);
    connection->phase = PHASE_ANSWER;
    handler_of(connection)->on_body(x, buf_slice(&x->body));
    return true;
}

void http_connection_skip_body(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;
    struct slice rest = input_now(connection);
    struct slice data;

    if (x->body_done) {
        return;
    }
    if (x->head.request.content_length < 0) {
        enum http_chunk_status status;
        do {
            status = http_chunk_next(&x->chunk, &rest, &data);
        } while (status == HTTP_CHUNK_DATA);
        x->body_done = status == HTTP_CHUNK_END;
    } else {
        size_t left = (size_t)x->head.request.content_length - x->body.len;
        x->body_done = rest.len >= left;
        rest = slice_from(rest, left);
    }
    if (!x->body_done) {
        connection->close_after = true;
        connection->linger = true;
    } else if (connection->busy) {
        connection->input = rest;
    } else {
        buf_consume(&connection->pending, connection->pending.len - rest.len);
    }
}

void http_accept_body(struct http_exchange *x, size_t limit)
{
    struct http_connection *connection = http_connection_of(x);
    int64_t length = x->head.request.content_length;

    CHECK(x->announced && !x->accepted && !x->started);
    x->accepted = true;
    if (limit > limits_of(connection)->body_bytes) {
        limit = limits_of(connection)->body_bytes;
    }
    x->body = http_server_take_block(connection->server, limit);
    if (length > 0 && (uint64_t)length > limit) {
        refuse(connection, HTTP_BODY_TOO_LARGE);
    } else {
        connection->phase = PHASE_BODY;
        if (x->head.expect_continue && length != 0 && input_now(connection).len == 0) {
            http_answer_raw(connection, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
        }
    }
    if (!connection->busy) {
        http_server_turn(connection);
    }
}

void http_release_body(struct http_exchange *x)
{
    if (x->body_done) {
        http_server_give_block(http_connection_of(x)->server, &x->body);
    }
}

void http_release_request(struct http_exchange *x)
{
    struct http_request *request = &x->head.request;

    CHECK(x->started);
    http_release_body(x);
    *request = (struct http_request){.method = request->method,
                                     .content_length = request->content_length,
                                     .keep_alive = request->keep_alive};
    http_connection_of(x)->known.len = 0;
    http_server_give_block(http_connection_of(x)->server, &x->block);
}

/* --- the machine --- */

static void advance(struct http_connection *connection)
{
    bool moved = true;

    while (moved && !connection->closing) {
        if (connection->lost) {
            connection_cut(connection, (enum http_gone)connection->gone, connection->reset);
            return;
        }
        switch (connection->phase) {
        case PHASE_HEAD:
            moved = head_step(connection);
            break;
        case PHASE_BODY:
            moved = body_step(connection);
            break;
        case PHASE_ANSWER:
            moved = answer_step(connection);
            break;
        default:
            connection->input = SLICE_EMPTY;
            moved = false;
            break;
        }
        moved = moved || connection->lost;
    }
}

/* What was not taken waits in `pending`. */
static bool stash(struct http_connection *connection)
{
    struct slice rest = connection->input;

    connection->input = SLICE_EMPTY;
    if (connection->pending.len > 0) {
        buf_consume(&connection->pending, connection->pending.len - rest.len);
    } else if (rest.len > 0 && !buf_append(&connection->pending, rest)) {
        return false;
    }
    if (connection->pending.len == 0 && connection->pending.ptr != NULL) {
        buf_release(&connection->pending);
    }
    return true;
}

static void watch(struct http_connection *connection)
{
    bool read = !connection->eof &&
                (connection->phase != PHASE_ANSWER || connection->pending.len < PENDING_MAX);

    stream_watch_hangup(&connection->stream, !read && !connection->eof);
    stream_watch(&connection->stream, read, connection->blocked);
    if (read && stream_has_buffered(&connection->stream)) {
        http_server_turn(connection); /* no event will tell of these bytes */
    }
}

void http_connection_run(struct http_connection *connection, struct slice fresh)
{
    CHECK(!connection->busy);
    connection->busy = true;
    if (connection->pending.len == 0) {
        connection->input = fresh;
    } else if (buf_append(&connection->pending, fresh)) {
        connection->input = buf_slice(&connection->pending);
    } else {
        connection->lost = true;
    }
    advance(connection);
    connection->busy = false;
    if (connection->closing) {
        return;
    }
    if (!stash(connection)) {
        connection_cut(connection, HTTP_GONE_CLOSED, false);
        return;
    }
    watch(connection);
}

/* --- events --- */

static void on_end_of_input(struct http_connection *connection)
{
    switch (connection->phase) {
    case PHASE_ANSWER:
        if (connection->exchange.finished) {
            /* The answer is complete and only has to leave: a client that half-closed still reads.
             */
            connection->eof = true;
            connection->close_after = true;
            http_connection_run(connection, SLICE_EMPTY);
            return;
        }
        http_connection_lose(connection, HTTP_GONE_CLOSED);
        return;
    default:
        http_connection_lose(connection, HTTP_GONE_CLOSED);
        return;
    }
}

/* Where the next bytes go: straight into a body of known length, else into the scratch buffer. */
static char *read_target(struct http_connection *connection, size_t *ret_size)
{
    struct http_exchange *x = &connection->exchange;

    *ret_size = NET_SCRATCH_SIZE;
    if (connection->phase == PHASE_BODY && x->head.request.content_length > 0 &&
        connection->pending.len == 0 && x->body.cap > 0) {
        size_t left = (size_t)x->head.request.content_length - x->body.len;
        size_t size = left < NET_SCRATCH_SIZE ? left : NET_SCRATCH_SIZE;
        char *into = buf_reserve(&x->body, size);
        if (into != NULL) {
            *ret_size = size;
            return into;
        }
    }
    if (connection->phase == PHASE_ANSWER) {
        *ret_size =
            connection->pending.len < PENDING_MAX ? PENDING_MAX - connection->pending.len : 0;
    }
    return connection->server->loop->scratch;
}

static void on_readable(struct http_connection *connection)
{
    size_t size = 0;
    size_t got = 0;
    char *into = read_target(connection, &size);

    if (size == 0) { /* not read, so this is the hang-up */
        on_end_of_input(connection);
        return;
    }
    switch (stream_read(&connection->stream, into, size, &got)) {
    case STREAM_OK:
        if (into == connection->server->loop->scratch) {
            http_connection_run(connection, slice_of(into, got));
        } else {
            connection->exchange.body.len += got;
            http_connection_run(connection, SLICE_EMPTY);
        }
        break;
    case STREAM_AGAIN:
        watch(connection); /* libuv has stopped watching if this was an error */
        break;
    case STREAM_EOF:
        on_end_of_input(connection);
        break;
    default:
        http_connection_lose(connection, HTTP_GONE_CLOSED);
        break;
    }
}

static void on_writable(struct http_connection *connection)
{
    connection->busy = true;
    http_answer_flush(connection);
    connection->busy = false;
    http_connection_run(connection, SLICE_EMPTY);
}

static void on_ready(struct stream *stream, bool readable, bool writable)
{
    struct http_connection *connection = CONTAINER_OF(stream, struct http_connection, stream);

    if (writable && !http_connection_flushed(connection)) {
        on_writable(connection);
    }
    if (readable && !connection->closing) {
        if (connection->eof) {
            http_connection_lose(connection, HTTP_GONE_CLOSED); /* a reset after the FIN */
        } else {
            on_readable(connection);
        }
    }
}

void http_connection_on_turn(struct http_connection *connection)
{
    if (connection->closing) {
        return;
    }
    http_connection_run(connection, SLICE_EMPTY);
    if (!connection->closing && connection->stream.want_read &&
        stream_has_buffered(&connection->stream)) {
        on_readable(connection);
    }
    if (!connection->closing && connection->phase == PHASE_LINGER) {
        http_server_check_drained(connection->server);
    }
}

static void refuse_late(struct http_connection *connection, enum http_problem problem)
{
    connection->busy = true;
    refuse(connection, problem);
    connection->busy = false;
    http_connection_run(connection, SLICE_EMPTY);
}

static void on_due(struct deadline *deadline)
{
    struct http_connection *connection = deadline->owner;
    uint8_t timing = connection->timing;

    connection->timing = TIMING_NONE;
    switch (timing) {
    case TIMING_HEAD:
        if (connection->scan.lines == 0 && connection->pending.len == connection->scan.skipped) {
            http_connection_lose(connection,
                                 HTTP_GONE_CLOSED); /* nothing but an empty line, or a handshake */
            break;
        }
        method_peek(connection);
        refuse_late(connection, HTTP_HEAD_TIMEOUT);
        break;
    case TIMING_BODY:
        if (body_fast_enough(connection)) {
            body_window_begin(connection);
            break;
        }
        refuse_late(connection, HTTP_BODY_TIMEOUT);
        break;
    case TIMING_WRITE:
        http_connection_lose(connection, HTTP_GONE_STALLED);
        break;
    default:
        http_connection_lose(connection, HTTP_GONE_CLOSED);
        break;
    }
}

/* --- birth --- */

static void peer_format(struct http_connection *connection, const struct sockaddr *address)
{
    const void *bytes = NULL;
    int family = AF_INET;

    if (address != NULL && address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct in6_addr *six =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(six);
        bytes = mapped ? (const void *)&six->s6_addr[12] : six;
        family = mapped ? AF_INET : AF_INET6;
    }
    if (bytes == NULL ||
        inet_ntop(family, bytes, connection->peer, sizeof(connection->peer)) == NULL) {
        connection->peer[0] = '\0';
    }
}

static bool tls_begin(struct http_connection *connection, SSL_CTX *context)
{
    SSL *ssl = SSL_new(context);

    if (ssl == NULL) {
        return false;
    }
    SSL_set_accept_state(ssl);
    stream_use_tls(&connection->stream, ssl);
    return true;
}

bool http_connection_new(struct http_server *server, int fd, const struct sockaddr *address)
{
    struct http_connection *connection = memory_array(1, sizeof(*connection));

    if (connection == NULL || !stream_init(&connection->stream, server->loop, fd, on_ready)) {
        memory_free(connection);
        (void)close(fd);
        return false;
    }
    connection->server = server;
    connection->handles = 2;
    deadline_init(&connection->deadline, server->loop, on_due, connection);
    buf_init(&connection->pending, server->options.limits.head_bytes + 2 * NET_SCRATCH_SIZE);
    buf_init(&connection->out, server->options.limits.output_high + OUTPUT_CEILING);
    peer_format(connection, address);
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    server->count++;
    if (server->options.tls != NULL && !tls_begin(connection, server->options.tls)) {
        connection_close(connection, false);
        return false;
    }
    /* Fails on sockets that are not TCP, which have no delay. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    /* A TLS client that says nothing has not even shaken hands: it gets the time of a head. */
    http_connection_time(connection, server->options.tls != NULL ? TIMING_HEAD : TIMING_IDLE,
                         server->options.tls != NULL ? server->options.limits.head_ms
                                                     : server->options.limits.idle_ms);
    stream_watch(&connection->stream, true, false);
    return true;
}
