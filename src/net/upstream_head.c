/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_head.h"

#include "base/memory.h"
#include "net/http_server.h"

#define FREE_HEADS_MAX 8
#define FREE_CARRY_MAX 4096

/* The ceiling of the bytes is the caller's. */
static const struct http_limits scan_limits = {
    .head_bytes = SIZE_MAX / 2,
    .head_fields = ANSWER_FIELDS_MAX,
    .target_bytes = SIZE_MAX / 2,
};

/* --- the lines --- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1 200 OK", the reason may be missing. */
static const char *status_line_read(struct answer_head *head, struct slice line)
{
    const char *at = line.ptr;

    if (line.len < 12 || memcmp(at, "HTTP/1.", 7) != 0 || (at[7] != '0' && at[7] != '1') ||
        at[8] != ' ' || !is_digit(at[9]) || !is_digit(at[10]) || !is_digit(at[11]) ||
        (line.len > 12 && at[12] != ' ')) {
        return "status line is malformed";
    }
    head->http_1_0 = at[7] == '0';
    head->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
    return head->status >= 100 && head->status <= 599 ? NULL : "status is out of range";
}

/* The whole head, scanned. NULL or what is wrong with it. */
static const char *lines_read(struct answer_head *head, struct slice bytes)
{
    const char *error = status_line_read(head, http_head_line(&head->scan, 0, &bytes));
    for (size_t i = 1; error == NULL && i < head->scan.lines; i++) {
        if (!http_head_field(http_head_line(&head->scan, i, &bytes), &head->headers[i - 1])) {
            error = "header field is malformed";
        }
    }
    head->count = head->scan.lines - 1;
    return error;
}

/* Is this the beginning of something else? Then there is no need to wait for a line of it. */
static bool is_foreign(struct slice bytes)
{
    struct slice begin = SLICE("HTTP/1.");

    return memcmp(bytes.ptr, begin.ptr, bytes.len < begin.len ? bytes.len : begin.len) != 0;
}

/* --- reading --- */

void answer_head_reset(struct answer_head *head)
{
    head->scan = (struct http_head_scan){.of_answer = true};
    buf_clear(&head->carry);
    head->error = NULL;
    head->count = 0;
}

static enum head_status head_fail(struct answer_head *head, enum head_status status,
                                  const char *error)
{
    head->error = error;
    return status;
}

/* Reads what has arrived of a head. *ret_end: where it ends. */
static enum head_status head_read(struct answer_head *head, struct slice bytes, size_t *ret_end)
{
    if (is_foreign(bytes)) {
        return head_fail(head, HEAD_MALFORMED, "answer is not HTTP/1.1");
    }
    switch (http_head_scan(&head->scan, bytes, &scan_limits, ret_end)) {
    case HTTP_PROBLEM_NONE:
        break;
    case HTTP_TOO_MANY_FIELDS:
        return head_fail(head, HEAD_TOO_LARGE, "too many header fields");
    case HTTP_BAD_LINE_END:
        return head_fail(head, HEAD_MALFORMED, "line does not end in CR LF");
    case HTTP_BAD_CHARACTER:
        return head_fail(head, HEAD_MALFORMED, "control character in the head");
    default:
        return head_fail(head, HEAD_MALFORMED, "header field is malformed");
    }
    if (*ret_end == 0) {
        return HEAD_MORE;
    }
    head->error = lines_read(head, slice_of(bytes.ptr, *ret_end));
    return head->error == NULL ? HEAD_DONE : HEAD_MALFORMED;
}

enum head_status answer_head_feed(struct answer_head *head, const char *bytes, size_t len,
                                  size_t limit, size_t *ret_used)
{
    size_t had = head->carry.len;
    bool cut = len > limit - had;
    size_t take = cut ? limit - had : len;
    size_t end = 0;

    const char *base = bytes;
    if (had > 0) {
        if (!buf_append(&head->carry, slice_of(bytes, take))) {
            return head_fail(head, HEAD_TOO_LARGE, "out of memory");
        }
        base = head->carry.ptr;
    }
    enum head_status status = head_read(head, slice_of(base, had + take), &end);
    if (status == HEAD_DONE) {
        *ret_used = end - had;
        return status;
    }
    *ret_used = len;
    if (status == HEAD_MORE && (cut || had + take == limit)) {
        return head_fail(head, HEAD_TOO_LARGE, "head is too large");
    }
    if (status == HEAD_MORE && had == 0 && !buf_append(&head->carry, slice_of(bytes, take))) {
        return head_fail(head, HEAD_TOO_LARGE, "out of memory");
    }
    return status;
}

/* --- the free list --- */

struct answer_head *answer_head_take(struct answer_heads *heads)
{
    struct answer_head *head = heads->first;

    if (head != NULL) {
        heads->first = head->next_free;
        heads->count--;
    } else {
        head = memory_alloc(sizeof(*head));
        if (head == NULL) {
            return NULL;
        }
        buf_init(&head->carry, SIZE_MAX); /* the limit is the caller's */
    }
    answer_head_reset(head);
    return head;
}

void answer_head_give(struct answer_heads *heads, struct answer_head *head)
{
    if (heads->count >= FREE_HEADS_MAX) {
        buf_release(&head->carry);
        memory_free(head);
        return;
    }
    buf_clear(&head->carry);
    buf_trim(&head->carry, FREE_CARRY_MAX);
    head->next_free = heads->first;
    heads->first = head;
    heads->count++;
}

void answer_heads_release(struct answer_heads *heads)
{
    while (heads->first != NULL) {
        struct answer_head *head = heads->first;
        heads->first = head->next_free;
        buf_release(&head->carry);
        memory_free(head);
    }
    heads->count = 0;
}
