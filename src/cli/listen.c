/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/listen.h"

#include "base/buf.h"
#include "config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_MAX 200
#define CONNECT_MS 200 /* on this machine it is at once */

/* Lets the configuration's own rules judge the address: a file with this listener and nothing else
 * of interest. */
static bool judge(const struct snapshot *snapshot, struct slice address, struct error *error)
{
    struct buf text = BUF_INIT(4096);
    struct diagnostics diagnostics;
    const struct config_options options = {.file = "--listen",
                                           .environment = &config_environment_process};
    buf_printf(&text,
               "server: { listen: '%.*s' }\nkeys: { required: %s }\nledger: { path: x }\n"
               "providers: { x: { preset: ollama } }\n"
               "targets: { x: { provider: x, model: x } }\n",
               SLICE_ARG(address), snapshot->keys_required ? "true" : "false");
    struct snapshot *judged = config_load(buf_slice(&text), &options, &diagnostics);
    if (judged == NULL) {
        const struct diagnostic *first = &diagnostics.items[0];
        error_set(error, ERROR_INVALID, first->code, "--listen: %s: %s", first->message,
                  first->hint);
    }
    bool ok = judged != NULL;
    snapshot_unref(judged);
    diagnostics_release(&diagnostics);
    buf_release(&text);
    return ok;
}

bool listen_override(struct snapshot *snapshot, const char *given, struct error *error)
{
    char address[ADDRESS_MAX];
    bool port_only = given[0] != '\0' && strspn(given, "0123456789") == strlen(given);
    int len = snprintf(address, sizeof(address), "%s%s", port_only ? "127.0.0.1:" : "", given);
    if (len >= (int)sizeof(address) || strpbrk(given, "'$\n\r") != NULL) {
        return error_set(error, ERROR_INVALID, "bad_value",
                         "--listen: write an address and port such as 127.0.0.1:4141");
    }
    struct slice text = slice_of(address, (size_t)len);
    if (!judge(snapshot, text, error)) {
        return false;
    }
    struct slice *list = arena_array(&snapshot->arena, 1, sizeof(*list));
    struct slice copy = arena_copy(&snapshot->arena, text);
    if (list == NULL || copy.len == 0) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    list[0] = copy;
    snapshot->server.listen = list;
    snapshot->server.listen_count = 1;
    return true;
}

/* Host (without brackets) and port of "host:port". */
static bool split(struct slice address, char host[ADDRESS_MAX], uint16_t *ret_port)
{
    size_t colon = SIZE_MAX;
    uint64_t port;
    for (size_t i = 0; i < address.len; i++) {
        colon = address.ptr[i] == ':' ? i : colon;
    }
    if (colon == SIZE_MAX || !slice_to_u64(slice_from(address, colon + 1), &port) ||
        port > UINT16_MAX) {
        return false;
    }
    struct slice name = slice_of(address.ptr, colon);
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
        name = slice_of(name.ptr + 1, name.len - 2);
    }
    slice_to_cstr(name, host, ADDRESS_MAX);
    *ret_port = (uint16_t)port;
    return true;
}

/* A port of the ephemeral range may be connected to from itself: then nobody listens there. */
static bool is_own_reflection(int fd, const struct sockaddr *peer, socklen_t len)
{
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t own_len = sizeof(own);
    return getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 && own_len == len &&
           memcmp(&own, peer, len) == 0;
}

/* Does somebody answer there? Being bound says nothing: a supervisor may hold the port for us. */
static bool is_taken(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    bool taken = connect(fd, address, len) == 0;
    if (!taken && errno == EINPROGRESS) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        int failure = 0;
        socklen_t size = sizeof(failure);
        taken = poll(&poll_fd, 1, CONNECT_MS) == 1 &&
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
    }
    taken = taken && !is_own_reflection(fd, address, len);
    close(fd);
    return taken;
}

static bool address_is_taken(struct slice address)
{
    char host[ADDRESS_MAX];
    uint16_t port;
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (!split(address, host, &port) || port == 0) {
        return false;
    }
    four.sin_port = htons(port);
    six.sin6_port = htons(port);
    if (strcmp(host, "localhost") == 0 || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0) {
        slice_to_cstr(SLICE("127.0.0.1"), host, sizeof(host));
    }
    if (inet_pton(AF_INET, host, &four.sin_addr) == 1) {
        return is_taken((const struct sockaddr *)&four, sizeof(four));
    }
    return inet_pton(AF_INET6, host, &six.sin6_addr) == 1 &&
           is_taken((const struct sockaddr *)&six, sizeof(six));
}

bool listen_is_free(const struct server_settings *settings, struct error *error)
{
    for (size_t i = 0; i < settings->listen_count; i++) {
        struct slice address = settings->listen[i];
        if (address_is_taken(address)) {
            return error_set(error, ERROR_ENVIRONMENT, "address_taken",
                             "%.*s is in use by another program (perhaps another sluice); choose "
                             "another one with --listen 127.0.0.1:PORT",
                             SLICE_ARG(address));
        }
    }
    return true;
}

void listen_put_url(const struct server_settings *settings, uint16_t port, struct buf *out)
{
    char host[ADDRESS_MAX] = "127.0.0.1";
    uint16_t configured;
    if (settings->listen_count > 0 && split(settings->listen[0], host, &configured)) {
        port = port != 0 ? port : configured;
    }
    if (strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0) {
        slice_to_cstr(SLICE("127.0.0.1"), host, sizeof(host));
    } else if (strcmp(host, "::") == 0) {
        slice_to_cstr(SLICE("::1"), host, sizeof(host));
    }
    bool six = strchr(host, ':') != NULL;
    buf_printf(out, "http%s://%s%s%s:%u", settings->tls_certificate.len > 0 ? "s" : "",
               six ? "[" : "", host, six ? "]" : "", (unsigned)port);
}
