/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/probe.h"

#include "codec/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIALS_MAX (2 * PROBES_MAX)
#define READ_STEP 16384

/* One address of one probe. */
struct dial {
    struct probe *probe;
    int fd; /* -1: done */
    bool ipv6;
    struct slice request;
    size_t sent;
    struct buf answer;
};

/* --- the answer --- */

static bool name_is_usable(struct slice name)
{
    static const char others[] = "._:/@+-";
    if (name.len == 0 || name.len > PROBE_MODEL_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && memchr(others, c, sizeof(others) - 1) == NULL) {
            return false;
        }
    }
    return true;
}

/* Model lists do not say what a model is for; these words in a name do. */
static bool name_is_chat(struct slice name)
{
    static const struct slice others[] = {SLICE_INIT("embed"), SLICE_INIT("all-minilm"),
                                          SLICE_INIT("bge-"), SLICE_INIT("rerank"),
                                          SLICE_INIT("whisper")};
    char lower[PROBE_MODEL_BYTES_MAX];
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (slice_find_slice(slice_of(lower, name.len), others[i]) != SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_listed(struct slice name, const struct slice *models, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(name, models[i])) {
            return true;
        }
    }
    return false;
}

size_t probe_read_models(struct slice body, struct arena *arena, struct slice *models)
{
    struct json_doc doc;
    size_t count = 0;
    json_doc_init(&doc);
    if (!json_parse(&doc, body, NULL, NULL)) {
        json_doc_release(&doc);
        return 0;
    }
    bool openai = json_is(&doc, json_member(&doc, JSON_ROOT, SLICE("data")), JSON_ARRAY);
    uint32_t list = json_member(&doc, JSON_ROOT, openai ? SLICE("data") : SLICE("models"));
    bool is_list = json_is(&doc, list, JSON_ARRAY);
    for (uint32_t i = is_list ? json_first(&doc, list) : JSON_ABSENT;
         i != JSON_ABSENT && count < PROBE_MODELS_MAX; i = json_next(&doc, list, i)) {
        uint32_t value = json_member(&doc, i, openai ? SLICE("id") : SLICE("name"));
        struct slice name = value == JSON_ABSENT ? SLICE_EMPTY : json_string(&doc, value, arena);
        if (name_is_usable(name) && name_is_chat(name) && !is_listed(name, models, count)) {
            struct slice copy = arena_copy(arena, name);
            models[count] = copy;
            count += copy.len > 0 ? 1 : 0;
        }
    }
    json_doc_release(&doc);
    return count;
}

/* Status 200 and what stands behind the head; false while the head is not complete or it is another
 * status. */
static bool split_answer(struct slice answer, struct slice *ret_head, struct slice *ret_body)
{
    size_t end = slice_find_slice(answer, SLICE("\r\n\r\n"));
    if (end == SIZE_MAX || answer.len < 12 || !slice_starts(answer, SLICE("HTTP/1.")) ||
        memcmp(answer.ptr + 8, " 200", 4) != 0) {
        return false;
    }
    *ret_head = slice_of(answer.ptr, end);
    *ret_body = slice_from(answer, end + 4);
    return true;
}

static bool find_length(struct slice head, uint64_t *ret_length)
{
    while (head.len > 0) {
        struct slice value = slice_cut(&head, '\n');
        struct slice name = slice_cut(&value, ':');
        if (slice_eq_nocase(name, SLICE("content-length"))) {
            return slice_to_u64(slice_trim(value), ret_length);
        }
    }
    return false;
}

/* Has everything come that the head announces? Without a length only the end of the connection says
 * so. */
static bool answer_is_complete(const struct dial *dial)
{
    struct slice head;
    struct slice body;
    uint64_t length;
    return split_answer(buf_slice(&dial->answer), &head, &body) && find_length(head, &length) &&
           body.len >= length;
}

static void take_answer(struct dial *dial, struct arena *arena)
{
    struct probe *probe = dial->probe;
    struct slice head;
    struct slice body;
    struct slice *models = arena_array(arena, PROBE_MODELS_MAX, sizeof(*models));
    if (models == NULL || !split_answer(buf_slice(&dial->answer), &head, &body)) {
        return;
    }
    size_t count = probe_read_models(body, arena, models);
    if (count == 0 || (probe->found && dial->ipv6)) {
        return; /* where both answer, IPv4 is the one that is named */
    }
    struct slice origin = arena_printf(arena, dial->ipv6 ? "[%s]:%u%c" : "%s:%u%c",
                                       probe->host != NULL ? probe->host
                                       : dial->ipv6        ? "::1"
                                                           : "127.0.0.1",
                                       (unsigned)probe->port, '\0');
    probe->found = origin.len > 0;
    probe->origin = origin.ptr;
    probe->models = models;
    probe->model_count = count;
}

/* --- the connections --- */

static void dial_close(struct dial *dial)
{
    if (dial->fd >= 0) {
        close(dial->fd);
        dial->fd = -1;
    }
}

static int connect_to(const char *host, uint16_t port, bool ipv6)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    void *where = ipv6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr;
    if (inet_pton(ipv6 ? AF_INET6 : AF_INET, host, where) != 1) {
        return -1;
    }
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr *address =
        ipv6 ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
    socklen_t len = ipv6 ? sizeof(six) : sizeof(four);
    if (fd >= 0 && connect(fd, address, len) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void dial_start(struct dial *dial, struct probe *probe, const char *host,
                       struct arena *arena)
{
    bool ipv6 = strchr(host, ':') != NULL;
    *dial = (struct dial){.probe = probe, .ipv6 = ipv6, .answer = BUF_INIT(PROBE_ANSWER_MAX)};
    dial->request = arena_printf(arena,
                                 "GET %.*s HTTP/1.0\r\nHost: %s%s%s:%u\r\n"
                                 "Accept: application/json\r\nConnection: close\r\n\r\n",
                                 SLICE_ARG(probe->path), ipv6 ? "[" : "", host, ipv6 ? "]" : "",
                                 (unsigned)probe->port);
    dial->fd = dial->request.len == 0 ? -1 : connect_to(host, probe->port, ipv6);
}

static void dial_send(struct dial *dial)
{
    struct slice rest = slice_from(dial->request, dial->sent);
    ssize_t sent = send(dial->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
    if (sent > 0) {
        dial->sent += (size_t)sent;
    } else if (errno != EAGAIN && errno != EINTR) {
        dial_close(dial);
    }
}

static void dial_receive(struct dial *dial, struct arena *arena)
{
    char *room = buf_reserve(&dial->answer, READ_STEP);
    if (room == NULL) {
        dial_close(dial); /* above the ceiling: no list of models is */
        return;
    }
    ssize_t got = recv(dial->fd, room, READ_STEP, 0);
    if (got > 0) {
        dial->answer.len += (size_t)got;
    } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0 || answer_is_complete(dial)) {
        take_answer(dial, arena);
        dial_close(dial);
    }
}

static bool poll_dials(struct dial *dials, size_t count, int64_t left_ms, struct arena *arena)
{
    struct pollfd fds[DIALS_MAX];
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        bool sent = dials[i].sent == dials[i].request.len;
        fds[i] = (struct pollfd){.fd = dials[i].fd, .events = sent ? POLLIN : POLLOUT};
        open += dials[i].fd >= 0 ? 1 : 0;
    }
    if (open == 0 || left_ms <= 0) {
        return false;
    }
    if (poll(fds, (nfds_t)count, (int)left_ms) < 0 && errno != EINTR) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (fds[i].fd < 0 || fds[i].revents == 0) {
            continue;
        }
        if (fds[i].events == POLLOUT) {
            dial_send(&dials[i]);
        } else {
            dial_receive(&dials[i], arena);
        }
    }
    return true;
}

void probe_run(struct probe *probes, size_t count, const struct clock *clock, int64_t timeout_ms,
               struct arena *arena)
{
    struct dial dials[DIALS_MAX];
    size_t dial_count = 0;
    int64_t deadline = clock_monotonic(clock) + timeout_ms * NS_PER_MS;
    CHECK(count <= PROBES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *host = probes[i].host;
        dial_start(&dials[dial_count++], &probes[i], host != NULL ? host : "127.0.0.1", arena);
        if (host == NULL) {
            dial_start(&dials[dial_count++], &probes[i], "::1", arena);
        }
    }
    int64_t left_ms;
    do {
        left_ms = (deadline - clock_monotonic(clock) + NS_PER_MS - 1) / NS_PER_MS;
    } while (poll_dials(dials, dial_count, left_ms, arena));
    for (size_t i = 0; i < dial_count; i++) {
        dial_close(&dials[i]);
        buf_release(&dials[i].answer);
    }
}
