/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer as a sequence of events, out of the bytes of a connection: HEAD, DATA..., END, or
 * FAILED. No sockets, so that it can be tested and fuzzed alone; the same bytes give the same
 * events however they are cut (DATA may be cut differently). Where an answer ends is settled by our
 * own rules (RFC 9112 6.3), stricter than the RFC: whatever two parsers could read differently is
 * refused.
 */
#ifndef SLUICE_NET_UPSTREAM_ANSWER_H
#define SLUICE_NET_UPSTREAM_ANSWER_H

#include "net/http_chunk.h"
#include "net/upstream.h"
#include "net/upstream_head.h"

#define ANSWER_INTERIM_MAX 10 /* 1xx before the answer */

enum answer_event {
    ANSWER_MORE,   /* all bytes were used: read on */
    ANSWER_HEAD,   /* `response` is valid until the next call */
    ANSWER_DATA,   /* *ret_data is valid as long as the bytes are */
    ANSWER_END,    /* complete; bytes that are left are not of this answer */
    ANSWER_FAILED, /* `failure` and `detail` */
};

enum answer_state {
    ANSWER_IN_HEAD,
    ANSWER_IN_COUNTED, /* Content-Length */
    ANSWER_IN_CHUNKED,
    ANSWER_IN_UNBOUNDED, /* until the end of the connection */
    ANSWER_COMPLETE,
    ANSWER_BROKEN,
};

struct answer_expect {
    bool no_body; /* the request was HEAD */
    bool tunnel;  /* it was CONNECT: an answer of 2xx ends with its head */
    size_t head_limit;
    uint64_t body_limit;
};

struct answer {
    enum answer_state state;
    unsigned interim;
    bool keep_alive; /* the peer lets the connection live on */
    uint64_t
        idle_ms; /* for at most this long, when nobody uses it; UINT64_MAX: the peer did not say */
    enum upstream_failure failure;
    const char *detail; /* a literal */
    struct answer_expect expect;
    uint64_t left;    /* of ANSWER_IN_COUNTED */
    uint64_t allowed; /* body bytes until body_limit */
    struct http_chunk chunks;
    struct answer_heads *heads;
    struct answer_head *head; /* borrowed while a head is under way or being shown */
    struct http_response response;
};

/* Bytes that were read; the events move it on. Chunked data is moved together in place. */
struct answer_input {
    char *ptr;
    size_t len;
};

void answer_begin(struct answer *answer, struct answer_heads *heads,
                  const struct answer_expect *expect);
/* Gives back what is borrowed; any state, also after answer_finish(). */
void answer_release(struct answer *answer);
/* The next event. Call until ANSWER_MORE, ANSWER_END or ANSWER_FAILED. */
MUST_USE enum answer_event answer_next(struct answer *answer, struct answer_input *input,
                                       struct slice *ret_data);
/* The connection ended; `orderly`: by a FIN, or close_notify where there is TLS. ANSWER_END or
 * ANSWER_FAILED. */
MUST_USE enum answer_event answer_finish(struct answer *answer, bool orderly);

#endif
