/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of simulated providers: a fleet of one and a client of plain sockets that reads an
 * answer byte by byte and says how it ended.
 */
#ifndef TESTS_UNIT_SIM_FLEET_H
#define TESTS_UNIT_SIM_FLEET_H

#include "tests/tap.h"

#include "base/buf.h"
#include "net/http_chunk.h"
#include "sim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLEET_DEADLINE_MS 10000
#define FLEET_HANG_MS 100 /* so long nothing comes: it hangs */
#define FLEET_BYTES_MAX ((size_t)64 << 20)

enum ending {
    ENDING_WHOLE, /* by its own framing */
    ENDING_FIN,
    ENDING_RESET,
    ENDING_HANG,
    ENDING_BROKEN, /* no HTTP */
};

struct fleet_answer {
    struct buf raw;  /* as received */
    struct buf body; /* without chunks; what there is of it */
    struct slice head;
    int status;
    size_t reads;
    enum ending ending;
};

static inline struct sim *fleet_start(const struct sim_profile *profile)
{
    struct sim_profile plain = {.name = "unit", .models = "gpt-4,llama2"};
    struct sim_options options = {.profiles = profile == NULL ? &plain : profile, .count = 1};
    struct error error = {0};
    struct sim *sim = sim_start(&options, &error);

    if (sim == NULL) {
        printf("# the fleet does not start: %s\n", error.text);
    }
    return sim;
}

static inline int fleet_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        printf("# cannot connect: %s\n", strerror(errno));
    }
    return fd;
}

static inline void fleet_send(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t put = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (put <= 0) {
            return;
        }
        bytes = slice_from(bytes, (size_t)put);
    }
}

static inline void fleet_post(int fd, const char *path, struct slice body)
{
    struct buf request = BUF_INIT(FLEET_BYTES_MAX);

    buf_printf(&request,
               "POST %s HTTP/1.1\r\nHost: unit\r\nContent-Type: application/json\r\n"
               "Authorization: Bearer sk-unit-123456\r\nContent-Length: %zu\r\n\r\n",
               path, body.len);
    buf_append(&request, body);
    fleet_send(fd, buf_slice(&request));
    buf_release(&request);
}

static inline void fleet_request(int fd, const char *method, const char *target)
{
    struct buf request = BUF_INIT(FLEET_BYTES_MAX);

    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: unit\r\n\r\n", method, target);
    fleet_send(fd, buf_slice(&request));
    buf_release(&request);
}

/* --- reading --- */

static inline struct slice fleet_header(const struct fleet_answer *answer, const char *name)
{
    struct slice rest = answer->head;

    while (rest.len > 0) {
        struct slice line = slice_trim(slice_cut(&rest, '\n'));
        struct slice value = line;
        struct slice found = slice_cut(&value, ':');
        if (slice_eq_nocase(found, slice_from_cstr(name))) {
            return slice_trim(value);
        }
    }
    return SLICE_EMPTY;
}

/* The end of the last head: interim answers come before it. False: not there yet. */
static inline bool fleet_split(struct fleet_answer *answer, struct slice *ret_body)
{
    struct slice rest = buf_slice(&answer->raw);
    size_t end;

    while ((end = slice_find_slice(rest, SLICE("\r\n\r\n"))) != SIZE_MAX) {
        answer->head = slice_of(rest.ptr, end + 2);
        rest = slice_from(rest, end + 4);
        if (!slice_starts(answer->head, SLICE("HTTP/1.1 1"))) {
            *ret_body = rest;
            return true;
        }
    }
    return false;
}

/* Is the answer whole? Fills in the body as far as it came. */
static inline bool fleet_whole(struct fleet_answer *answer)
{
    struct slice body;
    struct slice data;
    uint64_t length = 0;
    struct http_chunk chunk = {0};
    enum http_chunk_status status;

    if (!fleet_split(answer, &body)) {
        return false;
    }
    buf_clear(&answer->body);
    answer->status = 0;
    if (slice_starts(answer->head, SLICE("HTTP/1.")) && answer->head.len > 12 &&
        slice_to_u64(slice_of(answer->head.ptr + 9, 3), &length)) {
        answer->status = (int)length;
    }
    if (slice_eq_nocase(fleet_header(answer, "transfer-encoding"), SLICE("chunked"))) {
        while ((status = http_chunk_next(&chunk, &body, &data)) == HTTP_CHUNK_DATA) {
            buf_append(&answer->body, data);
        }
        if (status == HTTP_CHUNK_BAD) {
            answer->ending = ENDING_BROKEN;
        }
        return status == HTTP_CHUNK_END;
    }
    buf_append(&answer->body, body);
    return slice_to_u64(fleet_header(answer, "content-length"), &length) && body.len >= length;
}

/* Reads one answer until it is whole, ends, or nothing comes for `patience_ms`. */
static inline void fleet_read_for(int fd, struct fleet_answer *answer, int patience_ms)
{
    *answer = (struct fleet_answer){.raw = BUF_INIT(FLEET_BYTES_MAX),
                                    .body = BUF_INIT(FLEET_BYTES_MAX),
                                    .ending = ENDING_WHOLE};
    while (answer->ending == ENDING_WHOLE && !fleet_whole(answer)) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, patience_ms) <= 0) {
            answer->ending = ENDING_HANG;
            return;
        }
        char *into = buf_reserve(&answer->raw, 65536);
        ssize_t got = into == NULL ? -1 : recv(fd, into, 65536, 0);
        if (got <= 0) {
            struct slice body;
            answer->ending = got == 0 ? ENDING_FIN : ENDING_RESET;
            (void)fleet_split(answer, &body); /* the bytes may have moved */
            return;
        }
        answer->raw.len += (size_t)got;
        answer->reads++;
    }
}

static inline void fleet_read(int fd, struct fleet_answer *answer)
{
    fleet_read_for(fd, answer, FLEET_DEADLINE_MS);
}

static inline void fleet_answer_release(struct fleet_answer *answer)
{
    buf_release(&answer->raw);
    buf_release(&answer->body);
}

static inline bool fleet_has(const struct buf *bytes, const char *text)
{
    return slice_find_slice(buf_slice(bytes), slice_from_cstr(text)) != SIZE_MAX;
}

static inline size_t fleet_count(struct slice bytes, const char *text)
{
    struct slice needle = slice_from_cstr(text);
    size_t count = 0;
    size_t at;

    while ((at = slice_find_slice(bytes, needle)) != SIZE_MAX) {
        count++;
        bytes = slice_from(bytes, at + needle.len);
    }
    return count;
}

/* A chat with OpenAI's words on a connection of its own. */
static inline void fleet_chat(uint16_t port, const char *model, bool stream, int patience_ms,
                              struct fleet_answer *answer)
{
    struct buf body = BUF_INIT(FLEET_BYTES_MAX);
    int fd = fleet_connect(port);

    buf_printf(&body,
               "{\"model\":\"%s\",\"stream\":%s,\"messages\":[{\"role\":\"user\","
               "\"content\":\"Say something, please.\"}]}",
               model, stream ? "true" : "false");
    fleet_post(fd, "/v1/chat/completions", buf_slice(&body));
    fleet_read_for(fd, answer, patience_ms);
    (void)close(fd);
    buf_release(&body);
}

#endif
