/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4 */
#include "sim/server.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define ACCEPTS_PER_EVENT 64
#define REST_MS 50 /* when descriptors run out */
#define ADDRESS_MAX 64

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

/* --- accepting --- */

/* Does the server refuse this connection? */
static bool refuses(struct sim_server *server)
{
    struct sim_behaviours *standing = &server->provider.standing;

    if (!sim_is(standing, SIM_REFUSED)) {
        return false;
    }
    if (standing->number[SIM_REFUSED] == 1) {
        standing->on[SIM_REFUSED] = false; /* this one is the last */
    } else if (standing->number[SIM_REFUSED] > 1) {
        standing->number[SIM_REFUSED]--;
    }
    return true;
}

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)close(fd);
}

static void take_connection(struct sim_server *server, int fd)
{
    int on = 1;

    if (refuses(server)) {
        server->record.counters[SIM_COUNT_REFUSED]++;
        reset(fd);
    } else {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        server->record.counters[SIM_COUNT_CONNECTIONS]++;
        sim_connection_start(server, fd);
    }
    sim_server_notify(server);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct sim_server *server = poll->data;

    (void)events;
    for (int i = 0; status == 0 && i < ACCEPTS_PER_EVENT; i++) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_connection(server, fd);
        } else if (errno == EMFILE || errno == ENFILE) {
            (void)uv_poll_stop(&server->poll);
            deadline_set(&server->rest, REST_MS);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static void on_rested(struct deadline *rest)
{
    struct sim_server *server = rest->owner;

    (void)uv_poll_start(&server->poll, UV_READABLE, on_acceptable);
}

void sim_server_notify(struct sim_server *server)
{
    struct sim_connection *next;

    if (LIKELY(server->waiting == 0)) {
        return;
    }
    for (struct sim_connection *c = server->connections; c != NULL; c = next) {
        next = c->next;
        if (c->state == SIM_WAITING && sim_wait_over(c)) {
            deadline_clear(&c->timer);
            sim_connection_play(c, sim_control_stats(server, 200));
        }
    }
}

/* --- listening --- */

/* "127.0.0.1:8000" or "[::1]:8000". */
static bool parse_address(const char *text, union address *address, socklen_t *ret_len)
{
    char host[ADDRESS_MAX];
    uint64_t port = 0;
    const char *colon = strrchr(text, ':');

    if (colon == NULL || !slice_to_u64(slice_from_cstr(colon + 1), &port) || port > UINT16_MAX) {
        return false;
    }
    struct slice name = slice_of(text, (size_t)(colon - text));
    *address = (union address){0};
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
        slice_to_cstr(slice_of(name.ptr + 1, name.len - 2), host, sizeof(host));
        address->six.sin6_family = AF_INET6;
        address->six.sin6_port = htons((uint16_t)port);
        *ret_len = sizeof(address->six);
        return inet_pton(AF_INET6, host, &address->six.sin6_addr) == 1;
    }
    slice_to_cstr(name, host, sizeof(host));
    address->four.sin_family = AF_INET;
    address->four.sin_port = htons((uint16_t)port);
    *ret_len = sizeof(address->four);
    return inet_pton(AF_INET, host, &address->four.sin_addr) == 1;
}

static uint16_t bound_port(int fd)
{
    union address address = {0};
    socklen_t len = sizeof(address);

    if (getsockname(fd, &address.any, &len) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port : address.four.sin_port);
}

static bool server_listen(struct sim_server *server, const char *text, struct error *error)
{
    union address address;
    socklen_t len;
    int on = 1;

    if (!parse_address(text, &address, &len)) {
        return error_set(error, ERROR_INVALID, "address", "'%s' is no address like 127.0.0.1:0",
                         text);
    }
    server->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(server->fd, &address.any, len) != 0 || listen(server->fd, BACKLOG) != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "listen", "cannot listen on %s: %s", text,
                         strerror(errno));
    }
    server->port = bound_port(server->fd);
    if (uv_poll_init(&server->loop->uv, &server->poll, server->fd) != 0) {
        return error_set(error, ERROR_ENVIRONMENT, "listen", "cannot watch the socket of %s", text);
    }
    server->polling = true;
    server->poll.data = server;
    deadline_init(&server->rest, server->loop, on_rested, server);
    return uv_poll_start(&server->poll, UV_READABLE, on_acceptable) == 0 ||
           error_set(error, ERROR_ENVIRONMENT, "listen", "cannot watch the socket of %s", text);
}

bool sim_server_init(struct sim_server *server, struct net_loop *loop,
                     const struct sim_profile *profile, const struct sim_options *options,
                     const struct sim_rule *rules, struct error *error)
{
    *server = (struct sim_server){.loop = loop, .profile = profile, .fd = -1};
    if (!sim_provider_init(&server->provider, profile, options, rules)) {
        return error_set(error, ERROR_INVALID, "behaviour", "no simulated behaviour is called '%s'",
                         profile->behaviours);
    }
    if (!sim_record_init(&server->record, options->record_requests, options->record_bytes) ||
        (profile->fast && !sim_fast_make(profile, &server->fast_whole, &server->fast_stream))) {
        return error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
    }
    return server_listen(server, profile->address == NULL ? "127.0.0.1:0" : profile->address,
                         error);
}

void sim_server_close(struct sim_server *server)
{
    struct sim_connection *next;

    if (server->polling) {
        server->polling = false;
        uv_close((uv_handle_t *)&server->poll, NULL);
        deadline_close(&server->rest, NULL);
    }
    for (struct sim_connection *c = server->connections; c != NULL; c = next) {
        next = c->next;
        sim_connection_close(c, true);
    }
}

void sim_server_release(struct sim_server *server)
{
    if (server->fd >= 0) {
        (void)close(server->fd);
    }
    sim_script_release(server->fast_whole);
    sim_script_release(server->fast_stream);
    sim_provider_release(&server->provider);
    sim_record_release(&server->record);
}
