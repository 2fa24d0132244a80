/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of simulated dialects: a provider without a network that is asked one thing, and
 * tables of requests with what their answers must (or must not) hold.
 */
#ifndef TESTS_UNIT_SIM_ASKING_H
#define TESTS_UNIT_SIM_ASKING_H

#include "tests/tap.h"

#include "net/http_chunk.h"
#include "sim/provider.h"

#include <stdio.h>
#include <stdlib.h>

#define ASKING_TEXT_MAX ((size_t)4 << 20)

struct asked {
    struct buf raw;
    struct buf body; /* without head and chunks */
};

/* A row: what is sent, and what its answer must hold (up to 6 texts; one that begins with '!' must
   not be there). */
struct asking_case {
    const char *target;
    const char *headers; /* lines with CR LF */
    const char *body;
    const char *wanted[6];
};

static inline void asked_release(struct asked *asked)
{
    buf_release(&asked->raw);
    buf_release(&asked->body);
}

static inline void asked_take(const struct sim_script *script, struct asked *asked)
{
    struct http_chunk chunk = {0};
    struct slice data;
    struct slice rest = buf_slice(&script->bytes);
    size_t end = slice_find_slice(rest, SLICE("\r\n\r\n"));

    buf_append(&asked->raw, rest);
    bool chunked = slice_find_slice(slice_of(rest.ptr, end == SIZE_MAX ? 0 : end),
                                    SLICE("chunked")) != SIZE_MAX;
    rest = slice_from(rest, end + 4);
    if (!chunked) {
        buf_append(&asked->body, rest);
        return;
    }
    while (http_chunk_next(&chunk, &rest, &data) == HTTP_CHUNK_DATA) {
        buf_append(&asked->body, data);
    }
}

static inline struct asked asking_with(struct sim_provider *provider, const char *method,
                                       const char *target, const char *headers, const char *body)
{
    char head[1024];
    struct sim_request request;
    struct sim_outcome outcome;
    struct asked asked = {.raw = BUF_INIT(ASKING_TEXT_MAX), .body = BUF_INIT(ASKING_TEXT_MAX)};

    int len = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: unit\r\n%s\r\n", method, target,
                       headers);
    EXPECT_INT(sim_request_read(slice_of(head, (size_t)len), &request), SIM_HEAD_DONE);
    sim_provider_answer(provider, &request, slice_from_cstr(body), &outcome);
    EXPECT(outcome.script != NULL);
    if (outcome.script != NULL) {
        asked_take(outcome.script, &asked);
    }
    sim_script_release(outcome.script);
    return asked;
}

static inline struct sim_provider *asking_provider(const struct sim_profile *profile)
{
    struct sim_provider *provider = calloc(1, sizeof(*provider));
    const struct sim_options options = {.seed = 7};

    EXPECT(provider != NULL && sim_provider_init(provider, profile, &options, NULL));
    return provider;
}

static inline void asking_free(struct sim_provider *provider)
{
    sim_provider_release(provider);
    free(provider);
}

static inline bool asked_has(const struct asked *asked, const char *text)
{
    return slice_find_slice(buf_slice(&asked->raw), slice_from_cstr(text)) != SIZE_MAX;
}

static inline void asking_cases(struct sim_provider *provider, const struct asking_case *cases,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct asked asked = asking_with(provider, cases[i].body[0] == '\0' ? "GET" : "POST",
                                         cases[i].target, cases[i].headers, cases[i].body);
        for (size_t j = 0; j < ARRAY_LEN(cases[i].wanted) && cases[i].wanted[j] != NULL; j++) {
            const char *wanted = cases[i].wanted[j];
            bool absent = wanted[0] == '!';
            bool has = asked_has(&asked, wanted + absent);
            EXPECT(has != absent);
            if (has == absent) {
                printf("# case %zu, %s: %s\n# %.*s\n# %.*s\n", i, cases[i].target, wanted, 600,
                       cases[i].body, 1500, asked.raw.ptr);
            }
        }
        asked_release(&asked);
    }
}

#endif
