/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the HTTP server; only its own files include this. http_server.c has the server and its
 * end, http_listener.c accepts, http_connection.c reads and moves a connection from phase to phase,
 * http_answer.c writes.
 *
 * A connection is a small machine: events (readable, writable, a deadline, a turn that was asked
 * for) each end in http_connection_run(), the only place that changes the phase and the only one
 * that ends exchanges. The functions that handlers call only record what they want; outside of an
 * event they ask for a turn. So no callback ever runs inside a handler's call, and nothing
 * recurses.
 *
 * Memory: bytes are read into the loop's scratch buffer and parsed there. One block holds the head
 * and its fields for the exchange, one the body; what else must outlive a read goes to `pending`,
 * at most PENDING_MAX plus one read. A connection between requests owns none of these but a short
 * head: a client mostly sends the same one again, but for its Content-Length, and what was found in
 * it is true of it once more. A few small blocks of ended exchanges wait in the server for the next
 * ones.
 */
#ifndef SLUICE_NET_HTTP_CONNECTION_H
#define SLUICE_NET_HTTP_CONNECTION_H

#include "base/buf.h"
#include "net/http_chunk.h"
#include "net/http_head.h"
#include "net/http_server.h"
#include "net/stream.h"

#include <netinet/in.h>

/* What the queue of unsent bytes may hold beyond output_high: one large answer written at once. */
#define OUTPUT_CEILING ((size_t)256 * 1024 * 1024)

enum connection_phase {
    PHASE_HEAD,   /* between requests, or a head is arriving */
    PHASE_BODY,   /* the body is arriving */
    PHASE_ANSWER, /* the handler has the word; input waits */
    PHASE_LINGER, /* answered, our side closed: input is dropped until the client closes too */
};

/* What the one deadline of a connection means now. */
enum connection_timing {
    TIMING_NONE,
    TIMING_IDLE,
    TIMING_HEAD,
    TIMING_BODY,
    TIMING_WRITE,
    TIMING_LINGER
};

/* How the end of an answer is told. */
enum answer_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };

struct http_exchange {
    struct http_head head; /* this and the next may outlive it: see `known` */
    struct buf block;      /* fields, then the bytes of the head */
    struct buf body;
    struct buf more; /* lines of the answer's head; usually none */
    struct http_chunk chunk;
    void *user;
    int64_t started_ns;
    uint64_t answer_left; /* FRAMING_LENGTH: body bytes still to be written */
    uint8_t framing;      /* enum answer_framing */
    bool announced;       /* on_head was called, on_end not yet */
    bool accepted;
    bool body_done;
    bool started;
    bool finished;
    bool wants_drain;
};

struct http_connection {
    struct stream stream;
    struct deadline deadline;
    struct http_server *server;
    struct http_connection *next; /* all of the server */
    struct http_connection *previous;
    struct http_connection *turn_next; /* those that asked for a turn */
    struct http_connection *turn_previous;
    struct slice input; /* while busy: what was read and not yet taken */
    struct buf pending; /* the same between events */
    struct http_head_scan scan;
    struct http_known_head known; /* the head in the exchange; between requests the one before */
    struct http_note note;        /* of the head in the exchange */
    struct http_exchange exchange;
    struct buf out; /* what the kernel did not take yet: from out_sent on */
    size_t out_sent;
    uint64_t body_window; /* bytes of the body when the window began; 0: still in the first 64 KB */
    uint32_t requests;
    uint8_t phase;
    uint8_t timing;
    uint8_t handles; /* open libuv handles */
    uint8_t gone;    /* enum http_gone, when lost */
    bool busy;       /* inside http_connection_run() */
    bool in_turn;
    bool head_begun;
    bool blocked; /* the kernel took less than it was given */
    bool eof;
    bool lost;        /* cut at the next step */
    bool reset;       /* ... with a reset */
    bool close_after; /* no further request on this connection */
    bool linger;      /* the client may still be sending */
    bool closing;
    char peer[INET6_ADDRSTRLEN];
};

struct http_listener;

/* Blocks kept for the next exchanges: 1 MB at most. */
#define SPARE_BLOCKS_MAX 64
#define SPARE_BYTES_MAX ((size_t)16 * 1024)

struct http_server {
    struct net_loop *loop;
    struct http_server_options options;
    struct http_connection *connections;
    struct http_connection *turns;
    struct http_listener *listeners;
    size_t count;
    size_t lingering; /* of them: in PHASE_LINGER */
    struct buf head;  /* answers' heads are rendered here */
    struct buf lines; /* ... and before that their headers, unless the handler did it */
    struct buf spares[SPARE_BLOCKS_MAX];
    size_t spare_count;
    char date[40]; /* "Date: ...\r\n" */
    size_t date_len;
    uint64_t date_until; /* uv_now() up to which it is right */
    uv_idle_t turn_handle;
    struct deadline drain_deadline;
    size_t handles; /* open libuv handles that are not a connection's */
    int reserve_fd; /* given up to answer one client when descriptors run out */
    bool draining;
    bool ending;
    void (*on_drained)(void *owner);
};

/* --- http_server.c --- */

/* Runs http_connection_run() for it on the next turn of the loop. */
void http_server_turn(struct http_connection *connection);
/* A connection's memory can go. */
void http_server_forget(struct http_connection *connection);
/* If it is draining and nothing but lingering connections is left, closes those and ends. */
void http_server_check_drained(struct http_server *server);
void http_server_handle_closed(struct http_server *server);
/* An empty buffer with this ceiling, perhaps with memory in it; and its way back. */
struct buf http_server_take_block(struct http_server *server, size_t limit);
void http_server_give_block(struct http_server *server, struct buf *block);

/* --- http_listener.c --- */

/* Takes the descriptor in reserve if it can be had. Without it a lack of descriptors closes nobody
 * politely; not a reason to fail. */
void http_server_reserve(struct http_server *server);
void http_listeners_close(struct http_server *server);

/* --- http_connection.c --- */

/* Takes the descriptor, closes it on failure. `address` may be NULL. */
MUST_USE bool http_connection_new(struct http_server *server, int fd,
                                  const struct sockaddr *address);
/* Takes what was asked for or what `fresh` bytes bring, until nothing moves. */
void http_connection_run(struct http_connection *connection, struct slice fresh);
void http_connection_on_turn(struct http_connection *connection);
/* Ends the exchange (if any) and closes now. Not from inside a run. */
void http_connection_lose(struct http_connection *connection, enum http_gone gone);
/* Ends a lingering connection without waiting for the client; what has arrived is read first, so
 * that the close is no reset. */
void http_connection_leave_now(struct http_connection *connection);
/* Nothing was received of a next request. */
bool http_connection_idle(const struct http_connection *connection);
/* Takes the rest of an unwanted body off what is already there; else the connection cannot be used
 * again. */
void http_connection_skip_body(struct http_connection *connection);
/* The deadline means `timing` from now on. */
void http_connection_time(struct http_connection *connection, enum connection_timing timing,
                          uint64_t ms);

/* --- http_answer.c --- */

/* Answers with the problem's status and sentence, then closes. */
void http_answer_problem(struct http_connection *connection, enum http_problem problem);
/* Bytes outside of an answer (100 Continue). */
void http_answer_raw(struct http_connection *connection, struct slice bytes);
/* The socket takes bytes again. */
void http_answer_flush(struct http_connection *connection);
/* The problem as a complete answer on a connection that closes, into `buffer`; without a body if it
 * answers HEAD. Returns its length. */
size_t http_problem_render(enum http_problem problem, bool to_head, char *buffer, size_t size);

static inline struct http_connection *http_connection_of(struct http_exchange *x)
{
    return CONTAINER_OF(x, struct http_connection, exchange);
}

static inline bool http_connection_flushed(const struct http_connection *connection)
{
    return connection->out.len == connection->out_sent;
}

#endif
