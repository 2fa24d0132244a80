/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a simulated provider has received: a bounded ring of requests, oldest forgotten first, and
 * counters. In what is handed out credentials are masked but for their last four characters. One
 * thread.
 */
#ifndef SLUICE_SIM_RECORD_H
#define SLUICE_SIM_RECORD_H

#include "base/buf.h"

#define SIM_RECORD_REQUESTS 1000
#define SIM_RECORD_BYTES ((size_t)16 << 20)
#define SIM_MODELS_MAX 256

enum sim_result {
    SIM_RESULT_OPEN,
    SIM_RESULT_ANSWERED, /* whole and sound, handed to the kernel */
    SIM_RESULT_ABORTED,  /* the client left before the end of its answer */
    SIM_RESULT_CUT,      /* the provider ended it, as it was told to */
};

enum sim_counter {
    SIM_COUNT_REQUESTS, /* to the provider's own paths, complete */
    SIM_COUNT_ANSWERED,
    SIM_COUNT_ABORTED,
    SIM_COUNT_CUT,
    SIM_COUNT_MALFORMED, /* no HTTP/1.1; not among the requests */
    SIM_COUNT_CONNECTIONS,
    SIM_COUNT_CLOSED,
    SIM_COUNT_REFUSED, /* connections */
    SIM_COUNTERS
};

/* Indexed by enum sim_counter. */
extern const struct slice sim_counter_names[SIM_COUNTERS];

struct sim_entry {
    uint64_t number; /* from 1 */
    uint64_t connection;
    int64_t at_ns;
    enum sim_result result;
    struct slice head; /* request line and header lines, without the blank line; owned with body */
    struct slice body;
};

struct sim_model_count {
    char *name;
    uint64_t requests;
};

struct sim_record {
    struct sim_entry *entries; /* ring */
    size_t cap;
    size_t first;
    size_t count;
    size_t bytes;
    size_t bytes_max;
    uint64_t number; /* of the newest */
    uint64_t counters[SIM_COUNTERS];
    struct sim_model_count models[SIM_MODELS_MAX]; /* later ones are not counted by name */
    size_t model_count;
};

MUST_USE bool sim_record_init(struct sim_record *record, size_t requests, size_t bytes);
void sim_record_release(struct sim_record *record);
/* Counts and keeps a copy; returns the request's number. */
uint64_t sim_record_add(struct sim_record *record, const struct sim_entry *entry,
                        struct slice model);
/* The end of a request; counts it. */
void sim_record_result(struct sim_record *record, uint64_t number, enum sim_result result);
/* Forgets requests and counters; connections that are open count on. */
void sim_record_forget(struct sim_record *record);
/* NULL when it is not kept (any more). */
const struct sim_entry *sim_record_find(const struct sim_record *record, uint64_t number);
/* Requests from number `from` on, and counters, as JSON. */
void sim_record_write(const struct sim_record *record, uint64_t from, struct buf *out);
void sim_record_write_stats(const struct sim_record *record, struct slice name, struct buf *out);

#endif
