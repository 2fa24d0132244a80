/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4 */
#include "gateway/worker.h"

#include "gateway/call.h"
#include "gateway/call_hold.h"
#include "gateway/call_linger.h"
#include "gateway/call_new.h"
#include "gateway/call_ping.h"
#include "gateway/call_wait.h"
#include "gateway/cluster_redis.h"
#include "gateway/questions.h"
#include "gateway/tokens.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define OUT_BYTES_MAX (64u << 20)
#define LINES_BYTES_MAX ((size_t)64 << 10)
#define LOG_BYTES_MAX (64u << 10)
#define UPSTREAM_IDLE_MOST 2048
#define ADMIN_REST_MS 100
#define CUT_GRACE_MS 250 /* for the last words of calls that are cut */

/* Who waits for all workers to have a set of keys is told. */
static void say_keys(struct worker *worker, uint64_t generation)
{
    struct gateway *gateway = worker->gateway;
    pthread_mutex_lock(&gateway->lock);
    worker->keys_generation = generation;
    pthread_cond_broadcast(&gateway->keys_taken);
    pthread_mutex_unlock(&gateway->lock);
}

static void take_keys(struct worker *worker)
{
    uint64_t generation = 0;
    struct key_set *keys = gateway_keys(worker->gateway, &generation);
    key_set_unref(worker->keys);
    worker->keys = keys;
    say_keys(worker, generation);
}

/* What was verified under other rules or with other keys is not taken for verified. */
static void take_jwks(struct worker *worker, bool other_snapshot)
{
    struct jwks *keys = gateway_jwks(worker->gateway, worker->snapshot);
    if (worker->tokens != NULL && (keys != worker->jwks || other_snapshot)) {
        tokens_clear(worker->tokens);
    }
    jwks_unref(worker->jwks);
    worker->jwks = keys;
    if (keys != NULL && worker->tokens == NULL) {
        worker->tokens = tokens_new();
    }
    if (worker->tokens == NULL) { /* tokens are refused until there is memory */
        jwks_unref(worker->jwks);
        worker->jwks = NULL;
    }
}

/* The published snapshot and keys changed, or it is time to drain. */
static void take_news(struct worker *worker)
{
    struct snapshot *snapshot = gateway_snapshot(worker->gateway);
    bool other = snapshot != worker->snapshot;
    snapshot_unref(worker->snapshot);
    worker->snapshot = snapshot;
    take_jwks(worker, other);
    take_keys(worker);
    SSL_CTX *tls = gateway_tls(worker->gateway);
    if (tls != worker->tls) {
        http_server_set_tls(worker->server, tls);
        if (worker->keyed != NULL) {
            http_server_set_tls(worker->keyed, tls);
        }
    }
    SSL_CTX_free(worker->tls);
    worker->tls = tls;
}

static void on_upstream_closed(void *user)
{
    struct worker *worker = user;
    say_keys(worker, UINT64_MAX); /* it serves nobody any more */
    deadline_close(&worker->cut, NULL);
    call_keep_close(&worker->keep);
    deadline_close(&worker->linger, NULL);
    deadline_close(&worker->ping, NULL);
    deadline_close(&worker->hold, NULL);
    call_wait_close(worker);
    cluster_ask_close(worker);
    questions_close(worker);
    deadline_close(&worker->admin_rest, NULL);
    uv_close((uv_handle_t *)&worker->async, NULL);
}

static void maybe_leave(struct worker *worker)
{
    if (worker->stopping && worker->drained_server && worker->drained_admin &&
        worker->drained_keyed) {
        worker->stopping = false;
        call_linger_end(worker, false);
        upstream_close(worker->upstream, on_upstream_closed, worker);
    }
}

static void on_server_drained(void *owner)
{
    struct worker *worker = ((struct listener *)owner)->worker;
    if (http_server_connections(worker->server) == 0) {
        worker->drained_server = true;
    }
    if (worker->admin == NULL || http_server_connections(worker->admin) == 0) {
        worker->drained_admin = true;
    }
    if (worker->keyed == NULL || http_server_connections(worker->keyed) == 0) {
        worker->drained_keyed = true;
    }
    maybe_leave(worker);
}

static void close_admin(struct worker *worker)
{
    if (worker->admin_fd >= 0) {
        uv_poll_stop(&worker->admin_poll);
        uv_close((uv_handle_t *)&worker->admin_poll, NULL);
        close(worker->admin_fd);
        worker->admin_fd = -1;
    }
}

static void on_cut(struct deadline *deadline)
{
    struct worker *worker = deadline->owner;
    struct call *next;
    for (struct call *call = worker->calls; call != NULL; call = next) {
        next = call->next;
        call_cut(call);
    }
}

static void on_async(uv_async_t *async)
{
    struct worker *worker = CONTAINER_OF(async, struct worker, async);
    take_news(worker);
    unsigned stops = atomic_load(&worker->gateway->stops);
    if (!atomic_load(&worker->gateway->draining) || stops == worker->stops) {
        return; /* news that comes while it drains must not prolong that */
    }
    worker->stops = stops;
    unsigned ms = atomic_load(&worker->gateway->stop_ms);
    if (!worker->stopping && !worker->drained_server) {
        worker->stopping = true;
        close_admin(worker);
    }
    deadline_set(&worker->cut, ms);
    http_server_drain(worker->server, ms + CUT_GRACE_MS, on_server_drained);
    if (worker->admin != NULL) {
        http_server_drain(worker->admin, ms + CUT_GRACE_MS, on_server_drained);
    }
    if (worker->keyed != NULL) {
        http_server_drain(worker->keyed, ms + CUT_GRACE_MS, on_server_drained);
    }
}

static void on_admin_ready(uv_poll_t *poll, int status, int events);

/* The socket would be reported ready again at once, for as long as the want lasts. */
static void admin_rest(struct worker *worker)
{
    uv_poll_stop(&worker->admin_poll);
    deadline_set(&worker->admin_rest, ADMIN_REST_MS);
}

static void on_admin_rested(struct deadline *deadline)
{
    struct worker *worker = deadline->owner;
    if (worker->admin_fd >= 0) {
        uv_poll_start(&worker->admin_poll, UV_READABLE, on_admin_ready);
    }
}

static void on_admin_ready(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = CONTAINER_OF(poll, struct worker, admin_poll);
    (void)events;
    if (status < 0) {
        admin_rest(worker);
        return;
    }
    int fd = accept4(worker->admin_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        if (!http_server_adopt(worker->admin, fd)) {
            log_event(LOG_WARN, "admin_connection",
                      "a connection on the admin socket could not be served");
        }
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        admin_rest(worker); /* no descriptor is left, or no memory */
    }
}

static struct http_server_options server_options(struct worker *worker, struct listener *listener)
{
    const struct server_settings *settings = &worker->snapshot->server;
    struct http_server_options options = {
        .limits = http_default_limits,
        .handler = &gateway_handler,
        .owner = listener,
        .tls = worker->tls,
    };
    options.limits.head_bytes = (size_t)settings->head_bytes;
    options.limits.body_bytes = (size_t)settings->body_bytes;
    options.limits.head_ms = (uint64_t)settings->head_ms;
    options.limits.idle_ms = (uint64_t)settings->idle_ms;
    options.limits.write_stall_ms = (uint64_t)settings->write_stall_ms;
    options.limits.connections = (uint32_t)settings->connections;
    return options;
}

struct worker *worker_new(struct gateway *gateway, unsigned index, struct error *error)
{
    struct worker *worker = memory_array(1, sizeof(*worker));
    uint64_t seed;
    if (worker == NULL || !net_loop_init(&worker->loop, gateway->clock)) {
        free(worker);
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    worker->gateway = gateway;
    worker->index = index;
    worker->admin_fd = -1;
    worker->drained_admin = true;
    worker->drained_keyed = true;
    random_secure(&seed, sizeof(seed));
    random_seed(&worker->random, seed);
    buf_init(&worker->out, OUT_BYTES_MAX);
    buf_init(&worker->lines, LINES_BYTES_MAX);
    buf_init(&worker->log, LOG_BYTES_MAX);
    worker->snapshot = gateway_snapshot(gateway);
    take_jwks(worker, true);
    take_keys(worker);
    worker->tls = gateway_tls(gateway);
    uv_async_init(&worker->loop.uv, &worker->async, on_async);
    deadline_init(&worker->cut, &worker->loop, on_cut, worker);
    call_keep_init(&worker->keep, &worker->loop);
    deadline_init(&worker->linger, &worker->loop, call_linger_due, worker);
    deadline_init(&worker->ping, &worker->loop, call_ping_due, worker);
    worker->ping_ms = PING_MS;
    deadline_init(&worker->hold, &worker->loop, call_hold_due, worker);
    worker->hold_ms = HOLD_MS;
    call_wait_init(worker);
    questions_open(worker);
    deadline_init(&worker->admin_rest, &worker->loop, on_admin_rested, worker);
    worker->front_listener = (struct listener){.worker = worker};
    worker->admin_listener = (struct listener){.worker = worker, .admin = true};
    worker->keyed_listener = (struct listener){.worker = worker, .admin = true, .keyed = true};
    struct http_server_options options = server_options(worker, &worker->front_listener);
    worker->server = http_server_new(&worker->loop, &options);
    /* As many as there may be clients of one worker that come in waves: a connection that is closed
       for want of room in the pool is opened again for the next request. */
    struct upstream_limits limits = upstream_default_limits;
    limits.idle_per_origin = UPSTREAM_IDLE_MOST;
    worker->upstream = upstream_new(&worker->loop, &limits, error);
    bool asks = cluster_redis_worker(worker);
    if (worker->server == NULL || worker->upstream == NULL || !asks) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "a worker could not be made");
        return NULL; /* the process exits: nothing to unwind */
    }
    return worker;
}

bool worker_listen(struct worker *worker, struct error *error)
{
    struct gateway *gateway = worker->gateway;
    const struct server_settings *settings = &worker->snapshot->server;
    for (size_t i = 0; i < settings->listen_count; i++) {
        struct slice address = settings->listen[i];
        char fixed[128];
        struct slice port = address;
        while (slice_find(port, ':') != SIZE_MAX) {
            port = slice_from(port, slice_find(port, ':') + 1);
        }
        if (worker->index > 0 && i < ARRAY_LEN(gateway->ports) && slice_eq(port, SLICE("0"))) {
            /* port 0: the first worker's choice is everybody's */
            int len = snprintf(fixed, sizeof(fixed), "%.*s%u", (int)(address.len - port.len),
                               address.ptr, gateway->ports[i]);
            address = slice_of(fixed, (size_t)len);
        }
        uint16_t bound = 0;
        if (!http_server_listen(worker->server, address, true, &bound, error)) {
            return false;
        }
        if (i < ARRAY_LEN(gateway->ports)) {
            gateway->ports[i] = bound;
        }
    }
    return true;
}

/* The file is readable by its owner only from its first moment: umask rules while it is bound. */
static int bind_unix(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        error_set(error, ERROR_INVALID, "admin_socket",
                  "the path of the admin socket is too long: %s", path);
        return -1;
    }
    slice_to_cstr(slice_from_cstr(path), address.sun_path, sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path);
    mode_t old = umask(0177);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
              listen(fd, 64) == 0;
    umask(old);
    if (!ok) {
        error_set(error, ERROR_ENVIRONMENT, "admin_socket", "cannot listen on %s: %s", path,
                  strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

bool worker_listen_admin(struct worker *worker, const char *path, struct error *error)
{
    struct http_server_options options = server_options(worker, &worker->admin_listener);
    options.tls = NULL;
    worker->admin_fd = bind_unix(path, error);
    if (worker->admin_fd < 0) {
        return false;
    }
    worker->admin = http_server_new(&worker->loop, &options);
    if (worker->admin == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    worker->drained_admin = false;
    uv_poll_init(&worker->loop.uv, &worker->admin_poll, worker->admin_fd);
    uv_poll_start(&worker->admin_poll, UV_READABLE, on_admin_ready);
    return true;
}

bool worker_listen_keyed(struct worker *worker, struct error *error)
{
    const struct server_settings *settings = &worker->snapshot->server;
    struct http_server_options options = server_options(worker, &worker->keyed_listener);
    if (settings->admin_listen_count == 0) {
        return true;
    }
    worker->keyed = http_server_new(&worker->loop, &options);
    if (worker->keyed == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    worker->drained_keyed = false;
    for (size_t i = 0; i < settings->admin_listen_count; i++) {
        uint16_t bound = 0;
        if (!http_server_listen(worker->keyed, settings->admin_listen[i], false, &bound, error)) {
            return false;
        }
        log_event(LOG_INFO, "admin_listening", "administrators' keys administer on port %u", bound);
    }
    return true;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    pthread_setname_np(pthread_self(), "sluice-loop");
    uv_run(&worker->loop.uv, UV_RUN_DEFAULT);
    atomic_fetch_sub(&worker->gateway->workers_left, 1);
    uv_async_send(&worker->gateway->wake);
    return NULL;
}

bool worker_start(struct worker *worker, struct error *error)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old); /* signals are the main thread's business */
    int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "thread",
                         "a worker thread could not be started: %s", strerror(failed));
    }
    return true;
}

void worker_free(struct worker *worker)
{
    call_keep_release(&worker->keep);
    cluster_ask_release(worker);
    http_server_free(worker->server);
    if (worker->admin != NULL) {
        http_server_free(worker->admin);
    }
    if (worker->keyed != NULL) {
        http_server_free(worker->keyed);
    }
    upstream_free(worker->upstream);
    snapshot_unref(worker->snapshot);
    key_set_unref(worker->keys);
    jwks_unref(worker->jwks);
    tokens_free(worker->tokens);
    SSL_CTX_free(worker->tls);
    buf_release(&worker->out);
    buf_release(&worker->lines);
    buf_release(&worker->log);
    net_loop_release(&worker->loop);
    free(worker);
}
