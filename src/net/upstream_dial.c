/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_dial.h"

#include "base/memory.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

struct dial_attempt {
    uv_poll_t poll;
    int fd; /* -1: over */
};

struct dial {
    struct net_loop *loop;
    struct deadline stagger;
    union net_address addresses[RESOLVER_ADDRESSES_MAX];
    struct dial_attempt attempts[RESOLVER_ADDRESSES_MAX];
    size_t count;
    size_t next;    /* address to try next */
    size_t running; /* attempts under way */
    size_t handles; /* of the loop, this many closes are to come */
    int error;      /* errno of the last failure */
    bool over;
    void (*on_done)(void *owner, int fd, int error);
    void *owner;
};

static void dial_unref(struct dial *dial)
{
    if (--dial->handles == 0) {
        memory_free(dial);
    }
}

static void on_poll_closed(uv_handle_t *handle)
{
    dial_unref(handle->data);
}

static void on_stagger_closed(uv_handle_t *handle)
{
    dial_unref(CONTAINER_OF(handle, struct dial, stagger.timer));
}

/* The descriptor leaves the poll; the caller closes or keeps it. */
static int attempt_end(struct dial *dial, struct dial_attempt *attempt)
{
    int fd = attempt->fd;

    attempt->fd = -1;
    dial->running--;
    uv_close((uv_handle_t *)&attempt->poll, on_poll_closed);
    return fd;
}

static void dial_close(struct dial *dial)
{
    dial->over = true;
    for (size_t i = 0; i < dial->next; i++) {
        if (dial->attempts[i].fd >= 0) {
            (void)close(attempt_end(dial, &dial->attempts[i]));
        }
    }
    deadline_close(&dial->stagger, on_stagger_closed);
}

static void dial_done(struct dial *dial, int fd)
{
    void (*on_done)(void *owner, int fd, int error) = dial->on_done;
    void *owner = dial->owner;
    int error = fd >= 0 ? 0 : dial->error;

    dial_close(dial);
    on_done(owner, fd, error);
}

static void dial_next(struct dial *dial);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct dial *dial = poll->data;
    struct dial_attempt *attempt = CONTAINER_OF(poll, struct dial_attempt, poll);
    int error = status < 0 ? -status : 0;
    socklen_t len = sizeof(error);

    (void)events;
    if (attempt->fd < 0) {
        return;
    }
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    int fd = attempt_end(dial, attempt);
    if (error == 0 && status >= 0) {
        dial_done(dial, fd);
        return;
    }
    (void)close(fd);
    dial->error = error != 0 ? error : -status;
    dial_next(dial);
}

static int socket_open(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    return fd;
}

static bool attempt_watch(struct dial *dial, struct dial_attempt *attempt, int fd)
{
    if (uv_poll_init(&dial->loop->uv, &attempt->poll, fd) != 0) {
        return false;
    }
    attempt->poll.data = dial;
    attempt->fd = fd;
    dial->handles++;
    dial->running++;
    /* Cannot fail on a descriptor that uv_poll_init() took. */
    CHECK(uv_poll_start(&attempt->poll, UV_WRITABLE, on_poll) == 0);
    return true;
}

/* False: failed at once. A connect that succeeds at once is announced as writable like any other.
 */
static bool attempt_start(struct dial *dial, size_t index)
{
    const union net_address *address = &dial->addresses[index];
    bool v6 = address->any.sa_family == AF_INET6;
    int fd = socket_open(address->any.sa_family);

    dial->attempts[index].fd = -1;
    if (fd < 0) {
        dial->error = errno;
        return false;
    }
    int result = connect(fd, &address->any, v6 ? sizeof(address->v6) : sizeof(address->v4));
    if (result != 0 && errno != EINPROGRESS && errno != EINTR) {
        dial->error = errno;
        (void)close(fd);
        return false;
    }
    if (!attempt_watch(dial, &dial->attempts[index], fd)) {
        dial->error = ENOMEM;
        (void)close(fd);
        return false;
    }
    return true;
}

/* Starts the next attempt; reports the failure when there is none left to start or wait for. */
static void dial_next(struct dial *dial)
{
    bool started = false;

    while (!started && dial->next < dial->count) {
        started = attempt_start(dial, dial->next++);
    }
    if (dial->running == 0) {
        dial_done(dial, -1);
    } else if (started && dial->next < dial->count) {
        deadline_set(&dial->stagger, DIAL_STAGGER_MS);
    }
}

static void on_stagger_due(struct deadline *deadline)
{
    struct dial *dial = deadline->owner;

    if (!dial->over) {
        dial_next(dial);
    }
}

struct dial *dial_start(struct net_loop *loop, const union net_address *addresses, size_t count,
                        uint16_t port, void (*on_done)(void *owner, int fd, int error), void *owner)
{
    struct dial *dial = memory_array(1, sizeof(*dial));

    if (dial == NULL) {
        return NULL;
    }
    dial->loop = loop;
    dial->count = count < RESOLVER_ADDRESSES_MAX ? count : RESOLVER_ADDRESSES_MAX;
    dial->error = EHOSTUNREACH;
    dial->on_done = on_done;
    dial->owner = owner;
    dial->handles = 1;
    for (size_t i = 0; i < dial->count; i++) {
        dial->addresses[i] = addresses[i];
        if (addresses[i].any.sa_family == AF_INET6) {
            dial->addresses[i].v6.sin6_port = htons(port);
        } else {
            dial->addresses[i].v4.sin_port = htons(port);
        }
    }
    deadline_init(&dial->stagger, loop, on_stagger_due, dial);
    deadline_set(&dial->stagger, 0); /* the first attempt, outside of the caller's turn */
    return dial;
}

void dial_cancel(struct dial *dial)
{
    dial_close(dial);
}
