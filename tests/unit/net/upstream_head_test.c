/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of answers, field by field; what upstream_answer_test.c sees only from outside. */
#include "net/upstream_head.h"

#include "base/memory.h"
#include "tests/tap.h"
#include "tests/unit/net/llhttp_oracle.h"

#include <stdlib.h>

#define HEAD_LIMIT 4096

static struct answer_heads heads;

/* In pieces of `step` bytes, each in memory of its own size. */
static enum head_status read_in_steps(struct answer_head *head, struct slice bytes, size_t step,
                                      size_t *ret_used)
{
    enum head_status status = HEAD_MORE;
    *ret_used = 0;
    while (bytes.len > 0 && status == HEAD_MORE) {
        size_t used = 0;
        size_t len = step < bytes.len ? step : bytes.len;
        char *piece = malloc(len);
        memcpy(piece, bytes.ptr, len);
        status = answer_head_feed(head, piece, len, HEAD_LIMIT, &used);
        free(piece);
        *ret_used += used;
        bytes = slice_from(bytes, len);
    }
    return status;
}

static const char *const accepted[] = {
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200\r\n\r\n",
    "HTTP/1.1 200 \r\n\r\n",
    "HTTP/1.0 404 Not\tFound\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length:\t12 \t\t\r\nX: a\tb\t\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Tab: a\tb\r\nX-Empty:\r\n\r\n",
    "HTTP/1.1 429 Too Many\r\nRetry-After: \t 7 \t\r\nX-Y:z\r\nE: \r\nF:  \t\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 \x80\xff\r\nX: \x80\xff\r\n!#$%&'*+-.^_`|~09Az: x\r\n\r\n",
};

static void agrees_with_llhttp(void)
{
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        struct slice bytes = slice_from_cstr(accepted[i]);
        struct answer_head *head = answer_head_take(&heads);
        size_t used = 0;
        EXPECT_INT(answer_head_feed(head, bytes.ptr, bytes.len, HEAD_LIMIT, &used), HEAD_DONE);
        EXPECT_INT(used, bytes.len);
        EXPECT(oracle_agrees_on_answer(bytes, head->status, head->headers, head->count));
        answer_head_give(&heads, head);
    }
    answer_heads_release(&heads);
}

static void reads_pieces_alike(void)
{
    struct slice bytes = SLICE("HTTP/1.0 429 Slow down\r\nRetry-After: \t 7 \t\r\nA:\r\n\r\nbody");
    for (size_t step = 1; step <= bytes.len; step++) {
        struct answer_head *head = answer_head_take(&heads);
        char *copy = malloc(bytes.len);
        size_t used = 0;
        memcpy(copy, bytes.ptr, bytes.len);
        enum head_status status = step == bytes.len
                                      ? answer_head_feed(head, copy, bytes.len, HEAD_LIMIT, &used)
                                      : read_in_steps(head, bytes, step, &used);
        EXPECT_INT(status, HEAD_DONE);
        EXPECT_INT(used, bytes.len - 4);
        EXPECT_INT(head->status, 429);
        EXPECT(head->http_1_0);
        EXPECT_INT(head->count, 2);
        if (step < bytes.len - 4 || step == bytes.len) { /* else they lay in a piece that is gone */
            EXPECT_SLICE(head->headers[0].name, "Retry-After");
            EXPECT_SLICE(head->headers[0].value, "7");
            EXPECT_SLICE(head->headers[1].value, "");
        }
        answer_head_give(&heads, head);
        free(copy);
    }
    answer_heads_release(&heads);
}

static void knows_at_once_what_is_not_http(void)
{
    struct answer_head *head = answer_head_take(&heads);
    size_t used = 0;
    EXPECT_INT(answer_head_feed(head, "SSH-2.0", 7, HEAD_LIMIT, &used), HEAD_MALFORMED);
    answer_head_reset(head);
    EXPECT_INT(answer_head_feed(head, "HT", 2, HEAD_LIMIT, &used), HEAD_MORE);
    EXPECT_INT(answer_head_feed(head, "ML", 2, HEAD_LIMIT, &used), HEAD_MALFORMED);
    answer_head_give(&heads, head);
    answer_heads_release(&heads);
}

#ifdef SLUICE_FAULTS
static void memory_that_is_not_there_is_reported(void)
{
    struct slice bytes = SLICE("HTTP/1.1 200 OK\r\nX: y\r\n\r\n");
    bool failed = true;
    int64_t nth = 0;
    for (; failed; nth++) {
        struct answer_heads fresh = {0};
        size_t used = 0;
        memory_fail_nth(nth);
        struct answer_head *head = answer_head_take(&fresh);
        enum head_status status =
            head != NULL ? read_in_steps(head, bytes, 5, &used) : HEAD_TOO_LARGE;
        failed = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT_INT(status, failed ? HEAD_TOO_LARGE : HEAD_DONE);
        if (head != NULL) {
            answer_head_give(&fresh, head);
        }
        answer_heads_release(&fresh);
    }
    EXPECT(nth > 2);
}
#endif

int main(void)
{
    TEST(agrees_with_llhttp, "reads the fields that llhttp reads");
    TEST(reads_pieces_alike, "reads a head in pieces as in one");
    TEST(knows_at_once_what_is_not_http, "knows another protocol by its first bytes");
#ifdef SLUICE_FAULTS
    TEST(memory_that_is_not_there_is_reported, "out of memory is reported at every allocation");
#endif
    return tap_done();
}
