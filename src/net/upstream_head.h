/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of one answer, held to RFC 9112 like that of a request (http_head.h): CR LF at the end
 * of each line, no folding, no space before the colon, status of three digits. A head that arrives
 * in one read is parsed where it lies; only a head in pieces is gathered in a buffer with a
 * ceiling.
 *
 * The object is large (field table), so connections borrow one from a small free list while a head
 * is under way.
 */
#ifndef SLUICE_NET_UPSTREAM_HEAD_H
#define SLUICE_NET_UPSTREAM_HEAD_H

#include "net/http_head.h"

#define ANSWER_FIELDS_MAX 256

struct answer_head {
    struct http_head_scan scan;
    struct buf carry;  /* what came in earlier reads */
    const char *error; /* a literal, after a failure */
    int status;
    bool http_1_0;
    size_t count;
    struct answer_head *next_free;
    struct http_header headers[ANSWER_FIELDS_MAX];
};

/* Free list of one client; one thread. */
struct answer_heads {
    struct answer_head *first;
    unsigned count;
};

enum head_status {
    HEAD_MORE,
    HEAD_DONE,
    HEAD_MALFORMED,
    HEAD_TOO_LARGE,
};

/* NULL: out of memory. */
MUST_USE struct answer_head *answer_head_take(struct answer_heads *heads);
void answer_head_give(struct answer_heads *heads, struct answer_head *head);
void answer_heads_release(struct answer_heads *heads);

/* Ready for the next head on the same object (after an interim answer). */
void answer_head_reset(struct answer_head *head);
/* Reads on. `limit` is the ceiling of the whole head in bytes. HEAD_DONE: *ret_used bytes belonged
   to it; status, headers and count are valid until `bytes` or the object change. HEAD_MORE: all
   bytes were used. */
MUST_USE enum head_status answer_head_feed(struct answer_head *head, const char *bytes, size_t len,
                                           size_t limit, size_t *ret_used);

#endif
