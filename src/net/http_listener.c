/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepting. When descriptors run out (EMFILE, ENFILE) the kernel keeps reporting the waiting
 * client, which would spin the loop: so one descriptor is held in reserve, given up to accept,
 * answer 503 and close, and taken again. If even that does not work, or accepting fails for another
 * reason that is not the client's, the listener rests for a moment and tries again.
 */
#define _GNU_SOURCE /* accept4 */
#include "base/memory.h"
#include "net/http_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define ACCEPTS_PER_EVENT 64
#define REST_MS 100
#define REFUSAL_SIZE 1024
#define HOST_SIZE 64
#define TURNED_AWAY_READS 64

struct http_listener {
    struct http_server *server;
    struct http_listener *next;
    uv_poll_t poll;
    struct deadline rest;
    int fd;
    int handles;
};

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

/* --- accepting --- */

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void listener_rest(struct http_listener *listener)
{
    (void)uv_poll_stop(&listener->poll);
    deadline_set(&listener->rest, REST_MS);
}

void http_server_reserve(struct http_server *server)
{
    if (server->reserve_fd < 0) {
        server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

static void on_rested(struct deadline *rest)
{
    struct http_listener *listener = rest->owner;

    http_server_reserve(listener->server);
    (void)uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

/* Reads what has come, which then cannot turn the close into a reset that overtakes the answer.
 * Does it begin as HEAD? */
static bool asks_for_head(int fd)
{
    char buffer[REFUSAL_SIZE];
    ssize_t got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    bool head = got > 0 && slice_starts(slice_of(buffer, (size_t)got), SLICE("HEAD "));

    for (int i = 0; i < TURNED_AWAY_READS && got == (ssize_t)sizeof(buffer); i++) {
        got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    }
    return head;
}

/* Says 503 as far as the socket takes it at once, and closes. */
static void turn_away(const struct http_server *server, int fd)
{
    char buffer[REFUSAL_SIZE];

    if (server->options.tls == NULL) {
        bool head = asks_for_head(fd);
        size_t len = http_problem_render(HTTP_TOO_MANY_CONNECTIONS, head, buffer, sizeof(buffer));
        (void)send(fd, buffer, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
    }
    (void)close(fd);
}

static void accept_with_reserve(struct http_listener *listener)
{
    struct http_server *server = listener->server;
    int fd = -1;

    if (server->reserve_fd >= 0) {
        (void)close(server->reserve_fd);
        server->reserve_fd = -1;
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            turn_away(server, fd);
        }
        http_server_reserve(server);
    }
    if (fd < 0 || server->reserve_fd < 0) {
        listener_rest(listener);
    }
}

/* Errors of the connection that was waiting (accept(2) passes on what its network said): it is off
   the queue. Any other will come back at once. */
static bool is_of_the_client(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EINTR:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

/* False: nothing more is accepted now. */
static bool accept_failed(struct http_listener *listener, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        accept_with_reserve(listener);
        return false;
    default:
        if (is_of_the_client(error)) {
            return true;
        }
        listener_rest(listener);
        return false;
    }
}

/* The same. */
static bool accept_one(struct http_listener *listener)
{
    struct http_server *server = listener->server;
    union address address;
    socklen_t len = sizeof(address);
    int fd = accept4(listener->fd, &address.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        return accept_failed(listener, errno);
    }
    if (server->count >= server->options.limits.connections) {
        turn_away(server, fd);
        return true;
    }
    (void)!http_connection_new(server, fd, &address.any);
    return true;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct http_listener *listener = poll->data;

    (void)events;
    if (status < 0) {
        listener_rest(listener);
        return;
    }
    for (int i = 0; i < ACCEPTS_PER_EVENT && accept_one(listener); i++) {
    }
}

/* --- opening --- */

/* Splits "host:port", "[v6]:port", "*:port". */
static bool address_split(struct slice text, struct slice *ret_host, uint16_t *ret_port)
{
    uint64_t port = 0;
    size_t colon = SIZE_MAX;

    for (size_t i = 0; i < text.len; i++) {
        colon = text.ptr[i] == ':' ? i : colon;
    }
    if (colon == SIZE_MAX || !slice_to_u64(slice_from(text, colon + 1), &port) || port > 65535) {
        return false;
    }
    *ret_host = slice_of(text.ptr, colon);
    *ret_port = (uint16_t)port;
    if (ret_host->len >= 2 && ret_host->ptr[0] == '[') {
        if (ret_host->ptr[ret_host->len - 1] != ']') {
            return false;
        }
        *ret_host = slice_of(ret_host->ptr + 1, ret_host->len - 2);
    }
    return ret_host->len > 0;
}

static bool address_parse(struct slice text, union address *address, bool *ret_any)
{
    char host[HOST_SIZE];
    struct slice name;
    uint16_t port = 0;

    *ret_any = false;
    if (!address_split(text, &name, &port) || name.len >= sizeof(host)) {
        return false;
    }
    *ret_any = slice_eq(name, SLICE("*"));
    if (*ret_any) {
        name = SLICE("::");
    } else if (slice_eq(name, SLICE("localhost"))) {
        name = SLICE("127.0.0.1");
    }
    slice_to_cstr(name, host, sizeof(host));
    return uv_ip4_addr(host, port, &address->four) == 0 ||
           uv_ip6_addr(host, port, &address->six) == 0;
}

static int socket_open(const union address *address, bool any, bool reuse_port)
{
    int on = 1;
    int only = any ? 0 : 1;
    bool six = address->any.sa_family == AF_INET6;
    socklen_t len = six ? sizeof(address->six) : sizeof(address->four);
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    /* TCP_NODELAY is inherited by what is accepted. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        (six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) != 0) ||
        bind(fd, &address->any, len) != 0 || listen(fd, BACKLOG) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static bool listener_add(struct http_server *server, int fd)
{
    struct http_listener *listener = memory_array(1, sizeof(*listener));

    if (listener == NULL || uv_poll_init(&server->loop->uv, &listener->poll, fd) != 0) {
        memory_free(listener);
        return false;
    }
    listener->server = server;
    listener->fd = fd;
    listener->handles = 2;
    listener->poll.data = listener;
    deadline_init(&listener->rest, server->loop, on_rested, listener);
    CHECK(uv_poll_start(&listener->poll, UV_READABLE, on_acceptable) == 0);
    listener->next = server->listeners;
    server->listeners = listener;
    server->handles++;
    return true;
}

static uint16_t port_of(int fd)
{
    union address address = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof(address);

    (void)getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port : address.four.sin_port);
}

bool http_server_listen(struct http_server *server, struct slice address, bool reuse_port,
                        uint16_t *ret_port, struct error *error)
{
    union address parsed = {.any = {.sa_family = AF_UNSPEC}};
    bool any = false;

    CHECK(!server->draining);
    if (!address_parse(address, &parsed, &any)) {
        return error_set(error, ERROR_INVALID, "bad_listen_address",
                         "\"%.*s\" is not an address and port such as 127.0.0.1:4141",
                         SLICE_ARG(address));
    }
    int fd = socket_open(&parsed, any, reuse_port);
    if (fd < 0 && any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        /* A machine without IPv6. */
        parsed.four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = parsed.six.sin6_port};
        fd = socket_open(&parsed, any, reuse_port);
    }
    if (fd < 0) {
        return error_set(error, ERROR_ENVIRONMENT, "listen_failed", "cannot listen on %.*s: %s",
                         SLICE_ARG(address), uv_strerror(uv_translate_sys_error(errno)));
    }
    if (!listener_add(server, fd)) {
        (void)close(fd);
        return error_set(error, ERROR_ENVIRONMENT, "listen_failed",
                         "cannot watch the socket of %.*s", SLICE_ARG(address));
    }
    if (ret_port != NULL) {
        *ret_port = port_of(fd);
    }
    return true;
}

/* --- closing --- */

static void listener_handle_closed(struct http_listener *listener)
{
    struct http_server *server = listener->server;

    if (--listener->handles == 0) {
        memory_free(listener);
        http_server_handle_closed(server);
    }
}

static void on_poll_closed(uv_handle_t *handle)
{
    listener_handle_closed(handle->data);
}

static void on_rest_closed(uv_handle_t *handle)
{
    struct deadline *rest = handle->data;

    listener_handle_closed(rest->owner);
}

void http_listeners_close(struct http_server *server)
{
    struct http_listener *next;

    for (struct http_listener *l = server->listeners; l != NULL; l = next) {
        next = l->next;
        uv_close((uv_handle_t *)&l->poll, on_poll_closed);
        deadline_close(&l->rest, on_rest_closed);
        (void)close(l->fd);
    }
    server->listeners = NULL;
}
