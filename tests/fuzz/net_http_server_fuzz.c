/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a client against the HTTP server. Input: one byte that says how the rest is cut, then
 * the bytes. They are sent twice, in one piece and cut; both times the server must see the same
 * requests with the same bodies and give the same answers. Each chunked body is decoded by llhttp
 * too and must be equal. (Heads are compared with llhttp in net_head_fuzz.c.)
 */
#include "net/http_server.h"

#include "base/buf.h"
#include "base/check.h"

#include <llhttp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_MAX ((size_t)8 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct net_loop loop;
    struct clock_manual clock;
    struct http_server *server;
    struct buf record; /* what the handler saw */
    struct buf answer; /* what the client got */
    int heads;
    int ends;
    bool drained;
};

static struct run *run_of(struct http_exchange *x)
{
    return http_exchange_owner(x);
}

static void on_head(struct http_exchange *x)
{
    struct run *run = run_of(x);
    const struct http_request *r = http_exchange_request(x);

    run->heads++;
    buf_printf(&run->record, "%.*s %.*s ? %.*s @ %.*s %lld %d\n", SLICE_ARG(r->method_text),
               SLICE_ARG(r->path), SLICE_ARG(r->query), SLICE_ARG(r->host),
               (long long)r->content_length, r->keep_alive);
    for (size_t i = 0; i < r->header_count; i++) {
        CHECK(http_name_valid(r->headers[i].name) && http_value_valid(r->headers[i].value));
        buf_printf(&run->record, "%.*s: ", SLICE_ARG(r->headers[i].name));
        buf_append(&run->record, r->headers[i].value);
        buf_append_char(&run->record, '\n');
    }
    http_accept_body(x, 4096);
}

static void on_body(struct http_exchange *x, struct slice body)
{
    struct run *run = run_of(x);

    buf_printf(&run->record, "body %zu\n", body.len);
    buf_append(&run->record, body);
    if (body.len % 3 == 1) {
        http_start(x, 200, NULL, 0, HTTP_CONTENT_LENGTH_UNKNOWN);
        http_write(x, body);
        http_finish(x);
        return;
    }
    http_respond(x, 200, NULL, 0, body);
}

static void on_end(struct http_exchange *x, const enum http_gone *gone)
{
    struct run *run = run_of(x);

    run->ends++;
    buf_append_cstr(&run->record, gone == NULL ? "done\n" : "gone\n");
}

static const struct http_handler handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
};

static void on_drained(void *owner)
{
    ((struct run *)owner)->drained = true;
}

/* True when the connection is over. */
static bool receive(struct run *run, int fd)
{
    char bytes[4096];

    for (;;) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got <= 0) {
            return got == 0;
        }
        buf_append(&run->answer, slice_of(bytes, (size_t)got));
    }
}

static void turn(struct run *run, int fd)
{
    for (int i = 0; i < 3; i++) {
        uv_run(&run->loop.uv, UV_RUN_NOWAIT);
        receive(run, fd);
    }
}

/* Sends everything in pieces of `step` bytes (0: at once). */
static void converse(struct run *run, const uint8_t *data, size_t size, size_t step)
{
    struct http_server_options options = {
        .limits = http_default_limits, .handler = &handler, .owner = run};
    int pair[2];
    size_t sent = 0;

    clock_manual_init(&run->clock, NS_PER_S, 1798761600 * NS_PER_S);
    CHECK(net_loop_init(&run->loop, &run->clock.clock));
    run->server = http_server_new(&run->loop, &options);
    CHECK(run->server != NULL);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(http_server_adopt(run->server, pair[1]));
    while (sent < size) {
        size_t len = step == 0 || step > size - sent ? size - sent : step;
        ssize_t put = send(pair[0], data + sent, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        turn(run, pair[0]);
        if (put < 0) {
            break; /* the server refused and does not read on */
        }
        sent += (size_t)put;
    }
    turn(run, pair[0]);
    close(pair[0]);
    http_server_drain(run->server, 0, on_drained);
    while (!run->drained) {
        uv_run(&run->loop.uv, UV_RUN_ONCE);
    }
    CHECK(run->heads == run->ends);
    http_server_free(run->server);
    net_loop_release(&run->loop);
}

static void run_release(struct run *run)
{
    buf_release(&run->record);
    buf_release(&run->answer);
}

/* Whether 100 Continue is sent depends on what is there already. */
static void forget_continue(struct buf *answer)
{
    const struct slice text = SLICE("HTTP/1.1 100 Continue\r\n\r\n");
    size_t at;

    while ((at = slice_find_slice(buf_slice(answer), text)) != SIZE_MAX) {
        memmove(answer->ptr + at, answer->ptr + at + text.len, answer->len - at - text.len);
        answer->len -= text.len;
    }
}

/* --- the second opinion about chunks --- */

static int on_llhttp_body(llhttp_t *parser, const char *at, size_t len)
{
    buf_append(parser->data, slice_of(at, len));
    return 0;
}

static int on_llhttp_end(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

/* If the first request is a chunked one that was read in full, llhttp must find the same body.
 */
static void compare_with_llhttp(const struct run *run, const uint8_t *data, size_t size)
{
    llhttp_settings_t settings = {.on_body = on_llhttp_body, .on_message_complete = on_llhttp_end};
    struct buf body = BUF_INIT(RECORD_MAX);
    struct slice record = buf_slice(&run->record);
    llhttp_t parser;

    size_t at = slice_find_slice(record, SLICE(" -1 "));
    size_t line = slice_find(record, '\n');
    size_t found = slice_find_slice(record, SLICE("\nbody "));
    if (at == SIZE_MAX || at > line || found == SIZE_MAX) {
        return;
    }
    struct slice rest = slice_from(record, found + 6);
    uint64_t len = 0;
    CHECK(slice_to_u64(slice_cut(&rest, '\n'), &len));
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &body;
    /* It is stricter about extensions and looks into trailers; what it read until then must agree.
     */
    bool complete = llhttp_execute(&parser, (const char *)data, size) == HPE_PAUSED;
    CHECK(complete ? body.len == len : body.len <= len);
    CHECK(slice_eq(buf_slice(&body), slice_of(rest.ptr, body.len)));
    buf_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > (size_t)256 * 1024) {
        return 0;
    }
    size_t step = data[0];
    struct run whole = {.record = BUF_INIT(RECORD_MAX), .answer = BUF_INIT(RECORD_MAX)};
    struct run cut = {.record = BUF_INIT(RECORD_MAX), .answer = BUF_INIT(RECORD_MAX)};

    data++;
    size--;
    /* A byte at a time is only affordable for small inputs. */
    step = 1 + step + (size > 4096 ? size / 64 : 0);
    converse(&whole, data, size, 0);
    converse(&cut, data, size, step);
    forget_continue(&whole.answer);
    forget_continue(&cut.answer);
    CHECK(whole.heads == cut.heads);
    CHECK(slice_eq(buf_slice(&whole.record), buf_slice(&cut.record)));
    CHECK(slice_eq(buf_slice(&whole.answer), buf_slice(&cut.answer)));
    compare_with_llhttp(&whole, data, size);
    run_release(&whole);
    run_release(&cut);
    return 0;
}
