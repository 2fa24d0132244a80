/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker on a loop of this thread, clients on socket pairs, and scripted upstreams on a port of
 * loopback on the same loop: what a test says is sent byte by byte, and what the upstreams got is
 * kept. No sleeps: a test turns the loop until something is so, and a ceiling fails it.
 */
#ifndef TESTS_UNIT_GATEWAY_HARNESS_H
#define TESTS_UNIT_GATEWAY_HARNESS_H

#include "base/memory.h"
#include "config/config.h"
#include "dialect/dialect.h"
#include "gateway/gateway.h"
#include "gateway/gateway_budget.h"
#include "gateway/reload.h"
#include "gateway/worker.h"

#include "tests/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CEILING_NS (20 * NS_PER_S)
#define SCRIPTS_MAX 26

/* --- upstreams: one script per letter, the first of the path --- */

enum after { AFTER_KEEP, AFTER_CLOSE, AFTER_RESET, AFTER_HANG };

struct script {
    struct slice bytes; /* NULL: nothing is sent */
    enum after after;
    size_t piece; /* bytes in one turn of the loop; 0: all at once */
    int requests; /* that came */
    char head[2048];
    struct buf body; /* of the last one */
};

struct peer;

struct harness {
    struct gateway gateway;
    struct worker *worker;
    uv_tcp_t listener;
    uint16_t port;
    struct script scripts[SCRIPTS_MAX];
    int peers;
    struct peer *latest; /* that sent a request */
    char directory[64];  /* of the ledger; "": none */
    char database[128];
};

static struct harness h;

struct peer {
    uv_tcp_t tcp;
    uv_timer_t timer; /* of scripts in pieces */
    struct buf in;
    struct script *script; /* being sent */
    struct slice left;
    int handles;
};

/* Appends past the door of memory.h: what tests keep never fails. */
static inline void keep(struct buf *b, struct slice bytes)
{
    if (b->cap - b->len < bytes.len) {
        b->cap = (b->cap + bytes.len) * 2;
        b->ptr = realloc(b->ptr, b->cap);
        CHECK(b->ptr != NULL);
    }
    if (bytes.len > 0) {
        memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
    }
    b->len += bytes.len;
}

static inline struct script *script_of(char letter)
{
    CHECK(letter >= 'a' && letter <= 'z');
    return &h.scripts[letter - 'a'];
}

static inline void script_set(char letter, struct slice bytes, enum after after)
{
    struct script *script = script_of(letter);
    script->bytes = bytes;
    script->after = after;
    script->piece = 0;
    script->requests = 0;
    buf_clear(&script->body);
}

static inline void on_peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    if (--peer->handles == 0) {
        buf_release(&peer->in);
        h.latest = h.latest == peer ? NULL : h.latest;
        free(peer);
        h.peers--;
    }
}

static inline void peer_close(struct peer *peer, bool reset)
{
    if (uv_is_closing((uv_handle_t *)&peer->tcp)) {
        return;
    }
    if (!reset || uv_tcp_close_reset(&peer->tcp, on_peer_closed) != 0) {
        uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
    }
    uv_close((uv_handle_t *)&peer->timer, on_peer_closed);
}

static inline void on_piece(uv_timer_t *timer);

static inline void peer_write(struct peer *peer)
{
    size_t piece = peer->script->piece == 0 ? peer->left.len : peer->script->piece;
    piece = piece < peer->left.len ? piece : peer->left.len;
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)peer->left.ptr, (unsigned)piece);
    int put = piece == 0 ? 0 : uv_try_write((uv_stream_t *)&peer->tcp, &buffer, 1);
    if (put > 0) {
        peer->left = slice_from(peer->left, (size_t)put);
    } else if (put < 0 && put != UV_EAGAIN) {
        peer_close(peer, true);
        return;
    }
    if (peer->left.len > 0) {
        uv_timer_start(&peer->timer, on_piece, 1, 0);
        return;
    }
    if (peer->script->after == AFTER_CLOSE || peer->script->after == AFTER_RESET) {
        peer_close(peer, peer->script->after == AFTER_RESET);
    }
}

static inline void on_piece(uv_timer_t *timer)
{
    peer_write(timer->data);
}

/* Length of the whole request at the start of `in`, or 0. */
static inline size_t request_length(struct slice in, size_t *ret_head)
{
    size_t head = slice_find_slice(in, SLICE("\r\n\r\n"));
    if (head == SIZE_MAX) {
        return 0;
    }
    *ret_head = head + 4;
    struct slice lines = slice_of(in.ptr, head);
    uint64_t length = 0;
    while (lines.len > 0) {
        struct slice line = slice_cut(&lines, '\n');
        struct slice name = slice_cut(&line, ':');
        if (slice_eq_nocase(name, SLICE("content-length"))) {
            CHECK(slice_to_u64(slice_trim(line), &length));
        }
    }
    return in.len >= *ret_head + length ? *ret_head + (size_t)length : 0;
}

static inline void on_peer_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct peer *peer = stream->data;
    if (len < 0) {
        peer_close(peer, false);
        return;
    }
    keep(&peer->in, slice_of(buffer->base, (size_t)len));
    size_t head;
    size_t length = request_length(buf_slice(&peer->in), &head);
    if (length == 0) {
        return;
    }
    char letter = slice_starts(buf_slice(&peer->in), SLICE("POST /")) ? peer->in.ptr[6] : 'z';
    struct script *script = script_of(letter);
    script->requests++;
    slice_to_cstr(slice_of(peer->in.ptr, head), script->head, sizeof(script->head));
    buf_clear(&script->body);
    keep(&script->body, slice_of(peer->in.ptr + head, length - head));
    buf_consume(&peer->in, length);
    peer->script = script;
    peer->left = script->bytes;
    h.latest = peer;
    peer_write(peer);
}

/* Goes on with the request that came last. */
static inline void latest_answers(struct slice bytes, enum after after)
{
    CHECK(h.latest != NULL);
    h.latest->script->after = after;
    h.latest->left = bytes;
    peer_write(h.latest);
}

static inline void on_peer_memory(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_buffer)
{
    static char memory[64 * 1024];
    (void)handle;
    (void)wanted;
    *ret_buffer = uv_buf_init(memory, sizeof(memory));
}

static inline void on_connection(uv_stream_t *server, int status)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    CHECK(status == 0 && peer != NULL);
    peer->in = BUF_INIT(1u << 26);
    peer->handles = 2;
    uv_tcp_init(server->loop, &peer->tcp);
    uv_timer_init(server->loop, &peer->timer);
    peer->tcp.data = peer;
    peer->timer.data = peer;
    h.peers++;
    CHECK(uv_accept(server, (uv_stream_t *)&peer->tcp) == 0);
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_read_start((uv_stream_t *)&peer->tcp, on_peer_memory, on_peer_read);
}

/* The port is taken before there is a loop, since the configuration names it. */
static inline int upstreams_bind(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&address, size) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    h.port = ntohs(address.sin_port);
    return fd;
}

static inline void upstreams_open(uv_loop_t *loop, int fd)
{
    CHECK(uv_tcp_init(loop, &h.listener) == 0);
    CHECK(uv_tcp_open(&h.listener, fd) == 0);
    CHECK(uv_listen((uv_stream_t *)&h.listener, 1024, on_connection) == 0);
}

/* --- clients --- */

struct client {
    int fd;
    struct buf in;
    bool closed;
    size_t sent;
    struct slice out;
};

static inline void client_open(struct client *client)
{
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    CHECK(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
    *client = (struct client){.fd = fds[1], .in = BUF_INIT(1u << 28)};
    client->closed = !http_server_adopt(h.worker->server, fds[0]);
}

static inline void client_close(struct client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
    }
    client->fd = -1;
    client->closed = true;
    buf_release(&client->in);
}

static inline void client_turn(struct client *client)
{
    char bytes[16384];
    if (client->fd < 0 || client->closed) {
        return;
    }
    if (client->out.len > 0) {
        ssize_t put = send(client->fd, client->out.ptr, client->out.len, MSG_NOSIGNAL);
        client->out = slice_from(client->out, put > 0 ? (size_t)put : 0);
    }
    for (;;) {
        ssize_t len = recv(client->fd, bytes, sizeof(bytes), 0);
        if (len <= 0) {
            client->closed = len == 0 || (errno != EAGAIN && errno != EINTR);
            return;
        }
        keep(&client->in, slice_of(bytes, (size_t)len));
    }
}

static inline struct slice client_head(const struct client *client)
{
    size_t end = slice_find_slice(buf_slice(&client->in), SLICE("\r\n\r\n"));
    return end == SIZE_MAX ? SLICE_EMPTY : slice_of(client->in.ptr, end + 2);
}

static inline struct slice client_header(const struct client *client, const char *name)
{
    struct slice lines = client_head(client);
    while (lines.len > 0) {
        struct slice line = slice_cut(&lines, '\n');
        struct slice key = slice_cut(&line, ':');
        if (slice_eq_nocase(key, slice_from_cstr(name))) {
            return slice_trim(line);
        }
    }
    return SLICE_EMPTY;
}

static inline int client_status(const struct client *client)
{
    uint64_t status = 0;
    struct slice head = client_head(client);
    return head.len > 12 && slice_to_u64(slice_of(head.ptr + 9, 3), &status) ? (int)status : 0;
}

/* The body without chunked framing. True: it is complete. */
static inline bool client_body(const struct client *client, struct buf *out)
{
    struct slice head = client_head(client);
    uint64_t length = 0;
    buf_clear(out);
    if (head.len == 0) {
        return false;
    }
    struct slice rest = slice_from(buf_slice(&client->in), head.len + 2);
    if (slice_to_u64(client_header(client, "content-length"), &length)) {
        buf_append(out, rest);
        return rest.len >= length;
    }
    while (rest.len > 0) {
        char line[32];
        size_t end = slice_find_slice(rest, SLICE("\r\n"));
        if (end == SIZE_MAX) {
            return false;
        }
        slice_to_cstr(slice_of(rest.ptr, end), line, sizeof(line));
        size_t size = strtoul(line, NULL, 16);
        rest = slice_from(rest, end + 2);
        if (size == 0) {
            return true;
        }
        buf_append(out, slice_of(rest.ptr, size < rest.len ? size : rest.len));
        rest = slice_from(rest, size + 2);
    }
    return false;
}

/* --- turns --- */

/* One turn of the loop and of the client; waits a little when there is nothing to do. */
static inline void turn(struct client *client)
{
    struct pollfd fds[2] = {{.fd = uv_backend_fd(&h.worker->loop.uv), .events = POLLIN},
                            {.fd = client == NULL ? -1 : client->fd, .events = POLLIN}};
    int timeout = uv_backend_timeout(&h.worker->loop.uv);
    poll(fds, 2, timeout < 0 || timeout > 20 ? 20 : timeout);
    uv_run(&h.worker->loop.uv, UV_RUN_NOWAIT);
    if (client != NULL) {
        client_turn(client);
    }
}

#define UNTIL(client, condition)                                                                   \
    do {                                                                                           \
        int64_t until_end_ns = clock_monotonic(&clock_system) + CEILING_NS;                        \
        while (!(condition) && clock_monotonic(&clock_system) < until_end_ns) {                    \
            turn(client);                                                                          \
        }                                                                                          \
        EXPECT(condition);                                                                         \
    } while (0)

/* A chunked body ends with an empty chunk; ours never have those bytes inside. */
static inline bool client_done(const struct client *client)
{
    uint64_t length;
    struct slice head = client_head(client);
    if (client->closed || head.len == 0) {
        return client->closed;
    }
    return slice_to_u64(client_header(client, "content-length"), &length)
               ? client->in.len >= head.len + 2 + length
               : slice_ends(buf_slice(&client->in), SLICE("\r\n0\r\n\r\n"));
}

/* A whole POST with a length. */
static inline struct slice post_text(const char *path, const char *headers, struct slice body,
                                     struct buf *out)
{
    buf_printf(out,
               "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               "%sContent-Length: %zu\r\n\r\n",
               path, headers == NULL ? "" : headers, body.len);
    buf_append(out, body);
    return buf_slice(out);
}

/* --- begin and end --- */

static inline const char *no_environment(const struct config_environment *environment,
                                         const char *name)
{
    (void)environment;
    (void)name;
    return NULL;
}

/* $PORT in the text is the upstreams' port. NULL: it has errors, which are printed. */
static inline struct snapshot *harness_load(const char *yaml, uint64_t generation)
{
    static const struct config_environment environment = {.get = no_environment};
    struct config_options options = {.file = "/test.yaml",
                                     .environment = &environment,
                                     .wall_s = 1800000000,
                                     .generation = generation};
    struct diagnostics diagnostics = {0};
    struct buf text = BUF_INIT(1u << 20);
    for (const char *at = yaml; *at != '\0'; at++) {
        if (strncmp(at, "$PORT", 5) == 0) {
            buf_printf(&text, "%u", h.port);
            at += 4;
        } else {
            buf_append_char(&text, *at);
        }
    }
    if (h.directory[0] != '\0') {
        buf_printf(&text, "ledger: { path: '%s', segment_bytes: 1MB }\n", h.database);
    } else {
        buf_append_cstr(&text, "ledger: { enabled: false }\n");
    }
    struct snapshot *snapshot = config_load(buf_slice(&text), &options, &diagnostics);
    for (size_t i = 0; i < diagnostics.count && snapshot == NULL; i++) {
        printf("# %u: %s\n", diagnostics.items[i].line, diagnostics.items[i].message);
    }
    diagnostics_release(&diagnostics);
    buf_release(&text);
    return snapshot;
}

static inline void ledger_begin(void)
{
    struct error error;
    snprintf(h.directory, sizeof(h.directory), "/tmp/sluice-gateway-XXXXXX");
    CHECK(mkdtemp(h.directory) != NULL);
    snprintf(h.database, sizeof(h.database), "%s/ledger.db", h.directory);
    snprintf(h.gateway.ledger_path, sizeof(h.gateway.ledger_path), "%s", h.database);
    struct ledger_options options = {
        .path = h.database, .journal = {.segment_bytes = 1u << 20}, .batch_ms = 5};
    h.gateway.ledger = ledger_open(&options, &error);
    CHECK(h.gateway.ledger != NULL);
}

static inline void directory_remove(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char child[512];
        int len = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && len > 0 && (size_t)len < sizeof(child) &&
            unlink(child) != 0) {
            directory_remove(child);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    rmdir(path);
}

/* Publishes; a worker notices in its next turns. */
static inline bool harness_publish(const char *yaml, uint64_t generation)
{
    struct error error;
    struct snapshot *snapshot = harness_load(yaml, generation);
    if (snapshot == NULL || !gateway_publish(&h.gateway, snapshot, &error)) {
        snapshot_unref(snapshot);
        return false;
    }
    gateway_tell_workers(&h.gateway);
    return true;
}

static inline void harness_budget(void)
{
    struct error error;
    CHECK(net_loop_init(&h.gateway.loop, h.gateway.clock));
    CHECK(uv_async_init(&h.gateway.loop.uv, &h.gateway.wake, NULL) == 0);
    h.gateway.options.snapshot = h.gateway.snapshot;
    CHECK(gateway_budget_open(&h.gateway, &error));
}

static inline void harness_budget_end(void)
{
    gateway_budget_stop(&h.gateway);
    uv_close((uv_handle_t *)&h.gateway.wake, NULL);
    uv_run(&h.gateway.loop.uv, UV_RUN_DEFAULT);
    gateway_budget_close(&h.gateway);
    net_loop_release(&h.gateway.loop);
}

static inline void harness_begin(const char *yaml, bool ledger)
{
    struct error error;
    memset(&h, 0, sizeof(h));
    h.gateway.clock = &clock_system;
    pthread_mutex_init(&h.gateway.lock, NULL);
    questions_init(&h.gateway.questions);
    target_states_init(&h.gateway.states);
    for (size_t i = 0; i < SCRIPTS_MAX; i++) {
        h.scripts[i].body = BUF_INIT(1u << 26);
    }
    if (ledger) {
        ledger_begin();
    }
    h.gateway.keys = key_set_load(h.gateway.ledger_path, &error);
    CHECK(h.gateway.keys != NULL);
    int fd = upstreams_bind();
    CHECK(harness_publish(yaml, 1));
    harness_budget();
    h.worker = worker_new(&h.gateway, 0, &error);
    CHECK(h.worker != NULL);
    h.gateway.workers[0] = h.worker;
    h.gateway.worker_count = 1;
    upstreams_open(&h.worker->loop.uv, fd);
}

static inline void harness_drain(unsigned ms)
{
    atomic_store(&h.gateway.stop_ms, ms);
    atomic_fetch_add(&h.gateway.stops, 1);
    atomic_store(&h.gateway.draining, true);
    uv_async_send(&h.worker->async);
}

static inline void on_walk(uv_handle_t *handle, void *user)
{
    (void)user;
    if (handle->type == UV_TCP && handle->data != NULL) {
        peer_close(handle->data, false);
    }
}

static inline void harness_end(void)
{
    harness_drain(1000);
    uv_close((uv_handle_t *)&h.listener, NULL);
    uv_walk(&h.worker->loop.uv, on_walk, NULL);
    uv_run(&h.worker->loop.uv, UV_RUN_DEFAULT);
    EXPECT_INT(h.peers, 0);
    worker_free(h.worker);
    harness_budget_end();
    ledger_close(h.gateway.ledger, 5000);
    key_set_unref(h.gateway.keys);
    snapshot_unref(h.gateway.snapshot);
    target_states_release(&h.gateway.states);
    pthread_mutex_destroy(&h.gateway.lock);
    for (size_t i = 0; i < SCRIPTS_MAX; i++) {
        buf_release(&h.scripts[i].body);
    }
    if (h.directory[0] != '\0') {
        directory_remove(h.directory);
    }
}

/* Forgets what earlier calls taught: no target rests. */
static inline void harness_heal(void)
{
    struct policy *policy = &h.gateway.snapshot->policy;
    for (size_t i = 0; i < policy->target_count; i++) {
        EXPECT_INT(atomic_load(&policy->targets[i].health->in_flight), 0);
        health_init(policy->targets[i].health);
    }
}

/* The target of this name in the published snapshot. */
static inline struct target *harness_target(const char *name)
{
    struct policy *policy = &h.gateway.snapshot->policy;
    uint16_t index = policy_find_target(policy, slice_from_cstr(name));
    CHECK(index != NO_TARGET);
    return &policy->targets[index];
}

/* Sends one request on a connection of its own and waits for the whole answer; *ret_body gets the
 * body. Returns the status, 0 when there is none. */
static inline int harness_ask(struct slice request, struct client *client, struct buf *ret_body)
{
    client_open(client);
    client->out = request;
    UNTIL(client, client_done(client));
    (void)client_body(client, ret_body);
    return client_status(client);
}

#endif
