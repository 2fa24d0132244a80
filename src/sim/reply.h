/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer before it has a framing: status, headers and a body in pieces. A whole answer is one
 * piece; a stream has one for each event, with the pause before it. The dialects write events here
 * as JSON and know nothing of lines, chunks and faults; the style of the lines comes from the
 * behaviours.
 */
#ifndef SLUICE_SIM_REPLY_H
#define SLUICE_SIM_REPLY_H

#include "base/buf.h"
#include "sim/behaviour.h"

enum sim_piece_kind {
    SIM_PIECE_EVENT,
    SIM_PIECE_PART,    /* of the event before it, of a comment, or of a whole answer */
    SIM_PIECE_COMMENT, /* also blank lines */
    SIM_PIECE_END,     /* the stream's last mark */
};

struct sim_piece {
    size_t end; /* of the body's bytes; it starts where the one before it ends */
    uint64_t delay_us;
    uint64_t repeat;
    enum sim_piece_kind kind;
};

enum sim_stream {
    SIM_WHOLE,
    SIM_SSE,
    SIM_NDJSON,
    SIM_JSON_ARRAY, /* one array, an element for each event */
    SIM_MESSAGES,   /* Amazon's event stream: a message for each event */
};

struct sim_reply {
    const struct sim_behaviours *behaviours;
    enum sim_stream stream;
    int status;
    struct slice content_type;
    struct buf headers; /* further ones, as lines with CR LF */
    struct buf body;
    struct sim_piece *pieces;
    size_t count;
    size_t cap;
    size_t events;
    uint64_t first_us; /* the latency */
    uint64_t token_us; /* for each token */
    uint64_t event_us; /* for each event of text besides */
    size_t payload;    /* where the open event's payload begins */
    struct slice name; /* the open event's, or empty */
    bool exception;    /* it is an exception, in a stream of messages */
    bool crlf;         /* lines end with CR LF in this dialect */
    bool failed;       /* out of memory, sticky */
};

void sim_reply_init(struct sim_reply *reply, const struct sim_behaviours *behaviours);
void sim_reply_release(struct sim_reply *reply);
void sim_reply_header(struct sim_reply *reply, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Makes the bytes since the last piece a piece; nothing if there are none. */
void sim_reply_piece(struct sim_reply *reply, enum sim_piece_kind kind, uint64_t delay_us,
                     uint64_t repeat);
/* One event of a stream: begin, append its JSON to reply->body, end. In a whole answer the same
 * makes the body. */
void sim_reply_begin(struct sim_reply *reply);
void sim_reply_end(struct sim_reply *reply, uint64_t delay_us);
/* The same for an event with a name, and for the last mark of a stream that is an event. */
void sim_reply_begin_named(struct sim_reply *reply, struct slice name);
void sim_reply_end_last(struct sim_reply *reply);
/* A comment of server-sent events; nothing in other bodies. */
void sim_reply_comment(struct sim_reply *reply, struct slice text);
/* `data: [DONE]`, or the end of an array. */
void sim_reply_done(struct sim_reply *reply);
/* Replaces what there is by nothing, keeping status and headers. */
void sim_reply_clear(struct sim_reply *reply);
/* Compresses the body (RFC 1952), each piece flushed on its own, so that pieces stay pieces. */
void sim_reply_gzip(struct sim_reply *reply);

#endif
