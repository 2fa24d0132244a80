/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/probe.h"

#include "cli/probe_facts.h"
#include "codec/json_write.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIALS_MAX (2 * PROBES_MAX + 3 * PROBE_MODELS_MAX)
#define READ_STEP 16384

/* One question to one address. */
enum question { QUESTION_LIST, QUESTION_SHOW, QUESTION_PROPS };
struct dial {
    struct probe *probe;
    enum question question;
    struct known_model *model; /* of QUESTION_SHOW */
    const char *host;
    int fd; /* -1: done */
    bool ipv6;
    struct slice request;
    size_t sent;
    struct buf answer;
};

struct dials {
    struct dial items[DIALS_MAX];
    size_t count;
    struct arena *arena;
};

static void ask_facts(struct dials *dials, struct probe *probe, const char *host);

/* --- the answer --- */

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

static void take_list(struct dials *dials, const struct dial *dial, struct slice body)
{
    struct probe *probe = dial->probe;
    size_t listed = 0;
    struct known_model *models = arena_array(dials->arena, PROBE_MODELS_MAX, sizeof(*models));
    size_t count = models == NULL ? 0 : probe_read_models(body, dials->arena, models, &listed);
    if (count == 0 || (probe->found && dial->ipv6)) {
        return; /* where both answer, IPv4 is the one that is named */
    }
    struct slice origin = arena_printf(dials->arena, dial->ipv6 ? "[%s]:%u%c" : "%s:%u%c",
                                       dial->host, (unsigned)probe->port, '\0');
    probe->found = origin.len > 0;
    probe->origin = origin.ptr;
    probe->models = models;
    probe->model_count = count;
    probe->listed = listed;
    ask_facts(dials, probe, dial->host);
}

/* It runs one model, or lists several that share what it was started with. */
static void take_props(struct probe *probe, struct slice body)
{
    int64_t tokens = probe_read_props(body);
    for (size_t i = 0; i < probe->model_count && tokens > 0; i++) {
        probe->models[i].context_tokens = tokens;
    }
}

static void take_answer(struct dials *dials, const struct dial *dial)
{
    struct slice head;
    struct slice body;
    if (!split_answer(buf_slice(&dial->answer), &head, &body)) {
        return;
    }
    switch (dial->question) {
    case QUESTION_LIST:
        take_list(dials, dial, body);
        break;
    case QUESTION_SHOW:
        probe_read_show(body, dials->arena, dial->model);
        break;
    case QUESTION_PROPS:
        take_props(dial->probe, body);
        break;
    }
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

/* Without a body: GET. */
static void dial_start(struct dials *dials, const struct dial *dial, struct slice path,
                       struct slice body)
{
    if (dials->count == DIALS_MAX) {
        return;
    }
    struct dial *new = &dials->items[dials->count++];
    bool post = body.len > 0;
    char lines[96] = "";
    if (post) {
        snprintf(lines, sizeof(lines),
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.len);
    }
    *new = *dial;
    new->ipv6 = strchr(new->host, ':') != NULL;
    new->answer = BUF_INIT(PROBE_ANSWER_MAX);
    new->request = arena_printf(
        dials->arena,
        "%s %.*s HTTP/1.0\r\nHost: %s%s%s:%u\r\nAccept: application/json\r\n"
        "Connection: close\r\n%s%s%.*s",
        post ? "POST" : "GET", SLICE_ARG(path), new->ipv6 ? "[" : "", new->host,
        new->ipv6 ? "]" : "", (unsigned)new->probe->port,
        lines, post ? "" : "\r\n", SLICE_ARG(body));
    new->fd = new->request.len == 0 ? -1 : connect_to(new->host, new->probe->port, new->ipv6);
}

/* What stands in front of the list's own path. */
static struct slice path_in_front(const struct probe *probe)
{
    static const struct slice ends[] = {SLICE_INIT("/api/tags"), SLICE_INIT("/v1/models"),
                                        SLICE_INIT("/models")};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (slice_ends(probe->path, ends[i])) {
            return slice_of(probe->path.ptr, probe->path.len - ends[i].len);
        }
    }
    return SLICE_EMPTY;
}

static void ask_show(struct dials *dials, const struct dial *dial, struct slice path)
{
    struct buf body = BUF_INIT(PROBE_MODEL_BYTES_MAX * 16);
    buf_append_cstr(&body, "{\"model\":\"");
    json_escape(dial->model->model, &body);
    buf_append_cstr(&body, "\"}");
    if (!body.failed) {
        dial_start(dials, dial, path, buf_slice(&body));
    }
    buf_release(&body);
}

/* All models at once: together they may take what is left of the time. */
static void ask_facts(struct dials *dials, struct probe *probe, const char *host)
{
    struct slice front = path_in_front(probe);
    struct dial dial = {.probe = probe, .host = host, .question = QUESTION_PROPS};
    if (probe->facts == FACTS_LLAMACPP_PROPS) {
        dial_start(dials, &dial, arena_printf(dials->arena, "%.*s/props", SLICE_ARG(front)),
                   SLICE_EMPTY);
    }
    if (probe->facts != FACTS_OLLAMA_SHOW) {
        return;
    }
    struct slice path = arena_printf(dials->arena, "%.*s/api/show", SLICE_ARG(front));
    dial.question = QUESTION_SHOW;
    for (size_t i = 0; i < probe->model_count; i++) {
        dial.model = &probe->models[i];
        ask_show(dials, &dial, path);
    }
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

static void dial_receive(struct dials *dials, struct dial *dial)
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
        dial_close(dial);
        take_answer(dials, dial);
    }
}

/* More may begin meanwhile: they are seen the next time. */
static bool poll_dials(struct dials *dials, int64_t left_ms)
{
    struct pollfd fds[DIALS_MAX];
    size_t open = 0;
    size_t count = dials->count;
    for (size_t i = 0; i < count; i++) {
        const struct dial *dial = &dials->items[i];
        bool sent = dial->sent == dial->request.len;
        fds[i] = (struct pollfd){.fd = dial->fd, .events = sent ? POLLIN : POLLOUT};
        open += dial->fd >= 0 ? 1 : 0;
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
            dial_send(&dials->items[i]);
        } else {
            dial_receive(dials, &dials->items[i]);
        }
    }
    return true;
}

static void probe_begin(struct dials *dials, struct probe *probe)
{
    static const char *const both[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < (probe->host == NULL ? 2 : 1); i++) {
        const struct dial dial = {.probe = probe,
                                  .host = probe->host != NULL ? probe->host : both[i],
                                  .question = QUESTION_LIST};
        if (probe->model_count > 0 && probe->facts == FACTS_OLLAMA_SHOW) {
            ask_facts(dials, probe, dial.host);
        } else {
            dial_start(dials, &dial, probe->path, SLICE_EMPTY);
        }
    }
}

void probe_run(struct probe *probes, size_t count, const struct clock *clock, int64_t timeout_ms,
               struct arena *arena)
{
    struct dials *dials = arena_array(arena, 1, sizeof(*dials));
    int64_t deadline = clock_monotonic(clock) + timeout_ms * NS_PER_MS;
    CHECK(count <= PROBES_MAX);
    if (dials == NULL) {
        return;
    }
    dials->arena = arena;
    for (size_t i = 0; i < count; i++) {
        probe_begin(dials, &probes[i]);
    }
    int64_t left_ms;
    do {
        left_ms = (deadline - clock_monotonic(clock) + NS_PER_MS - 1) / NS_PER_MS;
    } while (poll_dials(dials, left_ms));
    for (size_t i = 0; i < dials->count; i++) {
        dial_close(&dials->items[i]);
        buf_release(&dials->items[i].answer);
    }
}
