/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include "base/number.h"

#include <stdio.h>
#include <time.h>

#define PARTS_MAX 4
#define CHUNK_LINE_SIZE 20
#define PROBLEM_BODY_SIZE 512
#define MORE_MAX ((size_t)16 * 1024)
#define TOGETHER_MAX ((size_t)4096) /* bytes of a body that are cheaper copied than gathered */
#define HEAD_SLACK 256              /* status line, Date, Content-Length, Connection, empty line */

/* --- the queue --- */

static void lose_later(struct http_connection *connection)
{
    connection->lost = true;
    connection->gone = HTTP_GONE_CLOSED;
    if (!connection->busy) {
        http_server_turn(connection);
    }
}

static void out_empty(struct http_connection *connection)
{
    if (connection->out.ptr != NULL) {
        buf_release(&connection->out);
        connection->out_sent = 0;
    }
    connection->blocked = false;
    if (connection->timing == TIMING_WRITE) {
        http_connection_time(connection, TIMING_NONE, 0);
    }
}

/* Makes room by moving the unsent rest to the front, when at least half of the queue is sent. */
static void out_compact(struct http_connection *connection)
{
    if (connection->out_sent > connection->out.len / 2) {
        buf_consume(&connection->out, connection->out_sent);
        connection->out_sent = 0;
    }
}

static void out_blocked(struct http_connection *connection)
{
    connection->blocked = true;
    if (connection->timing == TIMING_NONE || connection->timing == TIMING_WRITE) {
        http_connection_time(connection, TIMING_WRITE,
                             connection->server->options.limits.write_stall_ms);
    }
    if (!connection->busy) {
        stream_watch(&connection->stream, connection->stream.want_read, true);
    }
}

static void out_queue(struct http_connection *connection, const struct slice *parts, size_t count)
{
    out_compact(connection);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0 && !buf_append(&connection->out, parts[i])) {
            lose_later(connection);
            return;
        }
    }
}

/* Sends the queue and then the parts, in one call of the kernel; what it does not take is queued.
 */
static void send_parts(struct http_connection *connection, const struct slice *parts, size_t count)
{
    struct slice all[PARTS_MAX + 1];
    size_t n = 0;
    size_t put = 0;

    if (connection->lost) {
        return;
    }
    if (connection->blocked) {
        out_queue(connection, parts, count);
        if (connection->timing == TIMING_NONE) {
            out_blocked(connection); /* what blocked it was timed as something else */
        }
        return;
    }
    size_t queued = connection->out.len - connection->out_sent;
    if (queued > 0) {
        all[n++] = slice_of(connection->out.ptr + connection->out_sent, queued);
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            all[n++] = parts[i];
        }
    }
    if (n == 0) {
        return;
    }
    if (stream_write(&connection->stream, all, n, &put) == STREAM_ERROR) {
        lose_later(connection);
        return;
    }
    size_t from_queue = put < queued ? put : queued;
    connection->out_sent += from_queue;
    put -= from_queue;
    struct slice rest[PARTS_MAX];
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        size_t taken = put < parts[i].len ? put : parts[i].len;
        put -= taken;
        rest[i] = slice_of(parts[i].ptr + taken, parts[i].len - taken);
        left += rest[i].len;
    }
    if (left > 0) {
        out_queue(connection, rest, count);
    }
    if (http_connection_flushed(connection)) {
        out_empty(connection);
    } else {
        out_blocked(connection);
    }
}

void http_answer_raw(struct http_connection *connection, struct slice bytes)
{
    send_parts(connection, &bytes, 1);
}

void http_answer_flush(struct http_connection *connection)
{
    struct http_exchange *x = &connection->exchange;
    size_t put = 0;
    struct slice queued = slice_of(connection->out.ptr + connection->out_sent,
                                   connection->out.len - connection->out_sent);

    switch (stream_write(&connection->stream, &queued, 1, &put)) {
    case STREAM_OK:
        connection->out_sent += put;
        break;
    case STREAM_AGAIN:
        return;
    default:
        lose_later(connection);
        return;
    }
    if (http_connection_flushed(connection)) {
        out_empty(connection);
    } else {
        out_blocked(connection); /* progress: the clock starts again */
    }
    if (x->wants_drain && connection->out.len - connection->out_sent <
                              connection->server->options.limits.output_high / 2) {
        x->wants_drain = false;
        const struct http_handler *handler = connection->server->options.handler;
        if (!x->finished && !connection->lost && handler->on_drain != NULL) {
            handler->on_drain(x);
        }
    }
}

/* --- the head --- */

/* The line is right until the wall clock's second ends. */
static void date_update(struct http_server *server)
{
    uint64_t now = uv_now(&server->loop->uv);

    if (now < server->date_until) {
        return;
    }
    int64_t wall = clock_wall(server->loop->clock);
    time_t seconds = (time_t)(wall / NS_PER_S);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    server->date_len =
        strftime(server->date, sizeof(server->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    server->date_until = now + 1 + (uint64_t)((NS_PER_S - 1 - wall % NS_PER_S) / NS_PER_MS);
}

static char *put(char *at, struct slice s)
{
    if (s.len > 0) {
        memcpy(at, s.ptr, s.len);
    }
    return at + s.len;
}

static char *put_status(char *at, int status)
{
    if (status == 200) {
        return put(at, SLICE("HTTP/1.1 200 OK\r\n"));
    }
    at = put(at, SLICE("HTTP/1.1 "));
    at += number_format((uint64_t)status, at);
    at = put(at, SLICE(" "));
    at = put(at, slice_from_cstr(http_reason(status)));
    return put(at, SLICE("\r\n"));
}

/* Framing belongs to this layer: a handler that sets it is a bug of ours. */
static void header_check(const struct http_header *header)
{
    static const struct slice ours[] = {SLICE_INIT("date"), SLICE_INIT("connection"),
                                        SLICE_INIT("content-length"),
                                        SLICE_INIT("transfer-encoding")};

    CHECK(http_name_valid(header->name) && http_value_valid(header->value));
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        CHECK(header->name.len != ours[i].len || !slice_eq_nocase(header->name, ours[i]));
    }
}

/* Lines made of headers. Out of memory: fewer of them, and the buffer has failed. */
static struct slice lines_render(struct http_server *server, const struct http_header *headers,
                                 size_t count)
{
    struct buf *lines = &server->lines;

    buf_clear(lines);
    for (size_t i = 0; i < count; i++) {
        header_check(&headers[i]);
        buf_append(lines, headers[i].name);
        buf_append(lines, SLICE(": "));
        buf_append(lines, headers[i].value);
        buf_append(lines, SLICE("\r\n"));
    }
    return buf_slice(lines);
}

static char *put_framing(char *at, const struct http_exchange *x, uint64_t length)
{
    if (x->framing == FRAMING_LENGTH) {
        at = put(at, SLICE("Content-Length: "));
        at += number_format(length, at);
        return put(at, SLICE("\r\n"));
    }
    return x->framing == FRAMING_CHUNKED ? put(at, SLICE("Transfer-Encoding: chunked\r\n")) : at;
}

/* Renders into server->head, with `body` behind it; an empty slice when out of memory. */
static struct slice head_render(struct http_connection *connection, int status, struct slice lines,
                                uint64_t length, struct slice body)
{
    struct http_server *server = connection->server;
    const struct http_exchange *x = &connection->exchange;

    date_update(server);
    buf_clear(&server->head);
    size_t room = HEAD_SLACK + lines.len + x->more.len + body.len;
    char *start = server->lines.failed || x->more.failed ? NULL : buf_reserve(&server->head, room);
    if (start == NULL) {
        return SLICE_EMPTY;
    }
    char *at = put_status(start, status);
    at = put(at, lines);
    at = put(at, buf_slice(&x->more));
    at = put(at, slice_of(server->date, server->date_len));
    at = put_framing(at, x, length);
    if (connection->close_after) {
        at = put(at, SLICE("Connection: close\r\n"));
    } else if (x->head.http_1_0) {
        at = put(at, SLICE("Connection: keep-alive\r\n"));
    }
    at = put(at, SLICE("\r\n"));
    at = put(at, body);
    return slice_of(start, (size_t)(at - start));
}

static bool bodyless(const struct http_exchange *x, int status)
{
    return x->head.request.method == HTTP_HEAD_METHOD || status == 204 || status == 304;
}

/* Decides framing and persistence; the head follows from them. `body` is sent with it, if there is
   to be one. */
static struct slice answer_begin(struct http_connection *connection, int status, struct slice lines,
                                 int64_t length, struct slice body)
{
    struct http_exchange *x = &connection->exchange;
    const struct http_limits *limits = &connection->server->options.limits;

    CHECK(!x->started && status >= 200 && status <= 999);
    x->started = true;
    connection->phase = PHASE_ANSWER;
    if (connection->timing == TIMING_BODY) {
        http_connection_time(connection, TIMING_NONE, 0);
    }
    http_connection_skip_body(connection);
    if (status == 204 || status == 304) {
        x->framing = FRAMING_NONE;
    } else if (length >= 0) {
        x->framing = FRAMING_LENGTH;
    } else {
        x->framing = x->head.http_1_0 ? FRAMING_CLOSE : FRAMING_CHUNKED;
    }
    if (!x->head.request.keep_alive || connection->server->draining || connection->eof ||
        (limits->requests_per_connection > 0 &&
         connection->requests + 1 >= limits->requests_per_connection) ||
        (x->framing == FRAMING_CLOSE && !bodyless(x, status))) {
        connection->close_after = true;
    }
    if (bodyless(x, status)) {
        body = SLICE_EMPTY;
    }
    struct slice head =
        head_render(connection, status, lines, length < 0 ? 0 : (uint64_t)length, body);
    if (head.len == 0) {
        lose_later(connection);
    }
    if (bodyless(x, status)) {
        x->framing = FRAMING_NONE; /* body bytes are swallowed from here on */
    }
    x->answer_left = x->framing == FRAMING_LENGTH ? (uint64_t)length : 0;
    return head;
}

static void finish(struct http_connection *connection)
{
    connection->exchange.finished = true;
    if (!connection->busy) {
        http_server_turn(connection);
    }
}

/* --- what handlers call --- */

void http_respond_lines(struct http_exchange *x, int status, struct slice lines, struct slice body)
{
    struct http_connection *connection = http_connection_of(x);
    bool together = body.len <= TOGETHER_MAX;
    struct slice parts[2];

    parts[0] =
        answer_begin(connection, status, lines, (int64_t)body.len, together ? body : SLICE_EMPTY);
    parts[1] = !together && x->framing == FRAMING_LENGTH ? body : SLICE_EMPTY;
    x->answer_left = 0;
    send_parts(connection, parts, together ? 1 : 2);
    finish(connection);
}

void http_start_lines(struct http_exchange *x, int status, struct slice lines,
                      int64_t content_length)
{
    struct http_connection *connection = http_connection_of(x);
    struct slice head = answer_begin(connection, status, lines, content_length, SLICE_EMPTY);

    out_queue(connection, &head, 1);
}

void http_respond(struct http_exchange *x, int status, const struct http_header *headers,
                  size_t count, struct slice body)
{
    struct http_server *server = http_connection_of(x)->server;

    http_respond_lines(x, status, lines_render(server, headers, count), body);
    buf_clear(&server->lines);
}

void http_start(struct http_exchange *x, int status, const struct http_header *headers,
                size_t count, int64_t content_length)
{
    struct http_server *server = http_connection_of(x)->server;

    http_start_lines(x, status, lines_render(server, headers, count), content_length);
    buf_clear(&server->lines);
}

void http_exchange_add_line(struct http_exchange *x, struct slice name, struct slice value)
{
    const struct http_header header = {name, value};
    header_check(&header);
    if (x->more.limit == 0) {
        buf_init(&x->more, MORE_MAX);
    }
    buf_append(&x->more, name);
    buf_append(&x->more, SLICE(": "));
    buf_append(&x->more, value);
    buf_append(&x->more, SLICE("\r\n"));
}

bool http_started(const struct http_exchange *x)
{
    return x->started;
}

static struct slice chunk_line(char *buffer, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    char *at = buffer + CHUNK_LINE_SIZE;

    *--at = '\n';
    *--at = '\r';
    do {
        *--at = hex[len & 15];
        len >>= 4;
    } while (len > 0);
    return slice_of(at, (size_t)(buffer + CHUNK_LINE_SIZE - at));
}

bool http_write(struct http_exchange *x, struct slice bytes)
{
    struct http_connection *connection = http_connection_of(x);
    char line[CHUNK_LINE_SIZE];
    struct slice parts[3] = {SLICE_EMPTY, bytes, SLICE_EMPTY};

    CHECK(x->started && !x->finished && bytes.len > 0);
    switch (x->framing) {
    case FRAMING_NONE:
        parts[1] = SLICE_EMPTY;
        break;
    case FRAMING_LENGTH:
        if (bytes.len > x->answer_left) {
            lose_later(connection); /* more than was announced would be read as the next answer */
            return false;
        }
        x->answer_left -= bytes.len;
        break;
    case FRAMING_CHUNKED:
        parts[0] = chunk_line(line, bytes.len);
        parts[2] = SLICE("\r\n");
        break;
    default:
        break;
    }
    send_parts(connection, parts, 3);
    bool below = connection->out.len - connection->out_sent <=
                 connection->server->options.limits.output_high;
    x->wants_drain = !below;
    return below && !connection->lost;
}

void http_flush(struct http_exchange *x)
{
    send_parts(http_connection_of(x), NULL, 0);
}

void http_finish(struct http_exchange *x)
{
    struct http_connection *connection = http_connection_of(x);
    struct slice last = x->framing == FRAMING_CHUNKED ? SLICE("0\r\n\r\n") : SLICE_EMPTY;

    CHECK(x->started && !x->finished);
    if (x->answer_left > 0) {
        http_abort(x);
        return;
    }
    send_parts(connection, &last, 1);
    finish(connection);
}

void http_abort(struct http_exchange *x)
{
    struct http_connection *connection = http_connection_of(x);

    /* A body that ends with the connection would look complete after an orderly close. */
    connection->reset = x->framing == FRAMING_CLOSE;
    lose_later(connection);
}

/* --- refusals --- */

static int problem_body(enum http_problem problem, char *buffer, size_t size)
{
    const struct http_problem_row *row = http_problem_row(problem);

    return snprintf(
        buffer, size,
        "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}}",
        row->text, row->status < 500 ? "invalid_request_error" : "server_error", row->code);
}

void http_answer_problem(struct http_connection *connection, enum http_problem problem)
{
    static const struct http_header headers[] = {
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/json")},
        {SLICE_INIT("Allow"), SLICE_INIT("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH")},
    };
    char body[PROBLEM_BODY_SIZE];
    int status = http_problem_row(problem)->status;
    int len = problem_body(problem, body, sizeof(body));

    connection->close_after = true;
    http_respond(&connection->exchange, status, headers, status == 405 ? 2 : 1,
                 slice_of(body, (size_t)len));
}

size_t http_problem_render(enum http_problem problem, bool to_head, char *buffer, size_t size)
{
    char body[PROBLEM_BODY_SIZE];
    int status = http_problem_row(problem)->status;
    int body_len = problem_body(problem, body, sizeof(body));
    int len = snprintf(buffer, size,
                       "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                       "Retry-After: 1\r\nConnection: close\r\n\r\n%s",
                       status, http_reason(status), body_len, to_head ? "" : body);

    CHECK(len > 0 && (size_t)len < size);
    return (size_t)len;
}

/* --- what handlers ask --- */

const struct http_request *http_exchange_request(const struct http_exchange *x)
{
    return &x->head.request;
}

static const struct http_connection *connection_of_const(const struct http_exchange *x)
{
    return (
        const struct http_connection *)(const void *)((const char *)x -
                                                      offsetof(struct http_connection, exchange));
}

void *http_exchange_owner(const struct http_exchange *x)
{
    return connection_of_const(x)->server->options.owner;
}

struct net_loop *http_exchange_loop(const struct http_exchange *x)
{
    return connection_of_const(x)->server->loop;
}

struct slice http_exchange_peer(const struct http_exchange *x)
{
    return slice_from_cstr(connection_of_const(x)->peer);
}

void http_exchange_set_user(struct http_exchange *x, void *user)
{
    x->user = user;
}

void *http_exchange_user(const struct http_exchange *x)
{
    return x->user;
}

int64_t http_exchange_started(const struct http_exchange *x)
{
    return x->started_ns;
}
