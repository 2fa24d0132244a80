/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of one simulated provider: its listener and its connections. A connection reads one
 * request, plays the script of its answer, and reads the next. One thread.
 */
#ifndef SLUICE_SIM_SERVER_H
#define SLUICE_SIM_SERVER_H

#include "net/http_chunk.h"
#include "net/stream.h"
#include "sim/provider.h"
#include "sim/record.h"

struct sim_server;

/* What GET /sim/wait waits for. */
struct sim_wait {
    uint64_t least[SIM_COUNTERS];
};

enum sim_state {
    SIM_READING,  /* a request, or nothing yet */
    SIM_PLAYING,  /* a script */
    SIM_WAITING,  /* for counters */
    SIM_HANGING,  /* for the peer to leave */
    SIM_DRAINING, /* answered early: what still comes is thrown away */
    SIM_CLOSED,
};

struct sim_connection {
    struct stream stream;
    struct deadline timer;
    struct sim_server *server;
    struct sim_connection *next;
    struct sim_connection *previous;
    struct buf in;   /* bytes of requests that are not complete, or wait for their turn */
    struct buf body; /* decoded from chunks */
    struct http_chunk chunk;
    size_t chunk_at; /* of the request's bytes: how far chunks are decoded; 0: not begun */
    struct sim_script *script;
    size_t step;
    size_t offset;     /* in the step */
    uint64_t repeated; /* of the step */
    int64_t due_ns;    /* loop time of the last write that had a pause before it */
    bool paused;       /* the pause before the next write is over or running */
    bool continued;    /* 100 Continue was sent */
    bool counted;      /* the request is the provider's, not a /sim/ one */
    int closing;       /* handles still to close */
    enum sim_state state;
    uint64_t id;
    uint64_t number; /* of the request in the record */
    struct sim_wait wait;
};

struct sim_server {
    struct net_loop *loop;
    const struct sim_profile *profile;
    struct sim_provider provider;
    struct sim_record record;
    struct sim_connection *connections;
    uint64_t ids;
    size_t waiting;                /* connections in SIM_WAITING */
    struct sim_script *fast_whole; /* the fast mode's answers */
    struct sim_script *fast_stream;
    uv_poll_t poll;
    struct deadline rest;
    int fd;
    uint16_t port;
    bool polling;
};

/* Listens; the loop need not run yet. */
MUST_USE bool sim_server_init(struct sim_server *server, struct net_loop *loop,
                              const struct sim_profile *profile, const struct sim_options *options,
                              const struct sim_rule *rules, struct error *error);
/* Closes all handles on the loop, which has to run on until they are. */
void sim_server_close(struct sim_server *server);
/* After the loop has ended. */
void sim_server_release(struct sim_server *server);

/* --- between connection.c, control.c and server.c --- */

/* Takes the descriptor. */
void sim_connection_start(struct sim_server *server, int fd);
void sim_connection_close(struct sim_connection *connection, bool reset);
/* Takes the reference; NULL (out of memory) closes. */
void sim_connection_play(struct sim_connection *connection, struct sim_script *script);
/* A counter has moved: connections that wait may go on. */
void sim_server_notify(struct sim_server *server);

/* Answers a request to /sim/...: plays a script, or begins to wait. */
void sim_control(struct sim_connection *connection, const struct sim_request *request,
                 struct slice body);
bool sim_wait_over(const struct sim_connection *connection);
/* What a wait ends with: the statistics, with status 200 or 408. */
MUST_USE struct sim_script *sim_control_stats(struct sim_server *server, int status);
#define SIM_WAIT_DEFAULT_MS 10000u

/* The precomputed answers of the fast mode; false: out of memory, or a size that cannot be. */
MUST_USE bool sim_fast_make(const struct sim_profile *profile, struct sim_script **ret_whole,
                            struct sim_script **ret_stream);
/* Does the body ask for a stream? */
bool sim_fast_streams(struct slice body);

#endif
