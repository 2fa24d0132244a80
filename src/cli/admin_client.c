/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/admin_client.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_S 5
#define READ_STEP 65536

bool admin_socket_path(const char *ledger, char *path, size_t size)
{
    int len = snprintf(path, size, "%s" ADMIN_SOCKET_SUFFIX, ledger);
    return len > 0 && (size_t)len < size &&
           (size_t)len < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static bool failed(struct error *error, const char *doing)
{
    return error_set(error, ERROR_ENVIRONMENT, "admin_failed", "%s the running server failed: %s",
                     doing, strerror(errno));
}

static int connect_to(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = TIMEOUT_S};
    slice_to_cstr(slice_from_cstr(path), address.sun_path, sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0) {
        failed(error, "reaching");
    } else if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    } else if (errno == ENOENT || errno == ECONNREFUSED) {
        error_set(error, ERROR_NOT_FOUND, "no_server",
                  "no server is running with this configuration (nothing answers at %s)", path);
    } else {
        failed(error, "reaching");
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static bool send_all(int fd, struct slice rest, struct error *error)
{
    while (rest.len > 0) {
        ssize_t sent = send(fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (sent <= 0 && errno != EINTR) {
            return failed(error, "asking");
        }
        rest = slice_from(rest, sent > 0 ? (size_t)sent : 0);
    }
    return true;
}

static bool receive_all(int fd, struct buf *out, struct error *error)
{
    for (;;) {
        char *room = buf_reserve(out, READ_STEP);
        if (room == NULL) {
            return error_set(error, ERROR_LIMIT, "admin_failed", "the answer is too large");
        }
        ssize_t got = recv(fd, room, READ_STEP, 0);
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            out->len += (size_t)got;
        } else if (errno != EINTR) {
            return failed(error, "the answer of");
        }
    }
}

/* The server closes after the answer and sends a length, so the body is what stands behind the
 * head. */
static bool split(struct admin_answer *answer, struct error *error)
{
    struct slice text = buf_slice(&answer->text);
    size_t end = slice_find_slice(text, SLICE("\r\n\r\n"));
    uint64_t status;
    if (end == SIZE_MAX || !slice_starts(text, SLICE("HTTP/1.1 ")) || text.len < 12 ||
        !slice_to_u64(slice_of(text.ptr + 9, 3), &status)) {
        return error_set(error, ERROR_ENVIRONMENT, "admin_failed",
                         "the running server gave no answer that can be understood");
    }
    answer->status = (int)status;
    answer->body = slice_from(text, end + 4);
    return true;
}

bool admin_ask(const char *socket_path, struct slice path, struct slice body,
               struct admin_answer *ret_answer, struct error *error)
{
    struct buf request = BUF_INIT(1u << 20);
    *ret_answer = (struct admin_answer){.text = BUF_INIT(ADMIN_ANSWER_MAX)};
    int fd = connect_to(socket_path, error);
    if (fd < 0) {
        return false;
    }
    buf_printf(&request, "%s %.*s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
               body.len == 0 ? "GET" : "POST", SLICE_ARG(path));
    if (body.len > 0) {
        buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    }
    buf_append_cstr(&request, "\r\n");
    buf_append(&request, body);
    bool ok = send_all(fd, buf_slice(&request), error) &&
              receive_all(fd, &ret_answer->text, error) && split(ret_answer, error);
    close(fd);
    buf_release(&request);
    if (!ok) {
        buf_release(&ret_answer->text);
    }
    return ok;
}
