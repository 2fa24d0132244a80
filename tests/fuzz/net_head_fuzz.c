/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads against llhttp. The first byte chooses between request and answer and how the bytes are
 * cut; the rest is a head. What our reader accepts llhttp must read the same way, and cutting must
 * change nothing.
 */
#include "net/http_server.h"
#include "net/upstream_answer.h"
#include "tests/unit/net/llhttp_oracle.h"

#include <stdlib.h>

#define FIELDS_MAX 100
#define HEAD_LIMIT 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The end of the head, 0: none. */
static size_t scan_in_steps(struct http_head_scan *scan, struct slice bytes, size_t step,
                            enum http_problem *ret_problem)
{
    size_t end = 0;
    *ret_problem = HTTP_PROBLEM_NONE;
    for (size_t len = 0; len < bytes.len && end == 0 && *ret_problem == HTTP_PROBLEM_NONE;) {
        len = bytes.len - len < step ? bytes.len : len + step;
        *ret_problem = http_head_scan(scan, slice_of(bytes.ptr, len), &http_default_limits, &end);
    }
    return end;
}

static void try_request(struct slice bytes, size_t step)
{
    static struct http_header fields[FIELDS_MAX];
    struct http_head_scan scan = {.at = 0};
    struct http_head_scan cut = {.at = 0};
    struct http_head head;
    enum http_problem problem;
    enum http_problem cut_problem;
    size_t end = scan_in_steps(&scan, bytes, bytes.len, &problem);
    size_t cut_end = scan_in_steps(&cut, bytes, step, &cut_problem);

    CHECK(end == cut_end && problem == cut_problem && scan.lines == cut.lines);
    if (end == 0) {
        return;
    }
    struct slice exact = slice_of(bytes.ptr + scan.skipped, end - scan.skipped);
    if (http_head_parse(&head, exact, &cut, fields, &http_default_limits) != HTTP_PROBLEM_NONE) {
        return;
    }
    for (size_t i = 0; i < head.request.header_count; i++) {
        CHECK(http_name_valid(fields[i].name) && http_value_valid(fields[i].value));
    }
    CHECK(oracle_agrees_on_request(exact, &head.request));
}

static struct answer_heads heads;

/* Interim answers are heads of their own, and bare of framing. */
static void try_framing(char *bytes, size_t len)
{
    const struct answer_expect expect = {.head_limit = HEAD_LIMIT, .body_limit = UINT64_MAX};
    struct answer_input input = {bytes, len};
    struct answer answer = {0};
    struct slice data;

    answer_begin(&answer, &heads, &expect);
    if (answer_next(&answer, &input, &data) == ANSWER_HEAD && answer.interim == 0) {
        CHECK(oracle_agrees_on_answer(slice_of(bytes, len - input.len), answer.response.status,
                                      answer.response.headers, answer.response.header_count));
    }
    answer_release(&answer);
}

static void try_answer(char *bytes, size_t len, size_t step)
{
    struct answer_head *whole = answer_head_take(&heads);
    struct answer_head *cut = answer_head_take(&heads);
    enum head_status cut_status = HEAD_MORE;
    size_t used = 0;

    CHECK(whole != NULL && cut != NULL);
    enum head_status status = answer_head_feed(whole, bytes, len, HEAD_LIMIT, &used);
    for (size_t at = 0; at < len && cut_status == HEAD_MORE; at += step) {
        size_t piece = len - at < step ? len - at : step;
        cut_status = answer_head_feed(cut, bytes + at, piece, HEAD_LIMIT, &used);
    }
    CHECK(status == cut_status);
    CHECK(status != HEAD_DONE || (whole->status == cut->status && whole->count == cut->count));
    answer_head_give(&heads, whole);
    answer_head_give(&heads, cut);
    try_framing(bytes, len);
    answer_heads_release(&heads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > HEAD_LIMIT) {
        return 0;
    }
    size_t step = 1 + (data[0] >> 1) % 40;
    char *copy = malloc(size - 1); /* exactly, so that reading past it is seen */
    CHECK(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    if ((data[0] & 1) != 0) {
        try_answer(copy, size - 1, step);
    } else {
        try_request(slice_of(copy, size - 1), step);
    }
    free(copy);
    return 0;
}
