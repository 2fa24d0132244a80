/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of an upstream's answer. The first byte of the input chooses what was asked for and how the
 * connection ends, the second seeds the cuts; the rest is the answer. However it is cut, the events
 * must tell the same: same head, same body, same end; and what is delivered keeps to the limits.
 */
#include "net/upstream_answer.h"

#include "base/random.h"

#include <stdlib.h>

#define HEAD_LIMIT 700
#define BODY_LIMIT 3000
#define ROUNDS 3

struct outcome {
    int heads;
    int status;
    int64_t content_length;
    size_t fields;
    uint64_t names; /* sum over the bytes of names and values */
    uint64_t body;  /* the same over the body */
    size_t body_len;
    enum answer_event last;
    enum upstream_failure failure;
    bool keep_alive;
    size_t extra;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct answer_heads heads;

static uint64_t sum(uint64_t from, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        from = (from ^ (unsigned char)s.ptr[i]) * 0x100000001b3ULL;
    }
    return from * 31 + 7;
}

static void note_head(struct outcome *outcome, const struct http_response *head)
{
    outcome->heads++;
    outcome->status = head->status;
    outcome->content_length = head->content_length;
    outcome->fields = head->header_count;
    for (size_t i = 0; i < head->header_count; i++) {
        CHECK(http_name_valid(head->headers[i].name) && http_value_valid(head->headers[i].value));
        outcome->names = sum(sum(outcome->names, head->headers[i].name), head->headers[i].value);
    }
}

static void note_data(struct outcome *outcome, struct slice data)
{
    CHECK(data.len > 0);
    for (size_t i = 0; i < data.len; i++) {
        outcome->body = (outcome->body ^ (unsigned char)data.ptr[i]) * 0x100000001b3ULL;
    }
    outcome->body_len += data.len;
}

/* A copy that fits exactly, so that reading past it is seen. */
static void feed(struct answer *answer, struct slice bytes, struct outcome *outcome)
{
    char *copy = malloc(bytes.len + 1);
    struct answer_input input = {copy, bytes.len};
    struct slice run;
    int runs = 0;

    CHECK(copy != NULL);
    memcpy(copy, bytes.ptr, bytes.len);
    for (;;) {
        outcome->last = answer_next(answer, &input, &run);
        if (outcome->last == ANSWER_HEAD) {
            note_head(outcome, &answer->response);
        } else if (outcome->last == ANSWER_DATA) {
            CHECK(++runs == 1); /* one run of bytes in one read */
            note_data(outcome, run);
        } else {
            break;
        }
    }
    outcome->extra = input.len;
    free(copy);
}

/* `random` NULL: as one piece; step > 0: pieces of that size. */
static struct outcome read_cut(const struct answer_expect *expect, struct slice bytes, size_t step,
                               struct random *random, bool orderly)
{
    struct outcome outcome = {.last = ANSWER_MORE};
    struct answer answer = {0};

    answer_begin(&answer, &heads, expect);
    while (bytes.len > 0 && outcome.last == ANSWER_MORE) {
        size_t len = random != NULL ? 1 + (size_t)random_below(random, 64) : step;
        len = len < bytes.len ? len : bytes.len;
        feed(&answer, slice_of(bytes.ptr, len), &outcome);
        bytes = slice_from(bytes, len);
    }
    outcome.extra += bytes.len;
    if (outcome.last == ANSWER_MORE) {
        outcome.last = answer_finish(&answer, orderly);
    }
    outcome.failure = outcome.last == ANSWER_FAILED ? answer.failure : UPSTREAM_FAILURES;
    outcome.keep_alive = answer.keep_alive;
    CHECK(outcome.last == ANSWER_END || (outcome.last == ANSWER_FAILED && answer.detail != NULL));
    answer_release(&answer);
    return outcome;
}

static void expect_same(const struct outcome *a, const struct outcome *b)
{
    CHECK(a->heads == b->heads && a->status == b->status && a->content_length == b->content_length);
    CHECK(a->fields == b->fields && a->names == b->names);
    CHECK(a->body == b->body && a->body_len == b->body_len);
    CHECK(a->last == b->last && a->failure == b->failure && a->keep_alive == b->keep_alive);
    CHECK(a->last == ANSWER_FAILED || a->extra == b->extra);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct answer_expect expect = {
        .no_body = (data[0] & 1) != 0,
        .tunnel = (data[0] & 6) == 6,
        .head_limit = HEAD_LIMIT,
        .body_limit = BODY_LIMIT,
    };
    bool orderly = (data[0] & 8) == 0;
    struct slice bytes = slice_of((const char *)data + 2, size - 2);
    struct random random;

    struct outcome whole = read_cut(&expect, bytes, size, NULL, orderly);
    CHECK(whole.heads <= 1 && whole.body_len <= BODY_LIMIT && whole.fields <= ANSWER_FIELDS_MAX);
    CHECK(whole.last != ANSWER_END || (whole.heads == 1 && whole.status >= 200));
    struct outcome other = read_cut(&expect, bytes, 1, NULL, orderly);
    expect_same(&whole, &other);
    random_seed(&random, data[1]);
    for (int i = 0; i < ROUNDS; i++) {
        other = read_cut(&expect, bytes, 0, &random, orderly);
        expect_same(&whole, &other);
    }
    return 0;
}
